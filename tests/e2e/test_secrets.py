"""Canaries: values that must be seen nowhere are put in everywhere, and everything that came out is searched.

Two kinds: secrets (keys, tokens, what the forge says in its errors, whatever strangers put into addresses and headers)
stand in no output at all; what a caller may read (file contents, texts in arguments) stands in no log, audit record
or metric.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from aegis_trio.demo_forge.demo_world import build_demo_world
from aegis_trio.demo_forge.faults import Cut, Fault
from aegis_trio.demo_forge.git_store import Signature
from aegis_trio.demo_forge.world import World
from tests.e2e.gates import GateProcess, open_gate, run_command, settings
from tests.e2e.messages import ACCEPT, call, initialize, open_session, post_modern, request, use_tool
from tests.e2e.wire import host_of, open_wire
from tests.e2e.wire import request as raw_request
from tests.forge import RunningForge, open_forge

pytestmark = pytest.mark.e2e

PLACE: dict[str, Any] = {"owner": "tidewater", "repo": "harbor", "path": "README.md"}
SECRET_FILE: dict[str, Any] = {**PLACE, "path": "docs/canary.md"}
ALL_TOOLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("get_me", {}),
    ("get_server_version", {}),
    ("list_repositories", {}),
    ("get_repository_info", {"owner": "tidewater", "repo": "harbor"}),
    ("get_file_tree", {"owner": "tidewater", "repo": "harbor", "recursive": True}),
    ("get_file_contents", SECRET_FILE),
)


def _canary(name: str) -> str:
    """Return a text that occurs nowhere by chance; its name says in a failure what leaked."""
    return f"canary-{name}-{secrets.token_hex(12)}"


@dataclass
class Canaries:
    """What must not be seen, by name."""

    secret: dict[str, str] = field(default_factory=dict)
    private: dict[str, str] = field(default_factory=dict)

    def new_secret(self, name: str) -> str:
        """Return a new text that must stand in no output at all."""
        self.secret[name] = _canary(name)
        return self.secret[name]

    def new_private(self, name: str) -> str:
        """Return a new text that must stand in no log, record or metric."""
        self.private[name] = _canary(name)
        return self.private[name]

    def new_key(self, name: str) -> str:
        """Return a new key. Its first eight and last four characters are its hint, which is meant to be shown."""
        key = secrets.token_hex(32)
        self.secret[name] = key[8:-4]
        return key


@dataclass
class Outputs:
    """Everything that a client, an operator or a reader of files got to see, by where it was seen."""

    answers: list[tuple[str, str]] = field(default_factory=list)
    operator: list[tuple[str, str]] = field(default_factory=list)

    async def keep(self, response: httpx.Response) -> None:
        """Keep an answer; a hook of httpx."""
        is_stream = "text/event-stream" in response.headers.get("content-type", "")
        body = "" if is_stream else (await response.aread()).decode()
        head = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
        self.answers.append((f"{response.request.method} {response.request.url.path}", f"{head}\n\n{body}"))

    def found(self, canaries: Canaries) -> list[str]:
        """Return what leaked and where."""
        searched = [(self._all(), canaries.secret), (self.operator, canaries.private)]
        return sorted(
            f"{name} in {where}"
            for outputs, names in searched
            for name, text in names.items()
            for where in {where for where, seen in outputs if text in seen}
        )

    def _all(self) -> list[tuple[str, str]]:
        return [*self.answers, *self.operator]


def _world_with(canaries: Canaries) -> World:
    world = build_demo_world()
    when = datetime(2026, 1, 1, tzinfo=UTC)
    content = f"the password is {canaries.new_private('file-content')}\n"
    world.repositories[1].git.write_commit(
        branch="main",
        changes={"docs/canary.md": content.encode()},
        author=Signature(name="Alice", email="alice@tidewater.example", when=when),
        message="A canary\n",
    )
    canaries.secret["gitea-token"] = world.bot_token
    canaries.secret["alices-token"] = world.tokens["alice"]
    return world


@dataclass
class Stage:
    """A gate full of canaries."""

    gate: GateProcess
    forge: RunningForge
    canaries: Canaries
    outputs: Outputs
    key: str
    second_key: str

    @asynccontextmanager
    async def client(self, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
        """Open a client whose every answer is kept."""
        async with httpx.AsyncClient(
            base_url=self.gate.url,
            headers=headers,
            trust_env=False,
            timeout=60,
            event_hooks={"response": [self.outputs.keep]},
        ) as client:
            yield client

    async def read_operators_pages(self) -> None:
        """Keep metrics and readiness of the operator's listener."""
        async with httpx.AsyncClient(base_url=self.gate.admin_url, trust_env=False, timeout=60) as client:
            for path in ("/metrics", "/readyz", "/healthz", "/nothing"):
                answer = await client.get(path)
                self.outputs.operator.append((f"admin {path}", f"{answer.headers}\n{answer.text}"))


