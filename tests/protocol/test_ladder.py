"""One POST, one era, one order of checks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.protocol.headers import RoutingHeaders
from aegis_trio.protocol.jsonrpc import Malformed, Notification, Request, Response
from aegis_trio.protocol.ladder import (
    MAX_BATCH,
    META_CAPABILITIES,
    META_VERSION,
    Handshake,
    InSession,
    Refused,
    Stateless,
    choose_route,
    client_name,
)
from aegis_trio.protocol.refusals import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    INVALID_REQUEST,
    UNSUPPORTED_VERSION,
)
from aegis_trio.protocol.revisions import LEGACY_VERSIONS
from tests.protocol.strategies import JSON_VALUES

V = "2026-07-28"


def request(method: str, params: JsonObject | None = None, request_id: JsonValue = 1) -> JsonObject:
    """Return a request as a decoded body."""
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params or {}}


def modern(method: str, version: JsonValue = V, **params: JsonValue) -> JsonObject:
    """Return a modern request as a decoded body."""
    return request(method, {**params, "_meta": {META_VERSION: version, META_CAPABILITIES: {}}})


def headers_for(method: str, version: str | None = V, name: str | None = None) -> RoutingHeaders:
    """Return the headers that a conforming client sends with a modern request."""
    return RoutingHeaders(protocol_version=version, method=method, name=name)


def refused_code(document: JsonValue, headers: RoutingHeaders) -> int:
    """Return the code that the POST must be refused with."""
    route = choose_route(document, headers)
    assert isinstance(route, Refused)
    return route.refusal.code


@pytest.mark.requirement("MCP-ERA-01")
def test_a_conforming_modern_request_is_served_without_a_session() -> None:
    """MCP 2026-07-28 basic/versioning: a request carrying modern `_meta` is served statelessly."""
    route = choose_route(modern("tools/list"), headers_for("tools/list"))

    assert isinstance(route, Stateless)
    assert V == route.revision.version


@pytest.mark.requirement("MCP-CHG-05")
def test_a_session_header_on_a_modern_request_is_ignored() -> None:
    """MCP 2026-07-28 streamable-http#earlier-streamable-http-revisions."""
    headers = RoutingHeaders(protocol_version=V, method="tools/list", session_id="abc")

    assert isinstance(choose_route(modern("tools/list"), headers), Stateless)


@pytest.mark.requirement("MCP-ERA-01")
@pytest.mark.parametrize("method", ["initialize", "ping"])
def test_a_legacy_method_with_modern_meta_stays_modern(method: str) -> None:
    """The era is the message's, not the method's: dispatch then finds no such method (404)."""
    assert isinstance(choose_route(modern(method), headers_for(method)), Stateless)


@pytest.mark.requirement("MCP-HTTP-07")
def test_a_modern_body_without_the_version_header_is_told_so() -> None:
    """MCP 2026-07-28 streamable-http#protocol-version-header; routing by header alone would call it legacy."""
    assert HEADER_MISMATCH == refused_code(modern("tools/list"), headers_for("tools/list", version=None))


@pytest.mark.requirement("MCP-HTTP-07", "MCP-ERA-01")
def test_a_modern_body_under_a_legacy_header_is_a_mismatch() -> None:
    """The same section: header and body must name one version."""
    assert HEADER_MISMATCH == refused_code(modern("tools/list"), headers_for("tools/list", version="2025-11-25"))


@pytest.mark.requirement("MCP-ENV-01", "MCP-L2506-01", "MCP-ERA-02")
@pytest.mark.parametrize("version", [V, "2099-01-01", "", "nonsense"])
@pytest.mark.parametrize("method", ["tools/list", "initialize"])
def test_a_header_that_is_no_legacy_version_demands_modern_meta(version: str, method: str) -> None:
    """MCP 2026-07-28 basic/index#meta: missing fields are -32602 and 400; MCP 2025-11-25 also wants 400 here."""
    route = choose_route(request(method), headers_for(method, version=version))

    assert isinstance(route, Refused)
    assert (1, INVALID_PARAMS, 400) == (route.id, route.refusal.code, route.refusal.http_status)


@pytest.mark.requirement("MCP-ENV-01", "MCP-ERR-15")
@pytest.mark.parametrize(
    "meta",
    [{META_VERSION: V}, {META_CAPABILITIES: {}}, {}, [], None],
)
def test_meta_without_its_required_members_is_refused_first(meta: JsonValue) -> None:
    """MCP 2026-07-28 basic/index#meta: the form of `_meta` is judged before headers are compared."""
    headers = RoutingHeaders(protocol_version=V)

    assert INVALID_PARAMS == refused_code(request("tools/list", {"_meta": meta}), headers)


