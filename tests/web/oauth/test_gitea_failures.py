"""Gitea fails at each step of the dance in each way: a page or an error, nothing half granted, and then it works.

The broker's own Gitea client asks a verified fake over real sockets, whose answers are broken one at a time.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

import pytest
import trio
from trio.testing import MockClock

from aegis_trio.auth.broker.calls import PersonCalls
from aegis_trio.auth.jwks import RefreshTimes, SigningKeys
from aegis_trio.auth.upstream import GiteaLogin
from aegis_trio.demo_forge.faults import Cut, Fault
from aegis_trio.model.errors import UpstreamFault
from aegis_trio.model.identity import Origin
from aegis_trio.model.secret import Secret
from aegis_trio.policy.scopes import gitea_scopes
from aegis_trio.store.interface import Space
from tests.gitea.bench import CALLBACK as GATES_CALLBACK
from tests.gitea.bench import Bench, open_bench
from tests.person import Person
from tests.web.oauth.stage import Answer, Stage, Visitor, authorize_address, code_fields, make_stage, query_of
from tests.web.oauth.test_pages import check_page

pytestmark = pytest.mark.sockets

HERE = Origin(address="192.0.2.1")
HUGE = b'{"x": "' + b"x" * 6_000_000 + b'"}'
FAULTS = {
    "cut before the answer": Fault(cut=Cut.BEFORE_ANSWER),
    "cut after the head": Fault(cut=Cut.AFTER_HEADERS),
    "cut in the body": Fault(cut=Cut.IN_BODY),
    "500": Fault(status=500, body=b"internal error", content_type="text/plain"),
    "502 of a proxy": Fault(status=502, body=b"<html>Bad Gateway</html>", content_type="text/html"),
    "503": Fault(status=503, body=b"", headers=(("Retry-After", "1"),)),
    "404": Fault(status=404, body=b"404 page not found", content_type="text/plain"),
    "409": Fault(status=409, body=b"{}"),
    "422": Fault(status=422, body=b'{"message": "x"}'),
    "a login wall": Fault(status=401, body=b"<html>Who are you?</html>", content_type="text/html"),
    "a firewall": Fault(status=403, body=b"<html>Forbidden</html>", content_type="text/html"),
    "a firewall that speaks JSON": Fault(status=403, body=b'{"blocked": true}'),
    "429": Fault(status=429, body=b"{}", headers=(("Retry-After", "1"),)),
    "a page with 200": Fault(body=b"<!DOCTYPE html><title>Sign in</title>", content_type="text/html"),
    "a redirect": Fault(status=303, body=b"", headers=(("Location", "https://evil.example/"),)),
    "no body": Fault(body=b""),
    "nonsense": Fault(body=b"\xff\x00{{{"),
    "half a document": Fault(body=b'{"access_token": "x", "token'),
    "null": Fault(body=b"null"),
    "a list": Fault(body=b"[]"),
    "an empty object": Fault(body=b"{}"),
    "wrong types": Fault(
        body=b'{"access_token": 1, "token_type": [], "expires_in": "soon", "refresh_token": {}, "id_token": 5,'
        b' "active": "yes", "issuer": 7, "keys": {"a": 1}, "id": "1", "login": null, "sub": []}'
    ),
    "numbers out of range": Fault(
        body=b'{"access_token": "a", "token_type": "bearer", "expires_in": 1e400, "refresh_token": "r", "id": -1}'
    ),
    "deep": Fault(body=b"[" * 100_000),
    "huge": Fault(body=HUGE),
    "endless": Fault(endless=True),
}
STEPS = {
    "exchange": "/login/oauth/access_token",
    "discovery": "/.well-known/openid-configuration",
    "introspection": "/login/oauth/introspect",
    "account": "/api/v1/user",
}
"""What the gate asks when the browser comes back."""


@dataclass
class Dance:
    """A broker before a forge, and a person with a browser."""

    stage: Stage
    bench: Bench
    login: GiteaLogin
    keys: SigningKeys
    person: Person
    browser: Visitor

    async def to_gitea(self, page: Answer) -> str:
        """Agree, sign in at the forge, and return the way back."""
        onward = (await self.browser.decide(page, "allow")).onward
        assert onward.startswith(self.bench.forge.url), onward
        back = urlsplit(await self.person.authorize(onward))
        return f"{back.path}?{back.query}"

    async def whole(self) -> dict[str, str]:
        """Go the whole way, to tokens."""
        page = await self.browser.get(authorize_address())
        answer = await self.browser.get(await self.to_gitea(page))
        assert 303 == answer.status, answer.text
        return await self.tokens(answer.location)

    async def tokens(self, address: str) -> dict[str, str]:
        """Exchange the code that stands in an address."""
        answer = await self.stage.post("/oauth/token", code_fields(query_of(address)["code"]))
        assert 200 == answer.status, answer.text
        return dict(answer.json)

    def calls(self) -> PersonCalls:
        """Return who judges calls."""
        rooms = self.stage.rooms
        return PersonCalls(
            tokens=rooms.tokens,
            grants=rooms.grants,
            people=self.stage.people,
            resources=rooms.settings.resources.urls,
            may_be_used=self.login.may_be_used,
        )

    async def granted(self) -> tuple[int, ...]:
        """Return how many rows there are of each kind that lets somebody in."""
        spaces = (Space.PERSON, Space.CODE, Space.GRANT, Space.ACCESS, Space.REFRESH)
        return tuple([await self.stage.store.count(space) for space in spaces])


@asynccontextmanager
async def open_dance() -> AsyncGenerator[Dance]:
    """Open the broker before a forge."""
    async with open_bench() as bench:
        keys = SigningKeys(RefreshTimes(min_interval_s=30.0))
        await keys.refresh(bench.oauth.fetch_jwks)
        made = partial(
            GiteaLogin,
            oauth=bench.oauth,
            keys=keys,
            browser_url=bench.forge.url,
            client_id=bench.application.client_id,
            redirect_uri=GATES_CALLBACK,
            write_mode=False,
        )
        logins: list[GiteaLogin] = []

        def login(clock: object) -> GiteaLogin:
            logins.append(made(clock=clock))  # type: ignore[arg-type]  # the stage's own
            return logins[0]

        stage = make_stage(upstream=login, start_s=bench.now_s)
        yield Dance(stage, bench, logins[0], keys, bench.person("alice"), stage.browser())


def _again(answer: Answer) -> str:
    outline = check_page(answer)
    [*_, href] = [given["href"] for given in outline.all("a") if "button" in given.get("class", "").split()]
    return href.replace("&amp;", "&")


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
@pytest.mark.parametrize("path", STEPS.values(), ids=STEPS.keys())
async def test_a_gitea_that_fails_when_the_browser_comes_back(path: str, fault: Fault) -> None:
    """The person sees what happened and whose doing it was; nothing is granted; the same question is asked again."""
    async with open_dance() as dance:
        way_back = await dance.to_gitea(await dance.browser.get(authorize_address(state="mine")))
        dance.bench.forge.faults.order(fault, times=10, path=path)
        failed = await dance.browser.get(way_back)
        dance.bench.forge.faults.clear()

        assert (0, 0, 0, 0, 0) == await dance.granted()
        assert "evil.example" not in failed.text + failed.location
        if failed.status == 303:  # Gitea said in its own words that the code is none: the client may begin again
            assert "server_error" == query_of(failed.location)["error"]
            await dance.whole()
            return
        assert failed.status in {502, 503}, failed.text
        assert "Nothing was granted" in failed.text
        assert int(failed.header(b"retry-after")) > 0
        ended = await dance.browser.get(await dance.to_gitea(await dance.browser.get(_again(failed))))
        assert "mine" == query_of(ended.location)["state"]
        await dance.tokens(ended.location)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_a_gitea_that_fails_when_its_tokens_are_exchanged(fault: Fault) -> None:
    """A call that needs fresh tokens fails as Gitea's fault, and so does a consent; no grant is lost by it."""
    async with open_dance() as dance:
        tokens = await dance.whole()
        dance.stage.later(3560)
        calls = dance.calls()
        dance.bench.forge.faults.order(fault, times=10, path=STEPS["exchange"])
        with pytest.raises(UpstreamFault):
            await calls.judge(Secret(tokens["access_token"]), HERE, may_ask=True)
        failed = await dance.browser.decide(await dance.browser.get(authorize_address()), "allow")
        assert failed.status in {502, 503}, failed.text
        assert "Nothing was granted" in failed.text
        dance.bench.forge.faults.clear()

        assert (1, 0, 1, 1, 1) == await dance.granted()
        caller = await calls.judge(Secret(tokens["access_token"]), HERE, may_ask=True)
        assert caller is not None
        assert "alice" == caller.principal.login
        onward = (await dance.browser.decide(await dance.browser.get(_again(failed)), "allow")).onward
        assert "code" in query_of(onward)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_a_gitea_that_fails_when_a_person_is_looked_at(fault: Fault) -> None:
    """Whether somebody is blocked cannot be said by a broken answer: the access stands, and is asked about again."""
    async with open_dance() as dance:
        await dance.whole()
        [grant] = await dance.stage.rooms.grants.page()
        dance.bench.forge.faults.order(fault, times=10, path=STEPS["account"])
        with pytest.raises(UpstreamFault):
            await dance.calls().still_holds(f"grant:{grant.id}")  # type: ignore[arg-type]  # an OwnerId
        dance.bench.forge.faults.clear()
        assert (1, 1, 1, 1, 1) == await dance.granted()
        assert await dance.calls().still_holds(f"grant:{grant.id}")  # type: ignore[arg-type]  # an OwnerId


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_a_gitea_that_fails_when_its_keys_are_fetched(fault: Fault) -> None:
    """The last good keys stay, the task that fetches them lives, and people sign in meanwhile."""
    async with open_dance() as dance:
        dance.bench.forge.faults.order(fault, times=10, path="/login/oauth/keys")
        await dance.keys.refresh(dance.bench.oauth.fetch_jwks)
        assert 1 == dance.keys.statistics().failures_total
        assert dance.keys.usable()
        await dance.whole()
        dance.bench.forge.faults.clear()
        await dance.keys.refresh(dance.bench.oauth.fetch_jwks)
        assert 1 == dance.keys.statistics().failures_total


