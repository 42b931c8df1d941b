"""The document of all tools is the code's."""

from __future__ import annotations

from pathlib import Path

from aegis_trio.gateway.tool_reference import render_tools_reference, tool_list_bytes
from aegis_trio.toolsets.catalogue import TOOLS

ROOT = Path(__file__).parents[2]


def test_the_document_is_current() -> None:
    """`aegis-trio config --tools > docs/tools.md` mends it."""
    assert render_tools_reference() == (ROOT / "docs" / "tools.md").read_text(encoding="utf-8")


def test_every_tool_and_every_method_stands_in_it() -> None:
    """Under its toolset, with what it needs."""
    text = render_tools_reference()

    for tool in TOOLS:
        assert f"## {tool.toolset.value}\n" in text
        assert f"### `{tool.name}`\n" in text
    assert "| `comments`: newest first | `owner`, `repo`, `number`, `page?`, `limit?`, `fields?`, `format?` |" in text
    assert f"takes {sum(tool_list_bytes(TOOLS).values())} bytes" in text
