"""What has ended at Gitea or in the store ends what runs for it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from aegis_trio.audit.entry import service_event
from aegis_trio.auth.attempts import AttemptLedger
from aegis_trio.auth.broker.grants import REVOKED
from aegis_trio.auth.broker.people import People
from aegis_trio.auth.broker.trail import SignInTrail
from aegis_trio.auth.jwks import SigningKeys
from aegis_trio.gitea.oauth import GiteaOAuth
from aegis_trio.model.call import Transport
from aegis_trio.model.clock import SetClock
from aegis_trio.model.errors import AuditUnavailable, UpstreamUnreachable
from aegis_trio.model.identity import Caller, Origin, OwnerId
from aegis_trio.model.json import JsonObject
from aegis_trio.model.secret import Secret
from aegis_trio.store.interface import RESYNC, Put, Space, StoreFailed
from aegis_trio.store.memory import MemoryStore
from aegis_trio.supervisor.signin import SignIn
from aegis_trio.supervisor.upkeep import SWEEP_EVERY_S, reseal
from aegis_trio.telemetry.metrics import StatisticsCollector, render_metrics
from aegis_trio.transports.hub import SessionHub
from aegis_trio.transports.settings import SessionSettings
from tests.auth.places import FakeTrail

ADA, BOB, PAT, KEY = OwnerId("grant:ada"), OwnerId("grant:bob"), OwnerId("person:3"), OwnerId("key:1")


@dataclass
class Judge:
    """Knows whose access has ended, and fails when it is told to."""

    gone: set[OwnerId] = field(default_factory=set[OwnerId])
    broken: dict[OwnerId, Exception] = field(default_factory=dict[OwnerId, Exception])
    asked: set[OwnerId] = field(default_factory=set[OwnerId])

    def is_one(self, raw_token: str) -> bool:
        return bool(raw_token)

    async def judge(self, raw_token: Secret, origin: Origin, *, may_ask: bool) -> Caller | None:
        raise AssertionError("no call is judged here")

    async def still_holds(self, owner: OwnerId) -> bool:
        await trio.lowlevel.checkpoint()
        self.asked.add(owner)
        if owner in self.broken:
            raise self.broken[owner]
        return owner not in self.gone


class FakeKeys:
    """Gitea's keys, of which there are none."""

    async def fetch_jwks(self) -> JsonObject:
        await trio.lowlevel.checkpoint()
        return {"keys": []}


@dataclass
class Stage:
    """Signing in that runs beside a hub."""

    judge: Judge
    hub: SessionHub
    store: MemoryStore
    clock: SetClock


@asynccontextmanager
async def running() -> AsyncGenerator[Stage]:
    """Run signing in while inside, with a session for each owner."""
    clock = SetClock(1_770_000_000_000_000_000)
    stage = Stage(Judge(), SessionHub(SessionSettings()), MemoryStore(clock), clock)
    oauth = cast("GiteaOAuth", FakeKeys())
    signin = SignIn(judge=stage.judge, keys=SigningKeys(), oauth=oauth, store=stage.store, routes={})
    for owner in (ADA, BOB, PAT, KEY):
        stage.hub.admit(owner, Transport.STREAMABLE_HTTP)
    async with trio.open_nursery() as nursery:
        await nursery.start(signin.run, stage.hub)
        yield stage
        nursery.cancel_scope.cancel()


async def test_the_hub_knows_everybody_for_whom_something_is_open() -> None:
    """Sessions and requests alike; whoever has nothing left is forgotten."""
    hub = SessionHub(SessionSettings())
    session = hub.admit(ADA, Transport.STREAMABLE_HTTP)
    with hub.request_of(BOB):
        assert frozenset({ADA, BOB}) == hub.owners()
    hub.forget(session)

    assert frozenset() == hub.owners()


async def test_a_grant_that_was_ended_ends_its_sessions_at_once(autojump_clock: MockClock) -> None:
    """Told by the store, without a question to Gitea; nobody else is touched."""
    async with running() as stage:
        await stage.store.publish(REVOKED, "ada")
        await wait_all_tasks_blocked()

        assert frozenset({BOB, PAT, KEY}) == stage.hub.owners()
        assert set() == stage.judge.asked


async def test_whoever_missed_an_end_looks_at_everything(autojump_clock: MockClock) -> None:
    """The feed is bounded; a word that was dropped ends a session all the same."""
    async with running() as stage:
        stage.judge.gone.add(ADA)
        await stage.store.publish(REVOKED, RESYNC)
        await wait_all_tasks_blocked()

        assert frozenset({BOB, PAT, KEY}) == stage.hub.owners()


