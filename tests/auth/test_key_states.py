"""Keys in the states of their life, and within their bounds, at the door."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from ipaddress import ip_network

import pytest

from aegis_trio.auth.authenticator import Authenticator
from aegis_trio.auth.keytext import DigestScheme, pepper_id
from aegis_trio.auth.settings import AuthSettings, KeyState, KeyValidity
from aegis_trio.model.bounds import KeyBounds
from aegis_trio.model.errors import BeyondKey, Fault, Unauthenticated
from aegis_trio.model.identity import Caller, Origin
from aegis_trio.model.secret import Secret
from aegis_trio.policy.access import READ_SCOPES
from tests.auth.places import (
    BODY,
    BOT,
    ELSEWHERE,
    HERE,
    NOW_NS,
    OTHER,
    PEPPER,
    UNKNOWN,
    FakeTrail,
    authenticator,
    bearer,
    configured,
    dressed,
    expiring,
    settings,
)

WRONG_CHECKSUM = dressed()[:-1] + ("0" if dressed()[-1] != "0" else "1")
HOUR_NS = 3600 * 10**9


def row(body: str = BODY, **changes: object) -> KeyValidity:
    """Return what the row of *body* says, with *changes*."""
    return replace(expiring(body, None), **changes)  # type: ignore[arg-type]  # a test names what it changes


async def refusal(under_test: Authenticator, key: str, origin: Origin = HERE) -> Fault:
    """Return the fault that *key* is answered with."""
    with pytest.raises((Unauthenticated, BeyondKey)) as caught:
        await under_test.authenticate(bearer(key), origin)
    assert isinstance(caught.value, Fault)
    return caught.value


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, KeyState.ACTIVE),
        ({"expires_ns": NOW_NS + 1}, KeyState.ACTIVE),
        ({"expires_ns": NOW_NS}, KeyState.EXPIRED),
        ({"replaced_by": "0f1e2d3c...b4a5"}, KeyState.GRACE),
        ({"replaced_by": "0f1e2d3c...b4a5", "expires_ns": NOW_NS + 1}, KeyState.GRACE),
        ({"replaced_by": "0f1e2d3c...b4a5", "expires_ns": NOW_NS}, KeyState.REVOKED),
        ({"revoked": True}, KeyState.REVOKED),
        ({"revoked": True, "expires_ns": NOW_NS}, KeyState.REVOKED),
        ({"revoked": True, "replaced_by": "0f1e2d3c...b4a5", "expires_ns": NOW_NS + 1}, KeyState.REVOKED),
    ],
)
def test_a_key_goes_from_active_over_grace_to_revoked(changes: dict[str, object], state: KeyState) -> None:
    """Whatever else a row says, revoked is revoked; a time of grace ends as a revocation does."""
    assert state is row(**changes).state(NOW_NS)


STATES: dict[str, tuple[str, AuthSettings]] = {
    "unknown": (UNKNOWN, settings()),
    "malformed": ("short", settings()),
    "checksum": (WRONG_CHECKSUM, settings()),
    "expired": (BODY, settings(validities=(row(expires_ns=NOW_NS),))),
    "revoked": (BODY, settings(validities=(row(revoked=True),))),
    "grace over": (BODY, settings(validities=(row(replaced_by="x", expires_ns=NOW_NS),))),
}


async def test_whatever_is_wrong_is_answered_alike() -> None:
    """Unknown, malformed, wrong checksum, expired, revoked: one answer (ASVS 5.0 6.3.8)."""
    answers = set()
    for key, chosen in STATES.values():
        fault = await refusal(authenticator(chosen), key)
        answers.add((type(fault), fault.message, fault.remedy, getattr(fault, "token_sent", None)))

    assert {(Unauthenticated, "Invalid API key", "", True)} == answers


async def test_whatever_is_wrong_takes_the_same_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many digests, comparisons and records for each: counted here, timed by tools/bench/key_timing.py."""
    digest, sha256, compare = hmac.digest, hashlib.sha256, hmac.compare_digest
    taken: dict[str, list[str]] = {}
    for name, (key, chosen) in STATES.items():
        steps = taken[name] = []
        trail = FakeTrail()
        under_test = authenticator(replace(chosen, former_peppers=(Secret("q" * 32),)), trail)
        with monkeypatch.context() as patch:
            patch.setattr(hmac, "digest", lambda key, text, _, to=steps: to.append("hmac") or digest(key, text, sha256))
            patch.setattr(hashlib, "sha256", lambda *parts, to=steps: to.append("sha256") or sha256(*parts))
            patch.setattr(hmac, "compare_digest", lambda *parts, to=steps: to.append("compare") or compare(*parts))
            await refusal(under_test, key)
        steps.extend(entry.event for entry in trail.entries)

    expected = ["sha256", "compare", *["hmac", "compare"] * 2, "sha256"]
    expected += ["api_authentication", "access_denied", "security_event"]
    assert [] == [(name, steps) for name, steps in taken.items() if steps != expected]


