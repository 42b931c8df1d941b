"""The operator's listener: metrics and readiness in detail, on loopback, never on the public address.

Plain ASGI. Host names other than the listener's own are refused, so that a web page in the operator's
browser cannot read it by DNS rebinding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast, final

from aegis_trio.model.asgi import Headers, Receive, Scope, Send
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.supervisor.readiness import Readiness
from aegis_trio.telemetry.metrics import CONTENT_TYPE
from aegis_trio.web.errors import HttpAnswer, json_answer, plain_answer
from aegis_trio.web.screen import host_of
from aegis_trio.web.settings import LOOPBACK_HOSTS

_PATHS: Final = ("/healthz", "/metrics", "/readyz")


@final
class AdminApp:
    """`/metrics`, `/readyz` with reasons in words, `/healthz`."""

    def __init__(self, *, host: str, readiness: Readiness, metrics: Callable[[], bytes]) -> None:
        self._hosts = LOOPBACK_HOSTS | {host.lower()}
        self._readiness = readiness
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": None})
            return
        answer = self._answer(str(scope["method"]), str(scope["path"]), cast("Headers", scope["headers"]))
        body = b"" if scope["method"] == "HEAD" else answer.body
        await send({"type": "http.response.start", "status": answer.status, "headers": list(answer.headers)})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    def _answer(self, method: str, path: str, headers: Headers) -> HttpAnswer:
        host = host_of(headers)
        if host is None or (host not in self._hosts and host.rpartition(":")[0] not in self._hosts):
            return plain_answer(421, "misdirected_request", "The operator's listener answers to its own address only.")
        if path not in _PATHS:
            return plain_answer(404, "not_found", f"There is nothing at this path; there is {', '.join(_PATHS)}.")
        if method not in {"GET", "HEAD"}:
            return plain_answer(405, "method_not_allowed", "Only GET.", (b"allow", b"GET, HEAD"))
        if path == "/healthz":
            return json_answer(200, {"status": "ok"})
        if path == "/readyz":
            return self._ready()
        metrics = self._metrics()
        length = str(len(metrics)).encode()
        return HttpAnswer(200, ((b"content-type", CONTENT_TYPE.encode()), (b"content-length", length)), metrics)

    def _ready(self) -> HttpAnswer:
        found = self._readiness.unready()
        reasons: list[JsonValue] = [{"code": reason.code, "detail": reason.detail} for reason in found]
        notes: list[JsonValue] = [{"code": note.code, "detail": note.detail} for note in self._readiness.notes()]
        more: JsonObject = {"notes": notes} if notes else {}
        if reasons:
            return json_answer(503, {"status": "not_ready", "reasons": reasons, **more})
        return json_answer(200, {"status": "ready", **more})
