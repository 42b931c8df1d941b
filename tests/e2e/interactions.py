"""What every client must be able to do with the gate, as a list that any of them plays, over any transport.

An interaction is a few steps of an errand (tests/clients/README.md) and what must have come of them. A new capability
of the gate gets its interactions here, and every client then has them on every way it knows. What only some clients can
do is named in `needs`; a driver says which of these its client lacks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aegis_trio.toolsets.catalogue import CATALOGUE

TOOLS = {tool.name for tool in CATALOGUE.tools}
TEMPLATES = {"readme", "file", "issue", "pull_request"}
PROMPTS = {
    "review_pull_request",
    "triage_issue",
    "explain_repository",
    "release_notes",
    "find_failing_run_cause",
}
# What the gate declares. A test compares; what is added here needs its interactions below.
CAPABILITIES = {"tools", "resources", "prompts", "completions", "logging"}

HARBOR = "gitea://main/tidewater/harbor"
TIDE = f"{HARBOR}/issues/12"  # somebody comments after each look (tests/e2e/common_gate.py)
HELD = "tides.py"  # the forge does not answer when it is asked for this file
TOLD = "asking the forge"  # what a read file reports on its way

Report = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """Some steps, what must have come of them, and what a client needs for them beyond requests and answers."""

    name: str
    steps: tuple[dict[str, Any], ...]
    check: Callable[[Sequence[Report]], None]
    needs: frozenset[str] = frozenset()


def _text(result: Report) -> str:
    [block] = result["content"]
    assert "text" == block["type"]
    text: str = block["text"]
    return text


def _assert_refused(report: Report, codes: set[int], words: str) -> None:
    # The Inspector has a word instead of a code.
    assert report["error"]["code"] in {*codes, "error"}
    assert words in report["error"]["message"]


def _lists_tools(reports: Sequence[Report]) -> None:
    [listed] = reports
    tools = {tool["name"]: tool for tool in listed["result"]["tools"]}
    assert set(tools) == TOOLS
    assert all("object" == tool["inputSchema"]["type"] for tool in tools.values())
    assert all(tool["description"] for tool in tools.values())


def _calls_a_tool(reports: Sequence[Report]) -> None:
    [called] = reports
    result = called["result"]
    assert not result.get("isError", False)
    assert result["structuredContent"] == json.loads(_text(result))
    assert 2 == len(result["structuredContent"]["repositories"])


def _is_told_what_is_wrong(reports: Sequence[Report]) -> None:
    [called] = reports
    assert called["result"]["isError"] is True
    assert "repo" in _text(called["result"])


def _is_told_of_no_such_tool(reports: Sequence[Report]) -> None:
    [called] = reports
    # The Inspector looks into the list itself.
    assert called["error"]["code"] in {-32602, "tool_not_found"}


def _is_told_how_far(reports: Sequence[Report]) -> None:
    [called] = reports
    assert not called["result"].get("isError", False)
    assert [{"progress": 1, "total": 2, "message": TOLD}] == called["progress"]


def _gives_up_and_goes_on(reports: Sequence[Report]) -> None:
    given_up, called = reports
    assert {"cancelled": True} == given_up
    assert "mcp-bot" == called["result"]["structuredContent"]["login"]


def _reads_resources(reports: Sequence[Report]) -> None:
    listed, templates, readme, missing = reports
    assert f"{HARBOR}/readme" in {one["uri"] for one in listed["result"]["resources"]}
    assert {one["name"] for one in templates["result"]["resourceTemplates"]} == TEMPLATES
    [content] = readme["result"]["contents"]
    assert f"{HARBOR}/readme" == content["uri"]
    assert "Questions go to @alice" in content["text"]
    _assert_refused(missing, {-32002, -32602}, "Issue 999 of tidewater/harbor is missing")


def _gets_prompts(reports: Sequence[Report]) -> None:
    listed, made, wrong = reports
    assert {one["name"] for one in listed["result"]["prompts"]} == PROMPTS
    words, attached = (message["content"] for message in made["result"]["messages"])
    assert "Triage issue 12 of the Gitea repository tidewater/harbor" in words["text"]
    assert f"{HARBOR}/issues/12" == attached["resource"]["uri"]
    _assert_refused(wrong, {-32602}, "number")


def _completes(reports: Sequence[Report]) -> None:
    [found] = reports
    assert ["tidewater"] == found["result"]["completion"]["values"]


def _completes_what_depends(reports: Sequence[Report]) -> None:
    branch, number = reports
    assert ["feature/grace-period"] == branch["result"]["completion"]["values"]
    assert ["12"] == number["result"]["completion"]["values"]


def _sees_a_change(reports: Sequence[Report]) -> None:
    [told] = reports
    assert TIDE == told["result"]["uri"]


_FILE = {"owner": "tidewater", "repo": "harbor"}
_BRANCH_OF = {"type": "ref/resource", "uri": "gitea://{instance}/{owner}/{repo}/blob/{ref}/{+path}"}
_ISSUE_OF = {"type": "ref/prompt", "name": "triage_issue"}

INTERACTIONS = (
    Interaction(name="lists tools", steps=({"do": "list_tools"},), check=_lists_tools),
    Interaction(
        name="calls a tool",
        steps=({"do": "call_tool", "name": "list_repositories", "arguments": {"limit": 2}},),
        check=_calls_a_tool,
    ),
    Interaction(
        name="is told what is wrong with its arguments",
        steps=({"do": "call_tool", "name": "get_repository_info", "arguments": {"owner": "tidewater"}},),
        check=_is_told_what_is_wrong,
    ),
    Interaction(
        name="is told that there is no such tool",
        steps=({"do": "call_tool", "name": "no_such_tool", "arguments": {}},),
        check=_is_told_of_no_such_tool,
    ),
    Interaction(
        name="is told how far its call is",
        steps=(
            {
                "do": "call_tool",
                "name": "get_file_contents",
                "arguments": {**_FILE, "path": "README.md"},
                "progress": True,
            },
        ),
        check=_is_told_how_far,
        needs=frozenset({"progress"}),
    ),
    Interaction(
        name="gives up a call, and makes the next one",
        steps=(
            {
                "do": "call_tool",
                "name": "get_file_contents",
                "arguments": {**_FILE, "path": f"src/harbor/{HELD}"},
                "cancel_on_progress": True,
            },
            {"do": "call_tool", "name": "get_me", "arguments": {}},
        ),
        check=_gives_up_and_goes_on,
        needs=frozenset({"cancel"}),
    ),
    Interaction(
        name="lists and reads resources",
        steps=(
            {"do": "list_resources"},
            {"do": "list_resource_templates"},
            {"do": "read_resource", "uri": f"{HARBOR}/readme"},
            {"do": "read_resource", "uri": f"{HARBOR}/issues/999"},
        ),
        check=_reads_resources,
    ),
    Interaction(
        name="lists and gets prompts",
        steps=(
            {"do": "list_prompts"},
            {"do": "get_prompt", "name": "triage_issue", "arguments": {**_FILE, "number": "12"}},
            {"do": "get_prompt", "name": "triage_issue", "arguments": _FILE},
        ),
        check=_gets_prompts,
    ),
    Interaction(
        name="completes an argument",
        steps=({"do": "complete", "ref": _ISSUE_OF, "argument": {"name": "owner", "value": "tid"}},),
        check=_completes,
        needs=frozenset({"completion"}),
    ),
    Interaction(
        name="completes an argument by what was chosen before",
        steps=(
            {"do": "complete", "ref": _BRANCH_OF, "argument": {"name": "ref", "value": "feature/g"}, "context": _FILE},
            {"do": "complete", "ref": _ISSUE_OF, "argument": {"name": "number", "value": "12"}, "context": _FILE},
        ),
        check=_completes_what_depends,
        needs=frozenset({"context"}),
    ),
    Interaction(
        name="is told that a resource has changed",
        steps=({"do": "watch", "uri": TIDE},),
        check=_sees_a_change,
        needs=frozenset({"watch"}),
    ),
)


def without(lacks: frozenset[str]) -> tuple[Interaction, ...]:
    """Return the interactions of a client that *lacks* something."""
    return tuple(interaction for interaction in INTERACTIONS if not interaction.needs & lacks)


def steps_of(interactions: Sequence[Interaction]) -> list[dict[str, Any]]:
    """Return the steps of all *interactions*, for one errand."""
    return [step for interaction in interactions for step in interaction.steps]


def check_all(interactions: Sequence[Interaction], reports: Sequence[Report]) -> None:
    """Check what came of all *interactions*, in their order."""
    rest = list(reports)
    for interaction in interactions:
        mine, rest = rest[: len(interaction.steps)], rest[len(interaction.steps) :]
        try:
            interaction.check(mine)
        except (AssertionError, KeyError, ValueError) as fault:
            raise AssertionError(f"{interaction.name}: {fault!r} in {mine}") from fault
    assert [] == rest
