"""search_code: what is found, what was not searched and why, and how it goes on."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import cast

import pytest
import trio

from aegis_trio.gitea.contents import MAX_FILE_BYTES, File
from aegis_trio.gitea.git import TreeEntry, TreePage
from aegis_trio.gitea.reads import BlobsRead, FileRead, TreeRead
from aegis_trio.gitea.repositories import RepositoryPage
from aegis_trio.gitea.request import AnswerT, ForgeRequest
from aegis_trio.model.errors import InvalidArgument, NotFound
from aegis_trio.model.json import JsonObject
from aegis_trio.toolsets.search import corpus, search_code
from tests.gitea.cache.small_world import blob_id
from tests.toolsets.canned import run, tool_named
from tests.toolsets.stage import as_person

HARBOR: JsonObject = {"owner": "tidewater", "repo": "harbor"}
TREE = "f" * 40


@dataclass
class _CodeForge:
    """A commit's files, which come as an archive, in batches or one by one."""

    files: dict[str, bytes]
    has_archives: bool = True
    has_batches: bool = True
    kinds: list[str] = field(default_factory=list[str])

    async def ask(self, request: ForgeRequest[AnswerT]) -> AnswerT:
        await trio.lowlevel.checkpoint()
        return cast("AnswerT", self._answer(request))

    def _answer(self, request: ForgeRequest[AnswerT]) -> object:
        match request.reads:
            case TreeRead() as read:
                self.kinds.append("tree")
                return self._page(read)
            case BlobsRead() as read:
                is_archive = request.segments[3] == "archive"
                self.kinds.append("archive" if is_archive else "batch")
                if not (self.has_archives if is_archive else self.has_batches):
                    raise NotFound("no", "")
                return {sha: self.files[path] for path, sha in read.wanted}
            case FileRead() as read:
                self.kinds.append("file")
                content = self.files[str(read.path)]
                return File(sha=blob_id(content), size_bytes=len(content), content=content, lfs=None)
            case other:
                raise AssertionError(other)

    def _page(self, read: TreeRead) -> TreePage:
        listed = list(self.files.items())
        shown = listed[(read.page - 1) * read.limit : read.page * read.limit]
        entries = tuple(
            TreeEntry(path=path, type="blob", mode="100644", size_bytes=len(content), sha=blob_id(content))
            for path, content in shown
        )
        return TreePage(sha=TREE, entries=entries, total=len(listed), has_next=read.page * read.limit < len(listed))


def _many(count: int) -> dict[str, bytes]:
    return {f"src/f{number:04d}.py": f"def f{number}():\n    return {number}\n".encode() for number in range(count)}


def _found(reply: JsonObject) -> list[tuple[str, int]]:
    """Return path and line of every match."""
    files = cast("list[JsonObject]", reply["files"])
    return [
        (str(file["path"]), cast("int", match["line"]))
        for file in files
        for match in cast("list[JsonObject]", file["matches"])
    ]


async def test_a_match_is_told_by_path_line_and_text() -> None:
    """With lines around it on demand."""
    forge = _CodeForge({"a.py": b"one\ntwo\nthree\nfour\n", "b.py": b"two"})
    reply = await run("search_code", HARBOR | {"query": "two", "context_lines": 1}, forge)
    expected: JsonObject = {
        "files": [
            {"path": "a.py", "matches": [{"line": 2, "first_line": 1, "text": "one\ntwo\nthree"}]},
            {"path": "b.py", "matches": [{"line": 1, "text": "two"}]},
        ],
        "searched": "2 of 2 files",
        "has_next": False,
    }
    assert expected == reply


async def test_many_files_are_one_archive_and_few_are_batches() -> None:
    """As cheap as each way is."""
    forge = _CodeForge(_many(2000))
    reply = await run("search_code", HARBOR | {"query": r"^def f1999\(", "regex": True}, forge)
    assert [("src/f1999.py", 1)] == _found(reply)
    assert "2000 of 2000 files" == reply["searched"]
    assert ["tree", "tree", "archive"] == forge.kinds
    few = _CodeForge(_many(40))
    await run("search_code", HARBOR | {"query": "x"}, few)
    assert ["tree", "batch", "batch"] == few.kinds


