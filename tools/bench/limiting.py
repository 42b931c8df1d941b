"""What the limits cost each request and each call: functions of the gate's own rooms, without a server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from ipaddress import ip_network
from typing import Final

import trio
from core import Turns, fastest_ns
from messages import call, modern
from report import Row, Section

from aegis_trio.limits.addresses import AddressRates
from aegis_trio.limits.anomalies import AnomalyWatch, Called, Seen
from aegis_trio.limits.blocklist import Blocklist
from aegis_trio.limits.breaker import CircuitBreaker
from aegis_trio.limits.bulkhead import Bulkhead
from aegis_trio.limits.calls import CallLimits, Claim
from aegis_trio.limits.settings import LimitSettings
from aegis_trio.limits.sources import source_of
from aegis_trio.model.clock import SystemClock
from aegis_trio.model.identity import PrincipalId
from aegis_trio.model.toolspec import CostClass

HEADING: Final = "Limits"
PRINCIPALS: Final = 1_000
BLOCKED: Final = 10_000
_HOW: Final = (
    "Functions in one process, no socket, the gate's own rooms: what a call is asked by the limits, beside the "
    "`json.loads` of its bytes. {principals} principals take turns, so that their buckets are there. In turns, the "
    "processor time of the fastest of {turns} turns of {calls} calls each."
)
_MANY: Final = 1_000_000_000  # nobody is refused: what is measured is the way of a call that is let in


def measure_limiting(turns: Turns) -> Section:
    """Measure each limit alone; needs a running Trio for its clock."""
    document = json.dumps(modern("tools/call", call("get_file_contents", {"owner": "a", "repo": "b"}))).encode()
    decode = partial(json.loads, document)
    rows = [_row(name, work, decode, turns) for name, work in _cases()]
    how = _HOW.format(principals=PRINCIPALS, turns=turns.turns, calls=turns.calls)
    return Section(HEADING, how, rows)


async def measure_places(turns: Turns) -> Row:
    """Measure a place at Gitea that is free, beside a `trio.CapacityLimiter` that is."""
    bulkhead, limiter = Bulkhead(28), trio.CapacityLimiter(28)
    who = PrincipalId("key:0")
    fastest = [float("inf"), float("inf")]
    for _ in range(turns.turns):
        begun = trio.current_time()
        for _ in range(turns.calls):
            async with bulkhead.place(who):
                pass
        between = trio.current_time()
        for _ in range(turns.calls):
            async with limiter:
                pass
        spent = (between - begun, trio.current_time() - between)
        fastest = [min(old, new) for old, new in zip(fastest, spent, strict=True)]
    ours, plain = (value / turns.calls * 1e6 for value in fastest)
    return Row("a free place at Gitea", f"{ours:.1f} µs", f"trio.CapacityLimiter {plain:.1f} µs", f"{ours / plain:.2f}")


def _cases() -> Iterator[tuple[str, Callable[[], object]]]:
    yield "a call that reads, within the default limits", _call(LimitSettings(calls_per_minute=_MANY), None)
    every = LimitSettings(
        calls_per_minute=_MANY,
        client_calls_per_minute=_MANY,
        tool_calls_per_minute={"get_file_contents": _MANY},
        repository_writes_per_day=_MANY,
    )
    yield "a call within all four rates and the number at once", _call(every, "main/acme/backend")
    rates = AddressRates(_MANY)
    yield "a request without a credential, counted", partial(rates.refused_for_s, "203.0.113.7")
    nobody, many = Blocklist(300), Blocklist(300)
    for number in range(BLOCKED):
        many.add(ip_network((number << 8, 24)), for_s=None)
        many.block(source_of(f"10.{number >> 8}.{number & 255}.1"))
    yield "whether an address is blocked, nobody is", partial(nobody.blocked_for_s, "203.0.113.7")
    yield f"the same, {BLOCKED} networks and addresses are", partial(many.blocked_for_s, "203.0.113.7")
    yield "an exchange through the breaker", partial(_exchange, CircuitBreaker(5, 8.0))
    yield "what the anomaly watch is told of a call", _tell(AnomalyWatch(SystemClock()))
    yield "all that the limits do for a call with a key, default limits", _everything()


def _call(settings: LimitSettings, writes_to: str | None) -> Callable[[], None]:
    limits = CallLimits(settings)
    claims = [
        Claim(
            principal_id=PrincipalId(f"key:{number}"),
            cost=CostClass.NORMAL,
            tool="get_file_contents",
            client="bench/1",
            writes_to=writes_to,
        )
        for number in range(PRINCIPALS)
    ]
    turn = 0

    def run() -> None:
        nonlocal turn
        turn = (turn + 1) % PRINCIPALS
        with limits.admit(claims[turn]):
            pass

    return run


def _exchange(breaker: CircuitBreaker) -> None:
    with breaker.attempt() as attempt:
        attempt.answered(200)


def _tell(watch: AnomalyWatch) -> Callable[[], None]:
    who = PrincipalId("key:0")

    def run() -> None:
        watch.report(Seen(principal_id=who, address="203.0.113.7"))
        watch.report(Called(principal_id=who))

    return run


def _everything() -> Callable[[], None]:
    """What a call with a valid key that reads goes through, in its order, but the place at Gitea, which waits."""
    parts = (
        partial(Blocklist(300).blocked_for_s, "203.0.113.7"),
        _call(LimitSettings(calls_per_minute=_MANY), None),
        partial(_exchange, CircuitBreaker(5, 8.0)),
        _tell(AnomalyWatch(SystemClock())),
    )

    def run() -> None:
        for part in parts:
            part()

    return run


def _row(name: str, work: Callable[[], object], decode: Callable[[], object], turns: Turns) -> Row:
    ours, decoding = fastest_ns(work, decode, turns)
    reference = f"its json.loads {decoding / 1e3:.1f} µs"
    return Row(name, f"{ours / 1e3:.2f} µs", reference, f"{ours / decoding:.2f}")
