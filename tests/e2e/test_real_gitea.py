"""The gate before a real Gitea: two people, their own rights, and every tool once.

Set AEGIS_TEST_GITEA_BIN to the program of Gitea 1.23 or newer, which these tests start and fill. Or set
AEGIS_TEST_GITEA_URL, AEGIS_TEST_ALICE_TOKEN and AEGIS_TEST_BOB_TOKEN: personal access tokens of two ordinary accounts
`alice` and `bob` with the scopes read:repository, read:user. Nothing is written there. The world must hold:

    alice/secret       private, not shared with bob: README.md; src/main.py (300 lines); image.png; big.bin (12 MB);
                       docs/Übersicht-日本語.md; empty.txt; assets/model.lfs (an LFS pointer); many/ (120 files);
                       branch feature/x with src/feature.py; tag v1.0
    alice/new-name     public, renamed from alice/old-name, with the same files
    bob/notes          private, not shared with alice

With `-s` each command and its shortened answer is printed.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import httpx2
import pytest
import trio
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

from aegis_trio.audit.reader import verify_chain
from tests.e2e.gates import GateProcess, open_gate, run_command, settings
from tests.e2e.real_world import TWELVE_MB, RealWorld, build_world
from tests.gitea_server import BINARY, RUNNING, start_gitea, the_setting

pytestmark = pytest.mark.e2e

ALICE_KEY = "a11ce000" + "1" * 52 + "a11c"
BOB_KEY = "b0b00000" + "2" * 52 + "0b0b"
SECRET = {"owner": "alice", "repo": "secret"}
SHOWN_CHARACTERS = 300


@dataclass(frozen=True)
class Stage:
    """A gate with a key for each of the two."""

    gate: GateProcess
    curl: str
    world: RealWorld

    async def call(self, key: str, tool: str, **arguments: Any) -> tuple[int, Any]:
        """Call a tool with curl; return the status, and the result or the error."""
        body = json.dumps({"tool": tool, "arguments": arguments}, ensure_ascii=False)
        words = [
            "-H", f"Authorization: Bearer {key}", "-H", "Content-Type: application/json", "-d", body,
            f"{self.gate.url}/mcp/tool/call",
        ]  # fmt: skip
        run = await trio.run_process(
            [self.curl, "-sS", "--noproxy", "*", "-w", "\n%{http_code}", *words],
            capture_stdout=True,
            stderr=subprocess.DEVNULL,
        )
        answer, _, status = run.stdout.decode().rpartition("\n")
        name = "alice" if key == ALICE_KEY else "bob"
        shown = answer if len(answer) <= SHOWN_CHARACTERS else f"{answer[:SHOWN_CHARACTERS]}… ({len(answer)} in all)"
        print(f"$ curl -H 'Authorization: Bearer <{name}>' -d {shlex.quote(body)} …/mcp/tool/call\n{status} {shown}\n")
        document = json.loads(answer)
        return int(status), document["result"] if document["success"] else document["error"]


OpenStage: TypeAlias = Callable[[], AbstractAsyncContextManager[Stage]]


@pytest.fixture(name="world", scope="module")
def _fixture_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealWorld]:
    if the_setting(BINARY):
        with start_gitea(the_setting(BINARY), tmp_path_factory.mktemp("gitea")) as gitea:
            yield trio.run(build_world, gitea, tmp_path_factory.mktemp("files"))
        return
    names = (RUNNING[0], "AEGIS_TEST_ALICE_TOKEN", "AEGIS_TEST_BOB_TOKEN")
    url, alice, bob = (the_setting(name) for name in names)
    if not (url and alice and bob):
        pytest.skip(f"no real Gitea to ask: set {BINARY}, or {', '.join(names)}")
    yield RealWorld(url=url, alice=alice, bob=bob, admin=the_setting("AEGIS_TEST_ADMIN_TOKEN"))


@pytest.fixture(name="given")
def _fixture_given(world: RealWorld, tmp_path: Path) -> dict[str, str]:
    given = settings(
        world.url,
        "",
        tmp_path,
        MCP_API_KEYS=f"{ALICE_KEY},{BOB_KEY}",
        GITEA_KEY_TOKENS=f"{ALICE_KEY[:8]}...{ALICE_KEY[-4:]}={world.alice},{BOB_KEY[:8]}...{BOB_KEY[-4:]}={world.bob}",
    )
    del given["GITEA_TOKEN"]
    return given


@pytest.fixture(name="curl")
def _fixture_curl(require_program: Callable[[str], str]) -> str:
    return require_program("curl")


@pytest.fixture(name="open_stage")
def _fixture_open_stage(world: RealWorld, given: dict[str, str], curl: str) -> OpenStage:
    return partial(_open_stage, world, given, curl)


@asynccontextmanager
async def _open_stage(world: RealWorld, given: dict[str, str], curl: str) -> AsyncIterator[Stage]:
    async with open_gate(given) as gate:
        yield Stage(gate, curl, world)
    assert 0 == gate.process.returncode
    assert None is verify_chain(gate.audit_path).fault
    for token in (world.alice, world.bob):
        assert token not in "\n".join(gate.log) + gate.audit_path.read_text()


async def _version(world: RealWorld) -> str:
    headers = {"Authorization": f"token {world.alice}"}
    async with httpx2.AsyncClient(headers=headers, trust_env=False, timeout=60) as client:
        return str((await client.get(f"{world.url}/api/v1/version")).json()["version"])


async def test_each_sees_their_own_and_the_other_gets_404(
    open_stage: OpenStage,
) -> None:
    """The rights are the token's: what Gitea hides from one of them is not found, in every tool."""
    async with open_stage() as stage:
        for key, login in ((ALICE_KEY, "alice"), (BOB_KEY, "bob")):
            status, me = await stage.call(key, "get_me")
            assert (200, login) == (status, me["login"])
        _, mine = await stage.call(ALICE_KEY, "list_repositories", limit=50)
        _, theirs = await stage.call(BOB_KEY, "list_repositories", limit=50)
        names = [{f"{line['owner']}/{line['repo']}" for line in listed["repositories"]} for listed in (mine, theirs)]
        assert {"alice/secret", "alice/new-name"} <= names[0]
        assert "bob/notes" in names[1]
        assert set() == names[1] & {"alice/secret"}
        assert set() == names[0] & {"bob/notes"}
        for tool, more in (
            ("get_repository_info", {}),
            ("get_file_tree", {}),
            ("get_file_contents", {"path": "README.md"}),
        ):
            assert 200 == (await stage.call(ALICE_KEY, tool, **SECRET, **more))[0]
            status, error = await stage.call(BOB_KEY, tool, **SECRET, **more)
            assert (404, "not_found") == (status, error["code"])