@pytest.mark.parametrize("has_batches", [True, False])
async def test_a_gitea_without_archives_is_searched_all_the_same(*, has_batches: bool) -> None:
    """They can be switched off; before 1.24 there are no batches either."""
    forge = _CodeForge(_many(100), has_archives=False, has_batches=has_batches)
    reply = await run("search_code", HARBOR | {"query": "return 99"}, forge)
    assert [("src/f0099.py", 2)] == _found(reply)
    assert ("batch" if has_batches else "file") == forge.kinds[-1]


async def test_following_next_shows_every_match_once_and_in_order() -> None:
    """However they come."""
    forge = _CodeForge({f"f{number}.txt": b"hit\nmiss\nhit\n" for number in range(70)})
    arguments: JsonObject | None = HARBOR | {"query": "hit", "limit": 9}
    found: list[tuple[str, int]] = []
    while arguments is not None:
        reply = await run("search_code", arguments, forge)
        found += _found(reply)
        arguments = cast("JsonObject | None", reply.get("next"))
    assert [(f"f{number}.txt", line) for number in range(70) for line in (1, 3)] == found


async def test_long_replies_go_on_where_they_end() -> None:
    """Within the bound of a reply, with long lines shortened and said so."""
    forge = _CodeForge({f"f{number}.txt": b"hit " + b"x" * 5000 for number in range(150)})
    reply = await run("search_code", HARBOR | {"query": "hit", "limit": 200}, forge)
    shown = len(_found(reply))
    assert 0 < shown < 150
    assert shown == cast("JsonObject", reply["next"])["skip"]
    assert "…" in json.dumps(reply, ensure_ascii=False)


async def test_what_was_not_searched_is_told_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody must take silence for absence."""
    files = {
        "a.txt": b"x",
        "b.bin": b"\0x",
        "c.txt": b"\xff\xfe\xfa",
        "d.txt": b"x" * (MAX_FILE_BYTES + 1),
        "e.txt": b"y" * 99,
    }
    monkeypatch.setattr(search_code, "MAX_BYTES", 50)
    reply = await run("search_code", HARBOR | {"query": "x"}, _CodeForge(files))
    assert "1 of 5 files" == reply["searched"]
    reasons = {"binary": 1, "not UTF-8": 1, "larger than 1 MiB": 1, "beyond 48 MiB in all": 1}
    assert reasons == reply["not_searched"]


async def test_more_entries_than_are_looked_at_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound of a tree is one of its own."""
    monkeypatch.setattr(corpus, "MAX_ENTRIES", 1000)
    reply = await run("search_code", HARBOR | {"query": "return 7"}, _CodeForge(_many(1500)))
    assert "500" in json.dumps(reply["not_searched"])


async def test_time_ends_a_search_between_two_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """And it tells how far it came."""
    monkeypatch.setattr(search_code, "SEARCH_S", 0.0)
    reply = await run("search_code", HARBOR | {"query": "return"}, _CodeForge(_many(500)))
    assert "120 of 500 files" == reply["searched"]
    assert 380 == sum(cast("dict[str, int]", reply["not_searched"]).values())


@pytest.mark.sockets
async def test_an_owners_repositories_are_searched_as_the_caller_sees_them() -> None:
    """And the reply says how many."""
    async with as_person("alice") as stage:
        stage.commit({"needle.txt": b"a needle here\n"})
        reply = await run("search_code", {"query": "needle here", "owner": "tidewater"}, stage.forge)
        files = cast("list[JsonObject]", reply["files"])
        assert [("harbor", "needle.txt")] == [(file["repo"], file["path"]) for file in files]
        assert "repositories" in str(reply["repositories"])


async def test_an_owner_without_repositories_is_no_fault() -> None:
    """There is nothing to search."""

    class Empty:
        async def ask(self, request: ForgeRequest[AnswerT]) -> AnswerT:
            return cast("AnswerT", RepositoryPage(repositories=(), total=0, has_next=False))

    reply = await run("search_code", {"query": "x", "owner": "acme"}, Empty())
    assert ("0 of 0 repositories", "0 of 0 files") == (reply["repositories"], reply["searched"])


@pytest.mark.parametrize(
    ("arguments", "field"),
    [({"regex": True, "query": "("}, "query"), ({"repo": None, "ref": "main"}, "ref"), ({"owner": "a/b"}, "owner")],
)
def test_wrong_arguments_are_refused_by_name(arguments: JsonObject, field: str) -> None:
    """Before anything is asked."""
    given = {name: value for name, value in (HARBOR | {"query": "x"} | arguments).items() if value is not None}
    with pytest.raises(InvalidArgument, match=field):
        tool_named("search_code").prepare(given)
