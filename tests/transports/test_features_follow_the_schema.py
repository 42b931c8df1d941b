"""What the gate really serves, as a client of every revision gets it; the wire types of the schema are the judge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import trio
import trio.testing
from mcp_types.methods import validate_server_result

from aegis_trio.auth.credentials import RawCredentials
from aegis_trio.gateway.directory import Directory
from aegis_trio.gitea.request import ForgeRequest, ForgeResponse
from aegis_trio.model.call import Failure, Success, ToolOutcome, ToolRequest
from aegis_trio.model.errors import Fault, NotFound
from aegis_trio.model.identity import Caller, Origin
from aegis_trio.model.json import JsonObject
from aegis_trio.policy.access import READ_SCOPES
from aegis_trio.protocol.revisions import REVISIONS, Era, Revision
from aegis_trio.toolsets.catalogue import CATALOGUE
from aegis_trio.transports.reception import Reception
from aegis_trio.transports.streamable_http import StreamableHttp
from tests.toolsets.canned import CannedForge, context_for, json_answer
from tests.transports.harness import Gate, initialize, make_caller, make_desk, modern, request

BASE = "gitea://main/acme/backend"
PICTURE = b"\x89PNG\x00"
PLACE: JsonObject = {"owner": "acme", "repo": "backend"}
every_revision = pytest.mark.parametrize("revision", REVISIONS, ids=lambda revision: revision.version)


def _answer(asked: ForgeRequest[Any]) -> ForgeResponse:
    match asked.segments[-1]:
        case "repos":
            return json_answer([{"id": 1, "owner": {"login": "acme"}, "name": "backend"}], total=90, has_next=True)
        case "nosuch":
            raise NotFound("It is missing, or not visible.")
        case "a.png":
            encoded = {"encoding": "base64", "content": "iVBORwA="}
            return json_answer({"type": "file", "path": "a.png", "sha": "s", "size": len(PICTURE), **encoded})
        case "branches":
            return json_answer([{"name": f"b{number}", "commit": {"id": "0"}} for number in range(150)])
        case "tags" | "comments":
            return json_answer([])
        case _:
            return json_answer({"number": 5, "title": "t", "state": "open"})


class _Door:
    """The catalogue, run on canned answers of the forge."""

    def __init__(self) -> None:
        self.directory = Directory(CATALOGUE)

    async def call(self, caller: Caller, asked: ToolRequest) -> ToolOutcome:
        spec = self.directory.find(asked)
        try:
            if spec is None:
                raise self.directory.unknown(caller, asked)
            reply = await spec.prepare(asked.raw_arguments).run(context_for(CannedForge(_answer)))
        except Fault as fault:
            return Failure(asked.correlation_id, fault)
        return Success(asked.correlation_id, reply)

    def screen(self, caller: Caller, asked: Sequence[ToolRequest]) -> Failure | None:
        return None  # everybody is a reader here

    async def watch(
        self, caller: Caller, asked: ToolRequest, changed: Callable[[], None], *, task_status: trio.TaskStatus[object]
    ) -> None:
        outcome = await self.call(caller, asked)
        task_status.started(outcome.fault if isinstance(outcome, Failure) else None)
        if not isinstance(outcome, Failure):
            await trio.sleep_forever()


class _Doorman:
    """Lets everybody in, with the rights of a reader."""

    async def authenticate(self, raw: RawCredentials, origin: Origin) -> Caller:
        await trio.lowlevel.checkpoint()
        caller = make_caller("ada")
        return replace(caller, principal=replace(caller.principal, scopes=READ_SCOPES))


Ask = Callable[[str, JsonObject], Any]


async def _client(gate: Gate, revision: Revision) -> Ask:
    """Return a function that asks as a client of *revision* does and returns the message that comes back."""
    reception = Reception(desk=make_desk(_Door()), hub=gate.hub)  # type: ignore[arg-type]  # a door of its own
    app = StreamableHttp(reception=reception, doorman=_Doorman(), hub=gate.hub, settings=gate.settings)
    header = None if revision.era is Era.MODERN else await gate.session(revision.version, app=app)

    async def ask(method: str, params: JsonObject) -> Any:
        if header is not None:
            return (await gate.asked(request(method, params), header, app=app)).json
        document, *headers = modern(method, params)
        named = params.get("name", params.get("uri"))
        more = [("mcp-name", str(named))] if method in {"prompts/get", "resources/read"} else []
        return (await gate.asked(document, *headers, *more, app=app)).json

    return ask


async def _result(gate: Gate, revision: Revision, method: str, params: JsonObject | None = None) -> dict[str, Any]:
    """Return the result of *method*, which the schema of *revision* accepts."""
    ask = await _client(gate, revision)
    message = await ask(method, params or {})
    result = message["result"]
    assert isinstance(result, dict)
    validate_server_result(method, revision.version, result)
    hints = {"ttlMs", "cacheScope"} & set(result)
    is_cacheable = method.startswith(("resources/", "server/")) or method.endswith("/list")
    assert ({"ttlMs", "cacheScope"} if revision.era is Era.MODERN and is_cacheable else set()) == hints
    assert "public" != result.get("cacheScope")
    return result


async def _error(gate: Gate, revision: Revision, method: str, params: JsonObject) -> dict[str, Any]:
    """Return the error that *method* is refused with."""
    ask = await _client(gate, revision)
    message = await ask(method, params)
    error = message["error"]
    assert isinstance(error, dict)
    return error


@pytest.mark.requirement("MCP-RES-01", "MCP-CACHE-02")
@every_revision
async def test_lists_of_resources_follow_the_schema(
    gate: Gate, revision: Revision, autojump_clock: trio.testing.MockClock
) -> None:
    """The READMEs by pages, and every template; a modern client is told how long they hold."""
    page = await _result(gate, revision, "resources/list")
    further = await _result(gate, revision, "resources/list", {"cursor": page["nextCursor"]})
    templates = await _result(gate, revision, "resources/templates/list")

    assert (
        [f"{BASE}/readme"] == [one["uri"] for one in page["resources"]] == [one["uri"] for one in further["resources"]]
    )
    assert len(CATALOGUE.resources) == len(templates["resourceTemplates"])


@pytest.mark.requirement("MCP-RES-02", "MCP-RES-04", "MCP-CACHE-02")
@every_revision
async def test_text_and_bytes_follow_the_schema(
    gate: Gate, revision: Revision, autojump_clock: trio.testing.MockClock
) -> None:
    """With address and type; bytes in Base64."""
    issue = await _result(gate, revision, "resources/read", {"uri": f"{BASE}/issues/5"})
    picture = await _result(gate, revision, "resources/read", {"uri": f"{BASE}/blob/main/a.png"})

    assert [(f"{BASE}/issues/5", "application/json")] == [(one["uri"], one["mimeType"]) for one in issue["contents"]]
    assert [("iVBORwA=", "image/png")] == [(one["blob"], one["mimeType"]) for one in picture["contents"]]


@pytest.mark.requirement("MCP-RES-05", "MCP-L2511-01", "MCP-RES-03")
@every_revision
@pytest.mark.parametrize(
    "uri", [f"{BASE}/blob/main/nosuch", "gitea://main/acme/backend/wiki", "gitea://other/a/b/readme", "file:///etc"]
)
async def test_what_cannot_be_read_is_an_error_with_its_uri(
    gate: Gate, uri: str, revision: Revision, autojump_clock: trio.testing.MockClock
) -> None:
    """Missing, not visible and not ours look the same; the code is the revision's."""
    error = await _error(gate, revision, "resources/read", {"uri": uri})

    assert (-32602 if revision.era is Era.MODERN else -32002) == error["code"]
    assert uri == error["data"]["uri"]


