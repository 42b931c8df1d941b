"""Resources on answers that the demo forge does not give: links, hostile texts, odd sizes, endless conversations."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from aegis_trio.gateway.render import max_bytes_of, rendered_bytes
from aegis_trio.gitea.contents import MAX_FILE_BYTES
from aegis_trio.gitea.request import ForgeRequest, ForgeResponse
from aegis_trio.model.call import MAX_REPLY_BYTES, CallKind, ToolReply
from aegis_trio.model.errors import Conflict, InvalidArgument, ReplyTooLarge, ResourceMissing, UpstreamTooLarge
from aegis_trio.toolsets.catalogue import RESOURCES
from aegis_trio.toolsets.resources.documents import MAX_DOCUMENT_BYTES
from aegis_trio.toolsets.resources.issues import read_issue
from aegis_trio.toolsets.resources.uris import IssueUri, parse_uri
from tests.toolsets.canned import CannedForge, Listener, context_for, json_answer
from tests.toolsets.features import document, perform, read

BASE = "gitea://main/o/r"
HIDDEN = "a\u202eb\u200bc\U000e0041"
FILE_URI = f"{BASE}/blob/main/p"


def _entry(**fields: Any) -> dict[str, Any]:
    return {"path": "p", "sha": "s", "size": 0, **fields}


def _file(content: bytes, **fields: Any) -> dict[str, Any]:
    encoded = base64.b64encode(content).decode()
    return _entry(type="file", size=len(content), encoding="base64", content=encoded, **fields)


def _always(body: object) -> CannedForge:
    return CannedForge(lambda _: json_answer(body))


def _routed(answers: dict[str, Callable[[ForgeRequest[Any]], ForgeResponse]]) -> CannedForge:
    """Answer by the last word of a route that is no variable."""
    return CannedForge(
        lambda request: answers[next(word for word in reversed(request.route.segments) if "*" not in word)](request)
    )


# ---- files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (_entry(type="symlink", target="../../etc/passwd"), "a symbolic link"),
        (_entry(type="submodule", submodule_git_url="https://u:p@h/x"), "a submodule"),
        ([], "a folder"),
        (_entry(type="dir"), "a folder"),
        (_file(b"x", lfs_oid="0" * 64, lfs_size=9), "a pointer of Git LFS"),
        (_file(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "a pointer of Git LFS"),
    ],
    ids=["link", "submodule", "folder", "folder in short", "lfs", "lfs of an older Gitea"],
)
async def test_what_is_no_file_is_missing_and_said(entry: object, words: str) -> None:
    """Its target or its credentials are not repeated."""
    with pytest.raises(ResourceMissing) as missing:
        await read(FILE_URI, _always(entry))

    assert words in missing.value.message
    assert FILE_URI == missing.value.uri
    assert not {"passwd", "u:p"} & set(str(missing.value).replace("/", " ").replace("@", " ").split())


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a\0b", b"\x89PNG"])
async def test_what_is_no_text_is_bytes(content: bytes) -> None:
    """A NUL is no character of a text, though UTF-8 can spell it."""
    read_back = await read(FILE_URI, _always(_file(content)))

    assert content == base64.b64decode(read_back["blob"], validate=True)
    assert "application/octet-stream" == read_back["mimeType"]


@pytest.mark.parametrize("content", [b"", b"\r\n\t\x0b\x1b", "\u202e".encode(), b"\xef\xbb\xbfx"])
async def test_text_is_never_altered(content: bytes) -> None:
    """Also a hidden character is the file's; an empty file is an empty text, and no fault."""
    assert content.decode() == (await read(FILE_URI, _always(_file(content))))["text"]


async def test_the_largest_file_fits_a_resource() -> None:
    """As bytes and as text: the bound is on the file, and the room was made for it."""
    for content in (b"\xff" * MAX_FILE_BYTES, b"x" * MAX_FILE_BYTES):
        read_back = await read(FILE_URI, _always(_file(content)))
        size = rendered_bytes(ToolReply(content=(read_back,)), CallKind.RESOURCE)
        assert size < max_bytes_of(CallKind.RESOURCE)


