"""Attack: more of everything than anybody needs; what is kept stays bounded, and whoever is honest comes through."""

from __future__ import annotations

from functools import partial

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from aegis_trio.auth.attempts import VERBATIM
from aegis_trio.auth.broker.steps import RECORDED_AT_ONCE
from aegis_trio.auth.clients.registry import MAX_PER_ADDRESS
from aegis_trio.store.interface import Space
from tests.web.oauth.stage import DOCUMENT_ID, authorize_address, code_fields, make_stage, query_of

DOCUMENT = {"redirect_uris": ["https://a.example/cb"]}
FLOOD = 300


def _address(number: int) -> str:
    return f"198.51.{number // 256}.{number % 256}"


async def test_sign_ins_that_nobody_finishes_are_bounded_and_a_person_comes_through() -> None:
    """From everywhere, each from another address, while somebody reads the question and goes to Gitea."""
    stage = make_stage(logins=50, browsers=50)
    browser = stage.browser()
    page = await browser.get(authorize_address(state="mine"))
    stage.later(60)
    for number in range(40):
        assert 200 == (await stage.ask("GET", authorize_address(), client=_address(number))).status
    onward = (await browser.decide(page, "allow")).onward
    back = await browser.at_gitea(onward)
    assert "mine" == query_of(back.location)["state"]
    stage.later(30)
    for number in range(FLOOD):
        assert 200 == (await stage.ask("GET", authorize_address(), client=_address(number))).status
        assert 50 >= await stage.store.count(Space.LOGIN)
        assert 50 >= await stage.store.count(Space.BROWSER)
    # Whoever is signed in stays so, and a new person is served.
    assert 200 == (await stage.post("/oauth/token", code_fields(query_of(back.location)["code"]))).status
    assert "code" in query_of(await stage.browser().sign_in())
    assert "ann" in (await browser.get("/oauth/connected")).text


async def test_a_page_that_anybody_may_ask_for_does_not_fill_the_store() -> None:
    """Each visitor without a cookie is a row."""
    stage = make_stage(browsers=50)
    for number in range(FLOOD):
        assert 200 == (await stage.ask("GET", "/oauth/connected", client=_address(number))).status
    assert 50 >= await stage.store.count(Space.BROWSER)


async def test_sign_ins_that_nobody_finishes_do_not_fill_the_disk_with_records() -> None:
    """A full audit log stops the gate; grants are recorded all the same, and the number of the others is."""
    stage = make_stage()
    for number in range(RECORDED_AT_ONCE + FLOOD):
        await stage.ask("GET", authorize_address(), client=_address(number))
    assert RECORDED_AT_ONCE == stage.trail.events().count("oauth_authorize")
    await stage.browser().sign_in()
    assert 1 == stage.trail.events().count("oauth_grant")
    stage.later(60)
    await stage.ask("GET", authorize_address())
    assert FLOOD < stage.trail.entries[-1].fields["unrecorded"]


async def test_registrations_are_limited_by_address_and_never_a_fault(autojump_clock: MockClock) -> None:
    """One house of IPv6 is one address; others register meanwhile."""
    stage = make_stage()
    body = b'{"redirect_uris": ["https://a.example/cb"]}'
    json = (b"content-type", b"application/json")

    async def register(client: str) -> int:
        return (await stage.ask("POST", "/oauth/register", json, body=body, client=client)).status

    answers = [await register(f"2001:db8::{number:x}") for number in range(MAX_PER_ADDRESS + FLOOD)]
    assert [201] * MAX_PER_ADDRESS + [429] * FLOOD == answers
    assert 201 == await register("2001:db8:0:1::1")
    assert 201 == await register("192.0.2.77")


async def test_a_flood_of_registrations_does_not_keep_its_own_alive_nor_throw_out_who_is_used() -> None:
    """Only tokens for a person are use; to open the question is none."""
    stage = make_stage(clients=20)
    honest = (await stage.register({"redirect_uris": ["http://127.0.0.1/cb"]})).json["client_id"]
    own = {"client_id": honest, "redirect_uri": "http://127.0.0.1/cb"}
    code = query_of(await stage.browser().sign_in(**own))["code"]
    tokens = (await stage.post("/oauth/token", code_fields(code, **own))).json
    json, body = (b"content-type", b"application/json"), b'{"redirect_uris": ["https://a.example/cb"]}'
    for number in range(100):
        made = await stage.ask("POST", "/oauth/register", json, body=body, client=_address(number))
        assert 201 == made.status
        asked = authorize_address(client_id=made.json["client_id"], redirect_uri="https://a.example/cb")
        assert 200 == (await stage.ask("GET", asked, client=_address(number))).status
        assert 20 >= await stage.store.count(Space.CLIENT)
    stage.later(8 * 86_400)
    assert 1 == await stage.store.count(Space.CLIENT)
    refresh = {"grant_type": "refresh_token", "client_id": honest, "refresh_token": tokens["refresh_token"]}
    assert 200 == (await stage.post("/oauth/token", refresh)).status


@pytest.mark.parametrize(
    "fields",
    [
        {"grant_type": "authorization_code", "client_id": DOCUMENT_ID, "code": "x", "code_verifier": "v" * 43},
        {"grant_type": "refresh_token", "client_id": DOCUMENT_ID, "refresh_token": "x"},
        {"grant_type": "refresh_token", "client_id": "chat", "client_secret": "guess", "refresh_token": "x"},
    ],
    ids=["codes", "refresh tokens", "secrets"],
)
async def test_guesses_at_the_token_endpoint_are_limited_by_address(
    fields: dict[str, str], autojump_clock: MockClock
) -> None:
    """Whoever guesses is told to come later; nobody else is, and what is recorded of guesses is bounded."""
    stage = make_stage(calls=20)
    code = query_of(await stage.browser().sign_in())["code"]
    before = len(stage.trail.entries)
    answers = [await stage.post("/oauth/token", fields) for _ in range(30)]
    assert [400] * 20 + [429] * 10 == [answer.status for answer in answers]
    assert "temporarily_unavailable" == answers[-1].json["error"]
    assert int(answers[-1].header(b"retry-after")) > 0
    assert before + VERBATIM == len(stage.trail.entries)
    form = (b"content-type", b"application/x-www-form-urlencoded")
    body = "&".join(f"{name}={value}" for name, value in code_fields(code).items()).encode()
    assert 200 == (await stage.ask("POST", "/oauth/token", form, body=body, client="192.0.2.2")).status


async def test_slow_documents_of_an_attacker_do_not_keep_an_assistant_out(autojump_clock: MockClock) -> None:
    """Each names an address whose server never answers; Claude's document is fetched all the same."""
    stage = make_stage()
    stage.documented.hold = trio.Event()
    async with trio.open_nursery() as nursery:
        for number in range(FLOOD):
            address = authorize_address(client_id=f"https://slow.example.net/{number}")
            nursery.start_soon(partial(stage.ask, "GET", address, client="203.0.113.66"))
        await wait_all_tasks_blocked()
        assert "code" in query_of(await stage.browser().sign_in())
        nursery.cancel_scope.cancel()
