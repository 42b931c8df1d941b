"""Whether the time of a refusal tells what was wrong with a key: unknown, malformed, revoked or expired.

    python3 tools/just.py --prepare dev && .just/env/bin/python tools/bench/key_timing.py
    … --measurements 200000        more of each kind: finer
    … --leak                       with a leak put in, to see that it is found

Kinds are measured in random order in one process, at the door of the real authenticator, with every attempt recorded.
Each kind is held against unknown keys by Welch's t-test, over all measurements and over the fastest of them (dudect's
crops, which leave out what the machine did meanwhile). |t| under 4.5 in every crop: no difference was found. It is a
statement about this many measurements on this machine, and no proof that there is none.

Exit codes: 0 no difference found, 1 found.

Not here: the count of digests, comparisons and records, which tests/auth/test_key_states.py pins exactly.

Source: Reparaz, Balasch, Verbauwhede, "Dude, is my code constant time?", 2017 (eprint 2016/1123); ASVS 5.0 6.3.8.
"""

from __future__ import annotations

import argparse
import gc
import math
import random
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, variance
from time import perf_counter_ns
from typing import Final, cast

import trio

from aegis_trio.audit.entry import AuditEntry
from aegis_trio.auth.attempts import AttemptLedger
from aegis_trio.auth.authenticator import Authenticator
from aegis_trio.auth.credentials import RawCredentials
from aegis_trio.auth.keytext import DigestScheme, KeyForm, make_key, parse_key
from aegis_trio.auth.settings import AuthSettings, ConfiguredKey, KeyValidity
from aegis_trio.model.clock import SetClock
from aegis_trio.model.errors import Unauthenticated
from aegis_trio.model.identity import Origin
from aegis_trio.model.secret import Secret

