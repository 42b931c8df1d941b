"""Routing headers agree with the body, or the request is refused."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.model.json import JsonObject
from aegis_trio.protocol.headers import RoutingHeaders, check_agreement, decode_value, read_routing_headers
from aegis_trio.protocol.jsonrpc import Request
from aegis_trio.protocol.refusals import HEADER_MISMATCH

V = "2026-07-28"


def sentinel(text: str) -> str:
    """Return the Base64 form of *text*."""
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="


@pytest.mark.requirement("MCP-HTTP-09")
def test_names_are_read_without_regard_to_case_and_values_are_trimmed() -> None:
    """MCP 2026-07-28 streamable-http#case-sensitivity; RFC 9110 section 5.5 (optional white space)."""
    headers = read_routing_headers(
        [
            (b"MCP-Protocol-Version", b" 2026-07-28\t"),
            (b"Mcp-Method", b"tools/call"),
            (b"mcp-name", b"get_me"),
            (b"MCP-SESSION-ID", b"abc"),
            (b"accept", b"*/*"),
        ]
    )

    assert (
        RoutingHeaders(protocol_version=V, method="tools/call", name="get_me", session_id="abc", duplicated=None)
        == headers
    )


@pytest.mark.requirement("MCP-ERR-16")
@pytest.mark.parametrize("name", [b"mcp-protocol-version", b"mcp-method", b"mcp-name", b"mcp-session-id"])
def test_a_routing_header_that_stands_twice_is_noticed(name: bytes) -> None:
    """A proxy that takes the first and a server that takes the last would route and run different things."""
    assert name.decode() == read_routing_headers([(name, b"a"), (name.upper(), b"a")]).duplicated


@pytest.mark.requirement("MCP-HTTP-10")
@given(st.text())
def test_every_text_survives_the_sentinel(text: str) -> None:
    """MCP 2026-07-28 streamable-http#value-encoding: decoding inverts what clients must encode."""
    encodable = text.encode(errors="ignore").decode()

    assert encodable == decode_value(sentinel(encodable))


@pytest.mark.requirement("MCP-HTTP-11")
@pytest.mark.parametrize(
    "raw_value",
    [
        "=?base64?%%%?=",
        "=?base64?YQ?=",
        "=?base64?YR==?=",
        "=?base64?/w==?=",
        "caf\xe9",
        "a\x00b",
        "a\nb",
    ],
)
def test_a_value_that_is_not_well_formed_stands_for_nothing(raw_value: str) -> None:
    """The same section: invalid characters, broken or non-canonical Base64, bytes that are not UTF-8."""
    assert decode_value(raw_value) is None


@pytest.mark.requirement("MCP-HTTP-10")
@pytest.mark.parametrize("raw_value", ["=?BASE64?YQ==?=", "=?base64?YQ==", "get_me", "a b", ""])
def test_only_the_exact_markers_are_a_sentinel(raw_value: str) -> None:
    """The same section: the markers are case-sensitive and must appear exactly as shown."""
    assert raw_value == decode_value(raw_value)


def agreement(method: str, params: JsonObject, headers: RoutingHeaders) -> int | None:
    """Return the code of the mismatch, or None."""
    refusal = check_agreement(headers, Request(1, method, params), V)
    return None if refusal is None else refusal.code


@pytest.mark.requirement("MCP-HTTP-08")
@pytest.mark.parametrize(
    ("method", "params", "name"),
    [
        ("tools/list", {}, None),
        ("tools/list", {}, "anything"),
        ("tools/call", {"name": "get_me"}, "get_me"),
        ("tools/call", {"name": "get_me"}, sentinel("get_me")),
        ("prompts/get", {"name": "größe"}, sentinel("größe")),
        ("resources/read", {"uri": "gitea://main/a"}, "gitea://main/a"),
        ("tools/call", {}, None),
    ],
)
def test_headers_that_say_what_the_body_says_agree(method: str, params: JsonObject, name: str | None) -> None:
    """MCP 2026-07-28 streamable-http#standard-request-headers; a name that the body lacks is a matter of params."""
    assert agreement(method, params, RoutingHeaders(protocol_version=V, method=method, name=name)) is None


@pytest.mark.requirement("MCP-ERR-01", "MCP-HTTP-08", "MCP-HTTP-09")
@pytest.mark.parametrize(
    "headers",
    [
        RoutingHeaders(method="tools/call", name="get_me"),
        RoutingHeaders(protocol_version="2025-11-25", method="tools/call", name="get_me"),
        RoutingHeaders(protocol_version=V, name="get_me"),
        RoutingHeaders(protocol_version=V, method="Tools/Call", name="get_me"),
        RoutingHeaders(protocol_version=V, method="tools/list", name="get_me"),
        RoutingHeaders(protocol_version=V, method="tools/call"),
        RoutingHeaders(protocol_version=V, method="tools/call", name="delete_repository"),
        RoutingHeaders(protocol_version=V, method="tools/call", name="=?base64?Z2V0X21l"),
        RoutingHeaders(protocol_version=V, method="tools/call", name=sentinel("get_you")),
    ],
)
def test_headers_that_say_something_else_are_a_mismatch(headers: RoutingHeaders) -> None:
    """MCP 2026-07-28 streamable-http#server-validation: missing, different, malformed are all -32020."""
    assert HEADER_MISMATCH == agreement("tools/call", {"name": "get_me"}, headers)


@pytest.mark.requirement("MCP-HTTP-11")
def test_a_name_in_latin_1_is_not_the_name_in_the_body() -> None:
    """The same section: a value with invalid characters is a failure even if a lenient decoder finds it equal."""
    headers = read_routing_headers(
        [(b"mcp-protocol-version", V.encode()), (b"mcp-method", b"tools/call"), (b"mcp-name", b"caf\xe9")]
    )

    assert HEADER_MISMATCH == agreement("tools/call", {"name": "café"}, headers)
