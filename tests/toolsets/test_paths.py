"""No argument of any tool makes a request that is not the tool's own."""

from __future__ import annotations

from typing import Any, NoReturn

import httpx
import trio
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.gitea.request import AnswerT, ForgeRequest
from aegis_trio.gitea.settings import origin_of, wire_base
from aegis_trio.model.errors import InvalidArgument, NotFound
from aegis_trio.model.toolspec import ToolSpec
from aegis_trio.policy.pathguard import build_target, check_wire_path
from aegis_trio.toolsets.catalogue import TOOLS
from aegis_trio.toolsets.context import ToolContext
from tests.toolsets.canned import context_for

BASE = wire_base("https://git.example.com/gitea")
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
        built = build_target(BASE, request.segments, request.query)
        url = httpx.URL(origin_of(BASE) + built)
        check_wire_path(
            BASE,
            request.route,
            built=built,
            scheme=url.scheme,
            host=url.host,
            port=url.port or 443,
            raw_path=url.raw_path,
        )
        path, _, query = url.raw_path.decode().partition("?")
        keys = {pair.partition("=")[0] for pair in query.split("&")} - {""}
        raise _Left(path.removeprefix("/gitea/api/v1/").split("/"), keys)


TEMPLATES = {
    "list_repositories": (["user", "repos"], {"page", "limit"}),
    "get_repository_info": (["repos", "*", "*"], set[str]()),
    "get_file_tree": (["repos", "*", "*", "git", "trees", "*"], {"recursive", "page", "per_page"}),
    "get_file_contents": (["repos", "*", "*", "contents", "**"], {"ref"}),
    "get_me": (["user"], set[str]()),
    "get_server_version": (["version"], set[str]()),
}


@given(tool=st.sampled_from(TOOLS), data=st.data())
def test_no_argument_leads_outside_the_tools_own_template(tool: ToolSpec[ToolContext], data: st.DataObject) -> None:
    """Property: an argument is refused, or the request is this tool's: its words, its length, its query."""
    properties = tool.input_schema["properties"]
    assert isinstance(properties, dict)
    changes: dict[str, Any] = {
        name: data.draw(HOSTILE)
        for name, field in properties.items()
        if isinstance(field, dict) and field["type"] == "string"
    }
    kept = data.draw(st.sets(st.sampled_from([*properties, "x"])))
    arguments = tool.example | {name: value for name, value in changes.items() if name in kept}
    try:
        prepared = tool.prepare(arguments)
    except InvalidArgument:
        return
    left = _run(prepared.run, context_for(_Wire()))

    template, keys = TEMPLATES[tool.name]
    if template[-1] == "**":
        template = template[:-1] + ["*"] * (len(left.segments) - len(template) + 1)
    assert len(template) == len(left.segments)
    assert all(word in ("*", segment) for word, segment in zip(template, left.segments, strict=True))
    assert left.keys <= keys
    if template[0] == "repos":
        assert [arguments["owner"], arguments["repo"]] == left.segments[1:3]
    assert ["repos", "issues", "search"] != left.segments


def _run(run: Any, context: ToolContext) -> _Left:
    async def main() -> _Left:
        try:
            await run(context)
        except _Left as left:
            return left
        raise NotFound("nothing was asked")

    return trio.run(main)
