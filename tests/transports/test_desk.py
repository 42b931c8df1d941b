"""Lists, pages, completions and what each failure is, in the form of each era."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from aegis_trio.model.call import CallKind, Failure, Success, ToolOutcome, ToolReply, ToolRequest
from aegis_trio.model.errors import (
    AuditUnavailable,
    Fault,
    InvalidArgument,
    MissingCapability,
    NotFound,
    NotReady,
    RateLimited,
    ResourceMissing,
    UnknownPrompt,
    UnknownTool,
)
from aegis_trio.model.features import PromptSpec, ResourceSpec
from aegis_trio.model.identity import Caller
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.protocol.cursors import CURSOR_TTL_S
from aegis_trio.protocol.refusals import INVALID_PARAMS, METHOD_NOT_FOUND, MISSING_CAPABILITY, RESOURCE_NOT_FOUND
from aegis_trio.toolsets.context import ToolContext
from tests.transports.harness import Conversation, Gate, Script, make_spec, modern, request

ERAS = ("legacy", "modern")
NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}


async def ask(gate: Gate, era: str, method: str, params: JsonObject | None = None, key: str = "ada") -> Conversation:
    """Make one request of *era*."""
    if era == "legacy":
        return await gate.asked(request(method, params), await gate.session(key=key), key=key)
    document, *headers = modern(method, params)
    if method in NAMED:
        headers.append(("mcp-name", str((params or {})[NAMED[method]])))
    return await gate.asked(document, *headers, key=key)


def resource(uri: str, *, is_template: bool = False) -> ResourceSpec[ToolContext]:
    """Return a resource of that URI, or a family."""
    definition: JsonObject = {"uriTemplate" if is_template else "uri": uri, "name": uri}
    return ResourceSpec(
        definition=definition, is_template=is_template, matches=lambda one: one == uri, operation=make_spec("read")
    )


def prompt(name: str) -> PromptSpec[ToolContext]:
    """Return a prompt of that name."""
    return PromptSpec(definition={"name": name}, operation=make_spec(name))


def failing(fault: Fault) -> Script:
    """Return a script that fails with *fault*."""

    async def script(_caller: Caller, asked: ToolRequest) -> ToolOutcome:
        await trio.lowlevel.checkpoint()
        return Failure(asked.correlation_id, fault)

    return script


def pages(count: int) -> Script:
    """Return a script that lists one resource a page."""

    async def script(_caller: Caller, asked: ToolRequest) -> ToolOutcome:
        await trio.lowlevel.checkpoint()
        page = int(str(asked.raw_arguments["page"]) or "1")
        listed: JsonObject = {"resources": [{"uri": f"forge://{page}", "name": "r"}]}
        return Success(asked.correlation_id, ToolReply(listed | ({} if page == count else {"next": page + 1})))

    return script


# ---- lists ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("method", ["tools/list", "prompts/list", "resources/templates/list"])
async def test_a_list_has_one_page_and_says_how_long_it_holds(
    autojump_clock: MockClock, gate: Gate, era: str, method: str
) -> None:
    """`ttlMs` and `cacheScope` MUST stand on modern lists, and are private: they vary by caller."""
    gate.door.prompts = (prompt("p"),)
    gate.door.resources = (resource("forge://{x}", is_template=True), resource("forge://fixed"))
    result = (await ask(gate, era, method)).json["result"]
    member = {"resources/templates/list": "resourceTemplates"}.get(method, method.partition("/")[0])

    assert 1 == len(result[member])
    assert "nextCursor" not in result
    kept = ("complete", "private", True) if era == "modern" else (None, None, False)
    assert kept == (result.get("resultType"), result.get("cacheScope"), result.get("ttlMs", -1) >= 0)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("method", ["tools/list", "prompts/list", "resources/templates/list", "resources/list"])
@pytest.mark.parametrize("cursor", ["", "x", "AAAA" * 20, "é"])
async def test_a_cursor_that_was_never_given_is_refused(
    autojump_clock: MockClock, gate: Gate, era: str, method: str, cursor: str
) -> None:
    """server/utilities/pagination: "" is a cursor and not the end; an invalid one is -32602."""
    answer = await ask(gate, era, method, {"cursor": cursor})

    assert INVALID_PARAMS == answer.json["error"]["code"]
    assert "cursor" in answer.json["error"]["message"]
    assert (200 if era == "legacy" else 400) == answer.status
    assert [] == gate.door.requests


@pytest.mark.parametrize("era", ERAS)
async def test_resources_are_listed_page_by_page(autojump_clock: MockClock, gate: Gate, era: str) -> None:
    """Fixed ones stand once, at the top; each cursor leads to the next page, the last page has none."""
    gate.door.resources = (resource("forge://fixed"), resource("forge://{x}", is_template=True))
    gate.door.scripts["resources/list"] = pages(3)
    cursor: JsonValue = None
    listed: list[str] = []
    for _ in range(3):
        params: JsonObject = {} if cursor is None else {"cursor": cursor}
        result = (await ask(gate, era, "resources/list", params)).json["result"]
        listed += [one["uri"] for one in result["resources"]]
        cursor = result.get("nextCursor")
        assert ("private" if era == "modern" else None) == result.get("cacheScope")

    assert ["forge://fixed", "forge://1", "forge://2", "forge://3"] == listed
    assert cursor is None
    assert {CallKind.RESOURCE_LIST} == {asked.kind for asked in gate.door.requests}


@pytest.mark.parametrize("misuse", ["principal", "method", "expired", "tampered"])
async def test_a_cursor_is_of_one_caller_one_list_and_one_hour(
    autojump_clock: MockClock, gate: Gate, misuse: str
) -> None:
    """A position of another's list must not open, and must not tell that it was one."""
    gate.door.scripts["resources/list"] = pages(3)
    cursor = (await ask(gate, "modern", "resources/list")).json["result"]["nextCursor"]
    method, key = "resources/list", "ada"
    match misuse:
        case "principal":
            key = "bob"
        case "method":
            method = "tools/list"
        case "expired":
            await trio.sleep(CURSOR_TTL_S + 1)
        case _:
            cursor = cursor[:-1] + ("A" if cursor[-1] != "A" else "B")
    answer = await ask(gate, "modern", method, {"cursor": cursor}, key)

    assert (400, INVALID_PARAMS) == (answer.status, answer.json["error"]["code"])
    assert 1 == len(gate.door.requests)


