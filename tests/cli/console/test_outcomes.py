"""What is printed of an outcome, for people and for programs."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.cli.console.outcomes import answered, done, listed
from aegis_trio.cli.console.printer import Printer
from aegis_trio.protocol.jsonrpc import Response
from tests.cli.console.fake_server import EVIL
from tests.protocol.strategies import JSON_VALUES


def shown(result: dict[str, Any]) -> str:
    """Return what a person sees of *result*, without the last line."""
    return answered("call", Response(1, result, None), 5).text.rpartition("\n")[0]


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ({"content": [{"type": "text", "text": "a\nb"}, {"type": "text", "text": "c"}]}, "a\nb\nc"),
        ({"content": [{"type": "text", "text": "a"}], "structuredContent": {"a": 1}}, "a"),
        ({"content": [], "structuredContent": {"a": 1}}, '{\n  "a": 1\n}'),
        ({"content": [{"type": "text", "text": '{"a":1}'}], "structuredContent": {"a": 1}}, '{\n  "a": 1\n}'),
        ({"content": [{"type": "text", "text": "\ud800"}], "structuredContent": {"a": 1}}, "\ud800"),
        ({"content": []}, ""),
        (
            {"content": [{"type": "image", "data": "AAAA", "mimeType": "image/png"}]},
            '{"type": "image", "data": "(4 characters of base64)", "mimeType": "image/png"}',
        ),
        ({"content": [7, {"type": "text", "text": 7}]}, '7\n{\n  "type": "text",\n  "text": 7\n}'),
        ({"messages": [], "_meta": {"x": 1}}, '{\n  "messages": []\n}'),
    ],
    ids=repr,
)
def test_a_result_is_shown_as_its_kind_allows(result: dict[str, Any], text: str) -> None:
    """Text as text, pictures as a size, everything else as JSON."""
    assert text == shown(result)


def test_an_error_without_a_message_is_shown() -> None:
    """Its code is all there is."""
    assert "error null: (no message)" == answered("call", Response(1, None, {}), 5).text
    assert (
        "error 5: no\n[\n  1\n]"
        == answered("call", Response(1, None, {"code": 5, "message": "no", "data": [1]}), 5).text
    )


@pytest.mark.parametrize(
    ("item", "line"),
    [
        ({"name": "a", "description": "First.\nSecond."}, "a                             First."),
        ({"name": "a", "title": "", "description": ""}, "a"),
        ({"name": "a", "description": "\n"}, "a"),
        ({"uri": "u", "name": "a"}, "u                             a"),
        ({}, "?"),
        (7, "7"),
    ],
    ids=repr,
)
def test_an_item_of_a_list_is_one_line(item: Any, line: str) -> None:
    """Lists are looked over, and grepped."""
    assert line == listed("tools", [item]).text


@given(st.dictionaries(st.sampled_from(["content", "structuredContent", "isError", "error"]), JSON_VALUES))
def test_any_result_can_be_shown(result: dict[str, Any]) -> None:
    """A hostile result must not end the session that shows it."""
    assert answered("call", Response(1, result, None), 5).as_document()["duration_ms"] == 5


def test_nothing_is_printed_raw(capsys: pytest.CaptureFixture[str]) -> None:
    """The printer is the last door, whatever was forgotten before."""
    for as_json in (False, True):
        printer = Printer(as_json=as_json)
        printer.outcome(done("call", EVIL, {"text": EVIL}))
        printer.outcome(done("call", ""))
        printer.notice(EVIL)
        printer.frame(EVIL, is_sent=True, at_s=1)
    captured = capsys.readouterr()

    assert not {"\x1b", "\x07", "\u202e"} & set(captured.out + captured.err)
    assert 1 + 2 == len(captured.out.splitlines())
    assert 4 == len(captured.err.splitlines())


def test_a_terminal_of_few_letters_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """LANG=C is common in containers."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    Printer(as_json=False).outcome(done("call", "größe"))

    assert b"gr\\xf6\\xdfe\n" == raw.getvalue()
