"""Steps of sign-ins are recorded, and a flood of strangers' does not fill the disk."""

from __future__ import annotations

import pytest

from aegis_trio.auth.broker.rows import LoginRow
from aegis_trio.auth.broker.steps import RECORDED_AT_ONCE, SignInSteps
from aegis_trio.model.clock import SetClock
from aegis_trio.model.errors import AuditUnavailable
from tests.auth.broker.stage import HERE, START_S, S
from tests.auth.places import FakeTrail

LOGIN = LoginRow(
    client_id="https://claude.ai/oauth/client",
    client_name="Claude",
    redirect_uri="https://claude.ai/cb",
    state=None,
    scopes=("read:user",),
    code_challenge="c",
    resource="https://gate.example/mcp",
    browser="b",
)


def test_a_flood_of_strangers_is_counted_and_whoever_is_known_is_recorded() -> None:
    """What was left out stands in the next record; a grant is always recorded."""
    trail, clock = FakeTrail(), SetClock(START_S * S)
    steps = SignInSteps(trail, clock)
    for _ in range(RECORDED_AT_ONCE + 1000):
        steps.record("oauth_authorize", LOGIN, HERE, step="asked")
    assert RECORDED_AT_ONCE == len(trail.entries)

    steps.record("oauth_grant", LOGIN, HERE, principal="person:1", grant="g")
    assert 1 == len(trail.named("oauth_grant"))
    clock.set_ns(clock.now_ns() + S)
    steps.record("oauth_authorize", LOGIN, HERE, step="asked")
    steps.record("oauth_authorize", LOGIN, HERE, step="agreed")
    *_, told, after = trail.named("oauth_authorize")
    assert 1000 == told["unrecorded"]
    assert "unrecorded" not in after


def test_a_count_that_cannot_be_recorded_is_not_lost() -> None:
    """It is told when the trail can be written again."""
    trail, clock = FakeTrail(), SetClock(START_S * S)
    steps = SignInSteps(trail, clock)
    for _ in range(RECORDED_AT_ONCE + 1):
        steps.record("oauth_authorize", LOGIN, HERE, step="asked")
    clock.set_ns(clock.now_ns() + 60 * S)
    trail.full = True
    with pytest.raises(AuditUnavailable):
        steps.record("oauth_authorize", LOGIN, HERE, step="asked")
    trail.full = False
    steps.record("oauth_authorize", LOGIN, HERE, step="asked")
    assert 1 == trail.named("oauth_authorize")[-1]["unrecorded"]
