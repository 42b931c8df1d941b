"""Gitea, the store or the audit trail fail at any step: a page or an error that says so, and it works afterwards."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from aegis_trio.model.asgi import Message
from aegis_trio.model.clock import SetClock
from aegis_trio.model.errors import (
    AuditUnavailable,
    Fault,
    NotFound,
    UpstreamBroken,
    UpstreamBusy,
    UpstreamForbade,
    UpstreamTimeout,
    UpstreamTooLarge,
    UpstreamUnreachable,
)
from aegis_trio.model.identity import Origin
from aegis_trio.store.interface import Put, Row, Space, StoreFailed
from aegis_trio.store.memory import MemoryStore
from aegis_trio.web.oauth.answers import call_answer
from aegis_trio.web.oauth.endpoint import BODY_DEADLINE_S, MAX_BODY_BYTES, Asked
from aegis_trio.web.oauth.token import trouble_answer
from aegis_trio.web.oauth.troubles import trouble_page
from tests.web.oauth.stage import (
    CALLBACK,
    DOCUMENT_ID,
    GITEA,
    START_NS,
    Stage,
    authorize_address,
    code_fields,
    make_stage,
    query_of,
)
from tests.web.oauth.test_pages import check_page

FAULTS = [
    (UpstreamUnreachable("no connection"), 503),
    (UpstreamTimeout("too slow"), 503),
    (UpstreamBusy("answered 503"), 503),
    (UpstreamBroken("500, or HTML, or nonsense"), 502),
    (UpstreamForbade("answered 403"), 502),
    (UpstreamTooLarge("endless"), 502),
]
FORM = (b"content-type", b"application/x-www-form-urlencoded")


def _way(answer: Any, words: str = "Try again") -> str:
    outline = check_page(answer)
    hrefs = [given["href"] for given in outline.all("a") if "button" in given.get("class", "").split()]
    assert f">{words}</a>" in answer.text
    return hrefs[-1].replace("&amp;", "&")


@pytest.mark.parametrize(("fault", "status"), FAULTS, ids=lambda value: getattr(value, "code", value))
async def test_a_gitea_that_fails_on_the_way_back_is_a_page_and_trying_again_works(fault: Fault, status: int) -> None:
    """Nothing is half granted, and the person need not go back to their assistant."""
    stage = make_stage()
    browser = stage.browser()
    onward = (await browser.decide(await browser.get(authorize_address()), "allow")).onward
    stage.gitea.fault = fault

    failed = await browser.at_gitea(onward)

    assert status == failed.status
    assert "Nothing was granted" in failed.text
    assert str(fault.message) not in failed.text
    assert int(failed.header(b"retry-after")) > 0
    assert () == await stage.rooms.grants.page()
    still = await browser.at_gitea((await browser.decide(await browser.get(_way(failed)), "allow")).onward)
    assert status == still.status
    stage.gitea.fault = None
    ended = await browser.at_gitea((await browser.decide(await browser.get(_way(still)), "allow")).onward)
    assert 200 == (await stage.post("/oauth/token", code_fields(query_of(ended.location)["code"]))).status


async def test_the_same_sign_in_is_finished_once_gitea_is_back() -> None:
    """Trying again leads to the same question, and its answer to the same client with the same state."""
    stage = make_stage()
    browser = stage.browser()
    onward = (await browser.decide(await browser.get(authorize_address(state="mine")), "allow")).onward
    stage.gitea.fault = UpstreamUnreachable("no connection")
    failed = await browser.at_gitea(onward)
    stage.gitea.fault = None

    question = await browser.get(_way(failed))
    ended = await browser.at_gitea((await browser.decide(question, "allow")).onward)

    assert ("mine", True) == (query_of(ended.location)["state"], ended.location.startswith(CALLBACK))
    assert 400 == (await stage.browser().get(_way(failed))).status  # in no other browser


async def test_a_gitea_that_fails_at_the_consent_is_a_page_and_trying_again_works() -> None:
    """Somebody who is signed in has tokens that may need Gitea to be made fresh."""
    stage = make_stage()
    browser = stage.browser()
    await browser.sign_in()
    stage.later(3600)
    page = await browser.get(authorize_address())
    stage.gitea.fault = UpstreamTimeout("slow")

    failed = await browser.decide(page, "allow")
    assert 503 == failed.status
    stage.gitea.fault = None
    onward = (await browser.decide(await browser.get(_way(failed)), "allow")).onward

    assert onward.startswith(f"{CALLBACK}?code=")


async def test_an_older_grant_at_gitea_is_explained_and_trying_again_works() -> None:
    """Gitea keeps a grant's first scope whatever is asked: only the person can end it, and is told where."""
    stage = make_stage()
    browser = stage.browser()
    right, stage.gitea.scope = stage.gitea.scope, "all"
    page = await browser.get(authorize_address(state="mine"))

    refused = await browser.at_gitea((await browser.decide(page, "allow")).onward)

    assert 409 == refused.status
    assert f'href="{GITEA}/user/settings/applications"' in refused.text
    assert "ann" in refused.text
    assert () == await stage.rooms.grants.page()
    assert "not signed in here" in (await browser.get(authorize_address())).text
    stage.gitea.scope = right
    page = await browser.get(_way(refused))
    ended = await browser.at_gitea((await browser.decide(page, "allow")).onward)
    answer = query_of(ended.location)
    assert "mine" == answer["state"]
    assert 200 == (await stage.post("/oauth/token", code_fields(answer["code"]))).status


