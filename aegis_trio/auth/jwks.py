"""The key refresher: public keys that sign tokens of Gitea, fetched ahead of need and kept when fetching fails.

Laws:
    1. The last good set is used until it is older than `max_stale_s`; then there are no keys, and tokens are refused.
    2. An unknown key id asks for a fetch, at most once in `min_interval_s`: strangers choose key ids.
    3. A fetch that fails changes nothing but the count, and is tried again after `min_interval_s`, whether anybody asks
       or not: a gate that is not ready is asked nothing. A bug ends the refresher, and with it the process.

Not here: how the document is fetched (handed in), and checking what is signed (gitea/id_token.py). The supervisor
starts it only when OAuth is on.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, final

import structlog
import trio
from jwt import PyJWK, PyJWKSet
from jwt.exceptions import PyJWKError, PyJWKSetError

from aegis_trio.model.errors import UpstreamFault
from aegis_trio.model.json import JsonObject

JITTER: Final = 0.1  # several gates behind one Gitea drift apart

log = structlog.get_logger(__name__)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshTimes:
    """When keys are fetched, in seconds."""

    interval_s: float = 600.0
    min_interval_s: float = 30.0
    fetch_deadline_s: float = 10.0
    max_stale_s: float = 3600.0

    @classmethod
    def for_staleness(cls, max_stale_s: float) -> RefreshTimes:
        """Return times by which keys are fetched twice, at least, before they are older than *max_stale_s*.

        Args:
            max_stale_s: for how long the last good set counts, 60 or more.
        """
        usual = cls()
        interval_s = min(usual.interval_s, max_stale_s / (2 * (1 + JITTER)))
        return cls(interval_s=interval_s, min_interval_s=min(usual.min_interval_s, interval_s), max_stale_s=max_stale_s)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class KeySetStatistics:
    """How fetching goes; totals since start."""

    keys: int
    age_s: float | None
    """Seconds since the last good fetch; None before the first."""
    fetches_total: int
    failures_total: int


@final
class SigningKeys:
    """The last good set of public keys."""

    def __init__(self, times: RefreshTimes | None = None) -> None:
        self.times = times if times is not None else RefreshTimes()
        self._keys: dict[str, PyJWK] = {}
        self._fetched_s: float | None = None
        self._fetches = 0
        self._failures = 0
        self._wanted = trio.Event()

    def find(self, raw_kid: str) -> PyJWK | None:
        """Return the key called *raw_kid*, or None; an unknown one asks for a fetch."""
        if not self.usable():
            self._wanted.set()
            return None
        key = self._keys.get(raw_kid)
        if key is None:
            self._wanted.set()
        return key

    def usable(self) -> bool:
        """Return whether there is a set that is not too old."""
        return self._fetched_s is not None and trio.current_time() - self._fetched_s <= self.times.max_stale_s

    def statistics(self) -> KeySetStatistics:
        """Return how fetching goes."""
        return KeySetStatistics(
            keys=len(self._keys),
            age_s=None if self._fetched_s is None else trio.current_time() - self._fetched_s,
            fetches_total=self._fetches,
            failures_total=self._failures,
        )

    async def wait_wanted(self) -> None:
        """Return when an unknown key was asked for since the last fetch."""
        await self._wanted.wait()

    async def refresh(self, fetch: Callable[[], Awaitable[JsonObject]]) -> bool:
        """Fetch once, and return whether that went well; else the last good set stays."""
        self._wanted = trio.Event()
        self._fetches += 1
        try:
            with trio.fail_after(self.times.fetch_deadline_s):
                document = await fetch()
            found = {key.key_id: key for key in PyJWKSet.from_dict(document).keys if key.key_id}
        except (UpstreamFault, trio.TooSlowError, PyJWKSetError, PyJWKError) as fault:
            self._failures += 1
            # A fault of Gitea's is in our own words; what a library says may repeat the document.
            detail = str(fault) if isinstance(fault, UpstreamFault) else ""
            log.warning("signing_keys_not_fetched", fault=type(fault).__name__, detail=detail, failures=self._failures)
            return False
        self._keys = found
        self._fetched_s = trio.current_time()
        return True


async def run_refresher(
    keys: SigningKeys,
    fetch: Callable[[], Awaitable[JsonObject]],
    *,
    jitter: Callable[[], float] = random.random,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Keep *keys* fresh until cancelled.

    Args:
        keys: what is kept.
        fetch: returns the JWKS document; raises an UpstreamFault when Gitea cannot be asked.
        jitter: returns 0..1; up to a tenth of the interval is added.
        task_status: started after the first fetch was tried, whatever came of it.
    """
    is_good = await keys.refresh(fetch)
    task_status.started()
    while True:
        await trio.sleep(keys.times.min_interval_s)
        calm_s = keys.times.interval_s * (1 + JITTER * jitter()) - keys.times.min_interval_s
        with trio.move_on_after(max(0.0, calm_s) if is_good else 0.0):
            await keys.wait_wanted()
        is_good = await keys.refresh(fetch)
