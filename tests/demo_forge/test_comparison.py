"""The comparison sees what it must see: a blind one would let every claim pass."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.demo_forge.comparison import Leniency, differences
from tests.demo_forge.exchanges import Exchange, exchange_of
from tests.demo_forge.raw_client import Response

BODY: dict[str, Any] = {
    "id": 1,
    "name": None,
    "list": [1, 2],
    "created": "2026-11-21T07:42:22Z",
    "date": "2025-01-01T00:00:00Z",
    "avatar_url": "a",
}
LINE: dict[str, Any] = {
    "id": "x",
    "as": "alice",
    "credential": "none",
    "method": "GET",
    "path": "/x",
    "query": [],
    "request_headers": {},
    "request_body": None,
    "status": 200,
    "response_headers": {"content-type": "application/json", "allow": "GET"},
}


def _recorded(**more: Any) -> Exchange:
    return exchange_of({**LINE, "body": BODY, **more})


def _answered(body: Any = None, *, raw: bytes | None = None, status: int = 200, **headers: str) -> Response:
    data = json.dumps(BODY if body is None else body).encode() if raw is None else raw
    return Response(status=status, headers={"content-type": "application/json", "allow": "PUT", **headers}, body=data)


def test_the_same_answer_does_not_differ() -> None:
    """Times and avatars of another run, and another method in Allow, are the same answer."""
    other = {**BODY, "created": "2027-01-01T10:00:00+02:00", "avatar_url": "b"}

    assert [] == differences(_recorded(), _answered(other))


@pytest.mark.parametrize(
    "body",
    [
        {**BODY, "id": 2},
        {**BODY, "id": "1"},
        {**BODY, "id": True},
        {**BODY, "name": ""},
        {**BODY, "list": [2, 1]},
        {**BODY, "list": [1]},
        {**BODY, "list": None},
        {**BODY, "more": 1},
        {key: BODY[key] for key in reversed(BODY)},
        {**BODY, "created": "0001-01-01T00:00:00Z"},
        {**BODY, "created": "yesterday"},
        {**BODY, "date": "2025-01-02T00:00:00Z"},
        [BODY],
    ],
    ids=[
        "value",
        "type",
        "bool",
        "null",
        "order",
        "length",
        "no list",
        "key",
        "key order",
        "never",
        "no time",
        "stable",
        "list",
    ],
)
def test_another_body_differs(body: Any) -> None:
    """Keys and their order, types, null or not, the order of lists, and stable values."""
    assert [] != differences(_recorded(), _answered(body))


def test_another_status_header_or_kind_of_body_differs() -> None:
    """A client decides by these before it reads a body."""
    assert ["status"] == [d.partition(":")[0] for d in differences(_recorded(), _answered(status=404))]
    assert [] != differences(_recorded(), _answered(link="<x>"))
    assert [] != differences(_recorded(), replace(_answered(), headers={"content-type": "text/html", "allow": "GET"}))
    assert [] != differences(_recorded(), replace(_answered(), headers={"content-type": "application/json"}))
    assert [] != differences(_recorded(), _answered(raw=b"<html>"))
    lengthy = _recorded(response_headers={"content-type": "application/json", "content-length": "9", "allow": "GET"})
    assert [] != differences(
        lengthy,
        replace(_answered(), headers={"content-type": "application/json", "allow": "GET", "content-length": "10"}),
    )


def test_texts_bytes_and_nothing_are_compared_whole() -> None:
    """Raw files and odd error bodies have no keys to look at."""
    text = exchange_of({**LINE, "text": "a\n"})
    nothing = exchange_of(LINE)
    large = exchange_of(
        {**LINE, "bytes": 1, "sha256": "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"}
    )

    assert [] == differences(text, _answered(raw=b"a\n"))
    assert [] != differences(text, _answered(raw=b"a"))
    assert [] == differences(nothing, _answered(raw=b""))
    assert [] != differences(nothing, _answered(raw=b"{}"))
    assert [] == differences(large, _answered(raw=b"a"))
    assert [] != differences(large, _answered(raw=b"b"))


def test_leniency_is_for_named_keys_and_headers_only() -> None:
    """A real server of today may count other things, and must be right in the rest."""
    lenient = Leniency(keys=frozenset({"id"}), headers=frozenset({"allow"}))
    answered = replace(_answered({**BODY, "id": 9}), headers={"content-type": "application/json"})

    assert [] == differences(_recorded(), answered, lenient)
    assert [] != differences(_recorded(), replace(answered, body=_answered({**BODY, "list": []}).body), lenient)
