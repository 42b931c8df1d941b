"""Faults: everything that can go wrong in a call, each with what the caller may be told.

Laws:
    1. `message` may be shown: it never holds a secret, a path of this machine, or bytes that Gitea sent.
    2. `remedy` says what to do next; a model reads it and must do better.
    3. Every class has a row in fault_rows.py (JSON-RPC code, HTTP status, audit severity); a test demands it.
    4. A fault is for what callers, Gitea or the machine do. Our own misuse is `ValueError` or `RuntimeError`.

Room: one closed family, each member a few lines; whoever adds one has to see all the others.

Not here: rendering (web/errors.py for HTTP, gateway/render.py for MCP).
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, final

from aegis_trio.model.json import JsonObject


class Severity(StrEnum):
    """How loudly the audit trail speaks of a fault."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Fault(Exception):
    """Root of all faults; never raised itself."""

    code: ClassVar[str] = "fault"
    """Stable name of the class in answers, logs and the audit trail."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(f"{message} {remedy}".strip())
        self.message, self.remedy = message, remedy


# ---- the caller's doing ---------------------------------------------------------------------------------------------


class ClientFault(Fault):
    """The request cannot be served as it stands; the message is meant for the caller."""

    code = "invalid_request"


@final
class InvalidArgument(ClientFault):
    """An argument breaks a rule; names the field, the rule and the way out."""

    code = "invalid_argument"

    def __init__(
        self,
        field: str,
        rule: str,
        remedy: str,
        example: JsonObject | None = None,
        *,
        schema: JsonObject | None = None,
    ) -> None:
        super().__init__(f"{field}: {rule}.", remedy)
        self.field = field
        self.rule = rule
        self.example = example
        self.schema = schema

    def with_example(self, example: JsonObject) -> InvalidArgument:
        """Return the same fault carrying arguments that would have been right."""
        return InvalidArgument(self.field, self.rule, self.remedy, self.example or example, schema=self.schema)

    def with_schema(self, schema: JsonObject) -> InvalidArgument:
        """Return the same fault carrying what the method takes, which its tool's list entry does not tell apart."""
        return InvalidArgument(self.field, self.rule, self.remedy, self.example, schema=schema)


@final
class UnknownTool(ClientFault):
    """No tool of that name is open to this caller."""

    code = "unknown_tool"


@final
class UnknownPrompt(ClientFault):
    """No prompt of that name is open to this caller."""

    code = "unknown_prompt"


@final
class ResourceMissing(ClientFault):
    """No such resource, or not visible to this identity; both look the same."""

    code = "resource_not_found"

    def __init__(self, message: str, remedy: str = "", *, uri: str) -> None:
        super().__init__(message, remedy)
        self.uri = uri


@final
class MissingCapability(ClientFault):
    """The call needs something that the client did not declare; `required` is a ClientCapabilities object."""

    code = "missing_capability"

    def __init__(self, message: str, remedy: str = "", *, required: JsonObject) -> None:
        super().__init__(message, remedy)
        self.required = required


@final
class NotAnswered(ClientFault):
    """The client was asked, and gave no answer that can be used."""

    code = "not_answered"


@final
class NotFound(ClientFault):
    """Gitea does not show it to this identity: missing and forbidden look the same."""

    code = "not_found"


@final
class Conflict(ClientFault):
    """The state at Gitea does not allow it now (409, 422, 423)."""

    code = "conflict"


@final
class ReplyTooLarge(ClientFault):
    """The answer cannot be given within the bound, and the tool has no way to give it in parts."""

    code = "reply_too_large"


@final
class ResultGone(ClientFault):
    """No kept reply of that handle is this caller's: it was somebody else's, its time is over, or it made room."""

    code = "result_gone"


# ---- refusals: authentication, authorisation, limits ----------------------------------------------------------------


class Refused(Fault):
    """The gate says no; text is uniform, detail stands only in the audit trail."""

    code = "refused"


@final
class Unauthenticated(Refused):
    """No valid credential; the text does not say which of unknown, malformed and expired it was."""

    code = "unauthenticated"

    def __init__(self, message: str, remedy: str = "", *, token_sent: bool = False) -> None:
        super().__init__(message, remedy)
        self.token_sent = token_sent
        """Whether a credential was sent at all; the challenge says so (RFC 6750 section 3.1)."""


@final
class Forbidden(Refused):
    """The credential is valid but does not reach this."""

    code = "forbidden"


