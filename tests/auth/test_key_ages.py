"""Ages are those of keys that are in use now, and the end of one that is being replaced is no news."""

from __future__ import annotations

from aegis_trio.auth.key_ages import KeyAges
from aegis_trio.auth.keytext import DigestScheme
from aegis_trio.auth.settings import AuthSettings, ConfiguredKey, KeyValidity
from aegis_trio.model.clock import NS_PER_S, SetClock
from aegis_trio.model.secret import Secret

DAY_NS = 86_400 * NS_PER_S


def _settings(*validities: KeyValidity, kids: tuple[str, ...] = ("a", "b", "c"), enabled: bool = True) -> AuthSettings:
    keys = tuple(
        ConfiguredKey(scheme=DigestScheme.SHA256, digest=kid.encode() * 32, gitea_token=Secret("t"), kid=kid)
        for kid in kids
    )
    return AuthSettings(keys=keys, validities=validities, enabled=enabled)


def test_ages_and_ends_are_told_by_the_clock() -> None:
    """In seconds; what is not known has no series."""
    clock = SetClock(0)
    ages = KeyAges(
        _settings(KeyValidity(kid="a", expires_ns=10 * DAY_NS, created_ns=0), KeyValidity(kid="b", expires_ns=None)),
        clock,
    )
    clock.set_ns(4 * DAY_NS)

    assert {("a",): 4 * 86_400.0} == ages.statistics().age_seconds
    assert {("a",): 6 * 86_400.0} == ages.statistics().expires_in_seconds
    assert [("a", 6 * 86_400.0)] == ages.expiring(7 * 86_400.0)
    assert [] == ages.expiring(5 * 86_400.0)


def test_only_keys_that_are_in_use_count() -> None:
    """Not one that is no longer configured, that was revoked, or that another takes the place of."""
    soon = DAY_NS
    ages = KeyAges(
        _settings(
            KeyValidity(kid="a", expires_ns=soon, revoked=True),
            KeyValidity(kid="b", expires_ns=soon, replaced_by="c"),
            KeyValidity(kid="c", expires_ns=soon, hint="cccccccc...cccc"),
            KeyValidity(kid="gone", expires_ns=soon),
        ),
        SetClock(0),
    )

    assert [("cccccccc...cccc", 86_400.0)] == ages.expiring(7 * 86_400.0)


def test_a_reload_counts_at_once() -> None:
    """Removed keys have no series any more, and without authentication there are no keys."""
    ages = KeyAges(_settings(KeyValidity(kid="a", expires_ns=DAY_NS)), SetClock(0))
    ages.replace(_settings(KeyValidity(kid="a", expires_ns=DAY_NS), kids=("b",)))
    assert {} == ages.statistics().expires_in_seconds
    ages.replace(_settings(KeyValidity(kid="a", expires_ns=DAY_NS), enabled=False))
    assert {} == ages.statistics().expires_in_seconds