async def test_a_renamed_repository_is_found_by_its_old_name(
    open_stage: OpenStage,
) -> None:
    """Gitea redirects to the repository's id; the answer tells the new name."""
    async with open_stage() as stage:
        status, told = await stage.call(BOB_KEY, "get_repository_info", owner="alice", repo="old-name")
        assert (200, "alice", "new-name") == (status, told["owner"], told["repo"])
        status, read = await stage.call(BOB_KEY, "get_file_contents", owner="alice", repo="old-name", path="README.md")
        assert (200, True) == (status, "new-name" in read["content"] or "old-name" in read["content"])
        status, tree = await stage.call(BOB_KEY, "get_file_tree", owner="alice", repo="old-name", path="docs")
        assert (200, True) == (status, any(line["path"].endswith("Übersicht-日本語.md") for line in tree["entries"]))


async def test_files_of_every_kind_are_said_to_be_what_they_are(
    open_stage: OpenStage,
) -> None:
    """Text is shown by lines; a picture, 12 MB and an LFS pointer are named and never become garbage."""
    async with open_stage() as stage:

        async def read(path: str, **more: Any) -> Any:
            status, result = await stage.call(ALICE_KEY, "get_file_contents", **SECRET, path=path, **more)
            assert 200 == status, result
            return result

        picture = await read("image.png")
        assert (None, True) == (picture["content"], picture["reason"] in {"binary", "not_utf8"})
        big = await read("big.bin")
        assert (None, "too_large", TWELVE_MB) == (big["content"], big["reason"], big["size_bytes"])
        pointer = await read("assets/model.lfs")
        assert (None, "lfs_pointer") == (pointer["content"], pointer["reason"])
        # Before 1.25 Gitea does not read pointers, so nobody tells how large the file is.
        reads_pointers = not (await _version(stage.world)).startswith(("1.23.", "1.24."))
        assert (12345 if reads_pointers else None) == pointer["size_bytes"]
        assert "" == (await read("empty.txt"))["content"]
        assert "# Übersicht 日本語" in (await read("docs/Übersicht-日本語.md"))["content"]
        some = await read("src/main.py", start_line=1, end_line=2)
        assert some["content"].startswith('"""Example program: 300 lines exactly."""')
        assert 300 == some["lines"]
        assert "def feature" in (await read("src/feature.py", ref="feature/x"))["content"]
        assert "secret" in (await read("README.md", ref="v1.0"))["content"]
        status, missing = await stage.call(ALICE_KEY, "get_file_contents", **SECRET, path="src/feature.py")
        assert (404, "not_found") == (status, missing["code"])
        assert "folder" == (await read("src"))["type"]

        names: set[str] = set()
        arguments: dict[str, Any] = {**SECRET, "path": "many", "limit": 50}
        while arguments:
            status, tree = await stage.call(ALICE_KEY, "get_file_tree", **arguments)
            assert (200, 120) == (status, tree["total"])
            names |= {line["path"] for line in tree["entries"]}
            arguments = tree["next"] if tree["has_next"] else {}
        assert {f"many/entry-{number:03d}.txt" for number in range(120)} == names