@pytest.mark.requirement("MCP-RES-03")
@every_revision
async def test_an_address_that_leads_elsewhere_is_refused_by_its_part(
    gate: Gate, revision: Revision, autojump_clock: trio.testing.MockClock
) -> None:
    """A dot segment, whatever its spelling."""
    for path in ("../x", "a/%2e%2e/x", "a%2F..%2Fx"):
        error = await _error(gate, revision, "resources/read", {"uri": f"{BASE}/blob/main/{path}"})
        assert -32602 == error["code"]
        assert "dot segment" in error["message"]


@pytest.mark.requirement("MCP-RES-07")
@pytest.mark.parametrize(
    "revision", [one for one in REVISIONS if one.era is Era.LEGACY], ids=lambda revision: revision.version
)
async def test_subscribing_is_answered_with_an_empty_result(
    gate: Gate, revision: Revision, autojump_clock: trio.testing.MockClock
) -> None:
    """And so is taking it back; what cannot be read is not watched."""
    ask = await _client(gate, revision)

    assert {} == (await ask("resources/subscribe", {"uri": f"{BASE}/issues/5"}))["result"]
    assert {} == (await ask("resources/unsubscribe", {"uri": f"{BASE}/issues/5"}))["result"]
    assert -32002 == (await ask("resources/subscribe", {"uri": f"{BASE}/blob/main/nosuch"}))["error"]["code"]


