"""Access: may this principal use this tool? Nothing but the two values decides.

Laws:
    1. What is not allowed here is denied; there is no third answer and no default.
    2. Only tools that read are open: this version has no mode in which anything is written.
    3. A scope for writing contains the scope for reading of the same area; nothing else contains anything.

Source: RFC 6750 section 3.1 (insufficient_scope); MCP 2026-07-28 basic/authorization#scope-challenge-handling.

Not here: what Gitea allows the identity behind the principal (Gitea decides at every call).
"""

from __future__ import annotations

from typing import Final

from aegis_trio.model.decision import Allow, Decision, Deny
from aegis_trio.model.errors import Forbidden, InsufficientScope
from aegis_trio.model.identity import Principal, PrincipalKind
from aegis_trio.model.toolspec import ContextT, Risk, ToolSpec
from aegis_trio.policy.reach import decide_operation

# Source: gitea models/auth/access_token_scope.go; `admin` and `activitypub` are never asked for by a tool.
_AREAS: Final = ("issue", "misc", "notification", "organization", "package", "repository", "user")

READ_SCOPES: Final = frozenset(f"read:{area}" for area in _AREAS)
"""Every scope that a principal without narrower ones has: it may read, as far as Gitea lets it."""


def decide_access(principal: Principal, spec: ToolSpec[ContextT]) -> Decision:
    """Decide whether *principal* may use the tool *spec*.

    Returns:
        Decision: `Allow`, or `Deny`: with a `BeyondKey` where the operator bounded the key, with an
            `InsufficientScope` where more scopes would open it, else with a `Forbidden`.
    """
    # 1. what its key reaches  2. what it does to the world  3. what the principal holds
    if spec.methods:
        # A tool with methods is open as far as one of them is; a call is always of one, and decided as that one.
        decisions = [decide_access(principal, method) for method in spec.methods]
        return next((one for one in decisions if isinstance(one, Allow)), decisions[0])
    match decide_operation(principal.bounds, *_names(spec), changes=spec.risk is not Risk.READ):
        case Deny() as beyond:
            return beyond
        case Allow():
            pass
    if spec.risk is not Risk.READ:
        return Deny(
            f"{spec.risk.value}_tool_while_read_only",
            Forbidden(f"{spec.operation} changes things, and this gate only reads.", "Use a tool that reads."),
        )
    if spec.stands_for:
        # Threat: what a key or a person may not use would be had under another name.
        others = [decide_access(principal, other) for other in spec.stands_for]
        if not any(isinstance(one, Allow) for one in others):
            return others[0]
    missing = tuple(sorted(scope for scope in spec.scopes if not _holds(principal.scopes, scope)))
    if missing:
        return Deny("insufficient_scope", insufficient_scope(principal, spec.operation, missing))
    return Allow()


def insufficient_scope(principal: Principal, what: str, missing: tuple[str, ...]) -> InsufficientScope:
    """Return the fault that tells *principal* which scopes *what* needs beyond its own, and how it comes by them.

    Args:
        what: names what was asked for, as the subject of a sentence in the singular.
        missing: at least one.
    """
    wanted = tuple(sorted(principal.scopes | set(missing)))
    noun = "scope" if len(missing) == 1 else "scopes"
    if principal.kind is PrincipalKind.PERSON:
        remedy = f"Sign in again and agree to: {' '.join(wanted)}. Clients that step up by themselves ask for it."
    else:
        remedy = "Ask the operator for a credential that has it."
    return InsufficientScope(
        f"{what} needs the {noun} {' '.join(missing)}.",
        remedy,
        scopes=missing,
        wanted=wanted,
    )


def _names(spec: ToolSpec[ContextT]) -> tuple[str, ...]:
    return (spec.name,) if spec.method is None else (spec.name, spec.operation)


def _holds(scopes: frozenset[str], needed: str) -> bool:
    if needed in scopes:
        return True
    action, _, area = needed.partition(":")
    return action == "read" and f"write:{area}" in scopes
