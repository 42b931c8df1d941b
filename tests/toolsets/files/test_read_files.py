"""read_files: many files in few requests, each with its own fate, and nothing lost between replies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import pytest
import trio

from aegis_trio.gitea.contents import File
from aegis_trio.gitea.file_batch import FilesAnswer, batches
from aegis_trio.gitea.request import AnswerT, Forge, ForgeRequest
from aegis_trio.gitea.server import ServerVersion
from aegis_trio.model.errors import InvalidArgument, NotFound, UpstreamRejectedIdentity, UpstreamTooLarge
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.model.refs import parse_file_path
from tests.toolsets.canned import run, tool_named
from tests.toolsets.stage import as_person

HARBOR: JsonObject = {"owner": "tidewater", "repo": "harbor"}


@dataclass
class _FilesForge:
    """Holds files by path; `version` says whether it has batches."""

    files: dict[str, bytes]
    version: tuple[int, int] = (1, 25)
    batch_limit: int = 30
    asked: int = 0
    at_once: int = 0
    most_at_once: int = 0

    async def ask(self, request: ForgeRequest[AnswerT]) -> AnswerT:
        self.asked += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await trio.sleep(0.01)
        self.at_once -= 1
        return cast("AnswerT", self._answer(request))

    def _answer(self, request: ForgeRequest[AnswerT]) -> object:
        if request.segments == ("version",):
            return ServerVersion(text="x", number=self.version, is_forgejo=False)
        if request.segments[3] == "contents":
            content = self.files.get("/".join(request.segments[4:]))
            if content is None:
                raise NotFound("no", "")
            return _file(content)
        if self.version < (1, 24):
            raise NotFound("no such route", "")
        return self._batch(request)

    def _batch(self, request: ForgeRequest[AnswerT]) -> FilesAnswer:
        paths = request.reads.paths  # type: ignore[union-attr]  # the one request left is for several files
        found = (self.files.get(str(path)) for path in paths[: self.batch_limit])
        return tuple(None if content is None else _file(content) for content in found)


def _file(content: bytes) -> File:
    return File(sha="0" * 40, size_bytes=len(content), content=content, lfs=None)


async def _all(forge: Forge, files: list[str]) -> tuple[list[JsonObject], int]:
    """Follow `next` to its end; return every entry, and how many replies there were."""
    entries, replies = list[JsonObject](), 0
    arguments: JsonObject | None = HARBOR | {"files": list(files)}
    while arguments is not None:
        reply = await run("read_files", arguments, forge)
        entries += cast("list[JsonObject]", reply["files"])
        replies += 1
        arguments = cast("JsonObject | None", reply.get("next"))
    return entries, replies


async def test_fifty_files_are_two_requests() -> None:
    """Gitea takes thirty in one and drops the rest without a word."""
    files = {f"f{number}.txt": f"text {number}\n".encode() for number in range(50)}
    forge = _FilesForge(files)
    reply = await run("read_files", HARBOR | {"files": list(files)}, forge)
    expected = [{"path": name, "lines": 1, "content": content.decode()} for name, content in files.items()]
    assert {"files": expected} == reply
    assert 2 == forge.asked


async def test_what_gitea_drops_is_asked_for_one_by_one() -> None:
    """Its answer is shorter than the question where the files are too large together."""
    files = {f"f{number}.txt": b"x\n" for number in range(10)}
    forge = _FilesForge(files, batch_limit=4)
    reply = await run("read_files", HARBOR | {"files": list(files)}, forge)
    assert ["x\n"] * 10 == [cast("JsonObject", entry)["content"] for entry in cast("list[object]", reply["files"])]
    assert 7 == forge.asked


async def test_an_older_gitea_is_asked_for_each_a_few_at_a_time() -> None:
    """Before 1.24 there is no batch."""
    files = {f"f{number}.txt": b"x\n" for number in range(20)}
    forge = _FilesForge(files, version=(1, 23))
    reply = await run("read_files", HARBOR | {"files": [*files, "none"]}, forge)
    assert 21 == len(cast("list[object]", reply["files"]))
    assert 4 == forge.most_at_once


@pytest.mark.sockets
async def test_what_is_wrong_with_one_file_says_so_in_its_place() -> None:
    """And the others are shown; a range is told by its lines."""
    async with as_person("alice") as stage:
        stage.commit({"a.txt": b"1\n2\n3\n4\n", "b.bin": b"\0\1\2", "sub/c.txt": b"c"})
        wanted: list[JsonValue] = ["a.txt#L2-L3", "none.txt", "b.bin", "sub", "a.txt#L9", "sub/c.txt", "a.txt"]
        reply = await run("read_files", HARBOR | {"files": wanted, "ref": "main"}, stage.forge)
        entries = cast("list[JsonObject]", reply["files"])
        assert {"path": "a.txt", "lines": 4, "start_line": 2, "end_line": 3, "content": "2\n3\n"} == entries[0]
        assert [False, True, True, True, True, False, False] == ["error" in entry for entry in entries]
        assert ["c", "1\n2\n3\n4\n"] == [entry["content"] for entry in entries[5:]]
        assert 1 == len(stage.asked())


async def test_following_next_gives_back_every_byte() -> None:
    """However large the files are, and where one is cut."""
    texts = ["".join(f'{number} {line} ä"\n' * 3 for line in range(700)) for number in range(9)]
    files = {f"f{number}.txt": text.encode() for number, text in enumerate(texts)}
    entries, replies = await _all(_FilesForge(files), list(files))
    assert replies > 3
    joined: dict[str, str] = {}
    for entry in entries:
        path = str(entry["path"])
        joined[path] = joined.get(path, "") + str(entry["content"])
    assert {path: content.decode() for path, content in files.items()} == joined


async def test_a_part_of_a_part_ends_where_the_part_does() -> None:
    """`next` within a range keeps its end."""
    files = {"long.txt": "".join(f"line {number} {'x' * 40}\n" for number in range(1, 2001)).encode()}
    entries, replies = await _all(_FilesForge(files), ["long.txt#L100-L1500"])
    assert replies > 1
    lines = "".join(str(entry["content"]) for entry in entries).splitlines()
    assert ("line 100 ", "line 1500 ", 1401) == (lines[0][:9], lines[-1][:10], len(lines))


async def test_a_line_longer_than_a_reply_has_a_way_out() -> None:
    """It is not cut in silence, and does not end the call for the others behind it."""
    files = {"short.txt": b"s\n", "endless.txt": b"x" * 60_000 + b"\nlast\n"}
    reply = await run("read_files", HARBOR | {"files": list(files)}, _FilesForge(files))
    assert HARBOR | {"files": ["endless.txt"]} == reply["next"]
    last = await run("read_files", reply["next"], _FilesForge(files))
    assert "get_file_contents" in str(cast("list[JsonObject]", last["files"])[0]["error"])
    assert HARBOR | {"files": ["endless.txt#L2"]} == last["next"]


@pytest.mark.parametrize("raw", ["", "/", "../x", "a//b", ".git/config", "a.txt#L9-L3", "x" * 5000])
def test_a_wrong_entry_is_refused_by_name(raw: str) -> None:
    """Before anything is asked."""
    with pytest.raises(InvalidArgument, match="files"):
        tool_named("read_files").prepare(HARBOR | {"files": ["a.txt", raw]})


async def test_what_is_wrong_with_the_caller_ends_the_whole() -> None:
    """Fifty entries that say the same would hide it."""

    class Dead:
        async def ask(self, request: ForgeRequest[AnswerT]) -> AnswerT:
            raise UpstreamRejectedIdentity("no", "")

    with pytest.raises(UpstreamRejectedIdentity):
        await run("read_files", HARBOR | {"files": ["a", "b"]}, Dead())


async def test_files_that_are_too_large_together_come_one_by_one() -> None:
    """A batch has a bound of its own."""

    class Large(_FilesForge):
        def _batch(self, request: ForgeRequest[AnswerT]) -> FilesAnswer:
            raise UpstreamTooLarge("large", "")

    forge = Large({"a": b"a", "b": b"b"})
    reply = await run("read_files", HARBOR | {"files": ["a", "b"]}, forge)
    assert 2 == len(cast("list[object]", reply["files"]))


def test_long_paths_are_divided_before_a_proxy_cuts_the_line() -> None:
    """A request line has a length that proxies take."""
    paths = tuple(parse_file_path(f"{'x' * 200}/{number}") for number in range(50))
    divided = list(batches(paths))
    assert paths == tuple(path for batch in divided for path in batch)
    assert all(len(batch) * 200 < 4000 for batch in divided)