@pytest.mark.parametrize("path", STEPS.values(), ids=STEPS.keys())
async def test_a_gitea_that_says_nothing_is_given_up(path: str, mock_clock: MockClock) -> None:
    """After the longest silence that is allowed, and not after a person has gone."""
    async with open_dance() as dance:
        way_back = await dance.to_gitea(await dance.browser.get(authorize_address()))
        dance.bench.forge.faults.order(Fault(hold=trio.Event()), times=10, path=path)
        answers: list[Answer] = []

        async def come_back() -> None:
            answers.append(await dance.browser.get(way_back))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(come_back)
            # Only this moves the clock; whichever silence ends first, it is Gitea's.
            while not answers:
                await trio.testing.wait_all_tasks_blocked(0.05)
                mock_clock.jump(5)
        [failed] = answers
        assert 503 == failed.status
        assert (0, 0, 0, 0, 0) == await dance.granted()
        dance.bench.forge.faults.clear()
        await dance.whole()


async def test_a_gitea_that_is_down_at_every_step_at_once(mock_clock: MockClock) -> None:
    """Also our own pages and tokens work on, as far as they need no Gitea."""
    async with open_dance() as dance:
        tokens = await dance.whole()
        dance.bench.forge.faults.order(Fault(cut=Cut.BEFORE_ANSWER), times=1000)
        assert 200 == (await dance.browser.get("/oauth/connected")).status
        refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        refreshed = await dance.stage.post("/oauth/token", refresh | {"client_id": code_fields("")["client_id"]})
        assert 200 == refreshed.status
        [grant] = await dance.stage.rooms.grants.page()
        await dance.stage.rooms.grants.end(grant.id, "person")
        assert await dance.calls().judge(Secret(tokens["access_token"]), HERE, may_ask=True) is None


@pytest.mark.parametrize(
    "scope", ["offline_access foo", "foo", "all", "sudo", "read:repository,foo", "write:repository admin", "openid", ""]
)
async def test_whatever_a_client_asks_the_grant_at_gitea_is_exactly_the_explicit_set(scope: str) -> None:
    """One unknown word would open everything at Gitea: introspection shows what it really holds, and the API agrees."""
    async with open_dance() as dance:
        page = await dance.browser.get(authorize_address(scope=scope))
        answer = await dance.browser.get(await dance.to_gitea(page))
        await dance.tokens(answer.location)
        token = await dance.stage.people.token_of(dance.bench.account("alice").id)
        assert token is not None
        found = await dance.bench.oauth.introspect(token)
        assert frozenset(gitea_scopes(write_mode=False)) == found.scopes  # type: ignore[union-attr]  # it is active
        assert not found.opens_everything  # type: ignore[union-attr]