@pytest.mark.requirement("MCP-ERR-15")
def test_disagreement_is_told_before_an_unsupported_version() -> None:
    """A client that contradicts itself learns that, not that a version it never meant is unsupported."""
    assert HEADER_MISMATCH == refused_code(modern("tools/list", "2099-01-01"), headers_for("tools/list"))


@pytest.mark.requirement("MCP-ERR-03")
def test_an_unsupported_version_names_those_that_are_served() -> None:
    """MCP 2026-07-28 basic/versioning#protocol-version-negotiation: -32022, 400, supported and requested."""
    route = choose_route(modern("server/discover", "2099-01-01"), headers_for("server/discover", "2099-01-01"))

    assert isinstance(route, Refused)
    assert (UNSUPPORTED_VERSION, 400) == (route.refusal.code, route.refusal.http_status)
    assert {"supported": [V], "requested": "2099-01-01"} == route.refusal.data


@pytest.mark.requirement("MCP-DISC-02")
def test_a_legacy_version_in_modern_meta_is_unsupported_there() -> None:
    """What the modern path serves per request is what it lists, and nothing else."""
    version = "2025-11-25"

    assert UNSUPPORTED_VERSION == refused_code(modern("tools/list", version), headers_for("tools/list", version))


@pytest.mark.requirement("MCP-HTTP-07")
def test_a_version_that_is_no_text_disagrees_with_every_header() -> None:
    """A number can equal no header value."""
    assert HEADER_MISMATCH == refused_code(modern("tools/list", 20260728), headers_for("tools/list", "20260728"))


@pytest.mark.requirement("MCP-CHAN-01")
def test_without_headers_the_body_alone_decides() -> None:
    """MCP 2026-07-28 basic/transports: header rules are HTTP's; other transports state everything in the body."""
    assert isinstance(choose_route(modern("tools/list"), None), Stateless)
    assert isinstance(choose_route({"jsonrpc": "2.0", "method": "a", "params": modern("a")["params"]}, None), Stateless)
    assert isinstance(choose_route(request("initialize"), None), Handshake)
    assert isinstance(choose_route(request("ping"), None), InSession)
    route = choose_route(modern("tools/list", 20260728), None)
    assert isinstance(route, Refused)
    assert INVALID_PARAMS == route.refusal.code


@pytest.mark.requirement("MCP-ERR-16")
@pytest.mark.parametrize("name", ["mcp-protocol-version", "mcp-method", "mcp-name", "mcp-session-id"])
def test_a_routing_header_that_stands_twice_is_refused_in_both_eras(name: str) -> None:
    """First-copy and last-copy readers would disagree about what this request is."""
    headers = RoutingHeaders(protocol_version="2025-11-25", duplicated=name)

    assert HEADER_MISMATCH == refused_code(request("tools/list"), headers)
    assert HEADER_MISMATCH == refused_code({"jsonrpc": "2.0", "method": "a"}, headers)


@pytest.mark.requirement("MCP-HTTP-01")
def test_a_modern_post_is_one_message() -> None:
    """MCP 2026-07-28 streamable-http#sending-messages, item 4: no arrays."""
    assert INVALID_REQUEST == refused_code([modern("tools/list")], headers_for("tools/list"))
    assert INVALID_REQUEST == refused_code([modern("tools/list")], RoutingHeaders())


@pytest.mark.requirement("MCP-CHG-03", "MCP-HTTP-01")
def test_a_modern_client_sends_no_responses() -> None:
    """The same item."""
    assert INVALID_REQUEST == refused_code({"jsonrpc": "2.0", "id": 1, "result": {}}, headers_for("x"))


@pytest.mark.requirement("MCP-HTTP-06")
@pytest.mark.parametrize(
    ("headers", "params"),
    [
        (RoutingHeaders(protocol_version=V), {}),
        (RoutingHeaders(protocol_version=V), {"_meta": {META_VERSION: V}}),
        (RoutingHeaders(), {"_meta": {META_VERSION: V}}),
    ],
)
def test_a_modern_notification_needs_no_other_header(headers: RoutingHeaders, params: JsonObject) -> None:
    """MCP 2026-07-28 streamable-http#sending-messages, note: header rules for notifications are not defined."""
    document: JsonObject = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}

    assert isinstance(choose_route(document, headers), Stateless)