@asynccontextmanager
async def _open_stage(state: Path, *, before: str = "") -> AsyncIterator[Stage]:
    """Run a gate; when the block ends everything that it left behind is searched."""
    canaries, outputs = Canaries(), Outputs()
    key, second_key = canaries.new_key("api-key"), canaries.new_key("second-api-key")
    async with open_forge(_world_with(canaries)) as forge:
        given = settings(
            forge.url,
            forge.world.bot_token,
            state,
            MCP_API_KEYS=f"{key},{second_key}",
            GITEA_KEY_TOKENS=f"{second_key[:8]}...{second_key[-4:]}={forge.world.tokens['alice']}",
            ROOT_SECRET=canaries.new_secret("root-secret-of-enough-bytes"),
            AEGIS_KEY_PEPPER=canaries.new_secret("pepper-that-is-long-enough"),
            ALLOW_QUERY_API_KEY="true",
            MAX_AUTH_FAILURES="8",
            GITEA_BREAKER_FAILURES="0",  # every fault of the forge's is to be asked for
            LOG_LEVEL="DEBUG",
        )
        async with open_gate(given, before=before) as gate:
            stage = Stage(gate, forge, canaries, outputs, key, second_key)
            yield stage
            await stage.read_operators_pages()
        for command in (["config"], ["doctor"], ["doctor", "--json"]):
            ended = await run_command([*command, "--env-file", os.devnull], given)
            outputs.operator.append((f"aegis-trio {' '.join(command)}", (ended.stdout + ended.stderr).decode()))
            assert ended.stdout, ended.stderr
    outputs.operator.append(("log", "\n".join(gate.log)))
    outputs.operator += _files_below(state)
    assert [] == outputs.found(canaries)
    for where, seen in outputs.answers:
        assert not any(words in seen for words in ("Traceback", "aegis_trio/", "site-packages", str(state))), where


def _files_below(folder: Path) -> list[tuple[str, str]]:
    return [(str(path), path.read_text()) for path in folder.rglob("*") if path.is_file()]


async def test_nothing_secret_is_seen_after_ordinary_work(tmp_path: Path) -> None:
    """Every endpoint, every tool, every way to present a key."""
    async with _open_stage(tmp_path) as stage:
        for headers in ({"Authorization": f"Bearer {stage.key}"}, {"X-API-Key": stage.second_key}):
            async with stage.client(**headers) as client:
                for path in ("/", "/health", "/healthz", "/readyz", "/mcp/tools"):
                    await client.get(path)
                session = await open_session(client)
                stage.canaries.private["session-id"] = session["Mcp-Session-Id"]
                for tool, arguments in ALL_TOOLS:
                    plain = await use_tool(client, tool, **arguments)
                    assert plain.json()["success"] is True
                    await post_modern(client, call(tool, arguments))
                    await client.post("/mcp", json=call(tool, arguments), headers=session)
                await post_modern(client, request("tools/list"))
                await post_modern(client, request("server/discover"))
                await client.request("DELETE", "/mcp", headers=session)
        async with stage.client() as client:
            by_address = {"api_key": stage.second_key}
            assert 200 == (await client.get("/mcp/tools", params=by_address)).status_code
            body = {"tool": "get_file_contents", "arguments": SECRET_FILE}
            assert 200 == (await client.post("/mcp/tool/call", params=by_address, json=body)).status_code
        read = [seen for where, seen in stage.outputs.answers if stage.canaries.private["file-content"] in seen]
        assert read, "the file's content was never read, so that its absence elsewhere proves nothing"


async def test_the_ticket_of_a_stream_is_not_written_down(tmp_path: Path) -> None:
    """Who came with a key in the address gets a ticket in the endpoint's; it is as good as the key for a while."""
    async with _open_stage(tmp_path) as stage, open_wire(stage.gate.url) as wire, stage.client() as client:
        headers = {"Host": host_of(stage.gate.url), "Accept": "text/event-stream"}
        await wire.send(raw_request("GET", f"/mcp/sse?api_key={stage.second_key}", headers))
        head = await wire.receive_until(b"event: endpoint\ndata: ")
        endpoint = (await wire.receive_until(b"\n")).decode().strip()
        stage.outputs.answers.append(("GET /mcp/sse", head.decode() + endpoint))
        stage.canaries.private["ticket"] = endpoint.partition("ticket=")[2]
        assert len(stage.canaries.private["ticket"]) >= 43
        for message in (initialize(), call("get_file_contents", SECRET_FILE)):
            assert 202 == (await client.post(endpoint, json=message)).status_code
        with trio.fail_after(30):
            seen = await wire.receive_until(stage.canaries.private["file-content"].encode())
        stage.outputs.answers.append(("stream of GET /mcp/sse", seen.decode()))