async def test_a_text_that_json_makes_too_large_leads_to_its_parts() -> None:
    """A megabyte of quotes is two of JSON: get_file_contents gives it by lines."""
    with pytest.raises(ReplyTooLarge, match="in parts with get_file_contents"):
        await read(FILE_URI, _always(_file(b'"' * MAX_FILE_BYTES)))


@pytest.mark.parametrize("entry", [_file(b"x" * (MAX_FILE_BYTES + 1)), _entry(type="file", size=20_000_000)])
async def test_a_file_above_the_bound_is_a_fault(entry: object) -> None:
    """Whether Gitea sent its bytes or left them out."""
    with pytest.raises(ReplyTooLarge, match="Clone the repository"):
        await read(FILE_URI, _always(entry))


async def test_a_repository_without_a_commit_has_no_readme() -> None:
    """Gitea answers 409 for its tree."""

    def refuse(_: ForgeRequest[Any]) -> ForgeResponse:
        raise Conflict("empty")

    with pytest.raises(ResourceMissing, match="has no README"):
        await read(f"{BASE}/readme", CannedForge(refuse))


def test_an_operation_refuses_an_address_of_another_family() -> None:
    """The directory chooses by the same function; a caller of its own would be answered, not served."""
    for resource in RESOURCES:
        other = f"{BASE}/readme" if resource.definition["name"] == "issue" else f"{BASE}/issues/1"
        with pytest.raises(InvalidArgument, match="uri"):
            resource.operation.prepare({"uri": other})


# ---- issues ---------------------------------------------------------------------------------------------------------


def _issue(**fields: Any) -> dict[str, Any]:
    return {"number": 5, "title": "t", "body": "b", "state": "open", "user": {"login": "u"}, "comments": 1, **fields}


def _comment(number: int, body: str = "c", **fields: Any) -> dict[str, Any]:
    return {"id": number, "user": {"login": "v"}, "body": body, "created_at": "2025-01-01T00:00:00Z", **fields}


def _conversation(issue: dict[str, Any], comments: list[dict[str, Any]]) -> CannedForge:
    return _routed({"issues": lambda _: json_answer(issue), "comments": lambda _: json_answer(comments)})


async def test_texts_of_people_are_shown_without_what_is_hidden() -> None:
    """A person who reads along must see what the model sees."""
    issue = _issue(
        title=HIDDEN,
        body=HIDDEN,
        user={"login": HIDDEN},
        labels=[{"name": HIDDEN}],
        assignees=[{"login": HIDDEN}],
        milestone={"title": HIDDEN},
        created_at=HIDDEN,
        is_locked=True,
        html_url="https://u:p@h/x",
    )
    found = await document(f"{BASE}/issues/5", _conversation(issue, [_comment(1, HIDDEN, original_author=HIDDEN)]))

    assert ("abc", "abc", "abc", ["abc"], ["abc"], "abc", "abc", True) == (
        found["title"],
        found["body"],
        found["author"],
        found["labels"],
        found["assignees"],
        found["milestone"],
        found["created_at"],
        found["locked"],
    )
    assert ("abc", "abc") == (found["comments"][0]["body"], found["comments"][0]["author"])
    assert "url" not in found


async def test_a_conversation_is_given_newest_first_and_goes_on_to_its_beginning() -> None:
    """Nothing is skipped and nothing shown twice, however long it is; each part fits."""
    comments = [_comment(number, f"{number}: " + "x" * 900) for number in range(1, 201)]
    forge = _conversation(_issue(comments=200), comments)
    uri: str | None = f"{BASE}/issues/5"
    seen: list[int] = []
    parts = 0
    while uri is not None:
        content = await read(uri, forge)
        part = json.loads(content["text"])
        assert uri == content["uri"]
        assert rendered_bytes(ToolReply(content=(content,)), CallKind.RESOURCE) <= MAX_DOCUMENT_BYTES + 512
        seen = [comment["id"] for comment in part["comments"]] + seen
        assert ("body" in part) == (parts == 0)
        assert 200 - len(seen) == part.get("comments_left", 0)
        uri = part.get("next")
        parts += 1

    assert list(range(1, 201)) == seen
    assert parts > 3


