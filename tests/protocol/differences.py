"""Where our core and the official SDK are meant to differ, each with its reason and an example.

Laws:
    1. An entry explains as little as it can: it looks at what was asked and at both outcomes.
    2. Every example differs, and its entry explains it: an entry that the SDK or we have outgrown fails a test.

Not here: a difference that is a mistake of ours; that is a bug to mend.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from mcp.shared.inbound import InboundLadderRejection, classify_inbound_request

from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.protocol.json_reader import read_json
from aegis_trio.protocol.jsonrpc import MAX_ID_CHARS, is_request_id
from aegis_trio.protocol.ladder import META_VERSION
from aegis_trio.protocol.refusals import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    INVALID_REQUEST,
    PARSE_ERROR,
    UNSUPPORTED_VERSION,
    Refusal,
)
from aegis_trio.protocol.revisions import LEGACY_VERSIONS
from tests.protocol.exchanges import Outcome, Post, V, modern_meta, post

ROUTING: Final = ("mcp-protocol-version", "mcp-method", "mcp-name", "mcp-session-id")
LEGACY: Final = ("mcp-protocol-version", "2025-11-25")
MODERN: Final = ("mcp-protocol-version", V)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One intended difference."""

    name: str
    reason: str
    example: Post
    explains: Callable[[Post, Outcome, Outcome], bool]
    """Whether this is why `asked` had these outcomes: ours first, the SDK's second."""


