"""The one door: a call is authorised, limited, recorded, run within its deadline, and recorded again.

Laws:
    1. The record of the intent is durable before the forge is asked; if it cannot be written, nothing happens.
    2. The outcome is recorded whatever came of the call, also when it was cancelled or broke.
    3. `call` never raises a fault: it returns `Failure`. What escapes is cancellation only.
    4. No tool sees more than its `ToolContext`: the caller's principal, a forge that acts as the caller, a bound.

Whom it trusts: the caller was authenticated by auth/. Arguments are hostile until `prepare` has made them typed.

Not here: the MCP and HTTP forms of an outcome (gateway/render.py, web/errors.py).
"""

from __future__ import annotations

import difflib
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, final

import structlog
import trio

from aegis_trio.audit.trail import AuditTrail
from aegis_trio.gateway.records import CallRecorder, Intent
from aegis_trio.gateway.render import ENVELOPE_BYTES, fits, rendered_bytes
from aegis_trio.gitea.request import Forge
from aegis_trio.limits.calls import CallLimits
from aegis_trio.model.call import MAX_REPLY_BYTES, Failure, Success, ToolOutcome, ToolReply, ToolRequest
from aegis_trio.model.decision import Allow, Deny
from aegis_trio.model.errors import (
    AuditUnavailable,
    Bug,
    DeadlineExceeded,
    Fault,
    InvalidArgument,
    ReplyTooLarge,
    UnknownTool,
)
from aegis_trio.model.identity import Caller
from aegis_trio.model.secret import Secret
from aegis_trio.model.toolspec import PreparedCall, ToolSpec
from aegis_trio.policy.access import decide_access
from aegis_trio.toolsets.context import ToolContext

MAX_NAME_CHARACTERS: Final = 64  # of a name that a stranger made up; ours have at most 48
OUTCOME_GRACE_S: Final = 5.0  # how long a shielded outcome may wait for the disk; a batch takes milliseconds

log = structlog.get_logger(__name__)


@final
@dataclass(frozen=True, slots=True)
class GatewayStatistics:
    """What passed the door so far; labels are bounded by the number of tools and fault classes."""

    calls_running: int
    calls_total: Mapping[tuple[str, str], int]
    """By tool and result: `success` or the fault's code."""
    call_seconds_total: Mapping[tuple[str], float]
    """Time spent, by tool."""


