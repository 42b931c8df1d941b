"""Any operation: what its answer is, what it is not, and what of it a bounded key sees."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aegis_trio.gitea.operations import OperationAnswer, ask_operation, narrowed
from aegis_trio.gitea.reach import within_bounds
from aegis_trio.gitea.request import ForgeRequest, ForgeResponse
from aegis_trio.model.bounds import KeyBounds
from aegis_trio.model.errors import BeyondKey, Conflict, Fault, NotFound, UpstreamBroken, UpstreamRejectedIdentity
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.policy.pathguard import ONE, Route
from tests.toolsets.canned import CannedForge

ROUTE = Route(segments=("repos", ONE, ONE, "things"), query_keys=frozenset({"page"}))


def _ask(
    segments: tuple[str, ...] = ("repos", "acme", "backend", "things"), **changes: Any
) -> ForgeRequest[OperationAnswer]:
    facts: dict[str, Any] = {
        "route": ROUTE,
        "segments": segments,
        "query": (("page", "2"),),
        "subject": "What getThings asks for",
        "answers_by_status": False,
        "under": "",
        "attributed": False,
        "described": "Gitea 1.25.4",
        "instead": "Use another.",
    }
    return ask_operation(**(facts | changes))


def _response(body: object = None, *, status: int = 200, kind: str = "application/json", **more: Any) -> ForgeResponse:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ForgeResponse(status=status, content_type=kind, body=raw, **more)


def test_json_comes_as_it_is_with_its_total() -> None:
    """Whoever reads it decides what of it is shown."""
    answer = _ask(under="things").decode(_response({"things": [1]}, total=9, has_next=True))

    assert {"things": [1]} == answer.document
    assert (9, True, True, "things") == (answer.total, answer.has_next, answer.in_repository, answer.under)


def test_text_comes_as_text() -> None:
    """Differences and logs are for reading."""
    assert "diff --git é" == _ask().decode(_response("diff --git é".encode(), kind="text/plain")).text


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (b"PK\x03\x04", "application/zip", "application/zip, 4 bytes"),
        (b"a\0b", "text/plain", "text/plain, 3 bytes"),
        (b"\xff\xfe", "text/plain", "text/plain, 2 bytes"),
        (b"%PDF", "application/x-<script>", "no known type, 4 bytes"),
        (b"x", "", "no known type, 1 bytes"),
    ],
)
def test_what_is_no_text_is_refused_with_its_size_and_a_way_out(body: bytes, kind: str, said: str) -> None:
    """A model can do nothing with it, and the type is Gitea's word, not ours."""
    with pytest.raises(Conflict, match=said) as refusal:
        _ask().decode(_response(body, kind=kind))

    assert "Use another." == refusal.value.remedy


def test_a_page_is_no_answer() -> None:
    """A login page before Gitea answers 200."""
    with pytest.raises(UpstreamBroken, match="not JSON"):
        _ask().decode(_response(b"<html>", kind="text/html"))


def test_nothing_is_an_answer() -> None:
    """Some lists are null, some bodies empty."""
    assert None is _ask().decode(_response(None)).document
    assert {} == _ask().decode(_response(b"", kind="", status=204)).document


def test_a_question_is_answered_by_the_status() -> None:
    """204 is yes, 404 no."""
    asked = _ask(answers_by_status=True)

    assert asked.decode(_response(b"", kind="", status=204)).holds is True
    assert asked.decode(_response({"message": "not found"}, status=404)).holds is False
    assert asked.decode(_response(b"", kind="", status=404)).holds is False


@pytest.mark.parametrize("answers_by_status", [False, True])
@pytest.mark.parametrize(
    "response",
    [
        _response(b"404 page not found\n", kind="text/plain", status=404),  # recorded: meta.unknown_path
        _response(b"", kind="", status=405),  # recorded: meta.options.*
    ],
    ids=["404", "405"],
)
def test_a_route_that_this_gitea_does_not_have_is_told_apart(
    response: ForgeResponse, *, answers_by_status: bool
) -> None:
    """`not there` would send a model looking for another spelling."""
    with pytest.raises(NotFound, match=r"does not have this operation: it is described for Gitea 1\.25\.4"):
        _ask(answers_by_status=answers_by_status).decode(response)