async def test_older_comments_are_found_though_the_named_one_was_deleted() -> None:
    """Between two parts somebody deletes; ids grow, so its place is known."""
    forge = _conversation(_issue(comments=2), [_comment(1), _comment(3)])

    found = await document(f"{BASE}/issues/5?before=2", forge)
    assert [1] == [comment["id"] for comment in found["comments"]]


async def test_migrated_comments_keep_their_order() -> None:
    """Their ids need not grow with their place."""
    forge = _conversation(_issue(comments=3), [_comment(9), _comment(4), _comment(7)])

    found = await document(f"{BASE}/issues/5?before=7", forge)
    assert [9, 4] == [comment["id"] for comment in found["comments"]]


@pytest.mark.parametrize("character", ["x", '"', "\n", "泊", "\U0001f6a2"])
async def test_an_endless_text_is_cut_with_a_mark(character: str) -> None:
    """Whatever its characters take in JSON; where the whole stands is said."""
    endless = character * 60_000
    issue = _issue(body=endless, title=endless, html_url="https://git.example/o/r/issues/5")
    content = await read(f"{BASE}/issues/5", _conversation(issue, [_comment(1, endless)]))
    found = json.loads(content["text"])

    assert rendered_bytes(ToolReply(content=(content,)), CallKind.RESOURCE) <= MAX_REPLY_BYTES - 4096
    assert found["body"].endswith("…")
    assert (True, True) == (found["body_cut"], found["comments"][0]["body_cut"])
    assert "https://git.example/o/r/issues/5" == found["url"]


async def test_a_crowd_of_labels_is_counted() -> None:
    """A list without end would leave no room for what was said."""
    issue = _issue(labels=[{"name": f"l{number}"} for number in range(40)])
    found = await document(f"{BASE}/issues/5", _conversation(issue, [_comment(1)]))

    assert (25, "… and 16 more") == (len(found["labels"]), found["labels"][-1])


async def test_a_conversation_that_cannot_be_read_leaves_the_issue() -> None:
    """Some thousand comments pass what the gate reads; the issue itself is still of use."""

    def refuse(_: ForgeRequest[Any]) -> ForgeResponse:
        raise UpstreamTooLarge("too large")

    forge = _routed({"issues": lambda _: json_answer(_issue()), "comments": refuse})
    found = await document(f"{BASE}/issues/5", forge)

    assert "b" == found["body"]
    assert "read them at the url" in found["comments_unavailable"]
    assert "comments" not in found


async def test_a_reader_of_issues_tells_how_far_it_is() -> None:
    """Two requests to a slow forge: an application may show the first."""
    uri = parse_uri(f"{BASE}/issues/5")
    assert isinstance(uri, IssueUri)
    listener = Listener()
    await read_issue(context_for(_conversation(_issue(), [_comment(1)]), peer=listener), uri)

    assert [(1, 2)] == listener.reports


# ---- pull requests --------------------------------------------------------------------------------------------------


def _pull(**fields: Any) -> dict[str, Any]:
    side = {"ref": "main", "sha": "0" * 40, "repo": {"full_name": "o/r"}}
    return {"number": 5, "title": "t", "state": "open", "base": side, "head": {**side, "repo": None}, **fields}


def _files(*paths: str, **fields: Any) -> list[dict[str, Any]]:
    return [{"filename": path, "status": "changed", "additions": 1, "deletions": 0, **fields} for path in paths]


def _proposal(pull: dict[str, Any], files: list[dict[str, Any]], *, has_next: bool | None = None) -> CannedForge:
    return _routed(
        {"pulls": lambda _: json_answer(pull), "files": lambda _: json_answer(files, total=120, has_next=has_next)}
    )


