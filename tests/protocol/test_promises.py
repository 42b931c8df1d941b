"""What the gate promises about its tools and its address by leaving things out."""

from __future__ import annotations

import pytest

from aegis_trio.config.variables.listening import HOST
from aegis_trio.gateway.render import tool_definition
from aegis_trio.model.json import JsonValue
from aegis_trio.toolsets.catalogue import TOOLS
from tests.protocol.exchanges import CARD

DEFINITIONS = [tool_definition(tool) for tool in TOOLS]


def members(value: JsonValue, name: str) -> list[JsonValue]:
    """Return every value that stands under *name*, at any depth."""
    if isinstance(value, list):
        return [found for item in value for found in members(item, name)]
    if not isinstance(value, dict):
        return []
    own = [value[name]] if name in value else []
    return own + [found for item in value.values() for found in members(item, name)]


def test_the_search_finds_what_stands_deep() -> None:
    """A search that found nothing anywhere would prove all of this."""
    assert [1, 2] == members({"a": [{"x": 1}], "b": {"c": {"x": 2}}}, "x")
    assert members([*DEFINITIONS], "type")


@pytest.mark.requirement("MCP-HTTP-12")
def test_no_tool_mirrors_arguments_into_headers() -> None:
    """MCP 2026-07-28 server/tools#x-mcp-header: whoever declares one must check it (protocol/headers.py)."""
    assert [] == members([*DEFINITIONS], "x-mcp-header")


@pytest.mark.requirement("MCP-TOOL-07")
@pytest.mark.parametrize("definition", [*DEFINITIONS, CARD.implementation()], ids=lambda value: str(value["name"]))
def test_icons_are_fetched_by_https_or_are_data(definition: JsonValue) -> None:
    """MCP 2026-07-28 basic/index#icons: a client fetches what stands there."""
    sources = [src for icons in members(definition, "icons") for src in members(icons, "src")]

    assert [] == [src for src in sources if not str(src).startswith(("https:", "data:"))]


@pytest.mark.requirement("MCP-HTTP-14")
def test_the_gate_listens_on_loopback_unless_told_otherwise() -> None:
    """MCP 2026-07-28 basic/transports/streamable-http, security: local servers SHOULD bind to 127.0.0.1."""
    assert "127.0.0.1" == HOST.default
