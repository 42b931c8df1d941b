"""The table judges every text in the same way, so that time tells as little as words do."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace

import pytest

from aegis_trio.auth.keytable import KeyTable
from aegis_trio.auth.keytext import DigestScheme
from aegis_trio.auth.settings import KeyState
from aegis_trio.model.secret import Secret
from tests.auth.places import BODY, NOW_NS, OTHER, UNKNOWN, configured, dressed, expiring, settings

TEXTS = (BODY, OTHER, UNKNOWN, dressed(), dressed()[:-1] + "x", "short", "é" * 40, "x" * 4000)


@pytest.mark.parametrize("raw_key", TEXTS)
def test_every_text_takes_the_same_steps(raw_key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many digests and as many constant-time comparisons for a valid key as for nonsense (ASVS 5.0 6.3.8)."""
    steps: list[str] = []
    digest, sha256, compare = hmac.digest, hashlib.sha256, hmac.compare_digest
    table = KeyTable(settings(configured(BODY), configured(OTHER), validities=(expiring(OTHER, 0),)))

    monkeypatch.setattr(hmac, "digest", lambda key, text, _: steps.append("hmac") or digest(key, text, sha256))
    monkeypatch.setattr(hashlib, "sha256", lambda *parts: steps.append("sha256") or sha256(*parts))
    monkeypatch.setattr(hmac, "compare_digest", lambda *parts: steps.append("compare") or compare(*parts))
    table.look_up(Secret(raw_key), NOW_NS)

    assert ["sha256", "compare", "hmac", "compare", "sha256"] == steps


def test_a_verdict_tells_expired_from_unknown() -> None:
    """The audit trail needs to know, the caller must not."""
    table = KeyTable(settings(configured(BODY), validities=(expiring(BODY, NOW_NS), expiring(UNKNOWN, 0))))

    expired, unknown = table.look_up(Secret(BODY), NOW_NS), table.look_up(Secret(UNKNOWN), NOW_NS)

    assert (True, KeyState.EXPIRED, None) == (expired.entry is not None, expired.state, expired.admission)
    assert unknown.entry is None
    assert table.look_up(Secret(BODY), NOW_NS - 1).admission is not None


def test_a_digest_of_one_scheme_is_none_of_the_other() -> None:
    """An hmac entry must not be satisfied by a plain SHA-256 of the same value."""
    crossed = replace(configured(BODY), scheme=DigestScheme.HMAC)
    table = KeyTable(settings(crossed))

    assert table.look_up(Secret(BODY), NOW_NS).entry is None
    assert 1 == len(table)
