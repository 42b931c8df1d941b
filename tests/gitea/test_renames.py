"""A rename is followed only to the same question at the same Gitea."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.gitea.renames import renamed_repository
from aegis_trio.gitea.settings import origin_of, wire_base
from aegis_trio.model.refs import RepositoryRef
from tests.gitea.recorded import EXCHANGES

BASE = wire_base("http://127.0.0.1:3999")
SEGMENTS = ("repos", "alice", "oldname", "contents", "two%20words.md")
QUERY = (("ref", "main"),)


def _renamed(
    location: str | None, segments: tuple[str, ...] = SEGMENTS, query: tuple[tuple[str, str], ...] = QUERY
) -> RepositoryRef | None:
    return renamed_repository(BASE, origin_of(BASE), segments, query, location)


def test_recorded_renames_are_understood() -> None:
    """301 for a repository and 307 for its owner, as a real Gitea sends them."""
    assert RepositoryRef("alice", "newname") == _renamed(
        EXCHANGES["repos.renamed.get"].response.location, ("repos", "alice", "oldname"), ()
    )
    assert RepositoryRef("zoe", "zedrepo") == _renamed(
        EXCHANGES["repos.renamed_user.sub"].response.location,
        ("repos", "zed", "zedrepo", "contents", "README.md"),
        QUERY,
    )


@pytest.mark.parametrize(
    "location",
    [
        "/api/v1/repos/bob/new/contents/two%20words.md?ref=main",
        "/api/v1/repos/bob/new/contents/two%20words.md?ref=main&x=1",
        "/api/v1/repos/bob/new/contents/%74wo%20words.md?ref=main",
        "http://127.0.0.1:3999/api/v1/repos/bob/new/contents/two%20words.md?ref=main",
    ],
)
def test_the_same_question_is_asked_again(location: str) -> None:
    """Relative or with the same origin; how Go spells the same bytes does not matter."""
    assert RepositoryRef("bob", "new") == _renamed(location)


@pytest.mark.parametrize(
    "location",
    [
        None,
        "",
        "/",
        "//evil.example/api/v1/repos/bob/new/contents/two%20words.md?ref=main",
        "http://evil.example/api/v1/repos/bob/new/contents/two%20words.md?ref=main",
        "http://127.0.0.1:39990/api/v1/repos/bob/new/contents/two%20words.md?ref=main",
        "http://127.0.0.1:3999@evil.example/api/v1/repos/bob/new/contents/two%20words.md?ref=main",
        "https://127.0.0.1:3999/api/v1/repos/bob/new/contents/two%20words.md?ref=main",
        "/repos/bob/new/contents/two%20words.md?ref=main",
        "/api/v2/repos/bob/new/contents/two%20words.md?ref=main",
        "/api/v1/orgs/bob/new/contents/two%20words.md?ref=main",
        "/api/v1/repos/bob/new/contents/other.md?ref=main",
        "/api/v1/repos/bob/new/contents?ref=main",
        "/api/v1/repos/bob/new/contents/two%20words.md/x?ref=main",
        "/api/v1/repos/bob/new/contents/two%20words.md",
        "/api/v1/repos/../new/contents/two%20words.md?ref=main",
        "/api/v1/repos/bob/%2e%2e/contents/two%20words.md?ref=main",
        "/api/v1/repos/bob%2fnew/x/contents/two%20words.md?ref=main",
        "/api/v1/repos/bob//contents/two%20words.md?ref=main",
        "api/v1/repos/bob/new/contents/two%20words.md?ref=main",
        "/login",
    ],
)
def test_anything_else_is_not_followed(location: str | None) -> None:
    """A redirect must not carry the token, or the caller's question, elsewhere."""
    assert None is _renamed(location)


def test_only_repositories_are_renamed() -> None:
    """`/user` that redirects is a login page."""
    assert None is _renamed("/api/v1/repos/a/b", ("user",), ())
    assert None is _renamed("/api/v1/repos/a/b", ("user", "repos", "x"), ())


@given(st.text())
def test_no_location_breaks_the_reader(location: str) -> None:
    """Property: any text is followed or not; nothing is raised."""
    assert _renamed(location) is None or location.count("/") >= 5
