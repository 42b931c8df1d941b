"""Limits of calls: how many run at once for one principal, and what it starts in a minute, by four more measures.

Laws:
    1. A slot is held exactly as long as the `with` block runs, however it ends.
    2. A refused call takes nothing: neither a slot nor a cell of any limit.
    3. What has nothing running and a full bucket is forgotten, so memory follows those that are active; beyond
       `MAX_BUCKETS` others are forgotten too, which gives their owners a new burst, and is counted.
    4. A limit in shadow mode counts and logs what it would have refused, and refuses nothing.

Not here: the arithmetic (policy/rate.py), what a call costs (policy/costs.py), what a call claims
(gateway/claims.py), and limits of connections (web/server).
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias, final

import trio

from aegis_trio.limits.settings import LimitSettings
from aegis_trio.limits.shadow import ShadowLog
from aegis_trio.model.clock import NS_PER_S
from aegis_trio.model.errors import RateLimited
from aegis_trio.model.identity import Principal, PrincipalId
from aegis_trio.model.toolspec import CostClass
from aegis_trio.policy.costs import CELLS
from aegis_trio.policy.quotas import LimitName, Quota, quota_of
from aegis_trio.policy.rate import Exceeds, Fits, Limit, is_near, per_day, per_minute, rescaled, spend

CONCURRENCY_RETRY_S: Final = 1  # a slot comes free when a call ends, which nobody can foretell
MAX_BUCKETS: Final = 100_000  # about 20 MB; a client may call itself what it likes
_SWEEP: Final = 2  # entries looked at per bucket that is touched: more than one, so the table shrinks when it can

_WORDS: Final = {
    LimitName.PRINCIPAL: "This credential may make {} calls a minute (dear tools count more than once), and has.",
    LimitName.CLIENT: "One client of this credential may make {} calls a minute (dear tools count more), and has.",
    LimitName.TOOL: "This credential may call this tool {} times a minute, and has.",
    LimitName.REPOSITORY: "This repository may be written to {} times a day through the gate, and was.",
}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One call, as limits see it."""

    principal_id: PrincipalId
    cost: CostClass
    tool: str
    method: str | None = None
    """Which method of the tool; None for a tool without."""
    rate_class: str | None = None
    """Which class of limits the principal's key has; one that the operator did not define is none."""
    client: str | None = None
    """Which client of the principal calls: its grant, or what it calls itself (untrusted)."""
    writes_to: str | None = None
    """The repository that the call may change, one spelling for each; None for a call that only reads."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CallLimitStatistics:
    """What the limits of calls have done; totals since start, by the limit's name."""

    in_flight: int
    principals_in_flight: int
    buckets: int
    forgotten_total: int
    """Buckets that were not empty yet and had to make room."""
    admitted_total: int
    refused_total: Mapping[tuple[str], int]
    would_refuse_total: Mapping[tuple[str], int]
    """What limits in shadow mode would have refused."""
    near_limit_total: Mapping[tuple[str], int]
    """Calls that were let in, and took a bucket beyond four fifths."""


_Bucket: TypeAlias = tuple[LimitName, str, str]


