"""Requests are read as Go and Gitea read them: the traps that a gate must not fall into live here."""

from __future__ import annotations

import pytest

from aegis_trio.demo_forge.requests import Query, Request, has_broken_escape, normalised, parse_query, unescape


@pytest.mark.parametrize(
    ("raw_path", "expected"),
    [
        ("/api/v1/user", "/api/v1/user"),
        ("/api//v1///user//", "/api/v1/user"),
        ("/a%2F%2Fb/", "/a%2F%2Fb"),
        ("/a/../b/.", "/a/../b/."),
        ("/", "/"),
        ("//", "/"),
    ],
)
def test_slashes_collapse_and_dots_stay(raw_path: str, expected: str) -> None:
    """An empty segment reaches another endpoint at a real Gitea; a fake that forgave it would hide the danger."""
    assert expected == normalised(raw_path)


@pytest.mark.parametrize(
    ("raw_part", "expected"),
    [
        ("plain", "plain"),
        ("a%2Fb", "a/b"),
        ("a%252Fb", "a%2Fb"),
        ("a+b", "a+b"),
        ("%C3%A9", "é"),
        ("\xc3\xa9", "é"),
        ("%ff", "\udcff"),
    ],
)
def test_a_part_is_decoded_once(raw_part: str, expected: str) -> None:
    """Decoding twice would turn a file's name into a path."""
    assert expected == unescape(raw_part)


@pytest.mark.parametrize(("raw_path", "expected"), [("/a%2", True), ("/a%zz", True), ("/a%", True), ("/a%41", False)])
def test_a_broken_escape_is_seen(*, raw_path: str, expected: bool) -> None:
    """Go's server answers such a target itself."""
    assert expected is has_broken_escape(raw_path)


@pytest.mark.parametrize(
    ("raw_query", "expected"),
    [
        ("", ()),
        ("a=1&b=2", (("a", "1"), ("b", "2"))),
        ("a=1;sudo=root", ()),
        ("a=%zz&b=2", (("b", "2"),)),
        ("a=x+y&&flag", (("a", "x y"), ("flag", ""))),
        ("a=1&a=2", (("a", "1"), ("a", "2"))),
    ],
)
def test_a_query_is_read_as_go_reads_it(raw_query: str, expected: tuple[tuple[str, str], ...]) -> None:
    """A pair with a semicolon vanishes, which serves the default branch to the careless."""
    assert expected == parse_query(raw_query).pairs


def test_a_query_is_asked_for_by_exact_key() -> None:
    """Keys are case-sensitive and the first value counts."""
    query = Query((("a", "1"), ("a", "2")))

    assert "1" == query.first("a")
    assert "" == query.first("A")
    assert query.has("a")
    assert not query.has("A")


def test_a_query_is_written_back_sorted_with_one_value_replaced() -> None:
    """Links are built so, and a client that followed one must find what it asked for."""
    assert "limit=3&page=2&sha=main~3&x=a+b%2Fc" == parse_query("sha=main~3&limit=3&page=9&x=a+b%2Fc").encoded_with(
        "page", "2"
    )


def test_a_header_is_found_by_its_lower_case_name() -> None:
    """The parser lowers names; a second header of the same name does not count."""
    request = Request(method="GET", raw_path="/", raw_query="", headers=(("a", "1"), ("a", "2")))

    assert "1" == request.header("a")
    assert None is request.header("b")
