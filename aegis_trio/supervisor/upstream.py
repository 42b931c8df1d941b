"""The upstream watch: may the gate act as the identities it was given, and can Gitea be asked at all?

Laws:
    1. No token is used for a call before Gitea has said whose it is; while Gitea cannot be asked, calls are refused.
    2. A token of a site administrator is never used: `sudo` would make it everybody's.
    3. It heals by itself: the watch asks again, quickly while something is wrong, calmly otherwise.

Source: gitea routers/api/v1/api.go (sudo is gated by IsAdmin alone, whatever the token's scope).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, final

import structlog
import trio

from aegis_trio.gitea.probe import probe_identity
from aegis_trio.gitea.request import Forge
from aegis_trio.gitea.server import ServerVersion
from aegis_trio.model.errors import Fault, NotReady, UpstreamForbade, UpstreamRejectedIdentity
from aegis_trio.model.identity import Caller, PrincipalKind
from aegis_trio.model.secret import Secret
from aegis_trio.supervisor.readiness import Unready

CHECK_DEADLINE_S: Final = 5.0  # three small requests; a Gitea that needs longer is not serving
RETRY_S: Final = 2.0  # while something is wrong
CALM_S: Final = 30.0  # while all is well; Gitea itself refuses a revoked token at every call

log = structlog.get_logger(__name__)


class TokenState(StrEnum):
    """What Gitea said about a token."""

    UNCHECKED = "gitea_unchecked"
    USABLE = "usable"
    UNREACHABLE = "gitea_unreachable"
    REJECTED = "gitea_token_rejected"
    ADMINISTRATOR = "gitea_token_is_administrator"


_WORDS: Final = {
    TokenState.UNCHECKED: "Gitea has not been asked yet.",
    TokenState.USABLE: "",
    TokenState.UNREACHABLE: "Gitea cannot be asked; see GITEA_URL and whether it is running.",
    TokenState.REJECTED: "Gitea does not accept the token, or it lacks the scope read:user; make a new one and set it.",
    TokenState.ADMINISTRATOR: "The token belongs to a site administrator; use an ordinary account's.",
}


@final
@dataclass(frozen=True, slots=True)
class UpstreamStatistics:
    """How the watch goes."""

    checks_total: int
    failures_total: int
    tokens_usable: int
    tokens: int


@final
class UpstreamWatch:
    """Checks every token that callers act with."""

    def __init__(self, tokens: Mapping[str, Secret], acting_as: Callable[[Secret], Forge]) -> None:
        """Watch *tokens*.

        Args:
            tokens: by the name under which the operator knows them, such as `GITEA_TOKEN`.
            acting_as: gives the forge as a token's owner.
        """
        self._acting_as = acting_as
        self._checks = 0
        self._failures = 0
        self._version: ServerVersion | None = None
        self._wake = trio.Event()
        self._tokens: dict[bytes, tuple[str, Secret]] = {}
        self._states: dict[bytes, TokenState] = {}
        self.replace_tokens(tokens)

    def replace_tokens(self, tokens: Mapping[str, Secret]) -> None:
        """Watch these tokens from now on; what is known of those that stay is kept."""
        self._tokens = {_digest(token): (name, token) for name, token in tokens.items()}
        self._states = {key: self._states.get(key, TokenState.UNCHECKED) for key in self._tokens}

    def closed_for(self, caller: Caller) -> Fault | None:
        """Return why *caller* cannot be served, or None."""
        if caller.principal.kind is PrincipalKind.PERSON:
            return None  # Gitea was asked who it is when the token was made or confirmed
        state = self._states.get(_digest(caller.gitea_token), TokenState.UNCHECKED)
        match state:
            case TokenState.USABLE:
                return None
            case TokenState.REJECTED:
                return UpstreamRejectedIdentity(
                    "Gitea does not accept the identity that is bound to this key.", "Ask the operator for a new one."
                )
            case TokenState.ADMINISTRATOR:
                return NotReady(
                    "The identity bound to this key is a site administrator's, which the gate refuses.",
                    "Ask the operator to bind an ordinary account.",
                )
            case TokenState.UNCHECKED | TokenState.UNREACHABLE:
                return NotReady("Gitea cannot be asked at the moment.", "Try again in a few seconds.")

    def reaches(self, gitea: tuple[int, int]) -> bool:
        """Return whether Gitea is of version *gitea* (major, minor) or newer, as it last said; false before it did."""
        return self._version is not None and self._version.reaches(gitea)

    def unready(self) -> Unready | None:
        """Return the first token's trouble, for readiness."""
        for key, state in self._states.items():
            if state is not TokenState.USABLE:
                return Unready(state.value, f"{self._tokens[key][0]}: {_WORDS[state]}")
        return None

    def administrators(self) -> tuple[str, ...]:
        """Return the names of tokens that belong to site administrators."""
        return tuple(self._tokens[key][0] for key, state in self._states.items() if state is TokenState.ADMINISTRATOR)

    async def run(self) -> None:
        """Check for ever; cancelled at the end."""
        while True:
            with trio.move_on_after(RETRY_S if self.unready() is not None else CALM_S):
                await self._wake.wait()
            self._wake = trio.Event()
            await self.check()

    def check_soon(self) -> None:
        """Let `run` check now, without waiting for it."""
        self._wake.set()

    async def check(self) -> None:
        """Ask Gitea once about every token."""
        for key, (name, token) in list(self._tokens.items()):
            state = await self._check_one(token)
            self._checks += 1
            if state is not TokenState.USABLE:
                self._failures += 1
            if key in self._states and self._states[key] is not state:
                self._states[key] = state
                log.info("upstream_state", identity=name, state=state.value, detail=_WORDS[state])

    async def _check_one(self, token: Secret) -> TokenState:
        try:
            with trio.fail_after(CHECK_DEADLINE_S):
                report = await probe_identity(self._acting_as(token))
        except (UpstreamRejectedIdentity, UpstreamForbade):
            return TokenState.REJECTED
        except (Fault, trio.TooSlowError):
            return TokenState.UNREACHABLE
        self._version = report.version
        return TokenState.ADMINISTRATOR if report.is_admin else TokenState.USABLE

    def statistics(self) -> UpstreamStatistics:
        """Return how the watch goes."""
        usable = sum(1 for state in self._states.values() if state is TokenState.USABLE)
        return UpstreamStatistics(
            checks_total=self._checks, failures_total=self._failures, tokens_usable=usable, tokens=len(self._tokens)
        )


def _digest(token: Secret) -> bytes:
    return hashlib.sha256(token.reveal().encode()).digest()