THRESHOLD: Final = 4.5
CROPS: Final = (1.0, 0.99, 0.95, 0.9, 0.75, 0.5)  # parts of the measurements, the fastest ones
BASE: Final = "unknown"
_NOW_NS: Final = 1_770_000_000_000_000_000
_POOL: Final = 64  # keys of each kind: one alone would be timed for what it is, not for its kind
_WARM_UP: Final = 200
_TOKEN: Final = Secret("0" * 40)
_PEPPER: Final = Secret("p" * 32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """How one kind compares with unknown keys."""

    kind: str
    median_ns: float
    worst_t: float
    """Of all crops, the one farthest from 0."""

    @property
    def differs(self) -> bool:
        """Whether a difference was found."""
        return abs(self.worst_t) >= THRESHOLD


class _Sink:
    """Takes records as the trail does, and drops them."""

    def append_nowait(self, entry: AuditEntry) -> None:
        """Take *entry*."""


class _Everything:
    """A ledger that has every attempt recorded: the longest way."""

    def admit(self, _address: str, *, records: int = 1) -> bool:
        return records > 0

    def admit_event(self) -> bool:
        return True

    def collect(self) -> list[object]:
        return []


def welch(left: Sequence[float], right: Sequence[float]) -> float:
    """Return Welch's t of two samples of at least two each; 0 when neither varies and they agree."""
    error = math.sqrt(variance(left) / len(left) + variance(right) / len(right))
    difference = fmean(left) - fmean(right)
    if error == 0:
        return 0.0 if difference == 0 else math.copysign(math.inf, difference)
    return difference / error


def judge(kind: str, times_ns: Sequence[int], base_ns: Sequence[int]) -> Judgement:
    """Compare *times_ns* with *base_ns* in every crop."""
    together = sorted((*times_ns, *base_ns))
    worst = 0.0
    for part in CROPS:
        bound = together[min(len(together) - 1, int(part * len(together)))]
        left, right = ([ns for ns in times if ns <= bound] for times in (times_ns, base_ns))
        if min(len(left), len(right)) > 1:
            worst = max(worst, welch(left, right), key=abs)
    return Judgement(kind=kind, median_ns=sorted(times_ns)[len(times_ns) // 2], worst_t=worst)


def door_and_keys() -> tuple[Authenticator, dict[str, list[Secret]]]:
    """Return an authenticator, and keys of each kind; needs a running Trio."""
    kinds = {kind: [make_key() for _ in range(_POOL)] for kind in (BASE, "again", "revoked", "expired", "valid")}
    prefixed = [make_key(KeyForm.AEGIS).reveal() for _ in range(_POOL)]
    kinds["checksum"] = [Secret(key[:-8] + secrets.token_hex(4)) for key in prefixed]
    kinds["malformed"] = [Secret(f"{make_key().reveal()[:-9]} {secrets.token_hex(4)}") for _ in range(_POOL)]
    validities = [
        *(KeyValidity(kid=_kid(key), expires_ns=None, revoked=True) for key in kinds["revoked"]),
        *(KeyValidity(kid=_kid(key), expires_ns=_NOW_NS - 1) for key in kinds["expired"]),
    ]
    known = [_configured(key) for kind in ("revoked", "expired", "valid") for key in kinds[kind]]
    settings = AuthSettings(
        keys=tuple(known), validities=tuple(validities), pepper=_PEPPER, bot_token=_TOKEN, max_failures=0
    )
    ledger = cast("AttemptLedger", _Everything())
    door = Authenticator(settings, audit=_Sink(), clock=SetClock(_NOW_NS), ledger=ledger)
    del kinds["valid"]
    return door, kinds


async def measure(
    kinds: Mapping[str, Sequence[Secret]], door: Authenticator, count: int, leak: Callable[[str], None] | None = None
) -> dict[str, list[int]]:
    """Return *count* times in nanoseconds for each kind, measured in random order.

    Args:
        leak: called within the time of each measurement, with its kind.
    """
    origin = Origin(address="192.0.2.1", user_agent="key-timing")
    times: dict[str, list[int]] = {kind: [] for kind in kinds}
    order = [kind for kind in kinds for _ in range(count)]
    random.shuffle(order)
    order[:0] = random.choices(list(kinds), k=_WARM_UP)  # noqa: S311 -- an order, no secret
    gc.disable()
    for place, kind in enumerate(order):
        raw = RawCredentials(authorization=(b"Bearer " + secrets.choice(kinds[kind]).reveal().encode(),))
        started_ns = perf_counter_ns()
        try:
            await door.authenticate(raw, origin)
        except Unauthenticated:
            if leak is not None:
                leak(kind)
            ended_ns = perf_counter_ns()
        else:
            raise AssertionError(f"a key of the kind {kind} was let in")
        if place >= _WARM_UP:
            times[kind].append(ended_ns - started_ns)
    gc.enable()
    return times


async def compare(count: int, leak: Callable[[str], None] | None = None) -> list[Judgement]:
    """Return how each kind compares with unknown keys; `again` is unknown keys themselves, and shows the noise."""
    door, kinds = door_and_keys()
    times = await measure(kinds, door, count, leak)
    return [judge(kind, times[kind], times[BASE]) for kind in times if kind != BASE]


def main() -> int:
    """Measure and print; return 1 when a difference was found."""
    parser = argparse.ArgumentParser(prog="key_timing", description="Does the time of a refusal tell why?")
    parser.add_argument("--measurements", type=int, default=5_000, help="of each kind (default: %(default)s)")
    parser.add_argument("--leak", action="store_true", help="put a leak in, to see that it is found")
    arguments = parser.parse_args()
    judgements = trio.run(compare, arguments.measurements, _leak if arguments.leak else None)
    print(
        f"{arguments.measurements} refusals of each kind, against {BASE} keys; |t| from {THRESHOLD} on is a difference"
    )
    for found in judgements:
        verdict = "DIFFERS" if found.differs else "no difference found"
        print(f"{found.kind:<10} median {found.median_ns / 1000:8.2f} us   t {found.worst_t:+7.2f}   {verdict}")
    return 1 if any(found.differs for found in judgements) else 0


def _leak(kind: str) -> None:
    if kind == "revoked":
        ended_ns = perf_counter_ns() + 50_000
        while perf_counter_ns() < ended_ns:
            pass


def _kid(key: Secret) -> str:
    text = parse_key(key.reveal())
    if text is None:
        raise AssertionError("a key that was made does not parse")
    return text.kid


def _configured(key: Secret) -> ConfiguredKey:
    text = parse_key(key.reveal())
    if text is None:
        raise AssertionError("a key that was made does not parse")
    digest = text.digest(DigestScheme.HMAC, _PEPPER)
    return ConfiguredKey(scheme=DigestScheme.HMAC, digest=digest, gitea_token=_TOKEN, hint=text.hint, kid=text.kid)


if __name__ == "__main__":
    sys.exit(main())