async def test_an_older_grant_is_explained_without_a_state_too() -> None:
    """A client need not send one."""
    stage = make_stage()
    browser = stage.browser()
    stage.gitea.scope = "all"
    page = await browser.get(authorize_address(state=None))
    refused = await browser.at_gitea((await browser.decide(page, "allow")).onward)
    assert "state" not in query_of(_way(refused))


class BrokenStore(MemoryStore):  # type: ignore[misc]  # final for the package; here it breaks
    """A store that can be broken."""

    def __init__(self, clock: SetClock) -> None:
        super().__init__(clock)
        self.broken = False

    async def get(self, space: Space, key: str) -> Row | None:
        self._look()
        return await super().get(space, key)

    async def put(self, change: Put) -> int | None:
        self._look()
        return await super().put(change)

    def _look(self) -> None:
        if self.broken:
            raise StoreFailed("disk full: /var/lib/secret/place")


async def test_a_store_that_fails_is_said_to_people_and_to_clients() -> None:
    """503 with a time to come back; the reason is the operator's."""
    store = BrokenStore(SetClock(START_NS))
    stage = make_stage(store=store)
    browser = stage.browser()
    page = await browser.get(authorize_address())
    store.broken = True

    answers = [
        await browser.get(authorize_address()),
        await browser.decide(page, "allow"),
        await browser.get("/oauth/connected"),
        await stage.post("/oauth/token", code_fields("aegis_ac_x")),
        await stage.post("/oauth/revoke", {"token": "x", "client_id": "aegis_client_" + "0" * 32}),
        await stage.register({"redirect_uris": ["https://a.example/cb"]}),
    ]

    assert [503] * 6 == [answer.status for answer in answers]
    assert all(int(answer.header(b"retry-after")) > 0 for answer in answers)
    assert all("/var/lib" not in answer.text for answer in answers)
    for answer in answers[:3]:
        check_page(answer)
    assert ["temporarily_unavailable"] * 3 == [answer.json["error"] for answer in answers[3:]]
    store.broken = False
    assert 200 == (await browser.decide(page, "allow")).status