def _message(asked: Post) -> JsonObject:
    """Return the message as a lenient reader sees it; empty where it is no object."""
    try:
        value: Any = json.loads(asked.body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _meta(message: JsonValue) -> JsonObject:
    params = message.get("params") if isinstance(message, dict) else None
    meta = params.get("_meta") if isinstance(params, dict) else None
    return meta if isinstance(meta, dict) else {}


def _names_legacy_or_nothing(asked: Post) -> bool:
    return asked.header("mcp-protocol-version") in {None, *LEGACY_VERSIONS}


def _unparsable(*rules: str) -> Callable[[Post, Outcome, Outcome], bool]:
    def explains(asked: Post, ours: Outcome, theirs: Outcome) -> bool:
        read = read_json(asked.body)
        return (
            (PARSE_ERROR, 400) == (ours.code, ours.status)
            and theirs.code != PARSE_ERROR
            and isinstance(read, Refusal)
            and any(rule in read.message for rule in rules)
        )

    return explains


def _repeats_a_header(asked: Post, ours: Outcome, theirs: Outcome) -> bool:
    names = [name for name, _ in asked.headers if name in ROUTING]
    refused = (HEADER_MISMATCH, 400) == (ours.code, ours.status)
    return len(names) > len(set(names)) and refused and theirs.code != HEADER_MISMATCH


def _is_modern_by_its_body(asked: Post, ours: Outcome, theirs: Outcome) -> bool:
    read = read_json(asked.body)
    messages = read if isinstance(read, list) else [] if isinstance(read, Refusal) else [read]
    named = any(META_VERSION in _meta(message) for message in messages)
    if not named or not _names_legacy_or_nothing(asked):
        return False
    if ours.kind == "error" and ours.code != INVALID_REQUEST and "id" in _message(asked):
        # What the SDK says to a request once it has found the modern way.
        ladder = classify_inbound_request(_message(asked), headers=dict(asked.headers))
        return isinstance(ladder, InboundLadderRejection) and (ladder.code, 400) == (ours.code, ours.status)
    return ours.kind == "nothing" or ours.code in {INVALID_REQUEST, INVALID_PARAMS, UNSUPPORTED_VERSION}


def _is_no_message(asked: Post, ours: Outcome, theirs: Outcome) -> bool:
    return (
        _names_legacy_or_nothing(asked)
        and (INVALID_REQUEST, 400) == (ours.code, ours.status)
        and (INVALID_PARAMS, 400, None) == (theirs.code, theirs.status, theirs.id)
        and ours.id in {None, _readable_id(asked)}
    )


def _readable_id(asked: Post) -> JsonValue:
    raw_id = _message(asked).get("id")
    return raw_id if is_request_id(raw_id) else None


def _keeps_the_id(asked: Post, ours: Outcome, theirs: Outcome) -> bool:
    return (
        (INVALID_REQUEST, 400) == (ours.code, ours.status) == (theirs.code, theirs.status)
        and theirs.id is None
        and ours.id is not None
        and ours.id == _readable_id(asked)
    )


def _has_a_bad_id(asked: Post, ours: Outcome, theirs: Outcome) -> bool:
    message = _message(asked)
    return (
        "id" in message
        and not is_request_id(message["id"])
        and (INVALID_REQUEST, None) == (ours.code, ours.id)
        and theirs.kind == "nothing"
    )


def _has_a_long_id(asked: Post, ours: Outcome, theirs: Outcome) -> bool:
    raw_id = _message(asked).get("id")
    is_long = isinstance(raw_id, str) and len(raw_id) > MAX_ID_CHARS
    return is_long and ours.id is None and ours.code in {INVALID_REQUEST, HEADER_MISMATCH}


def _has_two_faces(asked: Post, ours: Outcome, theirs: Outcome) -> bool:
    faces = {"method", "result", "error"} & set(_message(asked))
    return len(faces) > 1 and (INVALID_REQUEST, 400) == (ours.code, ours.status)


def _has_null_params(asked: Post, ours: Outcome, theirs: Outcome) -> bool:
    message = _message(asked)
    return "params" in message and message["params"] is None and (INVALID_REQUEST, 400) == (ours.code, ours.status)


def _is_a_batch(asked: Post, ours: Outcome, theirs: Outcome) -> bool:
    return ours.kind == "batch" and (INVALID_PARAMS, 400) == (theirs.code, theirs.status)


def _is_an_odd_error(asked: Post, ours: Outcome, theirs: Outcome) -> bool:
    message = _message(asked)
    return (
        isinstance(message.get("error"), dict)
        and "method" not in message
        and ours.kind == "nothing"
        and (INVALID_PARAMS, 400, None) == (theirs.code, theirs.status, theirs.id)
    )


def _is_notified_of_an_unserved_version(asked: Post, ours: Outcome, theirs: Outcome) -> bool:
    message = _message(asked)
    return "id" not in message and ours.code == UNSUPPORTED_VERSION and theirs.kind == "nothing"


def _names_in_latin_1(asked: Post, ours: Outcome, theirs: Outcome) -> bool:
    name = asked.header("mcp-name")
    return name is not None and not name.isascii() and ours.code == HEADER_MISMATCH != theirs.code


def _has_a_null_member(asked: Post, ours: Outcome, theirs: Outcome) -> bool:
    return None in _meta(_message(asked)).values() and ours.kind == "result" and theirs.code == INVALID_PARAMS


def _ping(**changes: JsonValue) -> JsonObject:
    return {"jsonrpc": "2.0", "id": 1, "method": "ping", **changes}


DIFFERENCES: Final = (
    Difference(
        name="an object that names a member twice",
        reason="A proxy that takes the first and a server that takes the last would read two messages (RFC 7493).",
        example=Post(body=b'{"jsonrpc":"2.0","id":9,"id":1,"method":"ping"}', headers=(LEGACY,)),
        explains=_unparsable("names a member twice"),
    ),
    Difference(
        name="numbers beyond JSON",
        reason="NaN is no JSON, and beyond 64 bits two parsers read two numbers (RFC 7493 section 2.2).",
        example=Post(body=b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":NaN}}', headers=(LEGACY,)),
        explains=_unparsable("beyond 64 bits", "beyond the range", "NaN"),
    ),
    Difference(
        name="nesting beyond 64 levels",
        reason="What walks the document later must not run out of stack; MCP needs about ten levels.",
        example=Post(
            body=b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":' + b"[" * 70 + b"]" * 70 + b"}}",
            headers=(LEGACY,),
        ),
        explains=_unparsable("nested deeper"),
    ),
    Difference(
        name="other encodings",
        reason="JSON between systems is UTF-8 without a byte order mark (RFC 8259 section 8.1); the SDK guesses.",
        example=Post(body='{"jsonrpc":"2.0","id":1,"method":"ping"}'.encode("utf-16"), headers=(MODERN,)),
        explains=_unparsable("the document is not"),
    ),
    Difference(
        name="a routing header that stands twice",
        reason="It is refused before anything else, in both eras, for notifications and for the session id too;"
        " the SDK looks at three headers of modern requests.",
        example=post(_ping(), LEGACY, LEGACY),
        explains=_repeats_a_header,
    ),
    Difference(
        name="a modern body without the modern header",
        reason="The SDK decides the era by the header alone and so misroutes a modern client that forgets it;"
        " the specification decides by `_meta` (basic/versioning).",
        example=post(_ping(params={"_meta": modern_meta()})),
        explains=_is_modern_by_its_body,
    ),
    Difference(
        name="no message of the handshake era",
        reason="JSON that is no message is an invalid request (JSON-RPC 2.0 section 5.1); the SDK calls it bad params.",
        example=post(_ping(jsonrpc="1.0"), LEGACY),
        explains=_is_no_message,
    ),
    Difference(
        name="the readable id of what is no message",
        reason="An error carries the id wherever it could be read (JSON-RPC 2.0 section 5); the SDK gives null.",
        example=post(_ping(jsonrpc="1.0"), MODERN),
        explains=_keeps_the_id,
    ),
    Difference(
        name="a request with a bad id",
        reason="It is owed an error (JSON-RPC 2.0 section 4.1: a notification has no id member);"
        " the SDK takes it for a notification in the handshake era.",
        example=post(_ping(id=None), LEGACY),
        explains=_has_a_bad_id,
    ),
    Difference(
        name=f"ids longer than {MAX_ID_CHARS} characters",
        reason="Ids are kept while calls run, so they are bounded.",
        example=post(_ping(id="a" * (MAX_ID_CHARS + 1)), LEGACY),
        explains=_has_a_long_id,
    ),
    Difference(
        name="a message with two faces",
        reason="What is a call to one reader and an answer to another must not pass both.",
        example=post(_ping(result={}), LEGACY),
        explains=_has_two_faces,
    ),
    Difference(
        name="null for params",
        reason="Parameters are an object or absent (JSON-RPC 2.0 section 4.2, every schema of MCP).",
        example=post(_ping(params=None), LEGACY),
        explains=_has_null_params,
    ),
    Difference(
        name="batches",
        reason="2025-03-26 must receive them; the session, which knows its revision, decides. The SDK has none.",
        example=post([_ping()], LEGACY),
        explains=_is_a_batch,
    ),
    Difference(
        name="a client's error of odd form",
        reason="Nothing follows from a client's error, so its members are not judged.",
        example=post({"jsonrpc": "2.0", "id": 1, "error": {}}, LEGACY),
        explains=_is_an_odd_error,
    ),
    Difference(
        name="a notification whose `_meta` names a version that is not served",
        reason="A client whose header and body disagree learns it; the SDK looks at the header alone.",
        example=post(
            {"jsonrpc": "2.0", "method": "notifications/x", "params": {"_meta": modern_meta("2099-01-01")}}, MODERN
        ),
        explains=_is_notified_of_an_unserved_version,
    ),
    Difference(
        name="a name in Latin-1",
        reason="A header value with other characters than plain ASCII is malformed, whatever a lenient decoder finds"
        " (streamable-http#value-encoding).",
        example=post(
            {
                "jsonrpc": "2.0",
                "id": 1,
                "method": "tools/call",
                "params": {"name": "caf\xe9", "_meta": modern_meta()},
            },
            MODERN,
            ("mcp-method", "tools/call"),
            ("mcp-name", "caf\xe9"),
        ),
        explains=_names_in_latin_1,
    ),
    Difference(
        name="null for an optional member of `_meta`",
        reason="The models of the wire types, which are our judge, take null for absent; the SDK judges a second time.",
        example=post(_ping(params={"_meta": {"progressToken": None}}), LEGACY),
        explains=_has_a_null_member,
    ),
)
