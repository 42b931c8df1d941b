"""Answers in few words: what says nothing is left out, and times are one kind."""

from __future__ import annotations

import pytest

from aegis_trio.toolsets.answers import compact, line, link, moment, name, names, prose


def test_what_is_empty_is_left_out() -> None:
    """But not zero, which is a number that somebody may look for."""
    fields = {"a": "", "b": None, "c": [], "d": {}, "e": False, "f": 0, "g": "x", "h": True, "i": [0]}

    assert {"f": 0, "g": "x", "h": True, "i": [0]} == compact(fields)  # type: ignore[arg-type]  # a literal of many types


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("2026-02-13T10:00:00Z", "2026-02-13T10:00:00Z"),
        ("2026-02-13T10:00:00+02:00", "2026-02-13T08:00:00Z"),
        ("2026-02-13T10:00:00.987654-05:00", "2026-02-13T15:00:00Z"),
        ("0001-01-01T00:00:00Z", ""),
        ("2026-02-13T10:00:00", ""),
        ("", ""),
        ("yesterday\u202e", ""),
    ],
)
def test_times_are_utc(raw: str, expected: str) -> None:
    """Whatever offset Gitea's server lives in; Go's zero time and what is no time say nothing."""
    assert expected == moment(raw)


def test_texts_are_cleaned_and_only_names_are_cut() -> None:
    """A body is shown whole: what does not fit is continued, not shortened."""
    assert "a b" == line("a\n\u202eb")
    assert ("x" * 63 + "…", "x" * 511 + "…") == (name("x" * 99), line("x" * 999))
    assert ["a", "b"] == names(["a\u200b", "b"])
    assert "x" * 99_999 == prose("x" * 99_999)
    assert ("https://git.example.com/a", "") == (
        link("https://git.example.com/a"),
        link("https://u:p@git.example.com/a"),
    )
