"""The conversation with Gitea about our application: who asks, what is registered already, and making it.

Laws:
    1. Looking changes nothing; registering and renewing happen once, and are never sent again by themselves.
    2. A Gitea older than 1.23 is refused before anything is made: every OAuth token there has all rights.

Source: gitea routers/api/v1/user/app.go; PR 32573 (granular scopes of OAuth tokens, 1.23.0).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from aegis_trio.cli.checkup.finding import Health
from aegis_trio.cli.checkup.forge import judge_version
from aegis_trio.cli.oauth.credential import SetupCredential
from aegis_trio.cli.usage import Usage
from aegis_trio.gitea.applications import PAGE_ITEMS, RegisteredApplication, list_applications
from aegis_trio.gitea.client import GiteaClient
from aegis_trio.gitea.oauth import introspect
from aegis_trio.gitea.provider import Application, api_request
from aegis_trio.gitea.server import ServerVersion, get_version
from aegis_trio.gitea.users import CurrentUser, current_user
from aegis_trio.model.errors import ClientRefused
from aegis_trio.model.secret import Secret

MAX_PAGES: Final = 40  # two thousand applications of one account
_NO_TOKEN: Final = Secret("a-token-that-nobody-has")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What Gitea said before anything was changed."""

    version: ServerVersion
    version_warning: str
    owner: CurrentUser
    application: RegisteredApplication | None
    """Ours: of this redirect URI, or else of this name."""


async def look(client: GiteaClient, credential: SetupCredential, *, name: str, redirect_uri: str) -> Sight:
    """Ask who the credential is and which application is ours.

    Raises:
        Usage: this Gitea is too old.
        Fault: Gitea cannot be asked, or refuses the credential.
    """
    version = await client.ask_provider(api_request(get_version()), credential)
    judged = judge_version(version)
    if judged.health is Health.FAILURE:
        raise Usage(f"{judged.message} Before 1.23 every OAuth token has all rights of its person. {judged.remedy}")
    owner = await client.ask_provider(api_request(current_user()), credential)
    listed = await _all(client, credential)
    same = [each for each in listed if redirect_uri in each.redirect_uris]
    named = [each for each in listed if each.name == name]
    best = next((each for each in same if each in named), None) or next(iter((*same, *named)), None)
    return Sight(
        version=version,
        version_warning=f"{judged.message} {judged.remedy}" if judged.health is Health.WARNING else "",
        owner=owner,
        application=best,
    )


async def is_accepted(client: GiteaClient, client_id: str, client_secret: Secret) -> bool:
    """Return whether Gitea takes *client_id* and *client_secret* for an application of its own."""
    try:
        application = Application(client_id=client_id, client_secret=client_secret)
        await client.ask_provider(introspect(_NO_TOKEN), application)
    except (ClientRefused, ValueError):
        return False
    return True


async def _all(client: GiteaClient, credential: SetupCredential) -> list[RegisteredApplication]:
    found: list[RegisteredApplication] = []
    for page in range(1, MAX_PAGES + 1):
        listed = await client.ask_provider(list_applications(page=page), credential)
        found.extend(listed)
        if len(listed) < PAGE_ITEMS:
            break
    return found