async def test_without_an_audit_trail_nothing_is_granted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be recorded does not happen."""
    stage = make_stage()
    browser = stage.browser()
    page = await browser.get(authorize_address())

    def refuse(entry: object) -> None:
        raise AuditUnavailable("the log cannot be written")

    monkeypatch.setattr(stage.trail, "append_nowait", refuse)
    refused = await browser.decide(page, "allow")
    assert 503 == refused.status
    check_page(refused)
    registered = await stage.register({"redirect_uris": ["https://a.example/cb"]})
    assert (503, "temporarily_unavailable") == (registered.status, registered.json["error"])


@pytest.mark.parametrize("path", ["/oauth/consent", "/oauth/token", "/oauth/register"])
async def test_a_body_above_the_bound_is_refused(path: str) -> None:
    """Nobody keeps more of it than the bound."""
    answer = await make_stage().ask("POST", path, FORM, body=b"x" * (MAX_BODY_BYTES + 1))
    assert 413 == answer.status


@pytest.mark.parametrize("path", ["/oauth/consent", "/oauth/token"])
async def test_a_body_that_drips_is_refused(path: str, autojump_clock: MockClock) -> None:
    """A byte a minute would hold a place for ever."""

    async def drip() -> Message:
        await trio.sleep(BODY_DEADLINE_S * 0.4)
        return {"type": "http.request", "body": b"x", "more_body": True}

    answer = await make_stage().ask("POST", path, FORM, receive=drip)
    assert 408 == answer.status


async def test_a_client_that_left_is_not_answered() -> None:
    """There is nobody to answer."""

    async def leave() -> Message:
        return {"type": "http.disconnect"}

    assert 0 == (await make_stage().ask("POST", "/oauth/token", FORM, receive=leave)).status


async def test_addresses_are_limited_each_by_itself(autojump_clock: MockClock) -> None:
    """Sign-ins make rows and fetch documents; the answer says when to come back, and others are not concerned."""
    stage = make_stage(pages=3, calls=2)
    pages = [await stage.ask("GET", "/oauth/connected") for _ in range(4)]
    calls = [await stage.post("/oauth/token", {}) for _ in range(3)]

    assert [200, 200, 200, 429] == [answer.status for answer in pages]
    assert [400, 400, 429] == [answer.status for answer in calls]
    check_page(pages[3])
    assert "temporarily_unavailable" == calls[2].json["error"]
    assert 20 == int(pages[3].header(b"retry-after"))
    assert 200 == (await stage.ask("GET", "/oauth/connected", client="192.0.2.2")).status
    assert 200 == (await stage.ask("GET", "/.well-known/oauth-authorization-server")).status
    await trio.sleep(20)
    assert 200 == (await stage.ask("GET", "/oauth/connected")).status


def test_a_fault_that_no_endpoint_expects_is_still_an_error_of_oauth() -> None:
    """Clients read JSON with `error`, whatever happened."""
    asked = Asked(headers=[], raw_query=b"", raw_body=b"", origin=Origin(address="192.0.2.1"))
    answer = trouble_answer(NotFound("nothing here"), asked)
    expected = call_answer(400, {"error": "invalid_request", "error_description": "nothing here"})
    assert expected == answer


def test_a_fault_that_no_page_expects_is_answered_all_the_same() -> None:
    """What the pages handle themselves today may reach the edge tomorrow."""
    asked = Asked(headers=[], raw_query=b"", raw_body=b"", origin=Origin(address="192.0.2.1"))
    printer = make_stage().rooms.printer
    assert 503 == trouble_page(printer, UpstreamUnreachable("no connection"), asked).status
    assert 404 == trouble_page(printer, NotFound("nothing here"), asked).status


async def _grant(stage: Stage) -> str:
    code = query_of(await stage.browser().sign_in())["code"]
    tokens = (await stage.post("/oauth/token", code_fields(code))).json
    return str(tokens["refresh_token"])


async def test_gitea_that_is_down_does_not_concern_tokens_of_ours() -> None:
    """Refreshing and revoking need the store alone."""
    stage = make_stage()
    token = await _grant(stage)
    stage.gitea.fault = UpstreamUnreachable("no connection")
    refresh = {"grant_type": "refresh_token", "client_id": DOCUMENT_ID, "refresh_token": token}
    assert 200 == (await stage.post("/oauth/token", refresh)).status
    assert 200 == (await stage.post("/oauth/revoke", {"client_id": DOCUMENT_ID, "token": token})).status
