"""What one message costs without server, gateway and forge: bytes in, the rules, bytes out.

No server is involved: two functions are called in turns in this process. The processor time of the fastest turn of
each counts, because everything else that a machine does only adds to a time; turns are short, so that the longer of
the two is not the one that is interrupted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from time import thread_time_ns
from typing import Final

from messages import INITIALIZE, call, legacy, modern, modern_headers
from report import Row, Section

from aegis_trio.gateway.render import performed, tool_definition
from aegis_trio.model.call import CallKind, ToolReply
from aegis_trio.model.json import JsonValue, encode_json
from aegis_trio.protocol.dispatch import dispatch
from aegis_trio.protocol.headers import read_routing_headers
from aegis_trio.protocol.json_reader import read_json
from aegis_trio.protocol.jsonrpc import Reply, Request, result_reply
from aegis_trio.protocol.ladder import Handshake, InSession, Route, Stateless, choose_route
from aegis_trio.protocol.refusals import Refusal
from aegis_trio.protocol.results import ServerCard, list_result, performed_result
from aegis_trio.protocol.revisions import NEWEST_LEGACY, Revision
from aegis_trio.protocol.steps import Answer, ListFeature, OpenSession, Perform
from aegis_trio.supervisor.garbage import tune_garbage_collector
from aegis_trio.toolsets.catalogue import CATALOGUE

BOUND: Final = 12  # of reading, as a ratio; tests/protocol/test_reader_cost.py holds it, counted in calls
HEADING: Final = "One message through the protocol"
_HOW: Final = (
    "Functions in one process, no socket: from the bytes of a message to the bytes of its answer "
    "(`read_json`, `choose_route`, `dispatch`, the result in the shape of its revision, `encode_json`), beside the "
    "`json.loads` of the same bytes, and where it says so of its answer too. A call's tool is not run: it answers at "
    "once with a small object. In turns, the processor time of the fastest of {turns} turns of {calls} calls each, "
    "with the garbage collector set as the gate sets it."
)
_CARD: Final = ServerCard(name="aegis-trio", version="0", title="Gitea", instructions="Reads repositories. " * 30)
_REPLY: Final = ToolReply({"login": "bench", "id": 1, "is_admin": False})
_HTTP: Final = {
    "host": "127.0.0.1",
    "authorization": "Bearer x",
    "content-type": "application/json",
    "accept": "application/json, text/event-stream",
}


@dataclass(frozen=True, slots=True)
class Turns:
    """How often to measure: the fastest of `turns`, of `calls` each."""

    turns: int = 200
    calls: int = 50


DEFAULT_TURNS: Final = Turns()


def measure_core(turns: Turns) -> Section:
    """Measure reading alone, and the whole way of one message of each kind."""
    tune_garbage_collector()
    rows = [*_reading(turns), *(row for case in _cases() for row in _whole(case, turns))]
    return Section(HEADING, _HOW.format(turns=turns.turns, calls=turns.calls), rows)


@dataclass(frozen=True, slots=True)
class _Case:
    name: str
    raw_document: bytes
    raw_headers: tuple[tuple[bytes, bytes], ...]

    def route(self) -> Route:
        document = read_json(self.raw_document)
        if isinstance(document, Refusal):
            raise TypeError(f"{self.name}: refused, and a refused document would be measured as a fast one")
        return choose_route(document, read_routing_headers(self.raw_headers))

    def answer(self) -> bytes:
        """Return the answer of the message."""
        match self.route():
            case Handshake(request=request):
                return _answered(request, NEWEST_LEGACY)
            case Stateless(message=Request() as request, revision=revision):
                return _answered(request, revision)
            case InSession(messages=(Request() as request,)):
                return _answered(request, NEWEST_LEGACY)
            case other:
                raise TypeError(f"{self.name}: not the request that was to be measured: {other}")


def _answered(request: Request, revision: Revision) -> bytes:
    reply: Reply
    match dispatch(request, revision, _CARD):
        case Answer(reply=reply) | OpenSession(reply=reply):
            pass
        case ListFeature(id=request_id, feature=feature):
            definitions = [tool_definition(spec) for spec in CATALOGUE.tools]
            reply = result_reply(request_id, list_result(feature.value, definitions, revision, _CARD))
        case Perform(id=request_id):
            result = performed(_REPLY, CallKind.TOOL)
            reply = result_reply(request_id, performed_result(CallKind.TOOL, result, revision, _CARD))
        case other:
            raise TypeError(f"{request.method}: a step that is not measured: {other}")
    return encode_json(reply.body)


def _cases() -> Iterator[_Case]:
    session = {"mcp-session-id": "0" * 43, "mcp-protocol-version": "2025-11-25"}
    yield _case("`initialize`", INITIALIZE, {})
    yield _case("`ping`, in a session", legacy("ping"), session)
    yield _case("`tools/list`, in a session", legacy("tools/list"), session)
    yield _case("`tools/call`, in a session", legacy("tools/call", call("get_me")), session)
    yield _case("`server/discover`, alone", modern("server/discover"), modern_headers("server/discover"))
    yield _case("`tools/list`, alone", modern("tools/list"), modern_headers("tools/list"))
    yield _case("`tools/call`, alone", modern("tools/call", call("get_me")), modern_headers("tools/call", "get_me"))


def _case(name: str, document: Mapping[str, object], headers: Mapping[str, str]) -> _Case:
    lines = tuple((name.encode(), value.encode()) for name, value in {**_HTTP, **headers}.items())
    return _Case(name, json.dumps(document).encode(), lines)


def _whole(case: _Case, turns: Turns) -> Iterator[Row]:
    answer = case.answer()
    ours, decoding = fastest_ns(case.answer, partial(json.loads, case.raw_document), turns)
    yield _row(case.name, ours, decoding, "its")
    if len(answer) > 4 * len(case.raw_document):
        # Most of such an answer is text that the message did not bring: what a client pays for the same bytes.
        _, both = fastest_ns(case.answer, lambda: (json.loads(case.raw_document), json.loads(answer)), turns)
        yield _row(f"the same, {len(answer)} bytes of answer counted", ours, both, "both")


def _reading(turns: Turns) -> Iterator[Row]:
    arguments = {"owner": "tidewater", "repo": "harbor", "path": "README.md"}
    small = modern("tools/call", call("get_file_contents", arguments))
    empty: JsonValue = {}
    many = modern("tools/call", call("get_file_contents", {"path": [empty] * 300}))
    for name, document in (("a small message", small), ("a message of 300 objects", many)):
        case = _case(f"reading {name}", document, modern_headers("tools/call", "get_file_contents"))
        ours, decoding = fastest_ns(case.route, partial(json.loads, case.raw_document), turns)
        yield _row(f"reading {name}, bound {BOUND}", ours, decoding, "its")


def _row(name: str, ours_ns: float, decoding_ns: float, whose: str) -> Row:
    reference = f"{whose} json.loads {decoding_ns / 1e3:.1f} µs"
    return Row(name, f"{ours_ns / 1e3:.1f} µs", reference, f"{ours_ns / decoding_ns:.2f}")


def fastest_ns(left: Callable[[], object], right: Callable[[], object], turns: Turns) -> tuple[float, float]:
    """Return what one call of each costs, in nanoseconds: the fastest turn of each."""
    fastest = [float("inf"), float("inf")]
    for _ in range(turns.turns):  # in turns, so that both see the same weather
        for index, work in enumerate((left, right)):
            begun = thread_time_ns()
            for _ in range(turns.calls):
                work()
            fastest[index] = min(fastest[index], thread_time_ns() - begun)
    return fastest[0] / turns.calls, fastest[1] / turns.calls