async def test_nothing_secret_is_seen_after_strangers_and_mistakes(tmp_path: Path) -> None:
    """Wrong keys, keys in wrong places, and texts in every corner of a request that was refused."""
    async with _open_stage(tmp_path) as stage:
        new = stage.canaries.new_secret
        corners = {
            "X-Custom": new("header"),
            "Cookie": f"session={new('cookie')}",
            "Referer": f"https://x/{new('referer')}",
        }
        wrong: list[dict[str, str]] = [
            {"Authorization": f"Bearer {stage.canaries.new_key('wrong-key')}"},
            {"Authorization": f"Bearer {new('malformed-key')}"},
            {"Authorization": f"Basic {new('basic')}"},
            {"Authorization": new("no-scheme")},
            {"X-API-Key": new("wrong-header-key")},
            {"X-API-Key": stage.key, "Authorization": f"Bearer {stage.second_key}"},
            {"Mcp-Session-Id": new("stolen-session")},
            {"Origin": f"https://{new('origin')}.example"},
            {},
        ]
        async with stage.client(**corners) as client:
            for headers in wrong:
                for path in ("/mcp/tools", f"/mcp/{new('path')}", f"/mcp?{new('query')}={new('query-value')}"):
                    assert (await client.get(path, headers=headers)).status_code in {401, 403, 404, 429}
                await client.post("/mcp/tool/call", json={"tool": new("tool-of-a-stranger")}, headers=headers)
                await client.post("/mcp", json=call(new("modern-stranger")), headers={**ACCEPT, **headers})
            await client.get("/mcp/tools", params={"api_key": new("wrong-query-key")})
            await client.get("/mcp", params={"api_key": stage.key})
            await client.post("/mcp/messages", params={"sessionId": new("session"), "ticket": new("ticket")}, json={})
            await client.request(new("method").upper(), "/mcp")
            await client.get("/", headers={"Host": f"{new('host')}.example"})


async def test_texts_of_callers_stand_in_no_record(tmp_path: Path) -> None:
    """Arguments that are wrong are told to the caller; in the records they are lengths and digests."""
    async with _open_stage(tmp_path) as stage, stage.client(**{"X-API-Key": stage.key}) as client:
        new = stage.canaries.new_private
        session = await open_session(client)
        for arguments in (
            {**PLACE, "note": new("unknown-argument")},
            {**PLACE, "start_line": new("wrong-type")},
            {**PLACE, "owner": {"deep": [new("nested")]}},
            {**PLACE, "owner": f"{new('owner')}/../x"},
            {**PLACE, "path": f"../{new('path-that-never-leaves')}"},
            {**PLACE, "ref": f"{new('ref')}.."},
        ):
            refused = await use_tool(client, "get_file_contents", **arguments)
            assert 400 == refused.status_code, refused.text
            await post_modern(client, call("get_file_contents", arguments))
            await client.post("/mcp", json=call("get_file_contents", arguments), headers=session)
        for raw_body in (
            f'{{"tool": "{new("broken-json")}"'.encode(),
            f'{{"tool": "get_me", "tool": "{new("duplicate")}"}}'.encode(),
            f'["{new("no-object")}"]'.encode(),
            f'{{"tool": "get_me", "arguments": {{}}, "extra": "{new("extra")}"}}'.encode(),
            f'"{new("text")}'.encode() + b"\xff\xfe",
            f'{{"tool": "get_me", "arguments": {"[" * 500} "{new("deep")}" {"]" * 500}}}'.encode(),
        ):
            for path in ("/mcp/tool/call", "/mcp"):
                headers = {**session, "Content-Type": "application/json"}
                assert 400 == (await client.post(path, content=raw_body, headers=headers)).status_code
        await client.post("/mcp/tool/call", content=new("wrong-content-type"), headers={"Content-Type": "text/plain"})


