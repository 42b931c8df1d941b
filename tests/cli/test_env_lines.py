"""Settings are set in a text that people wrote, and nothing else in it changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.cli.env_lines import line_of, read_values, set_values


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "A=new\n"),
        ("B=1", "B=1\nA=new\n"),
        ("A=old\n", "A=new\n"),
        ("A=\n", "A=new\n"),
        ("# mine\n\nexport A = 'old one'  # why\r\nB=1\r\n", "# mine\n\nexport A = new  # why\r\nB=1\r\n"),
        ('A="a\nb"\nB=1\n', "A=new\nB=1\n"),
        ("A=1\nA=2\n", "A=1\nA=new\n"),
        ("\ufeffB=1\n", "\ufeffB=1\nA=new\n"),
        ("#A=commented\n", "#A=commented\nA=new\n"),
    ],
)
def test_one_line_changes(before: str, after: str) -> None:
    """Comments, order, line ends and other people's quotes are theirs."""
    assert after == set_values(before, {"A": "new"})


def test_what_is_set_is_read_again() -> None:
    """A path with a space, a quote or a hash in it."""
    values = {"A": "/srv/my files/x", "B": "it's", "C": "a # b", "D": "back\\slash", "E": "https://a.example:1/b"}

    text = set_values("C=old # kept\n", values)

    assert text is not None
    assert values == read_values(text)
    assert "# kept" in text
    assert "E=https://a.example:1/b" in text


@given(st.dictionaries(st.from_regex(r"[A-Z][A-Z_]{0,8}", fullmatch=True), st.text(min_size=1)), st.text())
def test_an_edit_reads_as_meant_or_is_none(values: dict[str, str], text: str) -> None:
    """Whatever stands in the file: nothing of it is lost or said anew without a word."""
    edited = set_values(text, values)

    assert edited is None or {**read_values(text), **values} == read_values(edited)


def test_a_file_whose_quote_never_ends_is_not_edited() -> None:
    """The new line would be swallowed by the text before it."""
    assert set_values("B='open\n", {"A": "new"}) in {None, "B='open\nA=new\n"}
    assert "A='two words'" == line_of("A", "two words")