async def test_a_path_out_of_the_repository_never_leaves(
    open_stage: OpenStage,
) -> None:
    """`../../admin/users` is refused with a sentence that tells the rule."""
    async with open_stage() as stage:
        for arguments in (
            {**SECRET, "path": "../../admin/users"},
            {"owner": "..", "repo": "admin", "path": "users"},
            {**SECRET, "path": "README.md", "ref": "../../../admin"},
        ):
            status, error = await stage.call(ALICE_KEY, "get_file_contents", **arguments)
            assert (400, "invalid_argument") == (status, error["code"])
        status, _ = await stage.call(ALICE_KEY, "get_file_contents", **SECRET, path="..%2f..%2fadmin/users")
        assert 404 == status  # a file may be called so; there is none


@pytest.mark.parametrize("way_in", ["2026-07-28", "legacy", "sse"])
async def test_the_official_client_uses_every_tool(open_stage: OpenStage, way_in: Any) -> None:
    """Every tool once, over each era of the protocol."""
    async with (
        open_stage() as stage,
        httpx2.AsyncClient(headers={"X-API-Key": ALICE_KEY}, trust_env=False, timeout=60) as http,
    ):
        if way_in == "sse":
            client = Client(sse_client(f"{stage.gate.url}/mcp/sse", headers={"X-API-Key": ALICE_KEY}), mode="legacy")
        else:
            client = Client(streamable_http_client(f"{stage.gate.url}/mcp", http_client=http), mode=way_in)
        async with client:
            listed = {tool.name for tool in (await client.list_tools()).tools}
            calls: dict[str, dict[str, Any]] = {
                "get_me": {},
                "get_server_version": {},
                "list_repositories": {"limit": 1},
                "get_repository_info": dict(SECRET),
                "get_file_tree": {**SECRET, "recursive": True, "limit": 5},
                "get_file_contents": {**SECRET, "path": "README.md"},
            }
            assert listed == calls.keys()
            for tool, arguments in calls.items():
                result = await client.call_tool(tool, arguments)
                shown = json.dumps(result.structured_content, ensure_ascii=False)[:SHOWN_CHARACTERS]
                print(f"{client.protocol_version} tools/call {tool} {json.dumps(arguments)}\n{shown}\n")
                assert result.is_error is False, result.content
                if tool == "get_server_version":
                    assert await _version(stage.world) in shown


async def test_an_administrators_token_is_refused(world: RealWorld, given: dict[str, str]) -> None:
    """`sudo` would make a key everybody's."""
    if not world.admin:
        pytest.skip("set AEGIS_TEST_ADMIN_TOKEN to a token of a site administrator")
    del given["GITEA_KEY_TOKENS"]
    ended = await run_command(["serve", "--env-file", os.devnull], {**given, "GITEA_TOKEN": world.admin})
    print(ended.stderr.decode())
    assert (78, True) == (ended.returncode, "administrator" in ended.stderr.decode())