async def test_what_the_forge_says_in_its_errors_is_not_repeated(tmp_path: Path) -> None:
    """Gitea's answers hold paths, other people's names, perhaps a stack: they are its operator's, not a model's."""
    async with _open_stage(tmp_path) as stage, stage.client(**{"X-API-Key": stage.key}) as client:
        new = stage.canaries.new_secret
        cookie = (("Set-Cookie", f"i_like_gitea={new('cookie')}"), ("X-Trace", new("trace")))
        faults = [
            *(
                Fault(status=status, body=f'{{"message": "{new(f"status-{status}")}"}}'.encode(), headers=cookie)
                for status in (301, 302, 400, 401, 403, 404, 409, 418, 422, 423, 429, 500, 502, 503, 504)
            ),
            Fault(body=f"<html>{new('html')}</html>".encode(), content_type="text/html"),
            Fault(body=f'{{"broken": "{new("broken")}"'.encode(), content_type="application/json"),
            Fault(body=f'"{new("text")}"'.encode(), content_type="application/json"),
            Fault(body=json.dumps({"type": new("type"), "content": 7}).encode(), content_type="application/json"),
            Fault(body=b"[" * 200_000 + new("nested").encode(), content_type="application/json"),
            Fault(body=new("latin").encode() + b"\xff\xff", content_type="application/json"),
            Fault(status=302, headers=(("Location", f"http://{new('redirect')}.example/"),)),
            Fault(status=500, body=new("cut").encode() * 10, cut=Cut.IN_BODY),
            Fault(cut=Cut.BEFORE_ANSWER),
            Fault(cut=Cut.AFTER_HEADERS),
        ]
        session = await open_session(client)
        for fault in faults:
            # A read is tried again once where that is harmless, so that a fault is ordered as often.
            for ask in (
                partial(use_tool, client, "get_file_contents", **SECRET_FILE),
                partial(post_modern, client, call("get_file_contents", SECRET_FILE)),
                partial(client.post, "/mcp", json=call("get_file_contents", SECRET_FILE), headers=session),
            ):
                stage.forge.faults.order(fault, times=4, path="/contents/")
                answer = await ask()
                stage.forge.faults.clear()
                assert '"isError":false' not in answer.text, fault
                assert '"success":true' not in answer.text, fault
                assert '"internal"' not in answer.text, f"{fault} was a bug of ours: {answer.text}"
        assert (await use_tool(client, "get_me")).json()["success"] is True


async def test_a_bug_is_an_incident_to_the_caller_and_a_traceback_to_the_operator(tmp_path: Path) -> None:
    """Where we fail ourselves the caller gets a number, the log its place in the code, and neither gets a secret."""
    breaking = (
        "import dataclasses\n"
        "import aegis_trio.toolsets.catalogue as catalogue\n"
        "import aegis_trio.transports.desk as desk\n"
        "import aegis_trio.web.pages as pages\n"
        "from aegis_trio.model.toolspec import PreparedCall\n"
        "async def run(context):\n"
        "    token = context.forge._token.reveal() if hasattr(context.forge, '_token') else None\n"
        "    raise RuntimeError('provoked in a tool')\n"
        "def prepare(raw):\n"
        "    return PreparedCall(places={}, run=run)\n"
        "def listing(spec):\n"
        "    raise LookupError('provoked in a list')\n"
        "pages.tool_definition = desk.tool_definition = listing\n"
        "broken = tuple(dataclasses.replace(spec, prepare=prepare) for spec in catalogue.CATALOGUE.tools)\n"
        "catalogue.CATALOGUE = dataclasses.replace(catalogue.CATALOGUE, tools=broken)"
    )
    async with _open_stage(tmp_path, before=breaking) as stage, stage.client(**{"X-API-Key": stage.key}) as client:
        session = await open_session(client)
        plain = await use_tool(client, "get_me", note=stage.canaries.new_private("argument"))
        modern = await post_modern(client, call("get_me"))
        in_session = await client.post("/mcp", json=call("get_me"), headers=session)
        assert [500, 200, 200] == [answer.status_code for answer in (plain, modern, in_session)]
        for answer in (plain, modern, in_session):
            assert "incident" in answer.text
        lists = [
            await client.get("/mcp/tools"),
            await post_modern(client, request("tools/list")),
            await client.post("/mcp", json=request("tools/list"), headers=session),
        ]
        assert [500, 500, 500] == [answer.status_code for answer in lists]
        incidents = [answer.text.partition("incident ")[2][:36] for answer in (plain, modern, in_session, *lists)]
        log = "\n".join(stage.gate.log)
        assert [] == [incident for incident in incidents if incident not in log]
        assert 6 == sum("provoked in a" in line for line in stage.gate.log)
        assert 200 == (await client.get("/readyz")).status_code
