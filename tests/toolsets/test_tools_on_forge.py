"""The tools against the demo forge, over real sockets: what a model gets to read."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from aegis_trio import __version__
from aegis_trio.demo_forge.faults import Cut, Fault
from aegis_trio.demo_forge.git_store import Signature
from aegis_trio.gateway.render import ENVELOPE_BYTES, rendered_bytes
from aegis_trio.gitea.client import open_gitea_client
from aegis_trio.gitea.request import Forge
from aegis_trio.gitea.settings import GiteaSettings
from aegis_trio.model.call import MAX_REPLY_BYTES, CallKind
from aegis_trio.model.errors import (
    Conflict,
    InvalidArgument,
    NotFound,
    UpstreamBroken,
    UpstreamBusy,
    UpstreamFault,
    UpstreamForbade,
    UpstreamRejectedIdentity,
    UpstreamUnreachable,
)
from aegis_trio.model.json import JsonObject
from aegis_trio.model.secret import Secret
from aegis_trio.toolsets.files.images import MAX_IMAGE_BYTES
from tests.forge import RunningForge, open_forge
from tests.toolsets.calls import samples
from tests.toolsets.canned import context_for, run, tool_named

pytestmark = pytest.mark.sockets

HARBOR: JsonObject = {"owner": "tidewater", "repo": "harbor"}


@dataclass(frozen=True, slots=True)
class _Stage:
    running: RunningForge
    forge: Forge

    def asked(self) -> list[str]:
        """Return the paths that reached the forge."""
        return [record.raw_path for record in self.running.requests]

    def add_files(self, files: dict[str, bytes]) -> None:
        """Commit files to the default branch of harbor."""
        repository = self.running.world.repositories[1]
        by = Signature(name="Test", email="t@example.test", when=repository.created)
        repository.git.write_commit(branch="main", changes=files, author=by, message="Add\n")


@asynccontextmanager
async def _as(person: str) -> AsyncGenerator[_Stage]:
    async with (
        open_forge() as running,
        open_gitea_client(GiteaSettings(url=running.url)) as client,
    ):
        yield _Stage(running, client.acting_as(Secret(running.world.tokens[person])))


async def test_a_person_is_told_who_they_are() -> None:
    """And what their credential may, without the token."""
    async with _as("alice") as stage:
        expected: JsonObject = {
            "login": "alice",
            "id": 2,
            "full_name": "Alice Archer",
            "scopes": ["read:repository", "read:user"],
            "key_hint": "a1b2c3d4...e1f2",
        }
        assert expected == await run("get_me", {}, stage.forge)


async def test_the_versions_are_told() -> None:
    """Of the forge and of the gate."""
    async with _as("bot") as stage:
        expected: JsonObject = {"product": "Gitea", "version": "1.25.4", "gate_version": __version__}
        assert expected == await run("get_server_version", {}, stage.forge)


async def test_only_what_the_identity_sees_is_listed() -> None:
    """The promise of the guides: not the search, but the identity's own list."""
    async with _as("alice") as stage:
        mine = await run("list_repositories", {}, stage.forge)
    async with _as("carol") as stage:
        hers = await run("list_repositories", {}, stage.forge)

    assert isinstance(mine["repositories"], list)
    names = [f"{line['owner']}/{line['repo']}" for line in mine["repositories"]]  # type: ignore[index, call-overload]  # objects
    assert {"tidewater/harbor", "tidewater/website", "tidewater/payroll", "alice/notes"} == set(names)
    assert (4, False, None) == (mine["total"], mine["has_next"], mine["next"])
    assert "payroll" not in str(hers)
    assert "tide-tables" not in str(mine)


async def test_pages_of_the_list_follow_each_other() -> None:
    """`next` is the exact call that goes on."""
    async with _as("alice") as stage:
        seen: list[str] = []
        arguments: object = {"limit": 3}
        while isinstance(arguments, dict):
            page = await run("list_repositories", arguments, stage.forge)
            assert isinstance(page["repositories"], list)
            seen += [str(line) for line in page["repositories"]]
            arguments = page["next"]

    assert 4 == len(seen) == len(set(seen))


async def test_one_repository_is_described() -> None:
    """Without addresses for cloning, which may hold credentials."""
    async with _as("alice") as stage:
        info = await run("get_repository_info", HARBOR, stage.forge)

        assert ("Berth planning of the port", True, "main", ["berths", "planning", "python"]) == (
            info["description"],
            info["private"],
            info["default_branch"],
            info["topics"],
        )
        assert f"{stage.running.url}/tidewater/harbor" == info["url"]
        assert not {"clone_url", "ssh_url", "original_url"} & set(info)


