"""Messages of a line (WebSocket, stdio), which serves both eras on one connection, and steps made by hand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from aegis_trio.model.call import CallKind, Transport
from aegis_trio.model.json import JsonObject, JsonValue, encode_json
from aegis_trio.protocol.json_reader import read_json
from aegis_trio.protocol.jsonrpc import classify
from aegis_trio.protocol.refusals import HEADER_MISMATCH, INVALID_PARAMS, INVALID_REQUEST
from aegis_trio.protocol.revisions import MODERN_VERSIONS, Era, find_revision
from aegis_trio.protocol.steps import Perform, RequestMeta
from aegis_trio.transports.desk import Visitor
from aegis_trio.transports.outbox import Outbox
from aegis_trio.transports.session import SessionBody
from tests.transports.harness import (
    Gate,
    call,
    initialize,
    lasting,
    make_caller,
    make_spec,
    modern,
    modern_call,
    notification,
    request,
)
from tests.transports.talking import CAN_BE_ASKED, ROOTED, ROOTS, asking, result_of

MODERN = find_revision(MODERN_VERSIONS[0], Era.MODERN)
assert MODERN is not None
ALL: JsonObject = {"notifications": {"toolsListChanged": True, "resourceSubscriptions": ["forge://a"]}}


@dataclass
class Line:
    """One connection as its transport would hold it."""

    gate: Gate
    session: SessionBody
    box: Outbox

    def take(self, document: JsonValue, *, is_modern: bool = False) -> None:
        """Bring one message."""
        revision = MODERN if is_modern else None
        message = classify(document)
        self.gate.reception.take(message, self.session, make_caller("ada"), self.box, stateless=revision)

    async def said(self) -> list[Any]:
        """Return what was sent so far."""
        await trio.sleep(1)
        found: list[Any] = []
        while (queued := self.box.next(len(found))) is not None:
            found.append(read_json(queued.body))
        return found


@pytest.fixture
async def line(gate: Gate, nursery: trio.Nursery) -> Line:
    """Give a line whose session runs."""
    session = gate.hub.admit(make_caller("ada").principal.id, Transport.WEBSOCKET)
    box = Outbox(gate.settings, gate.hub.outbox_budget, gate.hub.note_cut)
    session.voice = box
    await nursery.start(partial(session.run, trio.sleep_forever, max_age_s=10_000))
    return Line(gate, session, box)


async def test_a_line_shakes_hands_once(autojump_clock: MockClock, line: Line) -> None:
    """The session is the connection; what it agreed on holds from then on."""
    line.take(request("tools/list", request_id=0))
    line.take(initialize("2025-06-18", 1, capabilities=CAN_BE_ASKED))
    line.take(initialize("2025-06-18", 2))
    first, second, third = await line.said()

    assert (0, 1, 2) == (first["id"], second["id"], third["id"])
    assert ("2025-06-18", INVALID_REQUEST) == (second["result"]["protocolVersion"], third["error"]["code"])
    assert ("Cursor/1", CAN_BE_ASKED) == (line.session.client, line.session.capabilities)


async def test_a_client_on_a_line_is_asked_on_it(autojump_clock: MockClock, line: Line) -> None:
    """The question and the answer travel the same way."""
    line.gate.door.scripts["ask"] = asking({"k": ROOTS})
    line.take(initialize(capabilities=CAN_BE_ASKED))
    line.take(call("ask", 2))
    asked = (await line.said())[1]
    line.take(result_of(asked, ROOTED))

    assert {"said": {"k": ROOTED}} == (await line.said())[2]["result"]["structuredContent"]


async def test_a_modern_subscription_on_a_line_ends_with_its_cancellation(
    autojump_clock: MockClock, line: Line
) -> None:
    """basic/utilities/cancellation: on a line notifications/cancelled names the request; nothing more is sent."""
    document, *_ = modern("subscriptions/listen", ALL, request_id="s")
    line.take(document, is_modern=True)
    await line.said()
    await line.gate.announce_lists()
    before = await line.said()
    line.take(notification("notifications/cancelled", {"requestId": "s"}), is_modern=True)
    after = await line.said()

    assert "notifications/subscriptions/acknowledged" == before[0]["method"]
    assert before == after
    assert {} == line.gate.door.changes
    assert 0 == sum(line.gate.hub.statistics().streams_open.values())


async def test_a_drain_ends_a_subscription_on_a_line_with_its_result(autojump_clock: MockClock, line: Line) -> None:
    """The line goes on; the subscription is answered."""
    document, *_ = modern("subscriptions/listen", ALL, request_id="s")
    line.take(document, is_modern=True)
    await line.said()
    line.gate.hub.begin_drain()

    assert ("s", "complete") == ((await line.said())[-1]["id"], (await line.said())[-1]["result"]["resultType"])


async def test_modern_and_legacy_calls_share_a_line_and_its_ids(autojump_clock: MockClock, line: Line) -> None:
    """Each is answered in the shape of its own era; an id that runs is taken, whatever the era."""
    line.gate.door.scripts["slow"] = lasting(0.5)
    line.take(call("slow", 1))
    modern_document, *_ = modern_call("get_me")
    line.take(modern_document, is_modern=True)
    line.take({**modern_document, "id": 2}, is_modern=True)
    messages = await line.said()

    assert [1, 2, 1] == [message["id"] for message in messages]
    assert "still runs" in messages[0]["error"]["message"]
    assert ["complete", None] == [message["result"].get("resultType") for message in messages[1:]]


async def test_what_is_no_message_is_answered_as_such(autojump_clock: MockClock, line: Line) -> None:
    """A line has no status; the error says it."""
    line.take({"jsonrpc": "1.0", "id": 4, "method": "ping"})
    line.take(notification("notifications/nonsense"))
    (answer,) = await line.said()

    assert (4, INVALID_REQUEST) == (answer["id"], answer["error"]["code"])


# ---- steps by hand --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "method", "params"),
    [
        (CallKind.TOOL, "tools/call", {"name": "t", "requestState": 5}),
        (CallKind.RESOURCE_LIST, "resources/list", {"cursor": 5}),
        (CallKind.COMPLETION, "completion/complete", {"ref": {"type": "ref/moon", "name": "t"}}),
        (CallKind.COMPLETION, "completion/complete", {"ref": {"type": "ref/prompt", "name": 5}}),
        (CallKind.COMPLETION, "completion/complete", {}),
    ],
)
async def test_a_desk_reads_defensively_what_the_schema_lets_nobody_bring(
    autojump_clock: MockClock, gate: Gate, kind: CallKind, method: str, params: JsonObject
) -> None:
    """dispatch has checked the types; a hole there must not become a bug here."""
    assert MODERN is not None
    step = Perform(id=1, method=method, kind=kind, subject="t", arguments={}, params=params, meta=RequestMeta())
    box = Outbox(gate.settings, gate.hub.outbox_budget, gate.hub.note_cut)
    visitor = Visitor(caller=make_caller("ada"), revision=MODERN, transport=Transport.STREAMABLE_HTTP, sink=box)
    reply = await gate.reception.desk.perform(step, visitor)

    assert (400, INVALID_PARAMS) == (reply.http_status, read_json(encode_json(reply.body))["error"]["code"])  # type: ignore[call-overload,index]  # JSON
    assert [] == gate.door.requests


@pytest.mark.parametrize(
    ("region", "status"), [(("mcp-param-region", "eu"), 200), (("mcp-param-region", "us"), 400), (None, 400)]
)
async def test_a_mirrored_argument_agrees_with_its_header(
    autojump_clock: MockClock, gate: Gate, region: tuple[str, str] | None, status: int
) -> None:
    """streamable-http#server-behavior-for-custom-headers: -32020, before the tool is asked anything."""
    schema: JsonObject = {"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}
    gate.door.tools = (replace(make_spec("t"), input_schema=schema),)
    document, *headers = modern_call("t", region="eu")
    answer = await gate.asked(document, *headers, *([region] if region is not None else []))

    assert status == answer.status
    assert (status == 200) == bool(gate.door.requests)
    if status == 400:
        assert HEADER_MISMATCH == answer.json["error"]["code"]