async def test_a_list_without_resources_is_an_empty_one(autojump_clock: MockClock, gate: Gate) -> None:
    """What a door says badly is not passed on."""

    async def script(_caller: Caller, asked: ToolRequest) -> ToolOutcome:
        await trio.lowlevel.checkpoint()
        return Success(asked.correlation_id, ToolReply(None))

    gate.door.scripts["resources/list"] = script

    assert [] == (await ask(gate, "modern", "resources/list")).json["result"]["resources"]


# ---- completions and prompts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("ref", "is_known"),
    [
        ({"type": "ref/prompt", "name": "p"}, True),
        ({"type": "ref/resource", "uri": "forge://{x}"}, True),
        ({"type": "ref/resource", "uri": "forge://fixed"}, True),
        ({"type": "ref/prompt", "name": "q"}, False),
        ({"type": "ref/resource", "uri": "forge://other"}, False),
    ],
)
async def test_arguments_of_what_exists_are_completed(
    autojump_clock: MockClock, gate: Gate, era: str, ref: JsonObject, *, is_known: bool
) -> None:
    """server/utilities/completion: an unknown reference is -32602; nothing is found out by asking."""
    gate.door.prompts = (prompt("p"),)
    gate.door.resources = (resource("forge://{x}", is_template=True), resource("forge://fixed"))
    params: JsonObject = {
        "ref": ref,
        "argument": {"name": "owner", "value": "a"},
        "context": {"arguments": {"repo": "r", "value": "mine"}},
    }
    answer = await ask(gate, era, "completion/complete", params)

    if is_known:
        assert ["completion"] == [name for name in answer.json["result"] if name not in {"resultType", "_meta"}]
        assert ("owner", CallKind.COMPLETION) == (gate.door.requests[0].tool, gate.door.requests[0].kind)
        assert {"repo": "r", "value": "a"} == gate.door.requests[0].raw_arguments
    else:
        assert (INVALID_PARAMS, []) == (answer.json["error"]["code"], gate.door.requests)