@pytest.mark.parametrize("name", ["get_repository_info", "get_file_tree"])
async def test_what_the_identity_does_not_see_is_not_found(name: str) -> None:
    """A private repository looks as if it did not exist."""
    async with _as("bob") as stage:
        with pytest.raises(NotFound) as hidden:
            await run(name, {"owner": "alice", "repo": "notes"}, stage.forge)
        with pytest.raises(NotFound) as missing:
            await run(name, {"owner": "alice", "repo": "nosuch"}, stage.forge)

    assert str(hidden.value).replace("notes", "nosuch") == str(missing.value)


async def test_a_renamed_repository_is_found_under_its_old_name() -> None:
    """And says so, that the model uses the new one."""
    async with _as("alice") as stage:
        info = await run("get_repository_info", {"owner": "bob", "repo": "tides"}, stage.forge)
        text = await run("get_file_contents", {"owner": "bob", "repo": "tides", "path": "README.md"}, stage.forge)

    assert ("tide-tables", "bob/tides") == (info["repo"], info["renamed_from"])
    assert "# tide-tables\n\nPrints the water of a day.\n" == text["content"]


async def test_a_folder_is_listed_with_types_and_sizes() -> None:
    """In one request, without asking for the default branch first."""
    async with _as("bot") as stage:
        tree = await run("get_file_tree", HARBOR, stage.forge)

        assert ["/api/v1/repos/tidewater/harbor/git/trees/HEAD"] == stage.asked()
        assert isinstance(tree["entries"], list)
        assert {"path": "docs", "type": "folder"} in tree["entries"]
        assert {"path": "pyproject.toml", "type": "file", "size": 71} in tree["entries"]


async def test_paths_below_a_folder_are_whole_paths() -> None:
    """What is listed can be opened as it stands."""
    async with _as("bot") as stage:
        tree = await run("get_file_tree", HARBOR | {"path": "docs", "recursive": True, "ref": "main"}, stage.forge)
        assert isinstance(tree["entries"], list)
        paths = [entry["path"] for entry in tree["entries"]]  # type: ignore[index, call-overload]  # objects
        assert "docs/decisions/0001-shortest-berth.md" in paths
        assert "docs/übersicht-泊位.md" in paths

        opened = await run("get_file_contents", HARBOR | {"path": "docs/übersicht-泊位.md"}, stage.forge)
        assert opened["content"]


async def test_another_branch_has_another_tree() -> None:
    """A slash in a branch's name is part of the name."""
    async with _as("bot") as stage:
        call = HARBOR | {"path": "src/harbor/planner.py"}
        main = await run("get_file_contents", call, stage.forge)
        branch = await run("get_file_contents", call | {"ref": "feature/grace-period"}, stage.forge)

    assert main["content"] != branch["content"]
    assert "GRACE" in str(branch["content"])


async def test_a_thousand_files_come_page_by_page() -> None:
    """Each reply fits, none is lost, and shortened pages say so."""
    files = {f"many/{'deep/' * 8}{index:04}-{'n' * 120}.txt": b"x" for index in range(700)}
    async with _as("bot") as stage:
        stage.add_files(files)
        seen: list[str] = []
        shortened = False
        arguments: object = HARBOR | {"path": "many", "recursive": True, "limit": 500}
        while isinstance(arguments, dict):
            page = await run("get_file_tree", arguments, stage.forge)
            assert isinstance(page["entries"], list)
            seen += [str(entry["path"]) for entry in page["entries"] if entry["type"] == "file"]  # type: ignore[index, call-overload]  # objects
            shortened = shortened or page.get("shortened") is True
            arguments = page["next"]

    assert sorted(files) == seen
    assert shortened


async def test_a_name_that_deceives_is_marked() -> None:
    """A right-to-left override makes `cod.exe` of `exe.doc`."""
    async with _as("bot") as stage:
        stage.add_files({"odd/\u202egpj.exe": b"x"})
        tree = await run("get_file_tree", HARBOR | {"path": "odd"}, stage.forge)

    assert [{"path": "odd/gpj.exe", "type": "file", "size": 1, "hidden_characters": True}] == tree["entries"]


async def test_a_file_is_read_in_one_request() -> None:
    """Its cost is Gitea's own."""
    async with _as("bot") as stage:
        text = await run("get_file_contents", HARBOR | {"path": "README.md"}, stage.forge)

        assert ["/api/v1/repos/tidewater/harbor/contents/README.md"] == stage.asked()
        assert ("file", 384, 18, 1, 18) == (
            text["type"],
            text["size_bytes"],
            text["lines"],
            text["start_line"],
            text["end_line"],
        )
        assert 384 == len(str(text["content"]).encode())
        assert "next" not in text