@final
class InsufficientScope(Refused):
    """The credential is valid and would reach this with more scopes (RFC 6750 section 3.1)."""

    code = "insufficient_scope"

    def __init__(
        self, message: str, remedy: str = "", *, scopes: tuple[str, ...], wanted: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message, remedy)
        self.scopes = scopes
        """Those that are missing."""
        self.wanted = wanted or scopes
        """Those to ask for: the missing ones, and what the credential has, which a new one must not lose."""


@final
class BeyondKey(Refused):
    """The key is valid, but bounded by its operator: the remedy names what it would need."""

    code = "beyond_key"

    def __init__(self, message: str, remedy: str = "", *, bound: str, needs: str) -> None:
        super().__init__(message, remedy)
        self.bound, self.needs = bound, needs  # `tools`, `repositories`, `addresses` or `read_only`; what it lacks


class TooMany(Refused):
    """A limit of rate or concurrency; try again after `retry_after_s` seconds (at least 1)."""

    code = "too_many"

    def __init__(self, message: str, remedy: str = "", *, retry_after_s: int) -> None:
        super().__init__(message, remedy)
        self.retry_after_s = max(1, retry_after_s)


@final
class AddressBlocked(TooMany):
    """Too many invalid credentials came from this address."""

    code = "auth_rate_limit_exceeded"


@final
class RateLimited(TooMany):
    """This principal calls more often, or more at once, than it may; `limit` names the limit that it met."""

    code = "rate_limited"

    def __init__(self, message: str, remedy: str = "", *, retry_after_s: int, limit: str | None = None) -> None:
        super().__init__(message, remedy, retry_after_s=retry_after_s)
        self.limit = limit


# ---- Gitea's doing --------------------------------------------------------------------------------------------------


class UpstreamFault(Fault):
    """Gitea did not serve the request; its body is never repeated."""

    code = "upstream"


@final
class UpstreamUnreachable(UpstreamFault):
    """No connection, or it broke."""

    code = "upstream_unreachable"


@final
class UpstreamTimeout(UpstreamFault):
    """Gitea took longer than the call may last."""

    code = "upstream_timeout"


@final
class UpstreamRejectedIdentity(UpstreamFault):
    """Gitea answered 401: the token bound to this credential no longer works there."""

    code = "upstream_rejected_identity"


@final
class GrantDead(UpstreamFault):
    """Gitea no longer knows the code, the refresh token or the consent behind it: the person must sign in again."""

    code = "grant_dead"


@final
class ClientRefused(UpstreamFault):
    """Gitea refuses our own OAuth application: its id, secret or redirect URI is wrong. The operator's to mend."""

    code = "client_refused"


@final
class UpstreamForbade(UpstreamFault):
    """Gitea answered 403: the identity may not do this, or its token lacks a scope."""

    code = "upstream_forbade"


@final
class UpstreamBusy(UpstreamFault):
    """Gitea, or a proxy before it, answered 429 or 503."""

    code = "upstream_busy"


@final
class UpstreamPaused(UpstreamFault):
    """Gitea did not answer lately and is not asked now; try again after `retry_after_s` seconds (at least 1)."""

    code = "upstream_paused"

    def __init__(self, message: str, remedy: str = "", *, retry_after_s: int) -> None:
        super().__init__(message, remedy)
        self.retry_after_s = max(1, retry_after_s)


@final
class UpstreamBroken(UpstreamFault):
    """Gitea answered 5xx, or something that is no answer to the question."""

    code = "upstream_broken"


@final
class UpstreamTooLarge(UpstreamFault):
    """Gitea's answer is larger than the gate reads."""

    code = "upstream_too_large"


# ---- our own doing --------------------------------------------------------------------------------------------------


class ServerFault(Fault):
    """The gate cannot serve; shown as an id, detail in the log."""

    code = "internal"


@final
class AuditUnavailable(ServerFault):
    """The audit record cannot be written, so nothing may happen."""

    code = "audit_unavailable"


@final
class NotReady(ServerFault):
    """The gate is up but cannot check what it must check, or it is draining."""

    code = "not_ready"


@final
class DeadlineExceeded(ServerFault):
    """The call ran into the deadline of its tool and was ended."""

    code = "deadline_exceeded"


@final
class Bug(ServerFault):
    """Something of ours broke; `incident` finds it in the log."""

    code = "internal"

    def __init__(self, incident: str) -> None:
        super().__init__(
            "The gate failed on this call.", f"Ask the operator to look for incident {incident} in the log."
        )
        self.incident = incident
