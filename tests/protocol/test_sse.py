"""Whatever the text, one call makes one event, and a reader of the standard reads back what was written."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.model.json import JsonObject
from aegis_trio.protocol.json_reader import read_json
from aegis_trio.protocol.sse import (
    FAREWELL,
    FAREWELL_RETRY_MS,
    KEEP_ALIVE,
    encode_event,
    encode_message,
    encode_priming,
)
from tests.protocol.event_stream import Event, EventStream, read_stream
from tests.protocol.strategies import JSON_VALUES

MESSAGES = st.dictionaries(st.text(max_size=8), JSON_VALUES, max_size=4)
EVENT_IDS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=20)


@pytest.mark.requirement("MCP-HTTP-18")
@given(st.text() | st.text(alphabet="\r\n :data\ufeff\u2028\x0b\x85"))
def test_any_text_is_one_event(text: str) -> None:
    """Property: a line end in the text cannot begin another field or another event; nothing else is a line end."""
    stream = encode_event("endpoint", text)

    assert [Event("endpoint", re.sub(r"\r\n|\r", "\n", text), "")] == read_stream(stream).events


@pytest.mark.requirement("MCP-HTTP-18")
@given(MESSAGES, st.none() | EVENT_IDS)
def test_any_message_is_one_event(message: JsonObject, event_id: str | None) -> None:
    """Property: a JSON-RPC message arrives whole and alone, line ends in its texts included, with its id."""
    reader = read_stream(encode_message(message, event_id))

    (event,) = reader.events
    assert ("message", event_id or "") == (event.kind, event.last_event_id)
    assert message == read_json(event.data.encode())


@given(st.lists(st.tuples(MESSAGES, st.none() | EVENT_IDS), max_size=4), st.data())
def test_events_survive_any_cut_of_the_stream(sent: list[tuple[JsonObject, str | None]], data: st.DataObject) -> None:
    """Property: however the network cuts the bytes, and with keep-alives between, the same messages come in order."""
    stream = KEEP_ALIVE.join([encode_priming("first", 0), *(encode_message(*each) for each in sent)])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    reader = EventStream()
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        reader.feed(stream[start:end])

    assert [message for message, _ in sent] == [read_json(event.data.encode()) for event in reader.events[1:]]
    ids = [event_id for _, event_id in sent if event_id is not None]
    assert ["first", *ids][-1] == reader.last_event_id


def test_an_event_without_id_has_the_form_it_always_had() -> None:
    """Clients of 2024-11-05 compare nothing, but proxies and recordings do."""
    assert b'event: message\ndata: {"id":1}\n\n' == encode_message({"id": 1})
    assert b'id: 7\nevent: message\ndata: {"id":1}\n\n' == encode_message({"id": 1}, "7")


def test_the_priming_event_gives_an_id_and_a_time_and_no_message() -> None:
    """MCP 2025-11-25 transports: "an event ID and an empty data field", so that the client can come back at once."""
    reader = read_stream(encode_priming("s1-0", 1500))

    assert [Event("message", "", "s1-0")] == reader.events
    assert (1500, "s1-0") == (reader.retry_ms, reader.last_event_id)


@pytest.mark.parametrize("event_id", ["", "a b", "a\nb", "a\rdata: x", "a\0", "é", "\x7f"])
def test_an_id_that_would_not_come_back_is_our_bug(event_id: str) -> None:
    """A line end would begin a field of the client's choice, a NUL is ignored, the rest no header can carry."""
    with pytest.raises(ValueError, match="event_id"):
        encode_message({}, event_id)
    with pytest.raises(ValueError, match="event_id"):
        encode_priming(event_id, 0)


def test_a_time_before_now_is_our_bug() -> None:
    """`retry: -1` is no number to the standard, so clients would ignore it silently."""
    with pytest.raises(ValueError, match="retry_ms"):
        encode_priming("a", -1)


@pytest.mark.requirement("MCP-HTTP-15")
@pytest.mark.parametrize("comment", [KEEP_ALIVE, FAREWELL])
def test_comments_carry_no_event(comment: bytes) -> None:
    """MCP 2026-07-28 streamable-http#receiving-messages: clients must ignore comment lines."""
    reader = read_stream(comment)

    assert comment.endswith(b"\n\n")
    assert [] == reader.events
    assert 1 == len(reader.comments)


def test_the_farewell_says_when_to_come_back() -> None:
    """A restart of the gate must not bring every client back in the same instant of a tight loop."""
    assert FAREWELL_RETRY_MS == read_stream(FAREWELL).retry_ms
