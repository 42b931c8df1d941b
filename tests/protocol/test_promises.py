"""What the gate promises about its tools and its address by leaving things out."""

from __future__ import annotations

from pathlib import Path

import pytest

from aegis_trio import toolsets
from aegis_trio.config.variables.listening import HOST
from aegis_trio.gateway.render import tool_definition
from aegis_trio.model.json import JsonValue
from aegis_trio.model.toolspec import Risk
from aegis_trio.toolsets.catalogue import CATALOGUE, TOOLS
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


@pytest.mark.requirement("MCP-ELIC-05")
def test_everything_that_is_served_only_reads() -> None:
    """Whoever adds the first operation that destroys lets it ask before, and proves that in place of this test."""
    operations = [
        *CATALOGUE.tools,
        *(one.operation for one in CATALOGUE.resources),
        *(one.operation for one in CATALOGUE.prompts),
        *CATALOGUE.completions.values(),
        *([] if CATALOGUE.list_resources is None else [CATALOGUE.list_resources]),
    ]

    assert [] == [operation.name for operation in operations if operation.risk is not Risk.READ]


@pytest.mark.requirement("MCP-LOG-03")
def test_nothing_that_is_served_writes_log_messages_to_its_client() -> None:
    """What is never said tells no secret. A message needs a level, so whoever writes the first one is found here."""
    folder = Path(toolsets.__path__[0])
    rooms = {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.py")}

    assert "catalogue.py" in rooms
    assert [] == [name for name, source in rooms.items() if "LogLevel" in source or "peer.log" in source]


@pytest.mark.requirement("MCP-HTTP-14")
def test_the_gate_listens_on_loopback_unless_told_otherwise() -> None:
    """MCP 2026-07-28 basic/transports/streamable-http, security: local servers SHOULD bind to 127.0.0.1."""
    assert "127.0.0.1" == HOST.default
