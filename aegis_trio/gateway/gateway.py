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

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import Final, final

import trio

from aegis_trio.audit.trail import AuditTrail
from aegis_trio.gateway.authorising import Authorised, Authoriser
from aegis_trio.gateway.claims import claim_of
from aegis_trio.gateway.directory import Directory, GiteaReaches, any_gitea
from aegis_trio.gateway.forges import Forges
from aegis_trio.gateway.keeping import KeptReplies
from aegis_trio.gateway.records import CallRecorder, Intent, outcome_lost
from aegis_trio.gateway.render import fits
from aegis_trio.gateway.running import contained
from aegis_trio.gateway.statistics import GatewayStatistics
from aegis_trio.gateway.tally import CallTally
from aegis_trio.gateway.watch import watch_resource
from aegis_trio.gitea.cache.forge import ContentCache
from aegis_trio.gitea.request import Forge
from aegis_trio.limits.anomalies import Called, Denied, Sighting
from aegis_trio.limits.bulkhead import Bulkhead
from aegis_trio.limits.calls import CallLimits
from aegis_trio.model.call import CallKind, Failure, Success, ToolOutcome, ToolReply, ToolRequest
from aegis_trio.model.decision import Deny
from aegis_trio.model.errors import AuditUnavailable, Fault, InsufficientScope, UpstreamRejectedIdentity
from aegis_trio.model.features import Catalogue
from aegis_trio.model.identity import Caller
from aegis_trio.model.kept import KeptReply
from aegis_trio.model.peer import Peer
from aegis_trio.model.secret import Secret
from aegis_trio.model.toolspec import PreparedCall, ToolSpec
from aegis_trio.policy.access import decide_access, insufficient_scope
from aegis_trio.telemetry.correlation import bound_parent, bound_trace, under_call
from aegis_trio.telemetry.tracing import NO_TRACER, Span, SpanKind, Tracer, call_facts
from aegis_trio.toolsets.context import ToolContext

OUTCOME_GRACE_S: Final = 5.0  # how long a shielded outcome may wait for the disk; a batch takes milliseconds

# What there is nothing to say about is answered without asking the forge, and so without a record.
_EMPTY: Final[Mapping[CallKind, ToolReply]] = {
    CallKind.RESOURCE_LIST: ToolReply({"resources": []}),
    CallKind.COMPLETION: ToolReply({"values": []}),
}