async def test_changed_files_go_on_under_next() -> None:
    """Page by page; only the first tells the whole story."""
    forge = _proposal(_pull(draft=True, body="b"), _files("a"), has_next=True)
    first = await document(f"{BASE}/pulls/5", forge)
    second = await document(first["next"], forge)

    assert f"{BASE}/pulls/5?page=2" == first["next"]
    assert f"{BASE}/pulls/5?page=3" == second["next"]
    assert ("b", True, False) == (first["body"], first["draft"], first["mergeable"])
    assert "body" not in second
    assert ("page", "2") in forge.asked[-1].query


async def test_the_last_page_has_no_next() -> None:
    """By the total where Gitea sends no header."""
    forge = _routed(
        {"pulls": lambda _: json_answer(_pull()), "files": lambda _: json_answer(_files("a", "b"), total=2)}
    )
    assert "next" not in await document(f"{BASE}/pulls/5", forge)


async def test_a_branch_of_a_fork_that_is_gone_has_no_repository() -> None:
    """Left out, and not null."""
    found = await document(f"{BASE}/pulls/5", _proposal(_pull(), []))

    assert "o/r" == found["base"]["repository"]
    assert {"branch", "commit"} == set(found["head"])


async def test_a_name_that_hides_something_is_marked() -> None:
    """It reads differently for a person than for a program."""
    files = _files(f"src/{HIDDEN}.py", previous_filename="old.py", status="renamed")
    [file] = (await document(f"{BASE}/pulls/5", _proposal(_pull(), files)))["files"]

    assert ("src/abc.py", True, "old.py", "renamed") == (
        file["path"],
        file["hidden_characters"],
        file["previous_path"],
        file["status"],
    )


async def test_names_of_kilobytes_do_not_pass_the_bound() -> None:
    """What is left out is counted."""
    files = _files(*(f"{number}/" + "d/" * 2000 for number in range(50)))
    content = await read(f"{BASE}/pulls/5", _proposal(_pull(), files))
    found = json.loads(content["text"])

    assert rendered_bytes(ToolReply(content=(content,)), CallKind.RESOURCE) <= MAX_DOCUMENT_BYTES + 512
    assert 50 == len(found["files"]) + found["files_not_shown"]


# ---- the list -------------------------------------------------------------------------------------------------------


def _repository(name: str, **fields: Any) -> dict[str, Any]:
    return {"id": 1, "owner": {"login": "o"}, "name": name, **fields}


async def _list(forge: CannedForge, page: str = "") -> dict[str, Any]:
    return await perform(CallKind.RESOURCE_LIST, "resources/list", {"page": page}, forge)


async def test_the_list_goes_on() -> None:
    """`next` is the number of the page after this one; the desk seals it."""
    forge = CannedForge(lambda _: json_answer([_repository("r")], has_next=True))
    first, third = await _list(forge), await _list(forge, "3")

    assert (2, 4) == (first["next"], third["next"])
    assert (("page", "3"), ("limit", "50")) == forge.asked[-1].query


@pytest.mark.parametrize("page", ["0", "-1", "x", "1.0", "1234567", "\u0661"])
async def test_a_page_that_is_no_number_is_refused(page: str) -> None:
    """Cursors are sealed, so this is our own bug or a seal that was broken."""
    with pytest.raises(InvalidArgument, match="no number of a page"):
        await _list(_always([]), page)


async def test_what_has_no_readme_or_no_name_is_left_out() -> None:
    """An empty repository, and a name that could not be asked for again."""
    listed = await _list(_always([_repository("a", empty=True), _repository(".."), _repository("b")]))

    assert [f"{BASE[:-1]}b/readme"] == [one["uri"] for one in listed["resources"]]


async def test_descriptions_give_way_before_entries_do() -> None:
    """Fifty repositories with the longest texts still fit into one page, each with its address."""
    long = [_repository(f"{number:02}" + "n" * 98, description="泊" * 2000) for number in range(50)]
    listed = await _list(_always(long))
    short = await _list(_always([_repository("r", description=f"{HIDDEN} \n x")]))

    assert 50 == len(listed["resources"])
    assert rendered_bytes(ToolReply(listed), CallKind.RESOURCE_LIST) < MAX_REPLY_BYTES
    assert {len(one["description"]) for one in listed["resources"]} <= {60, 200}
    assert "abc x" == short["resources"][0]["description"]
