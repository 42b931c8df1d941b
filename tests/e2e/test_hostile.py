"""Whatever strangers send: a designed answer or an end, nothing of the inside, and nobody else is hurt."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trio

from aegis_trio.audit.reader import verify_chain
from tests.e2e.gates import POLL_S, GateProcess, open_gate, settings
from tests.e2e.messages import LEGACY, MODERN, call, initialize, open_session, request, use_tool
from tests.e2e.wire import Answer, Ended, Wire, host_of, open_wire
from tests.e2e.wire import request as raw_request
from tests.forge import open_forge

pytestmark = pytest.mark.e2e

SEEDS = (1, 2, 3)
VISITS = 200
MAX_BODY_BYTES = 4 * 1024 * 1024
INSIDES = ("Traceback", "aegis_trio", "site-packages", 'File "', "hypercorn", "quart", "werkzeug", "trio.", "h11")
PATHS = ("/mcp", "/mcp/sse", "/mcp/tool/call", "/mcp/messages", "/mcp/tools", "/", "/readyz")
TOOLS = (
    "get_me",
    "get_server_version",
    "list_repositories",
    "get_repository_info",
    "get_file_tree",
    "get_file_contents",
)
METHODS = ("GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "X-Y")


@dataclass(frozen=True)
class Visit:
    """What is sent on one connection."""

    what: str
    raw: bytes
    is_whole: bool = True
    """Whether an answer is due; of half a request none is awaited."""


class Visitor:
    """Makes visits at random, the same ones for the same seed."""

    def __init__(self, gate: GateProcess, session: dict[str, str], seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 -- moments, not secrets
        self._host = host_of(gate.url)
        self._authorization = gate.authorization
        self._session = session
        self._kinds: list[Callable[[], Visit]] = [
            self._garbage_of_json, self._message_of_garbage, self._strange_call, self._strange_call,
            self._broken_text, self._wrong_type, self._oversize,
            self._odd_method, self._odd_path, self._odd_head, self._odd_host, self._odd_framing, self._no_http,
        ]  # fmt: skip

    def next(self) -> Visit:
        """Return the next visit."""
        return self._chance.choice(self._kinds)()

    # ---- bodies -----------------------------------------------------------------------------------------------------

    def _garbage_of_json(self) -> Visit:
        return self._post("garbage", json.dumps(self._value(4)).encode())

    def _message_of_garbage(self) -> Visit:
        message: dict[str, Any] = self._chance.choice(
            [call("get_me"), initialize(), request("tools/list"), request("ping"), request("server/discover"), {}]
        )
        for _ in range(self._chance.randint(1, 4)):
            key = self._chance.choice(["jsonrpc", "id", "method", "params", "result", "error", "_meta", "x" * 5000])
            message = {**message, key: self._value(3)}
        if self._chance.random() < 0.3:
            message = {"tool": self._value(1), "arguments": self._value(3), **message}
        batch = [message] * self._chance.choice([0, 1, 40, 2000])
        document = batch if self._chance.random() < 0.2 else message
        return self._post("message", json.dumps(document).encode())

    def _strange_call(self) -> Visit:
        tool = self._chance.choice([*TOOLS, self._value(0)])
        arguments: Any = {"owner": "tidewater", "repo": "harbor", "path": "README.md"}
        for _ in range(self._chance.randint(0, 2)):
            name = self._chance.choice(["owner", "repo", "path", "ref", "page", "limit", "recursive", "x"])
            arguments = {**arguments, name: self._value(2)}
        if self._chance.random() < 0.1:
            arguments = self._value(2)
        more = {**self._authorization, **self._session}
        if self._chance.random() < 0.5:
            body = json.dumps({"tool": tool, "arguments": arguments}).encode()
            return self._post("strange call", body, more, "/mcp/tool/call")
        document = call("x", request_id=self._chance.choice([1, "a", 2**53, -1]))
        document["params"] = {"name": tool, "arguments": arguments}
        return self._post("strange call", json.dumps(document).encode(), more, self._chance.choice(PATHS[:2]))

    def _broken_text(self) -> Visit:
        deep, long = 100_000, 300_000
        body = self._chance.choice(
            [
                b"", b"{", b"\xff\xfe\x00", b"\xef\xbb\xbf{}", b"nul", b"{}{}", b'{"a":1,"a":2}', b"[" * deep,
                b'{"a":' * deep, b"[" * deep + b"]" * deep,
                b'{"jsonrpc":"2.0","id":' + b"9" * long + b',"method":"ping"}',
                b'{"jsonrpc":"2.0","id":1e999,"method":"ping"}', b'{"jsonrpc":"2.0","id":NaN,"method":"ping"}',
                b'{"jsonrpc":"2.0","id":"\\ud800","method":"ping"}', b'{"tool":"\\ud800\\u0000","arguments":{}}',
                b'{"jsonrpc":"2.0","id":"' + b"i" * long + b'","method":"ping"}', b'"' + b"\\u0000" * 1000 + b'"',
                b'{"jsonrpc":"2.0","id":1,"method":"' + b"m" * long + b'"}', b"-", b"1" * long, b"\x00" * 1000,
                b'{"tool":"get_me","tool":"get_file_contents","arguments":{}}', bytes(self._chance.randbytes(500)),
            ]
        )  # fmt: skip
        return self._post("broken text", body)

    def _wrong_type(self) -> Visit:
        kind = self._chance.choice(
            ["text/plain", "text/json", "application/x-www-form-urlencoded", "application/json; charset=utf-16",
             "multipart/form-data", "multipart/form-data; boundary=x", "application/jsonx",
             "application/json, text/html", "", "json", "*/*"]
        )  # fmt: skip
        return self._post("wrong type", b'{"tool": "get_me"}', {"Content-Type": kind})

    def _oversize(self) -> Visit:
        path = self._chance.choice(PATHS)
        head = {"Host": self._host, "Content-Type": "application/json", **self._credential()}
        if self._chance.random() < 0.5:
            size = self._chance.choice([MAX_BODY_BYTES + 1, 10**12, 10**30])
            lines = raw_request("POST", path, head).replace(b"Content-Length: 0", f"Content-Length: {size}".encode())
            return Visit(f"declares {size} bytes at {path}", lines)
        lines = raw_request("PUT", path, {**head, "Transfer-Encoding": "chunked"}).replace(b"PUT", b"POST", 1)
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        return Visit(f"sends 5 MB in chunks to {path}", lines + chunk * 80 + b"0\r\n\r\n")

    # ---- heads ------------------------------------------------------------------------------------------------------

    def _odd_method(self) -> Visit:
        method, path = self._chance.choice(METHODS), self._chance.choice(PATHS)
        return Visit(f"{method} {path}", raw_request(method, path, {"Host": self._host, **self._credential()}))

    def _odd_path(self) -> Visit:
        path = self._chance.choice(
            ["/mcp/", "/MCP", "//mcp", "/mcp/../admin", "/..%2f..%2fetc/passwd", "/%00", "/mcp%2ftools", "/metrics",
             "/.env", "/oauth/token", "/mcp/ws", "/.well-known/oauth-protected-resource", "/" + "a" * 9000, "/%ff%fe",
             "/?" + "q=1&" * 1000, "*", "http://elsewhere.example/mcp", "elsewhere.example:443", "/mcp/tools?api_key=x",
             "/mcp/messages?sessionId=" + "s" * 4000, "/mcp?x=\xe4", "/static/../../x", "/mcp/sse?api_key=" + "0" * 64]
        )  # fmt: skip
        method = self._chance.choice(["GET", "POST", "OPTIONS"])
        return Visit(f"{method} {path[:80]}", raw_request(method, path, {"Host": self._host, **self._credential()}))

    def _odd_head(self) -> Visit:
        more: dict[str, str] = self._chance.choice(
            [
                {f"X-{number}": "y" for number in range(300)}, {"X-Long": "y" * 70_000}, {"X-Bytes": "\xff\x80\xe4"},
                {"Accept": "text/event-stream;q=0, */*;q=x"}, {"Accept": "," * 3000}, {"Accept": ""},
                {"Mcp-Session-Id": "\xff" * 20}, {"Mcp-Session-Id": "s" * 5000}, {"Last-Event-ID": "9" * 4000},
                {"MCP-Protocol-Version": self._chance.choice([MODERN, LEGACY, "2099-01-01", "", "\xff", "v" * 3000])},
                {"Mcp-Method": "tools/call", "Mcp-Name": "=?base64?////?=", "MCP-Protocol-Version": MODERN},
                {"Authorization": "Bearer " + "k" * 6000}, {"Authorization": "Bearer \xff\xff"}, {"Authorization": ""},
                {"Expect": "100-continue"}, {"Connection": "Upgrade", "Upgrade": "websocket"}, {"Range": "bytes=0-"},
                {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABk"},
                {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                 "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="},
                {"X-Forwarded-For": "1.2.3.4, \xff", "X-Forwarded-Host": "elsewhere", "Forwarded": "for=unknown;by=x"},
                {"Content-Encoding": "gzip"}, {"Cookie": "a" * 8000}, {"If-None-Match": "*", "TE": "trailers"},
            ]
        )  # fmt: skip
        return self._post(f"head {list(more)[:2]}", json.dumps(call("get_me")).encode(), more)

    def _odd_host(self) -> Visit:
        more: dict[str, str] = self._chance.choice(
            [{"Host": "elsewhere.example"}, {"Host": ""}, {"Host": f"{self._host}@elsewhere"}, {"Host": "[::1"},
             {"Host": "\xff"}, {"Host": "a" * 5000}, {"Origin": "https://elsewhere.example"}, {"Origin": "null"},
             {"Origin": "http://[::1"}, {"Origin": "\xff"}, {"Origin": "http://localhost.elsewhere.example"},
             {"Host": "127.0.0.1:99999999"}, {"Host": "localhost:x"}, {"Origin": "http://127.0.0.1@elsewhere.example"}]
        )  # fmt: skip
        return self._post(f"host {more}", json.dumps(call("get_me")).encode(), more)

    def _odd_framing(self) -> Visit:
        start = f"POST {self._chance.choice(PATHS)} HTTP/1.1\r\nHost: {self._host}\r\n".encode()
        odd = self._chance.choice(
            [
                b"Host: twice\r\nContent-Length: 0\r\n\r\n", b"Content-Length: -1\r\n\r\n",
                b"Content-Length: 1_0\r\n\r\n",
                b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", b"Content-Length: +3\r\n\r\nabc",
                b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"Transfer-Encoding: gzip\r\n\r\n",
                b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
                b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", b" folded: x\r\n\r\n", b"No colon\r\n\r\n",
                b"X : y\r\n\r\n", b"X: a\x00b\r\n\r\n", b"X: a\nY: b\r\nContent-Length: 0\r\n\r\n", b"\xff: x\r\n\r\n",
                b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
                b"Content-Length: 0\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n",
            ]
        )  # fmt: skip
        return Visit(f"framing {odd[:40]!r}", start + odd)

    def _no_http(self) -> Visit:
        raw = self._chance.choice(
            [
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500, b"\r\n\r\n\r\n", b"GET /\r\n\r\n",
                b"GET / HTTP/0.9\r\n\r\n", b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", b"GET  /  HTTP/1.1\r\n\r\n",
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 100, b"GET / HTTP/1.1\nHost: x\n\n", b"\x00" * 2000,
                b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", b"{}\n", b"SSH-2.0-x\r\n",
                b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
                b"GET " + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n", bytes(self._chance.randbytes(3000)),
            ]
        )  # fmt: skip
        return Visit(f"no HTTP {raw[:30]!r}", raw, is_whole=False)

    # ---- parts ------------------------------------------------------------------------------------------------------

    def _post(self, what: str, body: bytes, more: dict[str, str] | None = None, at: str = "") -> Visit:
        path = at or self._chance.choice(PATHS[:4])
        headers = {"Host": self._host, "Content-Type": "application/json", "Accept": "*/*", **self._credential()}
        if self._chance.random() < 0.5:
            headers |= self._session
        if not at and self._chance.random() < 0.3:
            headers |= {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call", "Mcp-Name": "get_me"}
        raw = raw_request("POST", path, {**headers, **(more or {})}, body)
        return Visit(f"{what} at {path}", raw)

    def _credential(self) -> dict[str, str]:
        return self._authorization if self._chance.random() < 0.8 else {}

    def _value(self, depth: int) -> Any:
        kinds = 9 if depth else 6
        match self._chance.randrange(kinds):
            case 0:
                return None
            case 1:
                return self._chance.choice([True, False])
            case 2:
                return self._chance.choice([0, -1, 2**53, 2**63, 10**400, 1.5, -0.0, 1e308])
            case 3:
                return self._chance.choice(
                    ["", "2.0", "get_me", "tools/call", MODERN, "\x00", "\u202e", "../..", "x" * 9000]
                )
            case 4:
                return self._chance.choice(["__class__", "{0}", "%s%n", "${jndi:x}", "<script>", "'; --", "\ufeff"])
            case 5:
                return self._chance.choice([[], {}])
            case 6:
                return [self._value(depth - 1) for _ in range(self._chance.randint(1, 4))]
            case _:
                names = [
                    "name",
                    "arguments",
                    "_meta",
                    "owner",
                    "repo",
                    "path",
                    "protocolVersion",
                    "__proto__",
                    "",
                    "id",
                ]
                return {self._chance.choice(names): self._value(depth - 1) for _ in range(self._chance.randint(1, 4))}


async def _receive(wire: Wire, visit: Visit) -> Answer | None:
    """Return the answer, its head alone where the body is a stream; None when the connection just ended."""
    try:
        answer = await wire.receive_head()
        while answer.status == 100:
            answer = await wire.receive_head()
        if b"text/event-stream" in answer.head.lower():
            return answer
        return await wire.receive_body(answer, has_body=not visit.raw.startswith(b"HEAD"))
    except Ended:
        return None


def _check(visit: Visit, answer: Answer) -> None:
    assert answer.status < 500 or answer.status in {501, 503, 505}, (visit, answer)
    text = answer.raw.decode("latin-1")
    assert [] == [words for words in INSIDES if words.lower() in text.lower()], (visit, answer)
    if answer.status == 503:
        assert b"retry-after" in answer.head.lower(), (visit, answer)


@pytest.mark.parametrize("seed", SEEDS, ids=SEEDS)
async def test_no_visitor_gets_an_inside_view_or_hurts_a_bystander(tmp_path: Path, seed: int) -> None:
    """One bad request never kills the process, never shows a traceback, and never stops another's stream."""
    async with open_forge() as forge:
        given = settings(forge.url, forge.world.bot_token, tmp_path, MAX_AUTH_FAILURES="100000", CALLS_PER_MINUTE="0")
        async with open_gate(given) as gate, gate.client() as client, open_wire(gate.url) as bystander:
            stream = raw_request("GET", "/mcp/sse", {"Host": host_of(gate.url), **gate.authorization})
            await bystander.send(stream)
            await bystander.receive_until(b"event: endpoint\ndata: ")
            endpoint = (await bystander.receive_until(b"\n")).decode().strip()
            session = await open_session(client)
            visitor = Visitor(gate, {"Mcp-Session-Id": session["Mcp-Session-Id"]}, seed)
            answered: dict[int, int] = {}
            for number in range(VISITS):
                visit = visitor.next()
                async with open_wire(gate.url) as wire, trio.open_nursery() as nursery:
                    # Large bodies are sent beside: the answer may come before their end.
                    nursery.start_soon(wire.send, visit.raw)
                    with trio.move_on_after(30) as patience:
                        if not visit.is_whole:
                            patience.deadline = trio.current_time() + POLL_S
                        answer = await _receive(wire, visit)
                        if answer is not None:
                            _check(visit, answer)
                            answered[answer.status] = answered.get(answer.status, 0) + 1
                    assert not (visit.is_whole and patience.cancelled_caught), f"never answered: {visit.what}"
                    nursery.cancel_scope.cancel()
                if number % 20 == 0:
                    ping = await client.post(endpoint, json=request("ping", request_id=f"p{number}"))
                    assert 202 == ping.status_code
                    with trio.fail_after(30):
                        await bystander.receive_until(f'"id":"p{number}"'.encode())
            print(answered)
            assert {200, 400, 401, 404, 405, 413} <= answered.keys()
            assert (await use_tool(client, "get_me")).json()["success"] is True
            assert 200 == (await client.get("/readyz")).status_code
            with trio.fail_after(30):
                while (metrics := await gate.metrics())["aegis_public_listener_open_connections"] > 2:  # noqa: ASYNC110 -- no event
                    await trio.sleep(POLL_S)
            for fault in ("application_faults_total", "contained_faults_total", "refused_in_all_total"):
                assert 0 == metrics[f"aegis_public_listener_{fault}"], (fault, gate.log)
            assert not any('"internal"' in name for name in metrics)
        assert 0 == gate.process.returncode
    assert None is verify_chain(gate.audit_path).fault
    assert all(record.has_authorization and record.principal == "mcp-bot" for record in forge.requests)
    loud = [line for line in gate.log if "Traceback" in line or json.loads(line)["level"] in {"error", "critical"}]
    assert [] == loud


async def test_a_body_that_breaks_while_it_is_answered_is_no_fault_of_ours(tmp_path: Path) -> None:
    """A broken chunk in the same packet as its head: one 400 leaves, and the operator is not told of a bug."""
    async with open_forge() as forge:
        async with open_gate(settings(forge.url, forge.world.bot_token, tmp_path)) as gate:
            headers = {"Host": host_of(gate.url), "Transfer-Encoding": "chunked"}
            for _ in range(10):
                async with open_wire(gate.url) as wire:
                    await wire.send(raw_request("PUT", "/", headers) + b"zz\r\n")
                    said = await wire.receive_rest()
                    assert 1 == said.count(b"HTTP/1.1 "), said
            await gate.metrics()  # whatever was said before this answer is in the log after it
        assert [] == [line for line in gate.log if "application_fault" in line]