@pytest.mark.requirement("MCP-PROMPT-01", "MCP-CACHE-03")
@every_revision
async def test_prompts_follow_the_schema(
    gate: Gate, revision: Revision, autojump_clock: trio.testing.MockClock
) -> None:
    """The list, one that embeds a resource, and one that links to it: a link is text to who does not know links."""
    listed = await _result(gate, revision, "prompts/list")
    embedding = await _result(
        gate, revision, "prompts/get", {"name": "triage_issue", "arguments": {**PLACE, "number": "5"}}
    )
    linking = await _result(gate, revision, "prompts/get", {"name": "explain_repository", "arguments": {**PLACE}})

    assert len(CATALOGUE.prompts) == len(listed["prompts"])
    assert ["text", "resource"] == [one["content"]["type"] for one in embedding["messages"]]
    expected = "resource_link" if "resource_link" in revision.content_types else "text"
    assert ["text", expected] == [one["content"]["type"] for one in linking["messages"]]


@pytest.mark.requirement("MCP-PROMPT-02")
@every_revision
@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"name": "nosuch"}, "no such prompt"),
        ({"name": "triage_issue"}, "owner: is required"),
        ({"name": "triage_issue", "arguments": {**PLACE}}, "number: is required"),
        ({"name": "triage_issue", "arguments": {**PLACE, "number": "x"}}, "number: is no number"),
        ({"name": "explain_repository", "arguments": {**PLACE, "x": "y"}}, "x: is not an argument of this prompt"),
    ],
    ids=["unknown", "without any", "without one", "wrong", "one too many"],
)
async def test_a_prompt_that_cannot_be_made_is_refused_by_name(
    gate: Gate, params: JsonObject, words: str, revision: Revision, *, autojump_clock: trio.testing.MockClock
) -> None:
    """Invalid parameters, in words that a person can act on."""
    error = await _error(gate, revision, "prompts/get", params)

    assert -32602 == error["code"]
    assert words in error["message"]


@pytest.mark.requirement("MCP-COMPL-01")
@every_revision
async def test_completions_follow_the_schema(
    gate: Gate, revision: Revision, autojump_clock: trio.testing.MockClock
) -> None:
    """A hundred values and the word that there are more, for a prompt as for a template."""
    templates = {one.definition["name"]: one.definition["uriTemplate"] for one in CATALOGUE.resources}
    references: list[tuple[JsonObject, str]] = [
        ({"type": "ref/prompt", "name": "release_notes"}, "from_ref"),
        ({"type": "ref/resource", "uri": templates["file"]}, "ref"),
    ]
    for ref, name in references:
        params: JsonObject = {"ref": ref, "argument": {"name": name, "value": "B"}, "context": {"arguments": {**PLACE}}}
        completion = (await _result(gate, revision, "completion/complete", params))["completion"]
        assert (100, True) == (len(completion["values"]), completion["hasMore"])


@pytest.mark.requirement("MCP-COMPL-03")
@every_revision
@pytest.mark.parametrize(
    "ref",
    [
        {"type": "ref/prompt", "name": "nosuch"},
        {"type": "ref/resource", "uri": "gitea://{instance}/{owner}/{repo}/wiki"},
        {"type": "ref/resource", "uri": f"{BASE}/readme"},
    ],
    ids=["prompt", "template", "no template"],
)
async def test_nothing_is_completed_for_what_there_is_not(
    gate: Gate, ref: JsonObject, revision: Revision, autojump_clock: trio.testing.MockClock
) -> None:
    """A client that refers to something else has an old list."""
    params: JsonObject = {"ref": ref, "argument": {"name": "owner", "value": ""}}
    error = await _error(gate, revision, "completion/complete", params)

    assert -32602 == error["code"]


@pytest.mark.requirement("MCP-RES-06", "MCP-PROMPT-04", "MCP-COMPL-04", "MCP-LOG-05")
@every_revision
async def test_what_is_served_is_declared(
    gate: Gate, revision: Revision, autojump_clock: trio.testing.MockClock
) -> None:
    """A client looks there before it asks."""
    if revision.era is Era.MODERN:
        result = await _result(gate, revision, "server/discover")
    else:
        result = (await gate.asked(initialize(revision.version))).json["result"]

    assert {"tools", "resources", "prompts", "completions", "logging"} <= set(result["capabilities"])
    assert {"subscribe": True, "listChanged": True} == result["capabilities"]["resources"]
