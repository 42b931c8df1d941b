"""Compact: any answer in the fewest words that keep its meaning."""

from __future__ import annotations

import base64

import pytest

from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.toolsets.operations.compact import compact

ALICE: JsonObject = {"id": 2, "login": "alice", "full_name": "", "avatar_url": "https://g/a.png", "active": False}
BACKEND: JsonObject = {
    "id": 1,
    "name": "backend",
    "full_name": "acme/backend",
    "owner": ALICE,
    "empty": False,
    "size": 0,
}


def test_what_says_nothing_is_left_out() -> None:
    """A model pays for every byte; 0 is a number and stays."""
    answer: JsonObject = {
        "a": None,
        "b": "",
        "c": [],
        "d": {},
        "e": False,
        "f": "0001-01-01T00:00:00Z",
        "g": {"h": None},
        "i": 0,
        "j": [None, {}, "k"],
        "l": "1970-01-01T01:00:00+01:00",
    }

    assert {"i": 0, "j": ["k"]} == compact(answer)


def test_inside_an_answer_a_person_a_repository_and_a_label_are_their_names() -> None:
    """Twenty fields say who somebody is; a name can be used in the next call."""
    issue: JsonObject = {
        "user": ALICE,
        "assignees": [ALICE],
        "repository": BACKEND,
        "labels": [{"id": 1, "name": "bug", "color": "ff0000", "url": "https://g/api/v1/x"}],
    }

    short = {"user": "alice", "assignees": ["alice"], "repository": "acme/backend", "labels": ["bug"]}
    assert short == compact(issue)


def test_as_the_answer_itself_they_stand_in_full() -> None:
    """Whoever asked for the person did not ask for the name."""
    assert {"id": 2, "login": "alice"} == compact(ALICE)
    assert {"id": 1, "name": "backend", "full_name": "acme/backend", "owner": "alice", "size": 0} == compact(BACKEND)


def test_an_address_of_a_person_is_not_shown() -> None:
    """Addresses are opened by a setting, and a list of people is none; who wrote a commit stands in the commit."""
    assert {"id": 2, "login": "alice"} == compact(ALICE | {"email": "alice@example.com", "last_login": "yesterday"})
    assert {"author": {"email": "a@example.com"}} == compact({"author": {"email": "a@example.com"}})


def test_only_addresses_that_a_person_can_open_stand() -> None:
    """The API's own are of no use, and one to clone from may hold a password."""
    answer: JsonObject = {
        "url": "https://git.example.com/api/v1/repos/a/b",
        "html_url": "https://git.example.com/a/b",
        "clone_url": "https://git.example.com/a/b.git",
        "original_url": "https://token@github.com/a/b",
        "avatar_url": "https://git.example.com/x.png",
        "target_url": "https://user:secret@ci.example.com/1",
        "browser_download_url": 7,
        "clone_urls": ["https://u:p@x"],
    }

    assert {"html_url": "https://git.example.com/a/b"} == compact(answer)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2026-01-31T12:00:00+01:00", "2026-01-31T11:00:00Z"),
        ("2026-01-31T12:00:00-05:00", "2026-01-31T17:00:00Z"),
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
        ("2026-99-31T12:00:00+01:00", "2026-99-31T12:00:00+01:00"),
        ("0001-01-01T00:00:00+14:00", None),
        ("a\u202eb\r\nc", "ab\nc"),
    ],
)
def test_times_are_utc_and_text_is_clean(given: str, shown: str | None) -> None:
    """Two zones in one answer are compared wrongly, and what cannot be seen cannot be judged."""
    assert ({} if shown is None else {"x": shown}) == compact({"x": given})


def test_base64_becomes_text_or_a_size() -> None:
    """A model cannot read it, and pays a third more for it."""
    text = base64.b64encode("héllo\n".encode()).decode()
    binary = base64.b64encode(b"\x89PNG\xff").decode()

    assert {"content": "héllo\n", "size": 7} == compact({"content": text, "encoding": "base64", "size": 7})
    assert {"title": "Home", "content": "héllo\n"} == compact({"title": "Home", "content_base64": text})
    assert "binary, 5 bytes" == _object(compact({"content": binary, "encoding": "base64"}))["content_left_out"]
    assert {"content_left_out": "not valid Base64"} == compact({"content": "%", "encoding": "base64"})
    assert {"content": text} == compact({"content": text})  # nobody said that it is encoded


def test_names_of_fields_are_clean_too() -> None:
    """In some answers they are people's words, such as languages."""
    assert {"Go lang": 5} == compact({"Go\u202e\nlang": 5})


def test_scalars_and_lists_are_answers_too() -> None:
    """Topics are a list of words."""
    assert ["a", "b"] == compact(["a", "", "b"])
    assert "x" == compact("x")
    assert 7 == compact(7)


def _object(value: JsonValue) -> JsonObject:
    assert isinstance(value, dict)
    return value
