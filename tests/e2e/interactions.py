"""What every client must be able to do with the gate, as a list that any of them plays, over any transport.

An interaction is a few steps of an errand (tests/clients/README.md) and what must have come of them. A new capability
of the gate gets its interactions here, and every client then has them on every way it knows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

TOOLS = {
    "list_repositories",
    "get_repository_info",
    "get_file_tree",
    "get_file_contents",
    "get_me",
    "get_server_version",
}
# What the gate declares. A test compares; what is added here needs its interactions below.
CAPABILITIES = {"tools"}

Report = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """Some steps, and what must have come of them."""

    name: str
    steps: tuple[dict[str, Any], ...]
    check: Callable[[Sequence[Report]], None]


def _text(result: Report) -> str:
    [block] = result["content"]
    assert "text" == block["type"]
    text: str = block["text"]
    return text


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
    # The Inspector looks into the list itself, and has a word instead of a code.
    assert called["error"]["code"] in {-32602, "tool_not_found"}


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
)


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
