"""No argument of any tool makes a request that is not the tool's own."""

from __future__ import annotations

from typing import Any, NoReturn
from urllib.parse import quote

import trio
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.gitea.request import AnswerT, ForgeRequest
from aegis_trio.model.errors import InvalidArgument, NotFound
from aegis_trio.model.toolspec import Toolset, ToolSpec
from aegis_trio.toolsets.catalogue import COMPLETIONS, PROMPTS, RESOURCES, TOOLS
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.toolsets.resources.list_resources import LIST_RESOURCES
from tests.toolsets.calls import samples
from tests.toolsets.canned import context_for
from tests.toolsets.leaving import what_leaves

HOSTILE = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "../../admin/users",
            "..",
            ".",
            "%2e%2e",
            "a/../../b",
            "x?sudo=root",
            "x;sudo=root",
            "a//b",
            "issues",
            "search",
        ]
    ),
    st.lists(st.sampled_from(["..", ".", "", "a", "%2e", "%2f", "?", "#", ";", "\\", "\n", "/", "é", ":", "{"])).map(
        "".join
    ),
    st.sampled_from(["acme", "backend", "main", "src/main.py"]),
)


class _Left(Exception):
    """A request passed the guard and would have left."""

    def __init__(self, segments: list[str], keys: set[str]) -> None:
        super().__init__(segments)
        self.segments = segments
        self.keys = keys


class _Wire:
    """A forge that looks at each request as the client does before it sends it."""

    async def ask(self, request: ForgeRequest[AnswerT]) -> NoReturn:
        await trio.lowlevel.checkpoint()
        path, keys = what_leaves(request.route, request.segments, request.query)
        raise _Left(path.split("/"), set(keys) - {""})


SAMPLES = samples()
# Those of the long tail have the templates of Gitea's own description: tests/toolsets/operations/test_target.py.
TYPED = [tool for tool in TOOLS if tool.toolset not in {Toolset.OPERATIONS, Toolset.RESULTS}]
TOOL_OPERATIONS = [operation for tool in TYPED for operation in tool.operations]


def test_every_tool_and_method_has_its_template() -> None:
    """One that was forgotten would not be tried."""
    assert set(SAMPLES) == {operation.operation for operation in TOOL_OPERATIONS}


@given(tool=st.sampled_from(TOOL_OPERATIONS), data=st.data())
def test_no_argument_leads_outside_the_tools_own_template(tool: ToolSpec[ToolContext], data: st.DataObject) -> None:
    """Property: an argument is refused, or the request is this tool's: its words, its length, its query."""
    properties = tool.input_schema["properties"]
    assert isinstance(properties, dict)
    changes: dict[str, Any] = {
        name: data.draw(HOSTILE)
        for name, field in properties.items()
        if isinstance(field, dict) and field["type"] == "string" and name != "method"
    }
    kept = data.draw(st.sets(st.sampled_from([*properties, "x"])))
    arguments = tool.example | {name: value for name, value in changes.items() if name in kept}
    try:
        prepared = tool.prepare(arguments)
    except InvalidArgument:
        return
    left = _run(prepared.run, context_for(_Wire()))

    template, keys = SAMPLES[tool.operation].template.split("/"), SAMPLES[tool.operation].query
    if template[-1] == "**":
        template = template[:-1] + ["*"] * (len(left.segments) - len(template) + 1)
    assert len(template) == len(left.segments)
    assert all(word in ("*", segment) for word, segment in zip(template, left.segments, strict=True))
    assert left.keys <= keys
    if template[0] == "repos":
        assert [arguments["owner"], arguments["repo"]] == left.segments[1:3]
    assert ["repos", "issues", "search"] != left.segments


OPERATIONS = {
    "read_file_resource": (["repos", "*", "*", "contents", "**"], {"ref"}),
    "read_readme_resource": (["repos", "*", "*", "git", "trees", "HEAD"], {"page", "per_page"}),
    "read_issue_resource": (["repos", "*", "*", "issues", "*"], set[str]()),
    "read_pull_request_resource": (["repos", "*", "*", "pulls", "*"], set[str]()),
    "review_pull_request": (["repos", "*", "*", "pulls", "*"], set[str]()),
    "triage_issue": (["repos", "*", "*", "issues", "*"], set[str]()),
    "list_resources": (["user", "repos"], {"page", "limit"}),
    "complete_owner": (["user", "repos"], {"page", "limit"}),
    "complete_repo": (["user", "repos"], {"page", "limit"}),
    "complete_ref": (["repos", "*", "*", "branches"], {"page", "limit"}),
    "complete_path": (["repos", "*", "*", "git", "trees", "*"], {"page", "per_page"}),
    "complete_number": (["repos", "*", "*", "issues"], {"state", "q", "page", "limit"}),
}
ASKING = [
    one
    for one in (
        *(resource.operation for resource in RESOURCES),
        *(prompt.operation for prompt in PROMPTS),
        *{one.name: one for one in COMPLETIONS.values()}.values(),
        LIST_RESOURCES,
    )
    if one.gitea_scopes
]


def test_every_operation_that_asks_has_its_template() -> None:
    """One that was forgotten would not be tried."""
    assert set(OPERATIONS) == {one.name for one in ASKING}


@given(operation=st.sampled_from(ASKING), data=st.data())
def test_no_address_and_no_word_leads_outside_the_operations_own_template(
    operation: ToolSpec[ToolContext], data: st.DataObject
) -> None:
    """Property: the same for resources, prompts and completions: refused, nothing asked, or a request of its own."""
    arguments: dict[str, Any] = dict(operation.example)
    if "uri" in arguments:
        pieces = arguments["uri"].split("/")
        place = data.draw(st.integers(3, len(pieces) - 1))
        pieces[place] = data.draw(HOSTILE | HOSTILE.map(quote))
        arguments["uri"] = "/".join(pieces)
    else:
        names = data.draw(st.sets(st.sampled_from([*arguments, "ref", "instance"])))
        arguments |= {name: data.draw(HOSTILE) for name in names}
    try:
        prepared = operation.prepare(arguments)
    except InvalidArgument:
        return
    left = _run_or_nothing(prepared.run, context_for(_Wire()))
    if left is None:  # a completion of nothing, or a prompt's words
        return

    template, keys = OPERATIONS[operation.name]
    if template[-1] == "**":
        template = template[:-1] + ["*"] * (len(left.segments) - len(template) + 1)
    assert len(template) == len(left.segments)
    assert all(word in ("*", segment) for word, segment in zip(template, left.segments, strict=True))
    assert left.keys <= keys
    if template[0] == "repos":
        assert [prepared.places["owner"], prepared.places["repo"]] == left.segments[1:3]


def _run_or_nothing(run: Any, context: ToolContext) -> _Left | None:
    async def main() -> _Left | None:
        try:
            await run(context)
        except _Left as left:
            return left
        return None

    return trio.run(main)


def _run(run: Any, context: ToolContext) -> _Left:
    async def main() -> _Left:
        try:
            await run(context)
        except _Left as left:
            return left
        raise NotFound("nothing was asked")

    return trio.run(main)
