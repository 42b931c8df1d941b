"""Whatever the text, one call makes one event."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.protocol.json_reader import read_json
from aegis_trio.protocol.sse import FAREWELL, KEEP_ALIVE, encode_event, encode_message
from tests.protocol.strategies import JSON_VALUES


def parse(stream: bytes) -> list[tuple[str, str]]:
    """Return the (type, data) of each event, read as HTML section 9.2.6 says."""
    events: list[tuple[str, str]] = []
    kind, data = "", []
    for line in re.split(r"\r\n|\r|\n", stream.decode()):
        if not line:
            if data:
                events.append((kind or "message", "\n".join(data)))
            kind, data = "", []
        elif line.startswith("event: "):
            kind = line[7:]
        elif line.startswith("data: "):
            data.append(line[6:])
    return events


@pytest.mark.requirement("MCP-HTTP-18")
@given(st.text())
def test_any_text_is_one_event(text: str) -> None:
    """Property: a line end in the text cannot begin another field or another event."""
    encodable = text.encode(errors="ignore").decode()

    assert [("endpoint", re.sub(r"\r\n|\r", "\n", encodable))] == parse(encode_event("endpoint", encodable))


@pytest.mark.requirement("MCP-HTTP-18")
@given(st.dictionaries(st.text(), JSON_VALUES))
def test_any_message_is_one_event(message: dict[str, object]) -> None:
    """Property: a JSON-RPC message arrives whole and alone, line ends in its texts included."""
    ((kind, data),) = parse(encode_message(message))  # type: ignore[arg-type]  # drawn from JSON values

    assert "message" == kind
    assert message == read_json(data.encode())


@pytest.mark.requirement("MCP-HTTP-15")
@pytest.mark.parametrize("comment", [KEEP_ALIVE, FAREWELL])
def test_comments_carry_no_event(comment: bytes) -> None:
    """MCP 2026-07-28 streamable-http#receiving-messages: clients must ignore comment lines."""
    assert comment.startswith(b":")
    assert comment.endswith(b"\n\n")
    assert [] == parse(comment)
