"""Refs cannot be made to mean another place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.model.errors import InvalidArgument
from aegis_trio.model.identity import InstanceId
from aegis_trio.model.refs import (
    FilePath,
    GitRef,
    RepositoryRef,
    is_commit_id,
    parse_file_path,
    parse_git_ref,
    parse_repository,
)

SMUGGLED = [
    "",
    ".",
    "..",
    "-",
    "a/b",
    "a%2Fb",
    "a\x00",
    "a\n",
    "a?sudo=root",
    "a;sudo=root",
    "ä",
    "a b",
    "a..b",
    "-" * 101,
]
BAD_OWNERS = [
    "",
    ".",
    "..",
    "-a",
    ".a",
    "a/b",
    "a..b",
    "a%2e",
    "a\n",
    "a b",
    "ä",
    "issues",
    "Issues",
    "a" * 41,
    "../admin",
]
BAD_PATHS = ["a//b", "../x", "a/../b", "a/./b", ".git/config", "A/.GIT/x", "a\nb", "a\x7fb", "\ud800", "a/" + "b" * 256]
BAD_REFS = [
    "", "a..b", "HEAD~3", "main^", ":/text", "main:path", "a b", "a\nb", "a\\b", "a?b", "a*", "a[", "@{1}", "@", "-x",
    "/a", "a/", ".a", "a/.b", "a.", "a.lock", "a.lock/b", "a//b", "\ud800", "x" * 256, "a\x7f",
]  # fmt: skip


@pytest.mark.parametrize("raw_name", SMUGGLED)
def test_a_repository_that_gitea_would_not_accept_is_refused(raw_name: str) -> None:
    """No spelling of a repository reaches another endpoint."""
    with pytest.raises(InvalidArgument) as refusal:
        parse_repository("acme", raw_name)

    assert "repo" == refusal.value.field


@pytest.mark.parametrize("raw_owner", BAD_OWNERS)
def test_an_owner_that_gitea_would_not_accept_is_refused(raw_owner: str) -> None:
    """No spelling of an owner reaches another endpoint."""
    with pytest.raises(InvalidArgument) as refusal:
        parse_repository(raw_owner, "backend")

    assert "owner" == refusal.value.field


def test_repositories_are_equal_without_regard_to_case() -> None:
    """A rule on `acme/backend` holds for `Acme/Backend`, as Gitea resolves both."""
    assert parse_repository("acme", "backend") == parse_repository("Acme", "Backend")
    assert 1 == len({RepositoryRef("a", "b"), RepositoryRef("A", "B")})


def test_repositories_of_two_instances_differ() -> None:
    """A grant at one Gitea is none at another."""
    assert parse_repository("a", "b") != parse_repository("a", "b", InstanceId("other"))
    assert RepositoryRef("a", "b") != "a/b"


def test_a_repository_is_shown_as_people_write_it() -> None:
    """Messages and the trail name it `owner/name`."""
    assert "acme/backend" == str(parse_repository("acme", "backend"))
    assert ("acme", "back.end") == parse_repository("acme", "back.end").as_segments()


@pytest.mark.parametrize("raw_path", BAD_PATHS)
def test_a_path_that_means_another_place_is_refused(raw_path: str) -> None:
    """Dot segments, `.git`, control characters, impossible names and broken Unicode never leave."""
    with pytest.raises(InvalidArgument) as refusal:
        parse_file_path(raw_path)

    assert "path" == refusal.value.field


def test_a_path_longer_than_the_kernel_allows_is_refused() -> None:
    """No file of git's can have it, so asking would only cost."""
    with pytest.raises(InvalidArgument, match="4096"):
        parse_file_path("/".join(["a" * 200] * 21))


@pytest.mark.parametrize("raw_path", ["", "/", "//"])
def test_the_root_has_no_segments(raw_path: str) -> None:
    """Every spelling of the root is the same value."""
    assert FilePath(()) == parse_file_path(raw_path)


@given(st.text(max_size=300))
def test_a_path_that_is_accepted_is_one_plain_path(raw_path: str) -> None:
    """Property: whatever is accepted joins to a path without an empty, dot or unescaped segment."""
    try:
        path = parse_file_path(raw_path)
    except InvalidArgument:
        return

    sent = "/".join(path.as_segments())
    assert raw_path.strip("/") == str(path)
    assert sent.isascii()
    assert not {"", ".", ".."} & set(sent.split("/")) or not path.segments
    assert not any(c in sent for c in "?#;&= \\")


@pytest.mark.parametrize("raw_ref", BAD_REFS)
def test_what_is_no_name_of_a_ref_is_refused(raw_ref: str) -> None:
    """Revision expressions and what git itself refuses never reach git."""
    with pytest.raises(InvalidArgument) as refusal:
        parse_git_ref(raw_ref)

    assert "ref" == refusal.value.field


@pytest.mark.parametrize(
    "raw_ref", ["main", "feature/with-slash", "v1.0.0", "a" * 40, "übersicht", "a{b}", "release;1"]
)
def test_the_name_of_a_ref_stays_as_it_is(raw_ref: str) -> None:
    """What git accepts is accepted, byte for byte."""
    assert GitRef(raw_ref) == parse_git_ref(raw_ref)
    assert raw_ref == str(parse_git_ref(raw_ref))


def test_a_ref_is_one_segment() -> None:
    """A slash in a branch's name must not become a slash of the path."""
    assert "feature%2Fwith-slash" == parse_git_ref("feature/with-slash").as_segment()


@pytest.mark.parametrize(
    ("raw_ref", "expected"),
    [("0" * 40, True), ("f" * 64, True), ("0" * 39, False), ("A" * 40, False), ("main", False)],
    ids=["sha1", "sha256", "short", "upper case", "branch"],
)
def test_only_a_full_commit_id_never_moves(raw_ref: str, expected: bool) -> None:  # noqa: FBT001 -- a parameter of cases
    """Only what cannot move may be kept for ever."""
    assert expected == is_commit_id(parse_git_ref(raw_ref))
