"""The one table of scopes: what a client asks for, what a person reads, and what Gitea is asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.policy.scopes import (
    OFFLINE_ACCESS,
    SCOPES,
    choose_scopes,
    default_scopes,
    gitea_scopes,
    is_same_grant,
    offered_scopes,
    words_of,
    writes_anything,
)

# Source: gitea models/auth/access_token_scope.go; what opens more than one area is never asked for.
GITEA_AREAS = {"activitypub", "admin", "issue", "misc", "notification", "organization", "package", "repository", "user"}
NEVER = {"all", "sudo", "public-only", "", OFFLINE_ACCESS, "read:admin", "write:admin", "write:user", "email", "groups"}
WORDS = st.lists(st.sampled_from([row.scope for row in SCOPES] + sorted(NEVER)) | st.text(max_size=20))


def test_every_scope_is_one_of_giteas() -> None:
    """Law 1: a word that Gitea does not know widens the grant to everything, silently."""
    for row in SCOPES:
        action, _, area = row.scope.partition(":")
        assert action == ("write" if row.writes else "read")
        assert area in GITEA_AREAS - {"admin", "activitypub"}
        assert row.words
    assert len(SCOPES) == len({row.scope for row in SCOPES})


def test_a_client_that_asks_for_nothing_reads_a_little() -> None:
    """And never writes."""
    assert ("read:repository", "read:issue", "read:user", "read:organization") == default_scopes()
    assert not writes_anything(default_scopes())
    assert default_scopes() == choose_scopes((), write_mode=True)


def test_writing_is_offered_in_write_mode_only() -> None:
    """An operator who did not turn it on gives nobody the right."""
    assert not writes_anything(offered_scopes(write_mode=False))
    assert writes_anything(offered_scopes(write_mode=True))
    assert default_scopes() == choose_scopes(["write:repository"], write_mode=False)
    assert ("read:issue", "write:repository") == choose_scopes(["write:repository", "read:issue"], write_mode=True)


@given(raw=WORDS, write_mode=st.booleans())
def test_whatever_is_asked_what_is_granted_stands_in_the_table(raw: list[str], *, write_mode: bool) -> None:
    """Law 2: unknown words are dropped; `offline_access foo` is the default."""
    chosen = choose_scopes(raw, write_mode=write_mode)

    assert chosen
    assert set(chosen) <= set(offered_scopes(write_mode=write_mode))
    assert set(chosen) <= set(raw) | set(default_scopes())
    assert list(chosen) == [row.scope for row in SCOPES if row.scope in chosen]
    assert not NEVER & set(chosen)


@pytest.mark.parametrize(
    ("write_mode", "expected"),
    [
        (
            False,
            (
                "openid profile read:repository read:issue read:user read:organization read:notification "
                "read:package read:misc"
            ),
        ),
        (
            True,
            (
                "openid profile read:user read:organization read:package read:misc write:repository write:issue "
                "write:notification"
            ),
        ),
    ],
)
def test_gitea_is_asked_for_one_constant_set(*, write_mode: bool, expected: str) -> None:
    """Law 4: never empty, never everything, each area once; a change here makes everybody consent anew at Gitea."""
    words = gitea_scopes(write_mode=write_mode)

    assert expected == " ".join(words)
    assert not NEVER & set(words)
    for scope in offered_scopes(write_mode=write_mode):
        area = scope.partition(":")[2]
        assert {scope, f"write:{area}"} & set(words)


@pytest.mark.parametrize("write_mode", [False, True])
def test_the_same_grant_is_known_in_any_order(*, write_mode: bool) -> None:
    """Gitea separates by commas in some places and by spaces in others."""
    words = gitea_scopes(write_mode=write_mode)

    assert is_same_grant(" ".join(words), write_mode=write_mode)
    assert is_same_grant(",".join(reversed(words)), write_mode=write_mode)
    assert is_same_grant(" ,".join(words) + " ", write_mode=write_mode)


@given(st.lists(st.sampled_from([*gitea_scopes(write_mode=True), *gitea_scopes(write_mode=False), *sorted(NEVER)])))
def test_any_other_grant_is_another(words: list[str]) -> None:
    """More is an older grant that holds everything, less is one whose calls would fail; neither is ours."""
    for write_mode in (False, True):
        same = {word for word in words if word} == set(gitea_scopes(write_mode=write_mode))
        assert same is is_same_grant(" ".join(words), write_mode=write_mode)


def test_people_read_words_with_reading_first() -> None:
    """What changes something stands together, at the end, where it is seen."""
    words = words_of(offered_scopes(write_mode=True))
    writing = [row.words for row in SCOPES if row.writes]

    assert set(writing) == set(words[-len(writing) :])
    assert len(SCOPES) == len(set(words))
    assert ("read issues and pull requests", "change files and settings of repositories") == words_of(
        ["write:repository", "read:issue"]
    )


def test_what_writes_is_known_as_writing() -> None:
    """The page warns about it."""
    assert writes_anything(["read:issue", "write:issue"])
    assert not writes_anything(["read:issue"])
    assert not writes_anything([])
