"""Mirrored arguments: header and body say the same, or the call is refused."""

from __future__ import annotations

import base64
from typing import Final

import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from mcp.shared.inbound import (
    encode_header_value,
    find_invalid_x_mcp_header,
    mcp_param_headers,
    validate_mcp_param_headers,
    x_mcp_header_map,
)

from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.protocol.param_headers import (
    MAX_MIRRORED_INTEGER,
    ParamHeader,
    check_declared,
    check_param_headers,
    declared_param_headers,
)
from aegis_trio.protocol.refusals import HEADER_MISMATCH

REGION: Final[JsonObject] = {"type": "string", "x-mcp-header": "Region"}
SCHEMA: Final[JsonObject] = {
    "type": "object",
    "properties": {
        "region": REGION,
        "force": {"type": "boolean", "x-mcp-header": "Force"},
        "page": {"type": "object", "properties": {"limit": {"type": "integer", "x-mcp-header": "Page-Limit"}}},
        "query": {"type": "string"},
    },
}
DECLARED: Final = (
    ParamHeader(name="Mcp-Param-Region", path=("region",)),
    ParamHeader(name="Mcp-Param-Force", path=("force",)),
    ParamHeader(name="Mcp-Param-Page-Limit", path=("page", "limit")),
)


def of(**properties: JsonValue) -> JsonObject:
    """Return a schema of *properties*."""
    return {"type": "object", "properties": properties}


def mismatch(arguments: JsonObject, *lines: tuple[str, str], schema: JsonObject = SCHEMA) -> str | None:
    """Return the text of the mismatch between *arguments* and header *lines*, or None."""
    refusal = check_param_headers(
        [(name.encode(), value.encode("latin-1")) for name, value in lines], schema, arguments
    )
    if refusal is None:
        return None
    assert (HEADER_MISMATCH, 400) == (refusal.code, refusal.http_status)
    return refusal.message


def test_declarations_are_found_at_their_paths() -> None:
    """MCP 2026-07-28 #schema-extension: nested objects count, as long as only `properties` lead there."""
    assert DECLARED == declared_param_headers(SCHEMA)
    assert () == declared_param_headers({"type": "object"})


@pytest.mark.requirement("MCP-HTTP-22")
@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"x-mcp-header": {"type": "string"}}},
        of(region={"anyOf": [{"type": "string"}, {"type": "null"}]}),
        of(region={"type": "string", "default": {"x-mcp-header": ""}, "examples": [{"x-mcp-header": ""}]}),
        of(region={"enum": [{"x-mcp-header": ""}], "const": {"x-mcp-header": ""}, "properties": True}),
    ],
    ids=["a property of this name", "none at all", "data", "more data"],
)
def test_what_is_no_keyword_is_no_declaration(schema: JsonObject) -> None:
    """Names of properties and values of `default` or `enum` are the tool's own words."""
    assert () == declared_param_headers(schema)
    assert find_invalid_x_mcp_header(schema) is None


@pytest.mark.requirement("MCP-HTTP-22")
@pytest.mark.parametrize(
    "schema",
    [
        *(of(a={"type": "string", "x-mcp-header": name}) for name in ("", "a b", "a:b", "größe", "a\r\nb", 5, None)),
        of(a={"type": "number", "x-mcp-header": "A"}),
        of(a={"type": "object", "x-mcp-header": "A"}),
        of(a={"type": ["string", "null"], "x-mcp-header": "A"}),
        of(a={"x-mcp-header": "A"}),
        of(a=REGION, b={"type": "string", "x-mcp-header": "REGION"}),
        {"type": "string", "x-mcp-header": "A"},
        of(a={"type": "array", "items": REGION}),
        of(a={"type": "array", "prefixItems": [REGION]}),
        of(a={"type": "array", "items": of(b=REGION)}),
        of(a={"anyOf": [{"type": "null"}, REGION]}),
        of(a={"allOf": [of(b=REGION)]}),
        {"type": "object", "if": of(a=REGION)},
        {"type": "object", "$defs": {"a": REGION}, "properties": {"a": {"$ref": "#/$defs/a"}}},
        {"type": "object", "patternProperties": {"a": REGION}},
        {"type": "object", "additionalProperties": REGION},
    ],
)
def test_a_declaration_that_clients_must_reject_is_our_bug(schema: JsonObject) -> None:
    """MCP 2026-07-28 server/tools#x-mcp-header: clients would drop the whole tool; the SDK agrees."""
    assert find_invalid_x_mcp_header(schema) is not None
    with pytest.raises(ValueError, match="x-mcp-header"):
        declared_param_headers(schema)