@pytest.mark.requirement("MCP-HTTP-05")
@pytest.mark.parametrize(
    ("headers", "meta", "code"),
    [
        (RoutingHeaders(protocol_version="2099-01-01"), {}, UNSUPPORTED_VERSION),
        (RoutingHeaders(protocol_version=V), {META_VERSION: "2099-01-01"}, UNSUPPORTED_VERSION),
        (RoutingHeaders(), {META_VERSION: 7}, INVALID_PARAMS),
    ],
)
def test_a_notification_of_an_unserved_version_is_refused(headers: RoutingHeaders, meta: JsonObject, code: int) -> None:
    """The same section, item 5: what cannot be accepted gets an error status, without an id."""
    route = choose_route({"jsonrpc": "2.0", "method": "notifications/x", "params": {"_meta": meta}}, headers)

    assert isinstance(route, Refused)
    assert (None, code, 400) == (route.id, route.refusal.code, route.refusal.http_status)


@pytest.mark.requirement("MCP-L2506-02", "MCP-ERA-03")
@pytest.mark.parametrize("version", [None, *LEGACY_VERSIONS])
def test_initialize_without_a_session_is_a_handshake(version: str | None) -> None:
    """MCP 2025-11-25 basic/transports#session-management; no header is 2025-03-26 and older."""
    document = request("initialize", {"protocolVersion": "2025-11-25"})

    assert isinstance(choose_route(document, RoutingHeaders(protocol_version=version)), Handshake)


@pytest.mark.requirement("MCP-NEG-05")
def test_initialize_inside_a_session_belongs_to_the_session() -> None:
    """It must not open a second session behind the first one's back."""
    assert isinstance(choose_route(request("initialize"), RoutingHeaders(session_id="abc")), InSession)


@pytest.mark.requirement("MCP-L2506-02", "MCP-ERA-04")
@pytest.mark.parametrize(
    ("document", "kind"),
    [
        (request("tools/list"), Request),
        ({"jsonrpc": "2.0", "method": "notifications/initialized"}, Notification),
        ({"jsonrpc": "2.0", "id": 1, "result": {}}, Response),
    ],
)
def test_every_other_legacy_message_belongs_to_a_session(document: JsonObject, kind: type[object]) -> None:
    """MCP 2025-11-25 basic/transports: requests, notifications and responses are posted."""
    route = choose_route(document, RoutingHeaders(session_id="abc"))

    assert isinstance(route, InSession)
    assert not route.is_batch
    assert [kind] == [type(message) for message in route.messages]


def test_a_malformed_message_is_refused_without_looking_for_a_session() -> None:
    """Whether a session exists is not told to a message that is none."""
    route = choose_route({"jsonrpc": "2.0", "id": None, "method": "ping"}, RoutingHeaders(session_id="abc"))

    assert isinstance(route, Refused)
    assert INVALID_REQUEST == route.refusal.code


@pytest.mark.requirement("MCP-L2503-01")
def test_a_batch_keeps_its_malformed_members() -> None:
    """JSON-RPC 2.0 section 6: each member is answered for itself."""
    route = choose_route([request("ping"), 5], RoutingHeaders(session_id="abc"))

    assert isinstance(route, InSession)
    assert route.is_batch
    assert [Request, Malformed] == [type(message) for message in route.messages]


@pytest.mark.requirement("MCP-L2503-02")
@pytest.mark.parametrize("count", [0, MAX_BATCH + 1, 5000])
def test_an_empty_or_endless_batch_is_refused(count: int) -> None:
    """JSON-RPC 2.0 section 6; the bound is ours, and holds before any member is looked at."""
    assert INVALID_REQUEST == refused_code([request("ping")] * count, RoutingHeaders(session_id="abc"))


@pytest.mark.requirement("MCP-ERA-05")
@given(
    JSON_VALUES | st.builds(request, st.text(), st.dictionaries(st.just("_meta"), JSON_VALUES), JSON_VALUES),
    st.builds(
        RoutingHeaders,
        protocol_version=st.none() | st.sampled_from([*LEGACY_VERSIONS, V]) | st.text(),
        method=st.none() | st.text(),
        session_id=st.none() | st.text(),
    ),
)
def test_every_document_has_a_route(document: JsonValue, headers: RoutingHeaders) -> None:
    """Property: whatever is posted, the ladder answers with a route and raises nothing."""
    assert isinstance(choose_route(document, headers), Refused | Stateless | Handshake | InSession)


@pytest.mark.requirement("MCP-ENV-03")
@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ({"name": "Cursor", "version": "1.2"}, "Cursor/1.2"),
        ({"name": "Cursor"}, "Cursor"),
        ({"name": "a\nb\x1b[0m", "version": 5}, "ab[0m"),
        ({"name": "x" * 1000, "version": "1"}, "x" * 128),
        ({"name": "\n"}, None),
        ({"version": "1"}, None),
        (None, None),
        ("text", None),
    ],
)
def test_a_clients_name_is_short_and_printable(info: JsonValue, expected: str | None) -> None:
    """It is untrusted text that stands in logs and in the audit trail."""
    assert expected == client_name(info)