@final
class Gateway:
    """Every call of every tool goes through `call`."""

    def __init__(
        self,
        *,
        tools: tuple[ToolSpec[ToolContext], ...],
        audit: AuditTrail,
        limits: CallLimits,
        acting_as: Callable[[Secret], Forge],
        gate_closed: Callable[[Caller], Fault | None],
        argument_digest_key: bytes,
    ) -> None:
        """Join the rooms below.

        Args:
            tools: everything that may be listed and called; names are unique.
            audit: the trail.
            limits: rate and concurrency by principal.
            acting_as: gives the forge as the owner of a Gitea token.
            gate_closed: why this caller cannot be served now (not ready, draining), or None.
            argument_digest_key: keys the digests of arguments that do not stand in full in the trail, 32 bytes.

        Raises:
            ValueError: two tools of one name — our bug.
        """
        self._tools = {spec.name: spec for spec in tools}
        if len(self._tools) != len(tools):
            raise ValueError("two tools have the same name")
        self._recorder = CallRecorder(audit, argument_digest_key)
        self._limits = limits
        self._acting_as = acting_as
        self._gate_closed = gate_closed
        self._running = 0
        self._calls: Counter[tuple[str, str]] = Counter()
        self._seconds: dict[tuple[str], float] = {}

    def tools_for(self, caller: Caller) -> tuple[ToolSpec[ToolContext], ...]:
        """Return the tools that *caller* may use, in the catalogue's order."""
        return tuple(spec for spec in self._tools.values() if _allows(caller, spec))

    def public_tools(self) -> tuple[ToolSpec[ToolContext], ...]:
        """Return every tool, for `PUBLIC_TOOL_LIST`: names and schemas are no secret, results are."""
        return tuple(self._tools.values())

    async def call(self, caller: Caller, request: ToolRequest) -> ToolOutcome:
        """Run one tool for *caller*.

        Returns:
            ToolOutcome: the tool's reply, or the fault that ended the call at any step.
        """
        spec = self._tools.get(request.tool)
        started = trio.current_time()
        self._running += 1
        try:
            outcome = await self._admit(caller, request, spec)
        finally:
            self._running -= 1
        label = spec.name if spec is not None else "unknown"
        result = "success" if isinstance(outcome, Success) else outcome.fault.code
        self._calls[label, result] += 1
        self._seconds[(label,)] = self._seconds.get((label,), 0.0) + trio.current_time() - started
        return outcome

    def statistics(self) -> GatewayStatistics:
        """Return what passed so far."""
        return GatewayStatistics(
            calls_running=self._running,
            calls_total=MappingProxyType(dict(self._calls)),
            call_seconds_total=MappingProxyType(dict(self._seconds)),
        )

    async def _admit(self, caller: Caller, request: ToolRequest, spec: ToolSpec[ToolContext] | None) -> ToolOutcome:
        # The order is the security property: whoever may not call learns nothing about arguments or state.
        # 1. the tool exists for this caller  2. authorised  3. arguments  4. open  5. within limits  6. recorded
        try:
            if spec is None:
                raise self._unknown(caller, request.tool)
            match decide_access(caller.principal, spec):
                case Deny(fault=fault):
                    raise fault
                case Allow():
                    pass
            prepared = _prepare(spec, request)
            closed = self._gate_closed(caller)
            if closed is not None:
                raise closed
            with self._limits.admit(caller.principal.id, spec.cost):
                return await self._recorded(caller, request, spec, prepared)
        except Fault as fault:
            return self._refused(caller, request, spec, fault)

    def _unknown(self, caller: Caller, raw_name: str) -> UnknownTool:
        names = [spec.name for spec in self.tools_for(caller)]
        near = difflib.get_close_matches(raw_name[:MAX_NAME_CHARACTERS], names, n=1)
        remedy = f"Did you mean {near[0]}?" if near else "List the tools and use one of their names."
        return UnknownTool("There is no such tool.", remedy)

    def _refused(
        self, caller: Caller, request: ToolRequest, spec: ToolSpec[ToolContext] | None, fault: Fault
    ) -> ToolOutcome:
        # Nothing has happened at the forge yet, so this record is queued, not waited for.
        if not isinstance(fault, AuditUnavailable):
            try:
                self._recorder.refused(caller, request, spec, fault)
            except AuditUnavailable as unavailable:
                return Failure(request.correlation_id, unavailable)
        return Failure(request.correlation_id, fault)

    async def _recorded(
        self, caller: Caller, request: ToolRequest, spec: ToolSpec[ToolContext], prepared: PreparedCall[ToolContext]
    ) -> ToolOutcome:
        intent = await self._intend(caller, request, spec, prepared)
        started = trio.current_time()
        lost = Failure(request.correlation_id, _outcome_lost())
        outcome: ToolOutcome = lost
        ended = recorded = False
        try:
            outcome = await _contained(request, spec, lambda: prepared.run(self._context(caller)))
            ended = True
        finally:
            # Invariant: an intent has its outcome, also when this task is being cancelled.
            duration_s = trio.current_time() - started
            with trio.move_on_after(OUTCOME_GRACE_S, shield=True):
                recorded = await self._recorder.outcome(intent, outcome if ended else None, duration_s)
        return outcome if recorded else lost

    async def _intend(
        self, caller: Caller, request: ToolRequest, spec: ToolSpec[ToolContext], prepared: PreparedCall[ToolContext]
    ) -> Intent:
        # Invariant: a record that needs its outcome may stand from here on, so nobody leaves while it is written.
        with trio.CancelScope(shield=True):  # the trail answers within its own patience, whatever the disk does
            return await self._recorder.intent(caller, request, spec, prepared.places)
        raise RuntimeError("a shield without a deadline was cancelled")

    def _context(self, caller: Caller) -> ToolContext:
        return ToolContext(principal=caller.principal, forge=self._acting_as(caller.gitea_token), fits=fits)


def _allows(caller: Caller, spec: ToolSpec[ToolContext]) -> bool:
    match decide_access(caller.principal, spec):
        case Allow():
            return True
        case Deny():
            return False


def _prepare(spec: ToolSpec[ToolContext], request: ToolRequest) -> PreparedCall[ToolContext]:
    try:
        return spec.prepare(request.raw_arguments)
    except InvalidArgument as invalid:
        raise invalid.with_example(spec.example) from None


async def _contained(
    request: ToolRequest, spec: ToolSpec[ToolContext], run: Callable[[], Awaitable[ToolReply]]
) -> ToolOutcome:
    """Run a tool within its deadline; turn whatever it raises into a `Failure`."""
    await trio.lowlevel.checkpoint_if_cancelled()
    try:
        with trio.fail_after(spec.timeout_s):
            reply = await run()
    except trio.TooSlowError:
        return Failure(
            request.correlation_id,
            DeadlineExceeded(
                f"{spec.name} was ended after {spec.timeout_s:g} seconds; it only reads, so nothing was changed.",
                "Ask for less at once, or try again later.",
            ),
        )
    except Fault as fault:
        return Failure(request.correlation_id, fault)
    except Exception:  # the one place where a tool's bug becomes an answer
        incident = str(uuid.uuid4())
        log.exception("tool_failed", tool=spec.name, incident=incident, correlation_id=request.correlation_id)
        return Failure(request.correlation_id, Bug(incident))
    reply_bytes = rendered_bytes(reply.structured)
    if reply_bytes + ENVELOPE_BYTES > MAX_REPLY_BYTES:
        # Threat: a reply cut by the client loses its end without a word.
        return Failure(
            request.correlation_id,
            ReplyTooLarge("The answer is larger than one reply may be.", "Ask for a smaller part."),
        )
    return Success(request.correlation_id, reply, reply_bytes)


def _outcome_lost() -> AuditUnavailable:
    return AuditUnavailable(
        "The call ran, but its outcome could not be recorded, so its answer is withheld.",
        "Try again when the gate is ready; the operator finds the reason in the log.",
    )