async def test_lines_of_a_file_are_read() -> None:
    """With the number of all, so that the model knows what it does not see."""
    async with _as("bot") as stage:
        text = await run(
            "get_file_contents", HARBOR | {"path": "README.md", "start_line": 3, "end_line": 3}, stage.forge
        )

    assert (18, 3, 3) == (text["lines"], text["start_line"], text["end_line"])
    assert 1 == str(text["content"]).count("\n")


async def test_a_long_file_comes_in_parts() -> None:
    """Followed to its end, the parts are the file."""
    content = "".join(f"line {index}: {'é' * (index % 90)}\n" for index in range(3000))
    async with _as("bot") as stage:
        stage.add_files({"long.txt": content.encode()})
        parts: list[str] = []
        arguments: object = HARBOR | {"path": "long.txt"}
        while isinstance(arguments, dict):
            part = await run("get_file_contents", arguments, stage.forge)
            parts.append(str(part["content"]))
            arguments = part.get("next")

    assert content == "".join(parts)
    assert len(parts) > 1


WITHOUT_TEXT = {
    "nul": (b"a\0b", "binary"),
    "latin-1": ("naïve".encode("latin-1"), "not_utf8"),
    "utf-16": ("text".encode("utf-16"), "not_utf8"),
    "image": (b"\x89PNG\r\n\x1a\n" + b"\0" * 32 * 1024, "binary"),
    "jpeg": (b"\xff\xd8\xff\xe0\0\x10JFIF" + b"\0" * 32 * 1024, "binary"),
}


@pytest.mark.parametrize(("content", "reason"), WITHOUT_TEXT.values(), ids=WITHOUT_TEXT.keys())
async def test_what_is_no_text_is_named_with_its_size(content: bytes, reason: str) -> None:
    """Never garbage: a model would read meaning into it."""
    async with _as("bot") as stage:
        stage.add_files({"odd.bin": content})
        reply = await run("get_file_contents", HARBOR | {"path": "odd.bin"}, stage.forge)

    assert ("file", len(content), None, reason) == (
        reply["type"],
        reply["size_bytes"],
        reply["content"],
        reply["reason"],
    )


IMAGES = {
    "image/png": b"\x89PNG\r\n\x1a\n\0\0",
    "image/jpeg": b"\xff\xd8\xff\xe0\0\x10JFIF",
    "image/gif": b"GIF89a\1\0\1\0",
    "image/webp": b"RIFF\x24\0\0\0WEBPVP8 ",
}


@pytest.mark.parametrize("kind", IMAGES)
async def test_a_small_image_is_shown_as_an_image(kind: str) -> None:
    """By what it is, not by its name; as a block of its own, never as text."""
    async with _as("bot") as stage:
        stage.add_files({"odd.bin": IMAGES[kind] + b"\0" * 1000})
        prepared = tool_named("get_file_contents").prepare(HARBOR | {"path": "odd.bin"})
        reply = await prepared.run(context_for(stage.forge))

    assert reply.structured is not None
    assert (kind, "file") == (reply.structured["image"], reply.structured["type"])
    (block,) = reply.content
    assert ("image", kind) == (block["type"], block["mimeType"])
    assert IMAGES[kind] + b"\0" * 1000 == base64.b64decode(str(block["data"]))
    assert str(block["data"]) not in str(reply.structured)


async def test_the_largest_image_fits_into_a_reply() -> None:
    """Else it would be refused where a description would have helped."""
    async with _as("bot") as stage:
        stage.add_files({"odd.bin": IMAGES["image/png"].ljust(MAX_IMAGE_BYTES, b"\0")})
        reply = (
            await tool_named("get_file_contents").prepare(HARBOR | {"path": "odd.bin"}).run(context_for(stage.forge))
        )

    assert reply.content
    assert rendered_bytes(reply, CallKind.TOOL) + ENVELOPE_BYTES <= MAX_REPLY_BYTES


async def test_a_text_that_begins_like_an_image_is_a_text() -> None:
    """What can be read is read."""
    async with _as("bot") as stage:
        stage.add_files({"odd.bin": b"GIF89a is how a GIF begins"})
        reply = await run("get_file_contents", HARBOR | {"path": "odd.bin"}, stage.forge)

    assert "GIF89a is how a GIF begins" == reply["content"]


@pytest.mark.parametrize("path", ["data/soundings-2025.csv", "data/soundings-archive.csv"])
async def test_a_large_file_is_named_with_its_size(path: str) -> None:
    """1.6 MB is cut off while it comes and asked for by its size; of 13 MB Gitea sends nothing."""
    async with _as("bot") as stage:
        git = stage.running.world.repositories[1].git
        size = next(
            git.size(entry.sha) for name, entry in git.walk(git.tree_of(git.refs["refs/heads/main"])) if name == path
        )
        reply = await run("get_file_contents", HARBOR | {"path": path}, stage.forge)

        assert ("file", size, None, "too_large") == (
            reply["type"],
            reply["size_bytes"],
            reply["content"],
            reply["reason"],
        )
        assert len(stage.asked()) <= 2


