"""What the gateway writes into the audit trail: intents, outcomes, refusals.

Laws:
    1. An intent is durable when `intent` returns; otherwise it raised and nothing may happen.
    2. An outcome names its intent, so that an intent without one can be found.
    3. No argument's text is written but those that name a place; the rest stands as length and keyed digest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import final

from aegis_trio.audit.arguments import describe_arguments
from aegis_trio.audit.entry import AuditEntry, CallFacts, Result, access_denied, tool_intent, tool_invocation
from aegis_trio.audit.trail import AuditTrail
from aegis_trio.model.call import Failure, Pending, Success, ToolOutcome, ToolRequest
from aegis_trio.model.errors import AuditUnavailable, BeyondKey, Fault, InvalidArgument
from aegis_trio.model.identity import Caller
from aegis_trio.model.json import JsonValue
from aegis_trio.model.toolspec import ToolSpec
from aegis_trio.toolsets.context import ToolContext

CANCELLED = "cancelled"


@final
@dataclass(frozen=True, slots=True)
class Intent:
    """A recorded intent: its place in the trail, and what was said of the call."""

    seq: int
    facts: CallFacts


@final
class CallRecorder:
    """Turns calls into records."""

    def __init__(self, audit: AuditTrail, argument_digest_key: bytes) -> None:
        """Write to *audit*, with digests keyed by *argument_digest_key* (32 bytes)."""
        self._audit = audit
        self._key = argument_digest_key

    async def intent(
        self, caller: Caller, request: ToolRequest, spec: ToolSpec[ToolContext], places: Mapping[str, str | int]
    ) -> Intent:
        """Record that *request* is about to run, and wait until that is durable.

        Raises:
            AuditUnavailable: it cannot be written, so the call must not run.
        """
        facts = self._facts(caller, request, spec, places)
        return Intent(await self._audit.append(tool_intent(facts)), facts)

    async def outcome(self, intent: Intent, outcome: ToolOutcome | None, duration_s: float) -> bool:
        """Record what came of *intent*; None stands for a call that was cancelled.

        Returns:
            bool: whether the record is durable.
        """
        try:
            await self._audit.append(self._outcome_entry(intent, outcome, duration_s))
        except AuditUnavailable:
            return False
        return True

    def refused(self, caller: Caller, request: ToolRequest, spec: ToolSpec[ToolContext] | None, fault: Fault) -> None:
        """Queue the record of a call that was refused before it ran.

        Raises:
            AuditUnavailable: the queue is full or the log cannot be written.
        """
        if spec is not None and isinstance(fault, InvalidArgument):
            facts = self._facts(caller, request, spec, {})
            entry = tool_invocation(facts, Result.ERROR, status=fault.code, reasons=(f"{fault.field}: {fault.rule}",))
        else:
            entry = access_denied(
                fault.code,
                caller.origin,
                principal=caller.principal,
                correlation_id=request.correlation_id,
                tool=request.tool,
                arguments=describe_arguments(request.raw_arguments, self._key),
                transport=request.transport.value,
                **({} if request.trace is None else {"trace": request.trace}),
                **({} if spec is None or spec.method is None else {"method": spec.method}),
            )
            if isinstance(fault, BeyondKey):
                beyond: dict[str, JsonValue] = {"bound": fault.bound, "needs": fault.needs}
                entry = replace(entry, fields={**entry.fields, **beyond})
        self._audit.append_nowait(entry)

    def _facts(
        self, caller: Caller, request: ToolRequest, spec: ToolSpec[ToolContext], places: Mapping[str, str | int]
    ) -> CallFacts:
        return CallFacts(
            correlation_id=request.correlation_id,
            tool=spec.name,
            places=places,
            arguments=describe_arguments(
                request.raw_arguments, self._key, places=places, in_full=_in_full(spec) if places else ()
            ),
            method=spec.method,
            origin=caller.origin,
            principal=caller.principal,
            transport=request.transport,
            client=request.client,
            trace=request.trace,
        )

    def _outcome_entry(self, intent: Intent, outcome: ToolOutcome | None, duration_s: float) -> AuditEntry:
        match outcome:
            case None:
                return tool_invocation(
                    intent.facts, Result.ERROR, status=CANCELLED, duration_s=duration_s, intent_seq=intent.seq
                )
            case Pending():
                return tool_invocation(
                    intent.facts, Result.SUCCESS, status="input_required", duration_s=duration_s, intent_seq=intent.seq
                )
            case Success(reply_bytes=reply_bytes):
                return tool_invocation(
                    intent.facts,
                    Result.SUCCESS,
                    status="ok",
                    reply_bytes=reply_bytes,
                    duration_s=duration_s,
                    intent_seq=intent.seq,
                )
            case Failure(fault=fault):
                return tool_invocation(
                    intent.facts, Result.ERROR, status=fault.code, duration_s=duration_s, intent_seq=intent.seq
                )


def _in_full(spec: ToolSpec[ToolContext]) -> tuple[str, ...]:
    return spec.audit_fields if spec.method is None else (*spec.audit_fields, "method")


def outcome_lost() -> AuditUnavailable:
    """Return the fault of a call that ran and of whose outcome there is no record."""
    return AuditUnavailable(
        "The call ran, but its outcome could not be recorded, so its answer is withheld.",
        "Try again when the gate is ready; the operator finds the reason in the log.",
    )
