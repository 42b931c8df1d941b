"""Health pages and plain REST: the same door, the same rules, plain JSON."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import trio

from aegis_trio.audit.settings import AuditSettings
from aegis_trio.audit.trail import open_audit_trail
from aegis_trio.auth.authenticator import Authenticator
from aegis_trio.config.load import load_settings
from aegis_trio.gateway.gateway import Gateway
from aegis_trio.gitea.client import open_gitea_client
from aegis_trio.limits.calls import CallLimits
from aegis_trio.model.asgi import Application, Message, Scope
from aegis_trio.model.clock import SystemClock
from aegis_trio.model.errors import ClientFault, Fault, InvalidArgument, NotReady
from aegis_trio.toolsets.catalogue import CATALOGUE
from aegis_trio.transports.hub import SessionHub
from aegis_trio.web.challenges import plain_fault
from aegis_trio.web.front import Front, Routes
from aegis_trio.web.pages import Pages, build_app, parse_call
from tests.forge import open_forge

KEY = "0123456789abcdef" * 4
AUTHORIZED = (b"authorization", b"Bearer " + KEY.encode())


class _Site:
    """The public application over a real forge, asked by hand."""

    def __init__(self, application: Application, unready: list[str], closed: list[Fault]) -> None:
        self._application = application
        self.unready = unready
        self.closed = closed

    async def ask(
        self, method: str, path: str, *headers: tuple[bytes, bytes], body: bytes = b"", query: bytes = b""
    ) -> tuple[int, Any, dict[bytes, bytes]]:
        sent: list[Message] = []
        bodies = [body]

        async def receive() -> Message:
            if bodies:
                return {"type": "http.request", "body": bodies.pop(), "more_body": False}
            await trio.sleep_forever()
            raise AssertionError

        async def send(message: Message) -> None:
            sent.append(message)

        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query,
            "root_path": "",
            "headers": [(b"host", b"localhost"), *headers],
            "client": ("192.0.2.1", 4711),
            "server": ("127.0.0.1", 8080),
            "extensions": {},
        }
        await self._application(scope, receive, send)
        content = b"".join(cast("bytes", message.get("body", b"")) for message in sent[1:])
        answer_headers = dict(cast("list[tuple[bytes, bytes]]", sent[0]["headers"]))
        return cast("int", sent[0]["status"]), json.loads(content) if content else None, answer_headers

    async def call(self, body: bytes) -> tuple[int, Any, dict[bytes, bytes]]:
        return await self.ask("POST", "/mcp/tool/call", AUTHORIZED, (b"content-type", b"application/json"), body=body)


@asynccontextmanager
async def _open_site(folder: Path, **changes: Any) -> AsyncIterator[_Site]:
    clock = SystemClock()
    async with open_forge() as forge:
        environment = {"GITEA_URL": forge.url, "GITEA_TOKEN": forge.world.bot_token, "MCP_API_KEYS": KEY}
        settings = load_settings(environment, None)
        auth = replace(settings.auth, **changes)
        unready: list[str] = []
        closed: list[Fault] = []
        async with (
            open_audit_trail(AuditSettings(path=folder / "audit.log"), clock=clock) as audit,
            open_gitea_client(settings.gitea) as gitea,
        ):
            gateway = Gateway(
                catalogue=CATALOGUE,
                audit=audit,
                limits=CallLimits(settings.limits),
                acting_as=gitea.acting_as,
                gate_closed=lambda _caller: closed[0] if closed else None,
                argument_digest_key=b"k" * 32,
            )
            pages = Pages(
                public_url="http://localhost:8080",
                auth=auth,
                gateway=gateway,
                authenticator=Authenticator(auth, audit=audit, clock=clock),
                request_of=SessionHub(settings.sessions).request_of,
                answer_of=plain_fault,
                unready=lambda: tuple(unready),
            )
            app = cast("Application", build_app(pages))
            yield _Site(Front(settings.web, Routes({}, app)), unready, closed)


@pytest.mark.sockets
async def test_health_needs_no_credential_and_says_little(tmp_path: Path) -> None:
    """Probes come without keys, and strangers read these pages."""
    async with _open_site(tmp_path) as site:
        assert (200, {"status": "ok"}) == (await site.ask("GET", "/healthz"))[:2]
        assert (200, {"status": "ok"}) == (await site.ask("GET", "/health"))[:2]
        assert (200, {"status": "ready"}) == (await site.ask("GET", "/readyz"))[:2]
        status, index, _ = await site.ask("GET", "/")
        assert (200, "http://localhost:8080/mcp") == (status, index["mcp"])
        site.unready.append("audit_unavailable")
        status, body, _ = await site.ask("GET", "/readyz")
        assert (503, ["audit_unavailable"]) == (status, body["reasons"])


@pytest.mark.sockets
async def test_rest_lists_and_calls_with_a_key_only(tmp_path: Path) -> None:
    """The plain endpoints are no way around authentication."""
    async with _open_site(tmp_path) as site:
        status, body, headers = await site.ask("GET", "/mcp/tools")
        assert (401, b"Bearer") == (status, headers[b"www-authenticate"])
        status, body, _ = await site.ask("POST", "/mcp/tool/call", (b"authorization", b"Bearer " + b"f" * 64))
        assert (401, "Invalid API key") == (status, body["message"])
        status, body, _ = await site.ask("GET", "/mcp/tools", AUTHORIZED)
        assert [spec.name for spec in CATALOGUE.tools] == [tool["name"] for tool in body["tools"]]
        status, body, _ = await site.call(b'{"tool": "get_me", "arguments": {}}')
        assert (200, True) == (status, body["success"])
        assert body["correlation_id"] in (tmp_path / "audit.log").read_text()


@pytest.mark.sockets
async def test_a_failed_call_has_the_status_of_its_fault(tmp_path: Path) -> None:
    """Scripts look at the status, people at the words."""
    async with _open_site(tmp_path) as site:
        status, body, _ = await site.call(b'{"tool": "get_repository_info", "arguments": {"owner": "a", "repo": "b"}}')
        assert (404, False, "not_found") == (status, body["success"], body["error"]["code"])
        site.closed.append(NotReady("Gitea cannot be asked."))
        status, body, headers = await site.call(b'{"tool": "get_me"}')
        assert (503, "not_ready", b"5") == (status, body["error"]["code"], headers[b"retry-after"])


@pytest.mark.sockets
async def test_a_wrong_body_is_answered_with_field_and_example(tmp_path: Path) -> None:
    """Bad input gets a clear error that names the field, the rule and the way out."""
    async with _open_site(tmp_path) as site:
        status, body, _ = await site.call(b'{"arguments": {}}')
        assert (400, "tool") == (status, body["field"])
        assert "list_repositories" == body["example"]["tool"]
        status, body, _ = await site.call(b"not json")
        assert (400, "invalid_request") == (status, body["error"])
        status, body, _ = await site.ask("POST", "/mcp/tool/call", AUTHORIZED, (b"content-type", b"text/plain"))
        assert 415 == status


@pytest.mark.sockets
async def test_a_body_above_the_bound_is_413_though_it_was_not_declared(tmp_path: Path) -> None:
    """A chunked body has no length to look at."""
    async with _open_site(tmp_path) as site:
        status, body, _ = await site.call(b" " * (5 * 1024 * 1024))
    assert (413, "request_entity_too_large") == (status, body["error"])


@pytest.mark.sockets
async def test_a_key_in_the_query_counts_where_the_operator_said_so(tmp_path: Path) -> None:
    """ALLOW_QUERY_API_KEY is off by default."""
    query = b"api_key=" + KEY.encode()
    async with _open_site(tmp_path) as site:
        assert 401 == (await site.ask("GET", "/mcp/tools", query=query))[0]
    async with _open_site(tmp_path, allow_query_key=True) as site:
        assert 200 == (await site.ask("GET", "/mcp/tools", query=query))[0]


@pytest.mark.sockets
async def test_a_public_tool_list_is_public_and_calls_are_not(tmp_path: Path) -> None:
    """PUBLIC_TOOL_LIST opens names and schemas only; a wrong key is still wrong."""
    async with _open_site(tmp_path, public_tool_list=True) as site:
        assert 200 == (await site.ask("GET", "/mcp/tools"))[0]
        assert 401 == (await site.ask("GET", "/mcp/tools", (b"x-api-key", b"f" * 64)))[0]
        assert 401 == (await site.ask("POST", "/mcp/tool/call"))[0]


def test_a_call_without_arguments_is_a_call() -> None:
    """`arguments` may be left out."""
    assert {} == parse_call(b'{"tool": "get_me"}').raw_arguments


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"[]", InvalidArgument),
        (b'{"tool": 1}', InvalidArgument),
        (b'{"tool": "x", "arguments": []}', InvalidArgument),
        (b'{"tool": "x", "argument": {}}', InvalidArgument),
        (b'{"tool": "x", "tool": "y"}', ClientFault),
        (b"[" * 100 + b"]" * 100, ClientFault),
        (b"\xff", ClientFault),
        (b"", ClientFault),
    ],
)
def test_every_wrong_body_is_a_fault_of_the_client(body: bytes, fault: type[Fault]) -> None:
    """Duplicate keys, depth, broken text: refused, never a bug."""
    with pytest.raises(fault):
        parse_call(body)
