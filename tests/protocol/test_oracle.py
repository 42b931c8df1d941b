"""The official SDK's ladder as an oracle: on one modern request, both name the same first mistake.

Intended difference, excluded below: a body without modern `_meta` under a legacy header or none is of the handshake
era to ours, which serves both at one endpoint.
"""

from __future__ import annotations

from hypothesis import event, given
from hypothesis import strategies as st
from mcp.shared.inbound import InboundModernRoute, classify_inbound_request, encode_header_value

from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.protocol.headers import read_routing_headers
from aegis_trio.protocol.ladder import META_CAPABILITIES, META_VERSION, Refused, Stateless, choose_route

AGREES = "\N{IDENTICAL TO}"
VERSIONS = st.sampled_from(["2026-07-28", "2025-11-25", "2099-01-01", ""])
METHODS = st.sampled_from(["tools/call", "tools/list", "resources/read", "prompts/get", "server/discover", "x"])
NAMES = st.sampled_from(["get_me", "größe", " padded ", "=?base64?Z2V0X21l?=", "a\nb", ""]) | st.text(max_size=5)


def encodable(text: str) -> str:
    """Return *text* without lone surrogates, which no header can carry."""
    return text.encode(errors="ignore").decode()


def agreeing_or(others: st.SearchStrategy[str]) -> st.SearchStrategy[str | None]:
    """Draw a header that says what the body says, most of the time."""
    return st.just(AGREES) | st.just(AGREES) | st.none() | others


@given(
    meta=st.fixed_dictionaries({}, optional={META_VERSION: VERSIONS, META_CAPABILITIES: st.just({})}),
    params=st.fixed_dictionaries({}, optional={"name": NAMES | st.just(5), "uri": NAMES}),
    method=METHODS,
    drawn=st.fixed_dictionaries(
        {
            "mcp-protocol-version": agreeing_or(VERSIONS),
            "mcp-method": agreeing_or(METHODS),
            "mcp-name": agreeing_or(NAMES),
        }
    ),
)
def test_both_ladders_name_the_same_first_mistake(
    meta: JsonObject, params: JsonObject, method: str, drawn: dict[str, str | None]
) -> None:
    """MCP 2026-07-28 streamable-http#server-validation, read independently by the specification's authors."""
    clean: dict[str, JsonValue] = {
        key: encodable(value) if isinstance(value, str) else value for key, value in params.items()
    }
    body: JsonObject = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**clean, "_meta": meta}}
    said: dict[str, JsonValue] = {
        "mcp-protocol-version": meta.get(META_VERSION),
        "mcp-method": method,
        "mcp-name": clean.get("uri" if method == "resources/read" else "name"),
    }
    values = {name: said[name] if value == AGREES else value for name, value in drawn.items()}
    headers = {
        name: encode_header_value(encodable(value)) if name == "mcp-name" else value
        for name, value in values.items()
        if isinstance(value, str)
    }
    if META_VERSION not in meta and headers.get("mcp-protocol-version") in {None, "2025-11-25"}:
        return  # the intended difference

    ours = choose_route(body, read_routing_headers([(key.encode(), value.encode()) for key, value in headers.items()]))
    theirs = classify_inbound_request(body, headers=headers)

    event(type(theirs).__name__ if isinstance(theirs, InboundModernRoute) else str(theirs.code))
    if isinstance(theirs, InboundModernRoute):
        assert isinstance(ours, Stateless)
        assert theirs.protocol_version == ours.revision.version
    else:
        assert isinstance(ours, Refused)
        assert (theirs.code, theirs.data) == (ours.refusal.code, ours.refusal.data)