@final
class Gateway:
    """Every call of every tool goes through `call`."""

    def __init__(
        self,
        *,
        catalogue: Catalogue[ToolContext],
        audit: AuditTrail,
        limits: CallLimits,
        acting_as: Callable[[Secret], Forge],
        gate_closed: Callable[[Caller], Fault | None],
        argument_digest_key: bytes,
        rejected: Callable[[Caller, Fault], Awaitable[Fault]] | None = None,
        bulkhead: Bulkhead | None = None,
        content: ContentCache | None = None,
        report: Callable[[Sighting], None] | None = None,
        reaches: GiteaReaches = any_gitea,
        tracer: Tracer = NO_TRACER,
        kept: KeptReplies | None = None,
    ) -> None:
        """Join the rooms below.

        Args:
            catalogue: everything that may be listed and called.
            audit: the trail.
            limits: rate and concurrency by principal.
            acting_as: gives the forge as the owner of a Gitea token.
            gate_closed: why this caller cannot be served now (not ready, draining), or None.
            argument_digest_key: keys the digests of arguments that do not stand in full in the trail, 32 bytes.
            rejected: told that the forge no longer accepts this caller's token; returns what the caller is told.
            bulkhead: shares the places at the forge among principals; None where there is one alone.
            content: keeps content of the forge; None where nothing is kept, and nothing shared.
            report: told of every call and every refusal; must not block.
            reaches: whether the Gitea behind is of a version; what needs a newer one is not there.
            tracer: times calls.
            kept: where replies wait that are too long for one answer; None for a room of its own.
        """
        self._directory = Directory(catalogue, reaches)
        self._recorder = CallRecorder(audit, argument_digest_key)
        self._limits = limits
        self._gate_closed = gate_closed
        self._rejected = rejected
        self._tally = CallTally()
        self._forges = Forges(acting_as, bulkhead, content)
        self._report = report
        self._tracer = tracer
        self._kept = kept or KeptReplies()
        self._authoriser = Authoriser(self._directory, gate_closed, self._kept)

    @property
    def directory(self) -> Directory:
        """What is served, and to whom."""
        return self._directory

    async def call(self, caller: Caller, request: ToolRequest) -> ToolOutcome:
        """Run one tool, or read, make or complete what *request* is of, for *caller*.

        Returns:
            ToolOutcome: the reply, what the client has to be asked first, or the fault that ended the call at any
            step.
        """
        spec = self._directory.find(request)
        if request.kind in _EMPTY and (spec is None or _lists_nothing(caller, request.kind, spec)):
            return Success(request.correlation_id, _EMPTY[request.kind])
        if request.trace is None:
            request = replace(request, trace=bound_trace(), parent=bound_parent())
        started = trio.current_time()
        self._tally.running += 1
        try:
            with under_call(request.correlation_id, request.trace), self._span(request, spec) as span:
                outcome = await self._admit(caller, request, spec)
                fault = outcome.fault if isinstance(outcome, Failure) else None
                if self._rejected is not None and isinstance(fault, UpstreamRejectedIdentity):
                    outcome = Failure(request.correlation_id, await self._rejected(caller, fault))
                if isinstance(outcome, Failure):
                    span.fail(outcome.fault.code)
        finally:
            self._tally.running -= 1
        self._tally.note_outcome(request, spec, outcome)
        self._tally.note_duration(spec, trio.current_time() - started)
        return outcome

    def _span(self, request: ToolRequest, spec: ToolSpec[ToolContext] | None) -> AbstractContextManager[Span]:
        operation = None if spec is None else spec.operation
        name, facts = call_facts(request.kind, operation, request.transport.value, request.correlation_id)
        return self._tracer.span(SpanKind.SERVER, name, facts, request.parent)

    def screen(self, caller: Caller, requests: Sequence[ToolRequest]) -> Failure | None:
        """Refuse *requests* as a whole if *caller* lacks a scope for one of them; each such one is recorded.

        For transports that can say so before an answer begins. It permits nothing: `call` decides again.

        Returns:
            Failure: with an `InsufficientScope` of all that they need together, or with `AuditUnavailable`.
        """
        refused: list[Failure] = []
        missing: set[str] = set()
        for request in requests:
            spec = self._directory.find(request)
            if spec is None:
                continue
            match decide_access(caller.principal, spec):
                case Deny(fault=InsufficientScope(scopes=scopes) as fault):
                    missing.update(scopes)
                    refused.append(self._refused(caller, request, spec, fault))
                    self._tally.note_outcome(request, spec, refused[-1])
                case _:
                    pass
        unrecorded = next((one for one in refused if isinstance(one.fault, AuditUnavailable)), None)
        if unrecorded is not None or len(refused) < 2:
            return unrecorded or next(iter(refused), None)
        together = insufficient_scope(caller.principal, "This batch of calls", tuple(sorted(missing)))
        return Failure(refused[0].correlation_id, together)

    def statistics(self) -> GatewayStatistics:
        """Return what passed so far."""
        return self._tally.statistics()

    async def watch(
        self,
        caller: Caller,
        request: ToolRequest,
        changed: Callable[[], None],
        *,
        task_status: trio.TaskStatus[Fault | None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Watch one resource as *caller* until cancelled, and call *changed* whenever it is another one than before.

        The record of the intent stands for every look at the forge, and so does the one outcome at the end.

        Args:
            request: of kind RESOURCE.
            changed: told of a change; must not block.
            task_status: started with None once the resource was seen, or with the fault because of which it is not
                watched.

        Source: MCP 2025-11-25 server/resources#subscriptions.
        """
        spec = self._directory.find(request)
        try:
            watched = self._authoriser.authorise(caller, request, spec)
            intent = await self._intend(caller, request, watched.spec, watched.prepared)
        except Fault as fault:
            refused = self._refused(caller, request, spec, fault)
            task_status.started(refused.fault)
            return
        started = trio.current_time()
        look = partial(self._look, caller, request, watched)
        failed: Failure | None = None
        try:
            failed = await watch_resource(look, changed, begun=partial(task_status.started, None))
            task_status.started(failed.fault)
        finally:
            with trio.move_on_after(OUTCOME_GRACE_S, shield=True):
                await self._recorder.outcome(intent, failed, trio.current_time() - started)

    async def _look(self, caller: Caller, request: ToolRequest, watched: Authorised) -> ToolOutcome:
        """Read a watched resource once, within the caller's limits and with its rights of now."""
        try:
            closed = self._gate_closed(caller)
            if closed is not None:
                raise closed
            with self._limits.admit(claim_of(caller, request, watched.spec, watched.prepared.places)):
                return await contained(
                    request, watched.spec, lambda peer: watched.prepared.run(self._context(caller, peer))
                )
        except Fault as fault:
            return Failure(request.correlation_id, fault)

    async def _admit(self, caller: Caller, request: ToolRequest, spec: ToolSpec[ToolContext] | None) -> ToolOutcome:
        try:
            authorised = self._authoriser.authorise(caller, request, spec)
            with self._limits.admit(claim_of(caller, request, authorised.spec, authorised.prepared.places)):
                if self._report is not None:
                    self._report(Called(principal_id=caller.principal.id))
                return await self._recorded(caller, request, authorised)
        except Fault as fault:
            return self._refused(caller, request, spec, fault)

    def _refused(
        self, caller: Caller, request: ToolRequest, spec: ToolSpec[ToolContext] | None, fault: Fault
    ) -> Failure:
        if self._report is not None:
            self._report(Denied(subject=caller.principal.id, reason=fault.code))
        # Nothing has happened at the forge yet, so this record is queued, not waited for.
        self._tally.note_refusal(spec, fault.code)
        if not isinstance(fault, AuditUnavailable):
            try:
                self._recorder.refused(caller, request, spec, fault)
            except AuditUnavailable as unavailable:
                return Failure(request.correlation_id, unavailable)
        return Failure(request.correlation_id, fault)

    async def _recorded(self, caller: Caller, request: ToolRequest, authorised: Authorised) -> ToolOutcome:
        spec, prepared = authorised.spec, authorised.prepared
        intent = await self._intend(caller, request, spec, prepared)
        started = trio.current_time()
        lost = Failure(request.correlation_id, outcome_lost())
        outcome: ToolOutcome = lost
        ended = recorded = False
        try:
            outcome = await contained(
                request,
                spec,
                lambda peer: prepared.run(self._context(caller, peer, authorised.kept)),
                lambda document: self._kept.keep(caller.principal, spec, prepared.places, document, fits),
            )
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
            intent = await self._recorder.intent(caller, request, spec, prepared.places)
            self._tally.note_intent(spec)
            return intent
        raise RuntimeError("a shield without a deadline was cancelled")

    def _context(self, caller: Caller, peer: Peer, kept: KeptReply | None = None) -> ToolContext:
        forge = self._forges.for_caller(caller)
        return ToolContext(principal=caller.principal, forge=forge, fits=fits, peer=peer, kept=kept)


def _lists_nothing(caller: Caller, kind: CallKind, spec: ToolSpec[ToolContext]) -> bool:
    """Return whether a list is empty for *caller*: like every other, it shows what their scopes reach."""
    return kind is CallKind.RESOURCE_LIST and isinstance(decide_access(caller.principal, spec), Deny)