@pytest.mark.parametrize("era", ERAS)
async def test_a_prompt_is_made_in_blocks_that_its_client_knows(
    autojump_clock: MockClock, gate: Gate, era: str
) -> None:
    """The messages are the result; what is no message stays as it is."""

    async def script(_caller: Caller, asked: ToolRequest) -> ToolOutcome:
        await trio.lowlevel.checkpoint()
        made: JsonObject = {"messages": [{"role": "user", "content": {"type": "text", "text": "t"}}]}
        return Success(asked.correlation_id, ToolReply(made))

    gate.door.scripts["p"] = script
    answer = await ask(gate, era, "prompts/get", {"name": "p", "arguments": {"a": "1"}})

    assert [{"role": "user", "content": {"type": "text", "text": "t"}}] == answer.json["result"]["messages"]
    assert ({"a": "1"}, CallKind.PROMPT) == (gate.door.requests[0].raw_arguments, gate.door.requests[0].kind)


# ---- what failures are ----------------------------------------------------------------------------------------------


def expected_of(code: int, legacy_status: int, modern_status: int) -> dict[str, tuple[int, int]]:
    """Return status and code by era."""
    return {"legacy": (legacy_status, code), "modern": (modern_status, code)}


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("method", "make", "expected"),
    [
        ("tools/call", lambda: UnknownTool("No."), expected_of(INVALID_PARAMS, 200, 400)),
        ("prompts/get", lambda: UnknownPrompt("No."), expected_of(INVALID_PARAMS, 200, 400)),
        ("prompts/get", lambda: InvalidArgument("a", "b", "c"), expected_of(INVALID_PARAMS, 200, 400)),
        ("prompts/get", lambda: NotFound("No."), expected_of(404, 200, 200)),
        (
            "resources/read",
            lambda: ResourceMissing("No.", uri="x"),
            {"legacy": (200, RESOURCE_NOT_FOUND), "modern": (400, INVALID_PARAMS)},
        ),
        (
            "resources/read",
            lambda: MissingCapability("No.", required={"roots": {}}),
            {"legacy": (200, INVALID_PARAMS), "modern": (400, MISSING_CAPABILITY)},
        ),
        ("tools/call", lambda: RateLimited("Slow.", retry_after_s=7), expected_of(429, 429, 429)),
        ("tools/call", lambda: NotReady("Wait."), expected_of(503, 503, 503)),
        ("tools/call", lambda: AuditUnavailable("Disk."), expected_of(503, 503, 503)),
    ],
)
async def test_a_failure_has_its_code_and_its_status(
    autojump_clock: MockClock,
    gate: Gate,
    era: str,
    method: str,
    *,
    make: Callable[[], Fault],
    expected: dict[str, tuple[int, int]],
) -> None:
    """basic/index#error-codes; a legacy answer is never 404, which there means that the session is gone."""
    gate.door.scripts["x"] = failing(make())
    answer = await ask(gate, era, method, {NAMED[method]: "x"})
    data: Any = answer.json["error"]["data"]

    assert expected[era] == (answer.status, answer.json["error"]["code"])
    assert make().code == data["code"]
    assert "correlation_id" in data
    if isinstance(make(), ResourceMissing):
        assert "x" == data["uri"]
    if answer.status in {429, 503}:
        assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize("era", ERAS)
async def test_a_tool_that_fails_says_so_in_its_result(autojump_clock: MockClock, gate: Gate, era: str) -> None:
    """server/tools#error-handling: the model reads it and can mend it; also wrong arguments."""
    for fault in (
        NotFound("No such file.", "List it."),
        InvalidArgument("path", "is missing", "Give it.", {"path": "a"}),
    ):
        gate.door.scripts["x"] = failing(fault)
        result = (await ask(gate, era, "tools/call", {"name": "x"})).json["result"]

        assert result["isError"]
        assert fault.remedy in result["content"][0]["text"]


@pytest.mark.parametrize("method", ["initialize", "ping", "logging/setLevel", "resources/subscribe", "nonsense"])
async def test_what_a_modern_client_cannot_ask_for_does_not_exist(
    autojump_clock: MockClock, gate: Gate, method: str
) -> None:
    """basic/transports/streamable-http: 404 with a JSON-RPC body, whatever the parameters are."""
    answer = await ask(gate, "modern", method)

    assert (404, METHOD_NOT_FOUND) == (answer.status, answer.json["error"]["code"])
    assert "mcp-session-id" not in answer.headers