@pytest.mark.parametrize("owner", [ADA, PAT])
async def test_who_is_gone_at_gitea_is_gone_here_within_a_minute(autojump_clock: MockClock, owner: OwnerId) -> None:
    """Promised, for open streams too; callers with keys are nobody's to ask about."""
    async with running() as stage:
        stage.judge.gone.add(owner)
        await trio.sleep(60)

        assert frozenset({ADA, BOB, PAT, KEY} - {owner}) == stage.hub.owners()
        assert KEY not in stage.judge.asked


@pytest.mark.parametrize("fault", [UpstreamUnreachable("no"), StoreFailed("no")])
async def test_a_gitea_that_is_down_ends_nobody_and_hides_nobody(autojump_clock: MockClock, fault: Exception) -> None:
    """Who cannot be asked about is asked about again; the others are asked about all the same."""
    async with running() as stage:
        stage.judge.broken[ADA] = fault
        stage.judge.gone.update({ADA, BOB})
        await trio.sleep(60)
        assert frozenset({ADA, PAT, KEY}) == stage.hub.owners()
        stage.judge.broken.clear()
        await trio.sleep(60)

        assert frozenset({PAT, KEY}) == stage.hub.owners()


async def test_an_end_that_cannot_be_recorded_ends_its_sessions_and_not_the_gate(autojump_clock: MockClock) -> None:
    """Access that is over is over, also while the audit trail cannot be written; the others go on."""
    async with running() as stage:
        stage.judge.broken[ADA] = AuditUnavailable("full", "Free the disk.")
        await trio.sleep(60)
        assert frozenset({BOB, PAT, KEY}) == stage.hub.owners()
        stage.judge.gone.add(BOB)
        await trio.sleep(60)

        assert frozenset({PAT, KEY}) == stage.hub.owners()


async def test_what_expired_is_swept(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that fails once is swept the next time."""
    async with running() as stage:
        row = Put(space=Space.CODE, key="k", value=b"{}", expires_at=1_770_000_001)
        await stage.store.put(row)
        stage.clock.set_ns(1_770_000_002_000_000_000)
        sweep, swept = stage.store.sweep, list[int]()

        async def fail_once() -> int:
            swept.append(0 if not swept else await sweep())
            if len(swept) == 1:
                raise StoreFailed("no")
            return swept[-1]

        monkeypatch.setattr(stage.store, "sweep", fail_once)
        await trio.sleep(2 * SWEEP_EVERY_S + 1)

        assert [0, 1] == swept


def test_without_keys_nobody_can_sign_in_and_readiness_says_so() -> None:
    """A token that cannot be checked is refused; the operator reads why."""
    signin = SignIn(
        judge=Judge(),
        keys=SigningKeys(),
        oauth=cast("GiteaOAuth", FakeKeys()),
        store=MemoryStore(SetClock(0)),
        routes={},
    )
    reason = signin.unready()

    assert reason is not None
    assert "signing_keys_stale" == reason.code


@dataclass
class FakePeople:
    """Counts how often everybody's tokens were sealed anew."""

    fails: bool = False
    asked: int = 0

    async def reseal(self) -> int:
        await trio.lowlevel.checkpoint()
        self.asked += 1
        if self.fails:
            raise StoreFailed("no")
        return 2


@pytest.mark.parametrize("fails", [False, True])
async def test_a_store_that_fails_while_tokens_are_sealed_anew_ends_no_start(*, fails: bool) -> None:
    """It is tried again at the next one, and the older key is needed until then."""
    people = FakePeople(fails=fails)

    assert (not fails) == await reseal(cast("People", people))
    assert 1 == people.asked


def test_metrics_say_how_signing_in_goes() -> None:
    """What nobody signs in to has keys alone."""
    audit = FakeTrail()
    trail = SignInTrail(audit, AttemptLedger(clock_s=lambda: 0.0))
    trail.append_nowait(service_event("oauth_authorize", step="agreed"))
    trail.note_refusal("/oauth/token", "invalid_grant", "code: unknown", Origin(address="192.0.2.1"))
    texts: list[str] = []
    for known in (trail, None):
        metrics = StatisticsCollector()
        signin = SignIn(
            judge=Judge(), keys=SigningKeys(), oauth=cast("GiteaOAuth", FakeKeys()), store=None, routes={}, trail=known
        )
        signin.register_metrics(metrics)
        texts.append(render_metrics(metrics).decode())

    assert 'aegis_signin_events_total{event="oauth_authorize",kind="agreed"} 1.0' in texts[0]
    assert 'aegis_signin_refused_total{endpoint="/oauth/token",error="invalid_grant"} 1.0' in texts[0]
    assert "aegis_signing_keys_failures_total 0.0" in texts[1]
    assert "aegis_signin_" not in texts[1]
