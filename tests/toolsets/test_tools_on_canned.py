"""The tools on answers that the demo forge does not give: hostile texts, odd versions, strange totals."""

from __future__ import annotations

import base64
import dataclasses
from typing import Any

import pytest

from aegis_trio.gitea.request import ForgeRequest, ForgeResponse
from aegis_trio.model.errors import NotFound, UpstreamTooLarge
from aegis_trio.model.json import JsonObject
from tests.toolsets.canned import PRINCIPAL, CannedForge, Listener, context_for, json_answer, run, tool_named

PLACE: JsonObject = {"owner": "o", "repo": "r", "path": "p"}
HIDDEN = "a\u202eb\u200bc\U000e0041"


def _repository(**fields: Any) -> dict[str, Any]:
    return {"id": 1, "owner": {"login": "o"}, "name": "r", **fields}


def _entry(**fields: Any) -> dict[str, Any]:
    return {"path": "p", "sha": "s", "size": 0, **fields}


def _file(content: bytes, **fields: Any) -> dict[str, Any]:
    encoded = base64.b64encode(content).decode()
    return _entry(type="file", size=len(content), encoding="base64", content=encoded, **fields)


def _always(body: object) -> CannedForge:
    return CannedForge(lambda _: json_answer(body))


@pytest.mark.requirement("MCP-TOOL-11")
async def test_a_description_is_shown_without_what_is_hidden() -> None:
    """It is its owner's text, and owners may be attackers."""
    hostile = _repository(
        description=HIDDEN, language=HIDDEN, topics=[HIDDEN], default_branch=HIDDEN, updated_at=HIDDEN
    )
    info = await run("get_repository_info", {"owner": "o", "repo": "r"}, _always(hostile))

    assert ("abc", "abc", ["abc"], "abc", "abc") == (
        info["description"],
        info["language"],
        info["topics"],
        info["default_branch"],
        info["updated_at"],
    )


async def test_rare_marks_are_said_only_when_true() -> None:
    """False flags would fill every list."""
    marks = {"archived": True, "empty": True, "fork": True, "mirror": True, "template": True}
    plain = await run("get_repository_info", {"owner": "o", "repo": "r"}, _always(_repository()))
    marked = await run(
        "get_repository_info",
        {"owner": "o", "repo": "r"},
        _always(_repository(**marks, parent={"full_name": "x/y"}, html_url="https://u:p@h/x")),
    )

    assert not set(marks) & set(plain)
    assert marks == {name: marked[name] for name in marks}
    assert "x/y" == marked["forked_from"]
    assert "url" not in marked


async def test_long_descriptions_are_shortened_in_lists_with_a_mark() -> None:
    """Fifty descriptions of 2,000 characters are no list; the mark says that there is more."""
    forge = _always([_repository(description="d" * 500)])
    listed = await run("list_repositories", {}, forge)

    assert isinstance(listed["repositories"], list)
    line = listed["repositories"][0]
    assert isinstance(line, dict)
    assert "d" * 199 + "…" == line["description"]


@pytest.mark.parametrize(
    ("total", "has_next", "count", "expected"),
    [
        (None, None, 2, True),
        (None, None, 1, False),
        (5, None, 2, True),
        (2, None, 2, False),
        (9, None, 0, False),
        (9, False, 2, False),
        (2, True, 2, True),
    ],
    ids=["full page", "part of a page", "by total", "total reached", "beyond", "link says no", "link says yes"],
)
async def test_whether_more_follows_is_decided_by_what_gitea_says(
    total: int | None, count: int, *, has_next: bool | None, expected: bool
) -> None:
    """The header first, then arithmetic, then the fullness of the page: never a guess that hides entries."""
    forge = CannedForge(lambda _: json_answer([_repository()] * count, total=total, has_next=has_next))
    listed = await run("list_repositories", {"limit": 2}, forge)

    assert (expected, total) == (listed["has_next"], listed["total"])
    assert (total is None) == ("total_unknown" in listed)


async def test_a_lower_maximum_of_gitea_is_followed() -> None:
    """A forge that gives 20 where 50 were asked: the next page begins behind the 20."""
    forge = CannedForge(lambda _: json_answer([_repository()] * 20, total=70, has_next=True))
    listed = await run("list_repositories", {"limit": 50}, forge)

    assert {"page": 2, "limit": 20} == listed["next"]


async def test_forgejo_is_named() -> None:
    """It is another product with other abilities."""
    reply = await run("get_server_version", {}, _always({"version": "15.0.4+gitea-1.22.0"}))
    assert ("Forgejo", "15.0.4+gitea-1.22.0") == (reply["product"], reply["version"])


async def test_a_link_is_shown_and_not_followed() -> None:
    """A link's target may point outside the repository."""
    reply = await run("get_file_contents", PLACE, _always(_entry(type="symlink", target="../../etc/passwd")))
    assert ("symlink", "../../etc/passwd") == (reply["type"], reply["target"])