@pytest.mark.parametrize(
    ("name", "detail", "kind"),
    [
        ("unknown", "unknown", "unknown_key"),
        ("malformed", "invalid_format", "invalid_key_format"),
        ("checksum", "invalid_format", "invalid_key_format"),
        ("expired", "expired", "expired_key"),
        ("revoked", "revoked", "revoked_key"),
        ("grace over", "revoked", "revoked_key"),
    ],
)
async def test_the_trail_knows_what_was_wrong(name: str, detail: str, kind: str) -> None:
    """The operator must be able to tell a typing error from a stolen key that was revoked."""
    trail = FakeTrail()
    key, chosen = STATES[name]
    await refusal(authenticator(chosen, trail), key)

    assert [("invalid_api_key", detail)] == [(one["reason"], one["detail"]) for one in trail.named("access_denied")]
    assert [kind] == [one["kind"] for one in trail.named("security_event")]
    known = "hint" if detail in {"expired", "revoked"} else None
    assert (known is None) is ("key_hint" not in trail.named("api_authentication")[0])


async def test_a_revoked_key_blocks_nobody() -> None:
    """A client that was not told goes on trying; its colleagues at the same address must not suffer (D7)."""
    under_test = authenticator(settings(configured(), configured(OTHER), validities=(row(revoked=True),)))
    for _ in range(20):
        await refusal(under_test, BODY)

    assert HERE == (await under_test.authenticate(bearer(OTHER), HERE)).origin
    assert (20, 0) == (under_test.statistics().revoked_total, under_test.statistics().failures.failures_total)


async def test_each_use_in_grace_is_recorded_as_such() -> None:
    """Who still uses the old key must be found before it ends."""
    trail = FakeTrail()
    chosen = settings(validities=(row(replaced_by="0f1e2d3c...b4a5", expires_ns=NOW_NS + HOUR_NS),))
    under_test = authenticator(chosen, trail)
    for _ in range(2):
        await under_test.authenticate(bearer(BODY), HERE)

    records = trail.named("api_authentication")
    assert ["grace"] * 2 == [record["key_state"] for record in records]
    assert ("0f1e2d3c...b4a5", "success") == (records[0]["replaced_by"], records[0]["status"])
    assert "2026-02-02T03:40:00" in str(records[0]["grace_ends"])
    await authenticator(trail=trail).authenticate(bearer(BODY), HERE)
    assert "key_state" not in trail.named("api_authentication")[-1]


async def test_a_key_is_refused_from_an_address_that_it_does_not_name() -> None:
    """The answer says what is needed, the trail whose key it was; nobody is blocked, and Gitea's token stays."""
    trail = FakeTrail()
    bounds = KeyBounds(addresses=(ip_network("203.0.113.0/24"),))
    under_test = authenticator(settings(validities=(row(bounds=bounds),)), trail)

    fault = await refusal(under_test, BODY, ELSEWHERE)

    assert isinstance(fault, BeyondKey)
    assert ("addresses", ELSEWHERE.address) == (fault.bound, fault.needs)
    (denied,) = trail.named("access_denied")
    assert ("address_beyond_key", "a1b2c3d4...e1f2") == (denied["reason"], denied["key_hint"])
    assert 0 == under_test.statistics().failures.failures_total
    assert isinstance(await under_test.authenticate(bearer(BODY), HERE), Caller)


async def test_a_key_carries_its_bounds_and_its_identity() -> None:
    """Everything behind the door decides by them; the row's own Gitea token goes before every other."""
    bounds = KeyBounds(scopes=frozenset({"read:repository"}), repositories=("acme/*",), rate_class="slow")
    hers = Secret("her-own-token")
    under_test = authenticator(settings(validities=(row(bounds=bounds, gitea_token=hers),)))

    caller = await under_test.authenticate(bearer(dressed()), HERE)

    assert (bounds, bounds.scopes) == (caller.principal.bounds, caller.principal.scopes)
    assert "slow" == caller.principal.bounds.rate_class
    assert hers == caller.gitea_token
    free = await authenticator().authenticate(bearer(BODY), HERE)
    assert (READ_SCOPES, BOT) == (free.principal.scopes, free.gitea_token)


@pytest.mark.parametrize(
    "changes",
    [
        {"bounds": KeyBounds(read_only=True)},
        {"gitea_token": Secret("another")},
        {"revoked": True},
        {"expires_ns": NOW_NS},
    ],
    ids=["bounds", "identity", "revoked", "expired"],
)
async def test_what_runs_for_a_key_ends_when_its_row_changes(changes: dict[str, object]) -> None:
    """A stream that began with more rights must not outlive them."""
    under_test = authenticator(settings(configured(), configured(OTHER)))
    caller = await under_test.authenticate(bearer(BODY), HERE)
    await under_test.authenticate(bearer(OTHER), HERE)

    assert frozenset() == under_test.replace_keys(settings(configured(), configured(OTHER)))
    chosen = settings(configured(), configured(OTHER), validities=(row(**changes),))
    assert {caller.principal.id} == under_test.replace_keys(chosen)
    assert frozenset() == under_test.replace_keys(chosen)


async def test_a_pepper_of_before_still_opens() -> None:
    """Rotating the pepper must not end keys that nobody can hash again."""
    old = configured(BODY, DigestScheme.HMAC)
    new_pepper = Secret("n" * 32)

    turned = settings(old, pepper=new_pepper, former_peppers=(PEPPER,))
    assert isinstance(await authenticator(turned).authenticate(bearer(BODY), HERE), Caller)
    await refusal(authenticator(settings(old, pepper=new_pepper)), BODY)
    assert 8 == len(pepper_id(PEPPER))
    assert pepper_id(PEPPER) != pepper_id(new_pepper)
