"""Every authenticated answer says what is left, in the IETF's form; nobody else learns it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.model.asgi import Message, Receive, Scope, Send
from aegis_trio.model.identity import DEFAULT_INSTANCE, Principal, PrincipalId, PrincipalKind
from aegis_trio.policy.quotas import LimitName, Quota, quota_of
from aegis_trio.policy.rate import per_minute
from aegis_trio.transports.credentials import PRINCIPAL
from aegis_trio.web.front import Front, Routes
from aegis_trio.web.quota_fields import quota_fields
from aegis_trio.web.settings import WebSettings

HALF = Quota(name=LimitName.PRINCIPAL, quota=1200, window_s=60, remaining=600, reset_s=30)


def test_the_fields_have_the_form_of_the_draft() -> None:
    """A list of structured items: the policy by name with q and w, and what is left with r and t."""
    assert (
        (b"ratelimit-policy", b'"principal";q=1200;w=60'),
        (b"ratelimit", b'"principal";r=600;t=30'),
    ) == quota_fields((HALF,))
    assert () == quota_fields(())


@given(st.integers(1, 10_000), st.integers(0, 10**12), st.integers(0, 10**12))
def test_numbers_of_a_quota_are_never_absurd(cells: int, tat_ns: int, now_ns: int) -> None:
    """Property: what is left lies between nothing and all, and nothing taken means nothing to wait for."""
    quota = quota_of(LimitName.TOOL, per_minute(cells), tat_ns, now_ns)
    assert 0 <= quota.remaining <= quota.quota == cells
    assert (quota.reset_s == 0) == (tat_ns <= now_ns)
    assert re.fullmatch(rb'"tool";r=[0-9]+;t=[0-9]+', quota_fields((quota,))[1][1])


@pytest.mark.parametrize(("noted", "expected"), [("key:1", b'"principal";r=600;t=30'), (None, None)])
async def test_only_an_authenticated_answer_carries_them(noted: str | None, expected: bytes | None) -> None:
    """Whoever has no credential learns nothing about anybody's use."""
    asked: list[str] = []

    async def route(scope: Scope, _receive: Receive, send: Send) -> None:
        if noted is not None:
            scope[PRINCIPAL] = Principal(
                id=PrincipalId(noted), kind=PrincipalKind.API_KEY, instance=DEFAULT_INSTANCE, scopes=frozenset()
            )
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def quotas_of(principal: Principal) -> tuple[Quota, ...]:
        asked.append(principal.id)
        return (HALF,)

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError("nothing is read")

    settings = WebSettings(public_url="http://127.0.0.1:8080", allowed_hosts=frozenset({"127.0.0.1"}))
    front = Front(settings, Routes({("POST", "/mcp"): route}, route, quotas_of=quotas_of))
    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": "/mcp",
        "headers": [(b"host", b"127.0.0.1")],
        "client": ("127.0.0.1", 5),
    }
    await front(scope, receive, send)
    headers = dict(sent[0]["headers"])  # type: ignore[call-overload] # a message is a mapping of objects
    assert expected == headers.get(b"ratelimit")
    assert ([noted] if noted else []) == asked
