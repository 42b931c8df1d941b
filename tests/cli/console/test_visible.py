"""Nothing that a terminal would obey, and nothing hidden, is printed."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.cli.console.visible import fit_encoding, json_line, json_text, visible_line, visible_text
from tests.protocol.strategies import JSON_VALUES


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain\ttext", "plain\\ttext"),
        ("Größe 漢字 🚀", "Größe 漢字 🚀"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b31m", "\\x9b31m"),
        ("a\r\nb", "a\\r\\nb"),
        ("\u202eevil", "\\u202eevil"),
        ("a\u200bb", "a\\u200bb"),
        ("\U000e0041", "\\U000e0041"),
        ("\udcff", "\\udcff"),
        ("\x7f", "\\x7f"),
    ],
)
def test_what_cannot_be_seen_is_written_out(raw: str, shown: str) -> None:
    """A server that names a tool with an escape sequence must not rename the window."""
    assert shown == visible_line(raw)


@given(st.text())
def test_no_text_reaches_a_terminal_raw(raw: str) -> None:
    """No control, format, surrogate or private character passes; lines pass where text is shown."""
    for shown, allowed in ((visible_line(raw), ""), (visible_text(raw), "\n\t")):
        hidden = [
            character for character in shown if unicodedata.category(character)[0] == "C" and character not in allowed
        ]
        assert [] == hidden


@given(JSON_VALUES)
def test_json_for_programs_is_one_line_of_visible_ascii_and_the_same_value(value: object) -> None:
    """Programs read it; a person may look at it."""
    line = json_line(value)  # type: ignore[arg-type] # drawn from JSON values

    assert line.isascii()
    assert line.isprintable()
    assert value == json.loads(line)


def test_json_for_people_keeps_letters_and_hides_nothing() -> None:
    """Names are written in many scripts."""
    assert '{\n  "größe": "\\x7f\\u202e"\n}' == json_text({"größe": "\x7f\u202e"})


def test_a_terminal_of_few_letters_gets_escapes() -> None:
    """LANG=C must not end a session."""
    assert "gr\\xf6\\u2192" == fit_encoding("grö→", "ascii")
