"""Patterns and globs: which lines match, which paths are meant."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.model.errors import InvalidArgument
from aegis_trio.toolsets.search.patterns import PathGlob, Pattern

_TEXTS = st.text(alphabet="ab \n.(é", max_size=60)


def _lines(pattern: Pattern, text: str) -> list[tuple[int, str]]:
    content = text.encode()
    return [(line, content[begin:end].decode()) for line, begin, end in pattern.lines_of(content)]


@given(text=_TEXTS, query=st.text(alphabet="ab.(é", min_size=1, max_size=3))
def test_plain_text_is_found_in_every_line_that_holds_it(text: str, query: str) -> None:
    """Nothing in it has another meaning."""
    expected = [(number, line) for number, line in enumerate(text.split("\n"), 1) if query in line]
    assert expected == _lines(Pattern(query, is_regex=False, ignores_case=False), text)


@given(text=_TEXTS, query=st.sampled_from(["a+b", "^a", "b$", "[^a]b", "a.b", "(?i)A", r"a\s", "^.+$"]))
def test_an_expression_is_found_in_every_line_that_matches(text: str, query: str) -> None:
    """A match never crosses the end of a line."""
    # Python's own reading of each line by itself; neither reads bytes beyond the alphabet otherwise.
    expected = [(number, line) for number, line in enumerate(text.split("\n"), 1) if re.search(query, line)]
    assert expected == _lines(Pattern(query, is_regex=True, ignores_case=False), text)


def test_case_can_be_ignored() -> None:
    """In plain text as well."""
    assert [(2, "BER(TH")] == _lines(Pattern("er(t", is_regex=False, ignores_case=True), "x\nBER(TH\n")


@pytest.mark.parametrize("query", ["(", "a{1001}", r"(?=a)", r"(a)\1", "x*", "(?:a{1000}){1000}"])
def test_what_re2_does_not_take_is_refused_with_a_way_out(query: str) -> None:
    """Look-around, backreferences, what needs too much memory, and what matches nothing at all."""
    with pytest.raises(InvalidArgument, match="query"):
        Pattern(query, is_regex=True, ignores_case=False)


def test_a_pattern_that_blows_up_elsewhere_is_linear() -> None:
    """With backtracking this would not end."""
    assert [] == _lines(Pattern("(a+)+c", is_regex=True, ignores_case=False), "a" * 50_000 + "b")


@pytest.mark.parametrize(
    ("glob", "admitted", "refused"),
    [
        ("*.py", ["a.py", "src/deep/a.py"], ["a.pyc", "py"]),
        ("src/*.py", ["src/a.py"], ["src/deep/a.py", "x/src/a.py"]),
        ("src/**/test_*", ["src/test_a", "src/a/b/test_c"], ["test_a", "src/a/test_b/c"]),
        ("**/README.md", ["README.md", "a/b/README.md"], ["README.md.txt", "xREADME.md"]),
        ("docs/**", ["docs/a", "docs/a/b"], ["docs", "xdocs/a"]),
        ("a?.[x]", ["ab.[x]"], ["a/.[x]", "ab.x"]),
        ("ä*", ["äpfel"], ["apfel"]),
    ],
)
def test_a_glob_means_what_people_expect(glob: str, admitted: list[str], refused: list[str]) -> None:
    """`*` stays within a part, `**` does not, and without a slash it is a file's name."""
    compiled = PathGlob(glob)
    assert (admitted, []) == (
        [path for path in admitted if compiled.admits(path)],
        [p for p in refused if compiled.admits(p)],
    )
