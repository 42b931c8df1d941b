"""The probe: whom a token stands for, and whether the gate may use it at all.

Used at start, by the doctor, and wherever a token of a site administrator must be refused: such a token may act as
anybody (`sudo`), whatever its scopes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from aegis_trio.gitea.request import Forge
from aegis_trio.gitea.server import ServerVersion, get_version
from aegis_trio.gitea.users import TokenReach, get_me, get_token, probe_administration
from aegis_trio.model.errors import NotFound, UpstreamBroken, UpstreamForbade

_TOKEN_ENDPOINT_SINCE: Final = (1, 27)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityReport:
    """What a token is."""

    login: str
    id: int
    is_admin: bool
    """A site administrator's: never use it."""
    scopes: frozenset[str] | None
    """None when Gitea does not say; an unlimited token (`all`) is among those up to 1.26."""
    version: ServerVersion


async def probe_identity(forge: Forge) -> IdentityReport:
    """Ask Gitea about the token behind *forge*; three requests, one more from Gitea 1.27 on.

    Raises:
        UpstreamRejectedIdentity: the token does not work.
        UpstreamForbade: the token may not even read its own user (scope read:user).
        UpstreamFault: Gitea cannot be asked; nothing is known, and nothing may be assumed.
    """
    version = await forge.ask(get_version())
    me = await forge.ask(get_me())
    reach = await forge.ask(probe_administration())
    scopes = reach.scopes
    if version.reaches(_TOKEN_ENDPOINT_SINCE):
        scopes = (await _token(forge)).scopes or scopes
    return IdentityReport(
        login=me.login, id=me.id, is_admin=me.is_admin or reach.administers, scopes=scopes, version=version
    )


async def _token(forge: Forge) -> TokenReach:
    try:
        return await forge.ask(get_token())
    except (NotFound, UpstreamForbade, UpstreamBroken):
        # An OAuth token has no such page; scopes are a diagnosis, so not knowing them refuses nobody.
        return TokenReach(administers=False, scopes=None)
