"""Resources, prompts, completions and subscriptions, used by the official client over a whole gate, in both eras."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import trio
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.types import (
    BlobResourceContents,
    EmbeddedResource,
    PromptReference,
    ResourceTemplateReference,
    ResourceUpdatedNotification,
    TextContent,
    TextResourceContents,
)

from aegis_trio.demo_forge.changes import add_comment, commit_files
from aegis_trio.demo_forge.world import World
from tests.e2e.gates import GateProcess, open_gate, settings
from tests.forge import open_forge

pytestmark = pytest.mark.e2e

HARBOR = "gitea://main/tidewater/harbor"
MODERN, LEGACY = "2026-07-28", "legacy"
SEEN_WITHIN_S = 30.0  # the promise of docs/resources.md
both_eras = pytest.mark.parametrize("mode", [LEGACY, MODERN])


@dataclass(frozen=True)
class _Desk:
    client: Client
    gate: GateProcess
    world: World


@asynccontextmanager
async def _open(tmp_path: Path, mode: Any, message_handler: Any = None) -> AsyncGenerator[_Desk]:
    async with (
        open_forge() as forge,
        open_gate(settings(forge.url, forge.world.bot_token, tmp_path)) as gate,
        httpx2.AsyncClient(headers=gate.authorization, trust_env=False, timeout=60) as http,
        Client(
            streamable_http_client(f"{gate.url}/mcp", http_client=http),
            mode=mode,
            message_handler=message_handler,
            cache=None,
        ) as client,
    ):
        yield _Desk(client, gate, forge.world)


async def _text(client: Client, uri: str) -> str:
    [content] = (await client.read_resource(uri)).contents
    assert isinstance(content, TextResourceContents)
    assert uri == content.uri
    return content.text


@both_eras
async def test_resources_are_listed_and_read(tmp_path: Path, mode: Any) -> None:
    """Text, bytes, README, issue and pull request; what is missing is an error, and the trail names every place."""
    async with _open(tmp_path, mode) as desk:
        client = desk.client
        listed = await client.list_resources()
        readme = next(one for one in listed.resources if one.name == "tidewater/harbor")
        assert f"{HARBOR}/readme" == str(readme.uri)
        assert "Questions go to @alice" in await _text(client, f"{HARBOR}/readme")
        assert "GRACE" in await _text(client, f"{HARBOR}/blob/feature%2Fgrace-period/src/harbor/planner.py")
        [picture] = (await client.read_resource(f"{HARBOR}/blob/main/docs/map.png")).contents
        assert isinstance(picture, BlobResourceContents)
        assert base64.b64decode(picture.blob).startswith(b"\x89PNG")
        assert "image/png" == picture.mime_type
        issue = json.loads(await _text(client, f"{HARBOR}/issues/12"))
        assert ["alice", "bob", "carol"] == [comment["author"] for comment in issue["comments"]]
        pull = json.loads(await _text(client, f"{HARBOR}/pulls/13"))
        assert ["src/harbor/planner.py"] == [file["path"] for file in pull["files"]]
        for uri in (f"{HARBOR}/issues/999", "gitea://main/alice/notes/readme", "gitea://other/a/b/readme"):
            with pytest.raises(MCPError) as missing:
                await client.read_resource(uri)
            assert (-32002 if mode == LEGACY else -32602) == missing.value.error.code
            assert uri == missing.value.error.data["uri"]
        places = [record["arguments"] for record in desk.gate.audit_records("tool_invocation")]

    for named in ({"number": 12}, {"ref": "feature/grace-period", "path": "src/harbor/planner.py"}):
        assert [True] == [
            True for one in places if {"owner": "tidewater", "repo": "harbor", **named}.items() <= one.items()
        ]


@both_eras
async def test_templates_prompts_and_completions_lead_to_what_there_is(tmp_path: Path, mode: Any) -> None:
    """As a person fills a form: a template, its variables one by one; then a prompt, which brings its issue along."""
    async with _open(tmp_path, mode) as desk:
        client = desk.client
        templates = (await client.list_resource_templates()).resource_templates
        file = next(one for one in templates if one.name == "file")
        ref = ResourceTemplateReference(type="ref/resource", uri=file.uri_template)
        chosen: dict[str, str] = {}
        for name, value, expected in (
            ("owner", "tid", "tidewater"),
            ("repo", "h", "harbor"),
            ("ref", "feature/g", "feature/grace-period"),
            ("path", "READ", "README.md"),
        ):
            found = await client.complete(ref, {"name": name, "value": value}, chosen)
            assert [expected] == found.completion.values
            chosen[name] = expected
        prompts = (await client.list_prompts()).prompts
        assert {"review_pull_request", "triage_issue", "explain_repository"} <= {one.name for one in prompts}
        arguments = {"owner": "tidewater", "repo": "harbor"}
        numbers = await client.complete(
            PromptReference(type="ref/prompt", name="triage_issue"), {"name": "number", "value": "12"}, arguments
        )
        assert ["12"] == numbers.completion.values
        made = await client.get_prompt("triage_issue", {**arguments, "number": "12"})
        words, attached = (message.content for message in made.messages)
        assert isinstance(words, TextContent)
        assert "Triage issue 12 of the Gitea repository tidewater/harbor" in words.text
        assert isinstance(attached, EmbeddedResource)
        assert f"{HARBOR}/issues/12" == str(attached.resource.uri)
        with pytest.raises(MCPError, match="number"):
            await client.get_prompt("triage_issue", arguments)
        hidden = await client.complete(ref, {"name": "path", "value": ""}, {"owner": "alice", "repo": "notes"})
        assert [] == hidden.completion.values


@pytest.mark.slow
async def test_a_modern_subscription_sees_a_change(tmp_path: Path) -> None:
    """A comment is told within half a minute, and reading again shows it; what cannot be read is not accepted."""
    uri, hidden = f"{HARBOR}/issues/12", "gitea://main/alice/notes/readme"
    async with (
        _open(tmp_path, MODERN) as desk,
        desk.client.listen(resource_subscriptions=[uri, hidden]) as changes,
    ):
        assert [uri] == list(changes.honored.resource_subscriptions or ())
        _comment(desk.world)
        with trio.fail_after(SEEN_WITHIN_S):
            told: Any = await anext(aiter(changes))
        assert uri == str(told.uri)
        assert "Spring tide: none at all." in await _text(desk.client, uri)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")  # it is the older way that is tried
async def test_a_legacy_subscription_sees_a_change(tmp_path: Path) -> None:
    """The same for a file, by `resources/subscribe` and the session's own stream; then it is taken back."""
    uri = f"{HARBOR}/readme"
    told = trio.Event()

    async def hear(message: object) -> None:
        await trio.lowlevel.checkpoint()
        if isinstance(message, ResourceUpdatedNotification) and uri == str(message.params.uri):
            told.set()

    async with _open(tmp_path, LEGACY, hear) as desk:
        await desk.client.subscribe_resource(uri)
        with pytest.raises(MCPError):
            await desk.client.subscribe_resource("gitea://main/alice/notes/readme")
        world = desk.world
        commit_files(world, world.repositories[1], {"README.md": b"# moved\n"}, author=world.accounts[2])
        with trio.fail_after(SEEN_WITHIN_S):
            await told.wait()
        assert "# moved\n" == await _text(desk.client, uri)
        await desk.client.unsubscribe_resource(uri)


def _comment(world: World) -> None:
    harbor = world.repositories[1]
    add_comment(world, harbor, 12, author=world.accounts[2], body="Spring tide: none at all.")