@pytest.mark.parametrize(
    ("url", "expected"),
    [("https://forge.invalid/x.git", "https://forge.invalid/x.git"), ("https://u:secret@forge.invalid/x.git", None)],
    ids=["plain", "with a password"],
)
async def test_a_submodule_is_shown_without_credentials(url: str, expected: str | None) -> None:
    """People write tokens into .gitmodules."""
    reply = await run("get_file_contents", PLACE, _always(_entry(type="submodule", submodule_git_url=url)))

    assert ("submodule", "s", expected) == (reply["type"], reply["commit"], reply["url"])
    assert "secret" not in str(reply)


async def test_types_in_a_tree_are_named_by_their_modes() -> None:
    """Links and submodules are no files."""
    lines = [
        {"path": name, "type": kind, "mode": mode, "size": 3}
        for name, kind, mode in [
            ("f", "blob", "100644"),
            ("x", "blob", "100755"),
            ("l", "blob", "120000"),
            ("d", "tree", "040000"),
            ("m", "commit", "160000"),
        ]
    ]
    tree = {"sha": "s", "tree": lines, "total_count": 5, "truncated": False}
    reply = await run("get_file_tree", {"owner": "o", "repo": "r"}, _always(tree))

    assert isinstance(reply["entries"], list)
    assert [("f", "file"), ("x", "file"), ("l", "symlink"), ("d", "folder"), ("m", "submodule")] == [
        (line["path"], line["type"])  # type: ignore[index, call-overload]  # objects
        for line in reply["entries"]
    ]


async def test_a_file_is_shown_as_it_is() -> None:
    """Contents are data: hidden characters stay, because a model may be asked to find them."""
    reply = await run("get_file_contents", PLACE, _always(_file(HIDDEN.encode())))
    assert HIDDEN == reply["content"]


async def test_a_pointer_of_lfs_is_known_by_its_first_line() -> None:
    """An older Gitea does not say what the pointer stands for."""
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"
    reply = await run("get_file_contents", PLACE, _always(_file(pointer)))

    assert ("lfs_pointer", None, None) == (reply["reason"], reply["content"], reply["size_bytes"])


def _too_large_then(answer: ForgeResponse | Exception) -> CannedForge:
    def reply(request: ForgeRequest[Any]) -> ForgeResponse:
        if request.segments[3] == "contents":
            raise UpstreamTooLarge("x")
        if isinstance(answer, Exception):
            raise answer
        return answer

    return CannedForge(reply)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            json_answer({"file_contents": _entry(type="file", size=2_000_000, content=None)}),
            {"type": "file", "size_bytes": 2_000_000, "reason": "too_large"},
        ),
        (json_answer({"dir_contents": [_entry()]}), {"type": "folder"}),
        (NotFound("x"), {"type": "file", "size_bytes": None, "reason": "too_large"}),
    ],
    ids=["a file", "a folder", "an older Gitea"],
)
async def test_what_is_too_large_to_read_is_looked_at_once_more(
    answer: ForgeResponse | Exception, expected: JsonObject
) -> None:
    """A huge folder is no huge file; and a Gitea that cannot say the size is not made to."""
    forge = _too_large_then(answer)
    reply = await run("get_file_contents", PLACE | {"ref": "main"}, forge)

    assert expected == {name: reply[name] for name in expected}
    assert ["contents", "contents-ext"] == [request.segments[3] for request in forge.asked]
    assert {(("ref", "main"),)} == {request.query for request in forge.asked}


async def test_a_huge_folder_is_not_called_a_file() -> None:
    """Not even its metadata can be read; the fault says what to try."""
    with pytest.raises(UpstreamTooLarge, match="list it with get_file_tree"):
        await run("get_file_contents", PLACE, _too_large_then(UpstreamTooLarge("x")))


async def test_a_caller_without_a_key_has_no_hint() -> None:
    """The local principal has none to show."""
    forge = _always({"id": 1, "login": "me", "full_name": None})
    context = dataclasses.replace(context_for(forge), principal=dataclasses.replace(PRINCIPAL, key_hint=None))
    reply = await tool_named("get_me").prepare({}).run(context)

    assert {"login": "me", "id": 1, "full_name": "", "scopes": ["read:repository", "read:user"]} == reply.structured


async def test_texts_without_end_do_not_fill_a_reply() -> None:
    """A forge that sends more than Gitea would take is shown up to a mark."""
    described = await run(
        "get_repository_info", {"owner": "o", "repo": "r"}, _always(_repository(description="d" * 90_000))
    )
    link = await run("get_file_contents", PLACE, _always(_entry(type="symlink", target="t" * 90_000)))

    assert ("d…", "t…") == (str(described["description"])[-2:], str(link["target"])[-2:])


async def test_a_second_request_is_told() -> None:
    """A file above the bound takes two: a person who waits sees why."""

    def answer(request: ForgeRequest[Any]) -> ForgeResponse:
        if "contents-ext" in request.segments:
            return json_answer({"file_contents": _entry(type="file", size=2_000_000)})
        raise UpstreamTooLarge("too large")

    listener = Listener()
    await tool_named("get_file_contents").prepare(PLACE).run(context_for(CannedForge(answer), peer=listener))

    assert [(1, 2)] == listener.reports