@final
class CallLimits:
    """Counts the calls of each principal."""

    def __init__(
        self,
        settings: LimitSettings,
        *,
        clock_s: Callable[[], float] = trio.current_time,
        max_buckets: int = MAX_BUCKETS,
    ) -> None:
        """Start with nothing running.

        Args:
            settings: the limits; 0 is off.
            clock_s: seconds of a clock that does not run backwards; Trio's.
            max_buckets: buckets kept, at least 1.
        """
        self._clock_s = clock_s
        self._max_buckets = max_buckets
        self._tats_ns: OrderedDict[_Bucket, int] = OrderedDict()
        self._running: Counter[PrincipalId] = Counter()
        self._shadow_log = ShadowLog(clock_s)
        self._admitted = 0
        self._forgotten = 0
        self._refused: Counter[tuple[str]] = Counter()
        self._would_refuse: Counter[tuple[str]] = Counter()
        self._near: Counter[tuple[str]] = Counter()
        self._set(settings)

    def replace_settings(self, settings: LimitSettings) -> None:
        """Use *settings* from the next call on; what runs goes on, and what was taken stays taken."""
        now_ns = int(self._clock_s() * NS_PER_S)
        before = {bucket: self._limit_of(bucket) for bucket in self._tats_ns}
        self._set(settings)
        for bucket, old in before.items():
            new = self._limit_of(bucket)
            if old is None or new is None:
                del self._tats_ns[bucket]
            elif old != new:
                self._tats_ns[bucket] = rescaled(old, new, self._tats_ns[bucket], now_ns)

    def _set(self, settings: LimitSettings) -> None:
        self._settings = settings
        self._principal_limit = _minute(settings.calls_per_minute)
        self._class_limits = {name: _minute(calls) for name, calls in settings.rate_classes.items()}
        self._client_limit = _minute(settings.client_calls_per_minute)
        self._tool_limits = {tool: per_minute(calls) for tool, calls in settings.tool_calls_per_minute.items() if calls}
        writes = settings.repository_writes_per_day
        self._repository_limit = per_day(writes) if writes else None

    @contextmanager
    def admit(self, claim: Claim) -> Generator[None]:
        """Hold a slot for one call while inside.

        Raises:
            RateLimited: too many at once, or too many lately; names the limit and says when to try again.
        """
        now_ns = int(self._clock_s() * NS_PER_S)
        self._check_concurrency(claim)
        self._take(claim, now_ns)
        self._running[claim.principal_id] += 1
        self._admitted += 1
        try:
            yield
        finally:
            self._running[claim.principal_id] -= 1
            if not self._running[claim.principal_id]:
                del self._running[claim.principal_id]

    def quotas(self, principal: Principal) -> tuple[Quota, ...]:
        """Return what is left for *principal* of the limit that counts all of its calls; empty when that is off."""
        bucket = (LimitName.PRINCIPAL, principal.id, principal.bounds.rate_class or "")
        limit = self._limit_of(bucket)
        if limit is None:
            return ()
        now_ns = int(self._clock_s() * NS_PER_S)
        return (quota_of(LimitName.PRINCIPAL, limit, self._tats_ns.get(bucket, 0), now_ns),)

    def statistics(self) -> CallLimitStatistics:
        """Return how the limits stand."""
        return CallLimitStatistics(
            in_flight=self._running.total(),
            principals_in_flight=len(self._running),
            buckets=len(self._tats_ns),
            forgotten_total=self._forgotten,
            admitted_total=self._admitted,
            refused_total=MappingProxyType(dict(self._refused)),
            would_refuse_total=MappingProxyType(dict(self._would_refuse)),
            near_limit_total=MappingProxyType(dict(self._near)),
        )

    def _check_concurrency(self, claim: Claim) -> None:
        limit = self._settings.max_concurrent_calls
        # Invariant: a Counter gives 0 for who is not in it, and keeps no entry for having been asked.
        if not limit or self._running[claim.principal_id] < limit:
            return
        self._exceeded(
            LimitName.CONCURRENCY,
            claim,
            f"This credential already has {limit} calls running, which is its limit.",
            "Wait for one of them to end, then try again.",
            CONCURRENCY_RETRY_S,
        )

    def _take(self, claim: Claim, now_ns: int) -> None:
        taken: list[tuple[_Bucket, Limit, int]] = []
        for bucket, limit, cells in self._buckets_of(claim):
            match spend(limit, self._tats_ns.get(bucket, 0), now_ns, min(cells, limit.burst)):
                case Fits(tat_ns):
                    taken.append((bucket, limit, tat_ns))
                case Exceeds() as exceeded:
                    wait_s = exceeded.retry_after_s
                    words = _WORDS[bucket[0]].format(limit.burst)
                    self._exceeded(bucket[0], claim, words, f"Try again in {wait_s} s.", wait_s)
        for bucket, limit, tat_ns in taken:
            self._tats_ns[bucket] = tat_ns
            self._tats_ns.move_to_end(bucket)
            if is_near(limit, tat_ns, now_ns):
                self._near[(bucket[0].value,)] += 1
        self._make_room(len(taken), now_ns)

    def _buckets_of(self, claim: Claim) -> Generator[tuple[_Bucket, Limit, int]]:
        cells = CELLS[claim.cost]
        bucket = (LimitName.PRINCIPAL, claim.principal_id, claim.rate_class or "")
        principal_limit = self._limit_of(bucket)
        if principal_limit is not None:
            yield bucket, principal_limit, cells
        if self._client_limit is not None and claim.client is not None:
            yield (LimitName.CLIENT, claim.principal_id, claim.client), self._client_limit, cells
        # A method counts into the limit of its tool, and into its own where it has one (`issue_read.comments`).
        for tool in (claim.tool,) if claim.method is None else (claim.tool, f"{claim.tool}.{claim.method}"):
            tool_limit = self._tool_limits.get(tool)
            if tool_limit is not None:
                yield (LimitName.TOOL, claim.principal_id, tool), tool_limit, 1
        if self._repository_limit is not None and claim.writes_to is not None:
            yield (LimitName.REPOSITORY, claim.writes_to, ""), self._repository_limit, 1

    def _limit_of(self, bucket: _Bucket) -> Limit | None:
        name, _, what = bucket
        match name:
            case LimitName.PRINCIPAL:
                return self._class_limits.get(what, self._principal_limit)
            case LimitName.CLIENT:
                return self._client_limit
            case LimitName.TOOL:
                return self._tool_limits.get(what)
            case LimitName.REPOSITORY:
                return self._repository_limit
            case LimitName.CONCURRENCY | LimitName.ADDRESS:
                raise RuntimeError(f"{name} has no bucket here")

    def _exceeded(self, name: LimitName, claim: Claim, message: str, remedy: str, retry_after_s: int) -> None:
        if name in self._settings.shadow:
            self._would_refuse[(name.value,)] += 1
            self._shadow_log.tell(name, claim.principal_id, tool=claim.tool)
            return
        self._refused[(name.value,)] += 1
        raise RateLimited(message, remedy, retry_after_s=retry_after_s, limit=name.value)

    def _make_room(self, touched: int, now_ns: int) -> None:
        for _ in range(min(_SWEEP * touched, len(self._tats_ns))):
            bucket, tat_ns = next(iter(self._tats_ns.items()))
            if tat_ns <= now_ns:
                del self._tats_ns[bucket]
            elif len(self._tats_ns) > self._max_buckets:
                del self._tats_ns[bucket]
                self._forgotten += 1
            else:
                # Invariant: every entry comes to the front in turn, so one that is busy does not hide the idle.
                self._tats_ns.move_to_end(bucket)


def _minute(cells: int) -> Limit | None:
    return per_minute(cells) if cells else None