@pytest.mark.requirement("MCP-HTTP-21")
@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        ({}, []),
        ({"region": None, "page": None}, []),
        ({"page": {"limit": None}}, []),
        ({"page": [1]}, []),
        ({"region": {"not": "mirrored"}}, []),
        ({"region": "us-west1"}, [("mcp-param-region", "us-west1")]),
        ({"region": "us-west1"}, [("MCP-PARAM-REGION", " \tus-west1 ")]),
        ({"region": ""}, [("Mcp-Param-Region", "")]),
        ({"region": "Hello"}, [("Mcp-Param-Region", "=?base64?SGVsbG8=?=")]),
        ({"region": "SGVsbG8="}, [("Mcp-Param-Region", "SGVsbG8=")]),
        ({"region": "=?base64?SGVsbG8="}, [("Mcp-Param-Region", "=?base64?SGVsbG8=")]),
        ({"region": "Hello, 世界"}, [("Mcp-Param-Region", "=?base64?SGVsbG8sIOS4lueVjA==?=")]),
        ({"region": "=?base64?literal?="}, [("Mcp-Param-Region", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=")]),
        ({"force": True}, [("Mcp-Param-Force", "true")]),
        ({"force": False}, [("Mcp-Param-Force", "false")]),
        ({"page": {"limit": 42}}, [("Mcp-Param-Page-Limit", "42")]),
        ({"page": {"limit": 42}}, [("Mcp-Param-Page-Limit", "42.0")]),
        ({"page": {"limit": 42.0}}, [("Mcp-Param-Page-Limit", "42")]),
        ({"page": {"limit": -7}}, [("Mcp-Param-Page-Limit", "-7")]),
        ({"page": {"limit": 1.5}}, [("Mcp-Param-Page-Limit", "1.5")]),
        ({"page": {"limit": MAX_MIRRORED_INTEGER}}, [("Mcp-Param-Page-Limit", str(MAX_MIRRORED_INTEGER))]),
        ({"page": {"limit": "many"}}, [("Mcp-Param-Page-Limit", "many")]),
        ({}, [("Mcp-Param-Unknown", "x"), ("Mcp-Param-Unknown", "y")]),
    ],
)
def test_headers_that_mirror_the_arguments_agree(arguments: JsonObject, lines: list[tuple[str, str]]) -> None:
    """MCP 2026-07-28 #value-encoding and its examples; a wrong type is the schema's matter."""
    assert mismatch(arguments, *lines) is None


@pytest.mark.requirement("MCP-HTTP-21")
@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        ({"region": "us-west1"}, []),
        ({"region": ""}, []),
        ({"force": False}, []),
        ({"page": {"limit": 0}}, []),
        ({}, [("Mcp-Param-Region", "us-west1")]),
        ({}, [("Mcp-Param-Region", "")]),
        ({"region": None}, [("Mcp-Param-Region", "null")]),
        ({"region": ["a"]}, [("Mcp-Param-Region", "a")]),
        ({"region": "us-west1"}, [("Mcp-Param-Region", "us-west1")] * 2),
        ({"region": "us-west1"}, [("Mcp-Param-Region", "US-West1")]),
        ({"region": "us-west1"}, [("Mcp-Param-Region", "eu")]),
        ({"region": "Hello"}, [("Mcp-Param-Region", "=?base64?SGVsbG8?=")]),
        ({"region": "Hello"}, [("Mcp-Param-Region", "=?base64?SGVs!!!bG8=?=")]),
        ({"region": "Hello"}, [("Mcp-Param-Region", "=?base64?SGVsbG9=?=")]),
        ({"region": "café"}, [("Mcp-Param-Region", "café")]),
        ({"region": "a\x00"}, [("Mcp-Param-Region", "a\x00")]),
        ({"force": True}, [("Mcp-Param-Force", "True")]),
        ({"force": True}, [("Mcp-Param-Force", "1")]),
        ({"page": {"limit": 42}}, [("Mcp-Param-Page-Limit", "42.1")]),
        ({"page": {"limit": 42}}, [("Mcp-Param-Page-Limit", "4.2e1")]),
        ({"page": {"limit": 42}}, [("Mcp-Param-Page-Limit", "\u0664\u0662".encode().decode("latin-1"))]),
        ({"page": {"limit": 42}}, [("Mcp-Param-Page-Limit", "")]),
        ({"page": {"limit": 1}}, [("Mcp-Param-Page-Limit", "1" * 5000)]),
        ({"page": {"limit": 2**53}}, [("Mcp-Param-Page-Limit", str(2**53))]),
        ({"page": {"limit": 2.0**53}}, [("Mcp-Param-Page-Limit", str(2**53))]),
    ],
)
def test_headers_that_say_something_else_are_a_mismatch(arguments: JsonObject, lines: list[tuple[str, str]]) -> None:
    """MCP 2026-07-28 #server-behavior-for-custom-headers; SEP-2243's table of cases (conformance suite)."""
    assert mismatch(arguments, *lines) is not None