@pytest.mark.parametrize(("status", "fault"), [(404, NotFound), (401, UpstreamRejectedIdentity)])
def test_a_refusal_is_what_it_is_elsewhere(status: int, fault: type[Fault]) -> None:
    """The client makes faults of statuses that no decoder reads; the missing one is read here."""
    asked = _ask()
    if status in asked.ok:
        with pytest.raises(fault, match="What getThings asks for is missing"):
            asked.decode(_response({"message": "GetUserByName"}, status=status))
    else:
        assert status not in {200, 204}


BOUNDS = KeyBounds(repositories=("acme/backend",))


def _repository(full_name: str, **more: JsonValue) -> JsonObject:
    owner, _, name = full_name.partition("/")
    return {"id": 1, "owner": {"login": owner}, "name": name, "full_name": full_name, **more}


def _reaches(owner: str, name: str) -> bool:
    return (owner.lower(), name.lower()) == ("acme", "backend")


def _narrow(document: JsonValue, **facts: Any) -> OperationAnswer:
    return narrowed(OperationAnswer(document=document, **facts), _reaches)


def test_a_list_shows_only_repositories_within_the_key() -> None:
    """The others are withheld, and the total with them."""
    made = _narrow([_repository("acme/backend"), _repository("acme/payroll")])

    assert [_repository("acme/backend"), None] == made.document
    assert made.is_narrowed
    wrapped = _narrow({"ok": True, "data": [_repository("acme/payroll")]}, under="data")
    assert {"ok": True, "data": [None]} == wrapped.document


def test_an_entry_about_a_repository_beyond_is_withheld() -> None:
    """An issue of it says more than its name."""
    entries: list[JsonValue] = [
        {"title": "ours", "repository": {"full_name": "acme/backend", "owner": "acme", "name": "backend"}},
        {"title": "secret", "repository": {"full_name": "acme/payroll", "owner": "acme", "name": "payroll"}},
        {"minutes": 5, "issue": {"title": "secret", "repository": _repository("acme/payroll")}},
        {"issue_title": "secret", "repo_owner_name": "acme", "repo_name": "payroll"},
        {"issue_title": "ours", "repo_owner_name": "acme", "repo_name": "backend"},
        {"title": "says nothing of its repository"},
        "secret",
    ]

    assert "secret" not in str(_narrow(entries, attributed=True).document)
    assert [True, False, False, False, True, False, False] == _shown(_narrow(entries, attributed=True).document)
    assert [True, False, False, False, True, True, True] == _shown(_narrow(entries).document)


def test_a_whole_answer_about_a_repository_beyond_is_refused() -> None:
    """By its number, or after a rename, a key gets to places that its bounds do not name."""
    with pytest.raises(BeyondKey):
        _narrow(_repository("acme/payroll"))
    with pytest.raises(BeyondKey):
        _narrow({"subject": "secret", "repository": _repository("acme/payroll")})
    with pytest.raises(BeyondKey):
        _narrow({"subject": "whose?"}, attributed=True)


def test_what_stands_beside_is_left_out() -> None:
    """A fork's parent is not what was asked for; its name is not this key's either."""
    fork = _narrow(_repository("acme/backend", parent=_repository("acme/payroll"))).document
    assert _repository("acme/backend", parent=None) == fork

    pull: JsonObject = {"title": "ours", "head": {"ref": "x", "repo": _repository("mallory/backend")}}
    assert {"title": "ours", "head": {"ref": "x", "repo": None}} == _narrow(pull, in_repository=True).document
    nested: JsonObject = {"forks": [_repository("mallory/backend")], "full_name": "Alice Doe", "login": "alice"}
    assert {"forks": [], "full_name": "Alice Doe", "login": "alice"} == _narrow(nested, in_repository=True).document


def test_forks_of_a_repository_within_are_withheld_all_the_same() -> None:
    """They are other repositories."""
    assert [None] == _narrow([_repository("mallory/backend")], in_repository=True).document


async def test_a_bounded_forge_narrows_what_it_returns() -> None:
    """The bounds are kept below every tool, this one too."""
    canned = CannedForge(lambda request: _response([_repository("acme/payroll")]))
    answer = await within_bounds(canned, BOUNDS).ask(_ask())
    assert ([None], True) == (answer.document, answer.is_narrowed)
    with pytest.raises(BeyondKey):
        await within_bounds(canned, BOUNDS).ask(_ask(("repos", "acme", "payroll", "things")))
    assert 1 == len(canned.asked)


def _shown(value: JsonValue) -> list[bool]:
    assert isinstance(value, list)
    return [entry is not None for entry in value]
