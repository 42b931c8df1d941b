"""What a call claims: of the limits (whose it is, what it costs, what it may change), and of what is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from aegis_trio.gitea.cache.proofs import Credential
from aegis_trio.limits.calls import Claim
from aegis_trio.model.call import ToolRequest
from aegis_trio.model.identity import Caller
from aegis_trio.model.toolspec import ToolSpec
from aegis_trio.toolsets.context import ToolContext

MAX_CLIENT_CHARACTERS: Final = 64  # of what a client calls itself; a longer one shares its bucket with its namesakes


def claim_of(
    caller: Caller, request: ToolRequest, spec: ToolSpec[ToolContext], places: Mapping[str, str | int]
) -> Claim:
    """Return what a call of *spec* claims.

    Args:
        places: where the call acts, typed already; `owner` and `repo` name the repository that a write changes.
    """
    principal = caller.principal
    # A person's grant is one client's; a key may be in several, and knows them by their own word only. Whoever
    # changes that word gains nothing: the principal's limit counts all of them together.
    client = principal.grant or (None if request.client is None else request.client[:MAX_CLIENT_CHARACTERS])
    writes_to: str | None = None
    if not spec.read_only and "owner" in places and "repo" in places:
        # Gitea finds owners and repositories whatever their case.
        writes_to = f"{principal.instance}/{places['owner']}/{places['repo']}".lower()
    return Claim(
        principal_id=principal.id,
        cost=spec.cost,
        tool=spec.name,
        method=spec.method,
        rate_class=principal.bounds.rate_class,
        client=client,
        writes_to=writes_to,
    )


def credential_of(caller: Caller) -> Credential:
    """Return as whom Gitea is asked for *caller*; the token itself is not in it."""
    return Credential(
        owner=caller.principal.owner,
        token_digest=hashlib.sha256(caller.gitea_token.reveal().encode()).digest(),
        repositories=caller.principal.bounds.repositories,
    )