async def test_a_pointer_of_lfs_tells_the_size_behind_it() -> None:
    """130 bytes of pointer are not the weights."""
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4c' * 32}\nsize 10520\n"
    async with _as("bot") as stage:
        stage.add_files({"model.weights": pointer.encode()})
        reply = await run("get_file_contents", HARBOR | {"path": "model.weights"}, stage.forge)

    assert (10520, "lfs_pointer", "4c" * 32, None) == (
        reply["size_bytes"],
        reply["reason"],
        reply["sha256"],
        reply["content"],
    )


async def test_a_folder_is_no_file() -> None:
    """With the tool that lists it."""
    async with _as("bot") as stage:
        reply = await run("get_file_contents", HARBOR | {"path": "src"}, stage.forge)
    assert {"path": "src", "type": "folder", "note": "List it with get_file_tree."} == reply


@pytest.mark.parametrize("change", [{"path": "nosuch"}, {"path": "README.md", "ref": "nosuch"}], ids=["path", "ref"])
async def test_a_missing_path_or_ref_is_not_found(change: JsonObject) -> None:
    """Never the default branch in place of an unknown one."""
    async with _as("bot") as stage:
        with pytest.raises(NotFound, match=r"The path in tidewater/harbor, or its branch"):
            await run("get_file_contents", HARBOR | change, stage.forge)
        with pytest.raises(NotFound):
            await run("get_file_tree", HARBOR | change, stage.forge)


async def test_a_missing_path_is_answered_with_what_to_do_next() -> None:
    """A file is no folder, an empty repository has neither, and a short commit id is none to Gitea's contents."""
    async with _as("bot") as stage:
        with pytest.raises(NotFound) as file:
            await run("get_file_contents", HARBOR | {"path": "nosuch"}, stage.forge)
        with pytest.raises(NotFound) as folder:
            await run("get_file_tree", HARBOR | {"path": "README.md"}, stage.forge)

    assert "List the folder with get_file_tree" in file.value.remedy
    assert "a commit needs its full id" in file.value.remedy
    assert "a file is read with get_file_contents" in folder.value.remedy
    assert "whether the repository is empty" in folder.value.remedy


async def test_a_line_behind_the_end_is_answered_with_an_example() -> None:
    """Only the file tells that the argument is wrong; the answer is as good as for all others."""
    async with _as("bot") as stage:
        with pytest.raises(InvalidArgument, match="behind the end") as refusal:
            await run("get_file_contents", HARBOR | {"path": "README.md", "start_line": 10_000}, stage.forge)

    assert 1 == (refusal.value.example or {})["start_line"]


BAD_DAYS: dict[str, tuple[Fault, type[Exception]]] = {
    "401": (Fault(status=401), UpstreamRejectedIdentity),
    "403": (Fault(status=403), UpstreamForbade),
    "409": (Fault(status=409), Conflict),
    "422": (Fault(status=422), Conflict),
    "423": (Fault(status=423), Conflict),
    "429": (Fault(status=429), UpstreamBusy),
    "500": (Fault(status=500), UpstreamBroken),
    "503": (Fault(status=503), UpstreamBusy),
    "a page": (Fault(body=b"<html>", content_type="text/html"), UpstreamBroken),
    "broken json": (Fault(body=b'{"id":'), UpstreamBroken),
    "wrong shape": (Fault(body=b'"x"'), UpstreamBroken),
    "cut before the answer": (Fault(cut=Cut.BEFORE_ANSWER), UpstreamUnreachable),
    "cut after the head": (Fault(cut=Cut.AFTER_HEADERS), UpstreamFault),
    "cut in the body": (Fault(cut=Cut.IN_BODY), UpstreamFault),
    "endless": (Fault(endless=True), UpstreamFault),
}


@pytest.mark.parametrize(("fault", "expected"), BAD_DAYS.values(), ids=BAD_DAYS.keys())
async def test_every_tool_survives_a_bad_day_of_the_forge(fault: Fault, expected: type[Exception]) -> None:
    """Whatever Gitea does, the caller hears a fault that says what to do, and the next call works."""
    async with _as("bot") as stage:
        for operation, sample in samples().items():
            name, _, method = operation.partition(".")
            arguments = sample.arguments | ({"method": method} if method else {})
            stage.running.faults.order(fault, times=3)  # what cannot be read at once may be tried in parts
            with pytest.raises(expected) as bad_day:
                await run(name, arguments, stage.forge)
            assert bad_day.value.remedy  # type: ignore[attr-defined]  # a Fault
            stage.running.faults.clear()

            assert await run(name, arguments, stage.forge)