def test_a_mismatch_names_header_and_argument_and_repeats_neither_value() -> None:
    """Who reads it finds the way out; who sent a script does not get it back."""
    message = mismatch({"page": {"limit": 1}}, ("Mcp-Param-Page-Limit", "<script>"))

    assert "Header mismatch: Mcp-Param-Page-Limit must equal arguments.page.limit." == message


@pytest.mark.requirement("MCP-HTTP-21")
@given(st.text())
def test_every_text_arrives_by_the_sentinel(text: str) -> None:
    """Property: what a client must encode, agrees after decoding."""
    encodable = text.encode(errors="ignore").decode()
    sentinel = f"=?base64?{base64.b64encode(encodable.encode()).decode()}?="

    assert mismatch({"region": encodable}, ("Mcp-Param-Region", sentinel)) is None


VALUES: Final = (
    st.sampled_from(["us-west1", "größe", " padded ", "=?base64?SGVsbG8=?=", "line\n", "", "true", "42"])
    | st.text(max_size=4)
    | st.booleans()
    | st.none()
)
INTEGERS: Final = st.integers(-MAX_MIRRORED_INTEGER, MAX_MIRRORED_INTEGER) | st.integers(-3, 3)
RAW_VALUES: Final = st.sampled_from(
    ["us-west1", "true", "42", "42.0", "042", "-0", "=?base64?SGVsbG8?=", "=?base64?SGVsbG9=?=", "=?base64?dHJ1ZQ==?="]
)


@given(
    arguments=st.fixed_dictionaries(
        {},
        optional={
            "region": VALUES,
            "force": VALUES,
            "page": st.none() | VALUES | st.fixed_dictionaries({}, optional={"limit": INTEGERS | VALUES}),
        },
    ),
    changes=st.dictionaries(st.sampled_from([header.name for header in DECLARED]), st.none() | RAW_VALUES, max_size=2),
)
def test_the_sdk_finds_the_same_calls_right(arguments: JsonObject, changes: dict[str, str | None]) -> None:
    """The specification's authors read the same rules independently.

    Intended differences, not drawn: integers beyond 2**53 and bytes outside ASCII, which ours refuses; the SDK
    compares a number under another type's declaration as text.
    """
    clean: JsonObject = {
        name: value.encode(errors="ignore").decode() if isinstance(value, str) else value
        for name, value in arguments.items()
    }
    headers = mcp_param_headers(x_mcp_header_map(SCHEMA), clean)
    for name, value in changes.items():
        headers.pop(name, None)
        if value is not None:
            headers[name] = value

    theirs = validate_mcp_param_headers(SCHEMA, clean, headers)
    ours = check_declared([(key.encode(), value.encode()) for key, value in headers.items()], DECLARED, clean)

    event("agree" if theirs is None else "mismatch")
    assert (theirs is None) == (ours is None)


@given(st.text(max_size=5))
def test_what_the_sdks_client_sends_is_accepted(text: str) -> None:
    """Property: encoding by the specification's authors, checking by us."""
    encodable = text.encode(errors="ignore").decode()

    assert mismatch({"region": encodable}, ("Mcp-Param-Region", encode_header_value(encodable))) is None
