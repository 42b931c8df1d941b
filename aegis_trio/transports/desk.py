"""The desk: does what dispatch decided, for every transport.

Laws:
    1. Tools, resources and prompts are reached through the door only; the desk knows neither sockets nor headers.
    2. Each request gets exactly one answer or one release; a notification gets nothing.
    3. A bug in a call becomes that call's answer.
    4. What a client brings back (a cursor, a state) opens only for the principal and the request that it was given to.

Not here: sessions' messages (reception.py), streams of changes (subscriptions.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias, assert_never, final

from aegis_trio.gateway.render import performed, tool_definition
from aegis_trio.model.call import CallKind, Failure, Pending, Success, ToolOutcome, ToolRequest, Transport
from aegis_trio.model.errors import Bug, InvalidArgument
from aegis_trio.model.identity import Caller
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.protocol.cursors import CursorSealer
from aegis_trio.protocol.jsonrpc import Malformed, Reply, RequestId, refusal_reply, result_reply
from aegis_trio.protocol.refusals import Refusal, invalid_params
from aegis_trio.protocol.request_state import RequestState, StateSealer
from aegis_trio.protocol.results import ServerCard, input_required_result, list_result, performed_result
from aegis_trio.protocol.revisions import Era, Revision
from aegis_trio.protocol.steps import Feature, ListFeature, Perform, Step, Subscribe
from aegis_trio.transports.containment import contained
from aegis_trio.transports.peers import RequestPeer, SessionPeer
from aegis_trio.transports.ports import Door, ReplySink
from aegis_trio.transports.replies import failure_reply, fault_reply
from aegis_trio.transports.session import SessionBody
from aegis_trio.transports.subscriptions import watch_request

MAX_ROUNDS: Final = 8  # a call that asks more often than this is stuck, or plays with a person's patience

_Peer: TypeAlias = RequestPeer | SessionPeer


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who asks, by which rules, and where answers go."""

    caller: Caller
    revision: Revision
    transport: Transport
    sink: ReplySink
    session: SessionBody | None = None
    """Whose client can be asked in passing; None where each request stands alone."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The door, what the server says about itself, and the seals of what clients bring back."""

    door: Door
    card: ServerCard
    cursors: CursorSealer
    states: StateSealer
    spend: Callable[[RequestState], bool]
    """Use a state that may be used once; False when it was used before."""

    def list_feature(self, step: ListFeature, caller: Caller, revision: Revision) -> Reply:
        """Return the answer of a list that stands on one page."""
        match step.feature:
            case Feature.TOOLS:
                definitions = [tool_definition(spec) for spec in self.door.directory.tools_for(caller)]
            case Feature.PROMPTS:
                definitions = [prompt.definition for prompt in self.door.directory.prompts_for(caller)]
            case Feature.RESOURCE_TEMPLATES:
                definitions = [one.definition for one in self.door.directory.resources_for(caller) if one.is_template]
            case _:
                assert_never(step.feature)
        # A step-up makes the list longer, and clients keep lists beyond the token that they were given for.
        may_grow = self.door.directory.is_narrow_for(caller)
        result = list_result(step.feature.value, definitions, revision, self.card, may_grow=may_grow)
        return result_reply(step.id, result)

    async def perform(self, step: Perform, visitor: Visitor) -> Reply:
        """Make one call and return the answer of its request."""
        revision = visitor.revision
        prepared = self._prepare(step, visitor)
        if isinstance(prepared, Refusal):
            return _refused(step.id, prepared, revision)
        request, state = prepared
        peer = self._peer(step, visitor, state)
        request = replace(request, peer=peer)
        with contained("call") as containment:
            outcome: ToolOutcome = Failure(request.correlation_id, Bug(containment.incident))  # stands if this breaks
            outcome = await self.door.call(visitor.caller, request)
        peer.close()
        match outcome:
            case Failure():
                return failure_reply(step.id, outcome, step.kind, revision, self.card)
            case Success(reply=reply):
                result = performed(reply, step.kind)
                if step.kind is CallKind.RESOURCE_LIST:
                    result = self._page(result, step, visitor)
                return result_reply(step.id, performed_result(step.kind, result, revision, self.card))
            case Pending():
                return self._ask(outcome, step, visitor, state, peer.answers)
            case _:
                assert_never(outcome)

    def screen(
        self, steps: Sequence[Step | Malformed], caller: Caller, transport: Transport, client: str | None
    ) -> Failure | None:
        """Refuse *steps* as a whole if *caller* lacks a scope for one of them.

        Args:
            client: what the client calls itself, where a session knows.

        Source: MCP 2026-07-28 basic/authorization#scope-challenge-handling.
        """
        requests: list[ToolRequest] = []
        for step in steps:
            match step:
                case Perform(kind=CallKind.RESOURCE_LIST):
                    pass  # a list shows what the caller's scopes reach
                case Perform():
                    requests.append(_request(step, transport, client, step.arguments))
                case Subscribe(uri=uri):
                    requests.append(watch_request(uri, transport, client))
                case _:
                    pass
        return self.door.screen(caller, requests) if requests else None

    # ---- before the call --------------------------------------------------------------------------------------------

    def _prepare(self, step: Perform, visitor: Visitor) -> tuple[ToolRequest, RequestState | None] | Refusal:
        arguments: JsonObject = step.arguments
        state: RequestState | None = None
        if step.kind is CallKind.RESOURCE_LIST:
            page = self._open_cursor(step, visitor.caller)
            if page is None:
                return invalid_params("cursor: not one of this server's, or too old; begin without it")
            arguments = {"page": page}
        if step.kind is CallKind.COMPLETION:
            refusal = self._refusal_of_completion(step, visitor.caller)
            if refusal is not None:
                return refusal
        raw_state = step.params.get("requestState")
        if visitor.revision.era is Era.MODERN and raw_state is not None:
            state = self._open_state(raw_state, step, visitor.caller)
            if state is None:
                # Source: MCP 2026-07-28 basic/patterns/mrtr#server-requirements: attacker-controlled, refused.
                return invalid_params("requestState: not one of this request's, or too old; begin without it")
        session = visitor.session
        client = session.client if session is not None else None
        return _request(step, visitor.transport, client, arguments), state

    def _peer(self, step: Perform, visitor: Visitor, state: RequestState | None) -> _Peer:
        if visitor.revision.era is Era.LEGACY:
            if visitor.session is None:
                raise RuntimeError("a legacy call was made outside a session")
            return SessionPeer(visitor.session, visitor.sink, step.meta, visitor.revision)
        given = step.params.get("inputResponses")
        counts = state is not None or not self._changes(step, visitor.caller)
        return RequestPeer(
            visitor.sink,
            step.meta,
            visitor.revision,
            answers={} if state is None else state.answers,
            # Threat: an answer to what was never asked would let a model agree to what no person has seen.
            given=given if isinstance(given, dict) and counts else {},
            # Source: MCP 2026-07-28 basic/patterns/mrtr#supported-requests.
            may_ask=step.kind in {CallKind.TOOL, CallKind.PROMPT, CallKind.RESOURCE},
        )

    def _open_state(self, raw_state: JsonValue, step: Perform, caller: Caller) -> RequestState | None:
        if not isinstance(raw_state, str):
            return None
        principal = caller.principal.id
        state = self.states.unseal(raw_state, principal=principal, method=step.method, params=step.params)
        if state is None or (self._changes(step, caller) and not self.spend(state)):
            return None
        return state

    def _changes(self, step: Perform, caller: Caller) -> bool:
        """Return whether the call may change something: then answers count only with a state, and that only once."""
        if step.kind is not CallKind.TOOL:
            return False
        spec = self.door.directory.tool_for(caller, step.subject)
        return spec is not None and not spec.read_only

    def _open_cursor(self, step: Perform, caller: Caller) -> str | None:
        raw_cursor = step.params.get("cursor")
        if raw_cursor is None:
            return ""
        if not isinstance(raw_cursor, str):
            return None
        return self.cursors.unseal(raw_cursor, caller.principal.id, step.method)

    def _refusal_of_completion(self, step: Perform, caller: Caller) -> Refusal | None:
        """Tell why nothing can be completed there.

        Source: MCP 2026-07-28 server/utilities/completion#error-handling.
        """
        ref = step.params.get("ref")
        match ref:
            case {"type": "ref/prompt", "name": str() as name}:
                known = any(name == prompt.operation.name for prompt in self.door.directory.prompts_for(caller))
            case {"type": "ref/resource", "uri": str() as uri}:
                resources = self.door.directory.resources_for(caller)
                known = any(uri in (one.definition.get("uriTemplate"), one.definition.get("uri")) for one in resources)
            case _:
                known = False
        if known:
            return None
        return invalid_params("ref: there is no such prompt or resource template; list them and use one of theirs")

    # ---- after the call ---------------------------------------------------------------------------------------------

    def _page(self, result: JsonObject, step: Perform, visitor: Visitor) -> JsonObject:
        """Return one page of the list of resources: the fixed ones stand first on the first page.

        Source: MCP 2026-07-28 server/utilities/pagination.
        """
        found = result.get("resources")
        listed: list[JsonValue] = []
        if step.params.get("cursor") is None:
            fixed = (one for one in self.door.directory.resources_for(visitor.caller) if not one.is_template)
            listed.extend(one.definition for one in fixed)
        listed.extend(found if isinstance(found, list) else [])
        page: JsonObject = {"resources": listed}
        following = result.get("next")
        if following is not None:
            page["nextCursor"] = self.cursors.seal(visitor.caller.principal.id, step.method, str(following))
        return page

    def _ask(
        self,
        pending: Pending,
        step: Perform,
        visitor: Visitor,
        state: RequestState | None,
        answers: Mapping[str, JsonValue],
    ) -> Reply:
        rounds = 1 if state is None else state.round + 1
        if rounds > MAX_ROUNDS:
            refusal = invalid_params(f"inputResponses: still not usable after {MAX_ROUNDS} rounds; begin again")
            return _refused(step.id, refusal, visitor.revision)
        try:
            sealed = self.states.seal(
                self.states.begin(answers, rounds),
                principal=visitor.caller.principal.id,
                method=step.method,
                params=step.params,
            )
        except InvalidArgument as too_large:
            return fault_reply(step.id, too_large, visitor.revision, pending.correlation_id)
        result = input_required_result(pending.questions, sealed, visitor.revision, self.card)
        return result_reply(step.id, result)


def _request(step: Perform, transport: Transport, client: str | None, arguments: JsonObject) -> ToolRequest:
    return ToolRequest(
        tool=step.subject,
        raw_arguments=arguments,
        transport=transport,
        kind=step.kind,
        client=step.meta.client or client,
        trace=None if step.meta.trace is None else step.meta.trace.trace_id,
        parent=None if step.meta.trace is None else step.meta.trace.parent,
    )


def _refused(request_id: RequestId, refusal: Refusal, revision: Revision) -> Reply:
    return refusal_reply(request_id, replace(refusal, http_status=400 if revision.era is Era.MODERN else 200))
