"""The operator's listener says everything about the gate, to its own address only."""

from __future__ import annotations

import json
from typing import cast

import pytest

from aegis_trio.model.asgi import Headers, Message, Scope
from aegis_trio.supervisor.admin import AdminApp
from aegis_trio.supervisor.readiness import Readiness, Unready


def _readiness(*reasons: Unready) -> Readiness:
    readiness = Readiness()
    readiness.mark_started()
    for reason in reasons:
        readiness.add_condition(lambda reason=reason: reason)
    return readiness


async def _ask(
    path: str, *, method: str = "GET", host: bytes = b"127.0.0.1:9464", readiness: Readiness | None = None
) -> tuple[int, bytes]:
    app = AdminApp(host="10.0.0.5", readiness=readiness or _readiness(), metrics=lambda: b"aegis_ready 1\n")
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "method": method, "path": path, "headers": [(b"host", host)]}
    await app(scope, receive, send)
    headers = dict(cast("Headers", sent[0]["headers"]))
    assert b"content-type" in headers
    return cast("int", sent[0]["status"]), cast("bytes", sent[1]["body"])


async def test_metrics_are_served_as_text() -> None:
    """Prometheus scrapes this path."""
    assert (200, b"aegis_ready 1\n") == await _ask("/metrics")


async def test_readiness_tells_the_operator_why() -> None:
    """Words here, codes on the public listener."""
    reason = Unready("audit_unavailable", "AUDIT_LOG_PATH: no space left on device")
    status, body = await _ask("/readyz", readiness=_readiness(reason))
    assert 503 == status
    assert [{"code": reason.code, "detail": reason.detail}] == json.loads(body)["reasons"]
    assert (200, b'{"status":"ready"}') == await _ask("/readyz")


async def test_a_note_does_not_make_the_gate_unready() -> None:
    """A broken file of keys must not take a gate that serves out of its balancer; the operator still sees it."""
    readiness = _readiness()
    readiness.add_note(lambda: Unready("configuration_faulty", "MCP_API_KEYS: a key is too short."))
    status, body = await _ask("/readyz", readiness=readiness)
    assert (200, "ready") == (status, json.loads(body)["status"])
    assert [{"code": "configuration_faulty", "detail": "MCP_API_KEYS: a key is too short."}] == json.loads(body)[
        "notes"
    ]


@pytest.mark.parametrize("host", [b"10.0.0.5:9464", b"10.0.0.5", b"localhost", b"[::1]:9464"])
async def test_its_own_addresses_are_answered(host: bytes) -> None:
    """Whatever name the operator uses."""
    assert (200, b'{"status":"ok"}') == await _ask("/healthz", host=host)


@pytest.mark.parametrize("host", [b"evil.example", b"evil.example:9464", b""])
async def test_another_host_name_is_refused(host: bytes) -> None:
    """A page in the operator's browser cannot read metrics by rebinding its name."""
    status, _ = await _ask("/metrics", host=host)
    assert 421 == status


async def test_nothing_else_is_served() -> None:
    """No path, method or protocol beyond the three."""
    assert 404 == (await _ask("/mcp"))[0]
    assert 405 == (await _ask("/metrics", method="POST"))[0]
    assert (200, b"") == await _ask("/metrics", method="HEAD")


async def test_a_websocket_is_refused() -> None:
    """There is none."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await AdminApp(host="x", readiness=_readiness(), metrics=lambda: b"")({"type": "websocket"}, receive, send)
    assert ["websocket.close"] == [message["type"] for message in sent]
