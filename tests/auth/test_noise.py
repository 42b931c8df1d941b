"""Strangers in any number do not fill the disk: what the log grows by is bounded, and who has a key is recorded."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from aegis_trio.audit.entry import service_event
from aegis_trio.audit.log_files import files_of_log
from aegis_trio.audit.settings import AuditSettings
from aegis_trio.audit.trail import open_audit_trail
from aegis_trio.audit.verify import verify_log
from aegis_trio.auth.attempts import MAX_ADDRESSES, AttemptLedger
from aegis_trio.auth.authenticator import Authenticator
from aegis_trio.auth.credentials import RawCredentials
from aegis_trio.limits.addresses import AddressRates
from aegis_trio.model.clock import SetClock
from aegis_trio.model.errors import AddressBlocked, RateLimited, Unauthenticated
from aegis_trio.model.identity import Origin
from tests.audit.logs import records_of
from tests.auth.places import BODY, NOW_NS, UNKNOWN, bearer, settings

REQUESTS = 12_000
ADDRESSES = MAX_ADDRESSES + 1_000
PER_SECOND = 450
"""About a third of what one process answers."""
MOST_BYTES = 300_000
"""The whole budget at once, and what comes back of it in these 27 seconds; a hundred thousand requests take 222."""
QUIET = service_event("quiet")
"""Somebody waits for it, so that everything before it is written too."""


async def refuse(under_test: Authenticator, number: int) -> None:
    """Send the request of a stranger: every third without a credential, the others with one that is wrong."""
    place = number * 7 % ADDRESSES
    origin = Origin(address=f"127.{1 + place // 250}.{place % 250}.1", user_agent="scanner/1.0")
    raw = RawCredentials() if number % 3 == 0 else bearer(UNKNOWN)
    with pytest.raises((Unauthenticated, AddressBlocked, RateLimited)):
        await under_test.authenticate(raw, origin)


async def test_strangers_in_thousands_cost_less_than_a_megabyte(tmp_path: Path, mock_clock: MockClock) -> None:
    """From more addresses than are counted each for itself; nothing is lost silently, and a caller is let in."""
    path = tmp_path / "audit.log"
    clock = SetClock(NOW_NS)
    async with open_audit_trail(AuditSettings(path=path), clock=clock) as trail:
        ledger = AttemptLedger()
        under_test = Authenticator(settings(), audit=trail, clock=clock, ledger=ledger, rates=AddressRates(120))
        for first in range(0, REQUESTS, PER_SECOND):
            async with trio.open_nursery() as second:
                for number in range(first, min(first + PER_SECOND, REQUESTS)):
                    second.start_soon(refuse, under_test, number)
                await wait_all_tasks_blocked()
                mock_clock.jump(1.0)
            await trail.append(QUIET)
        caller = await under_test.authenticate(bearer(BODY), Origin(address="127.1.0.1"))
        assert caller is not None
        under_test.close()
        seq = await trail.append(QUIET)
        assert (0, 0) == (trail.statistics().refused_total, trail.statistics().lost_total)
        assert trail.statistics().queue_records == 0

    lines = [line for file in files_of_log(path) for line in file.read_bytes().splitlines(keepends=True)]
    grown = sum(len(line) for line in lines if b'"event": "quiet"' not in line)
    assert grown < MOST_BYTES
    found = verify_log(files_of_log(path), path)
    assert (None, seq + 1) == (found.fault, found.records)
    records = [record for file in files_of_log(path) for record in records_of(file)]
    summed = sum(int(str(record.get("attempts", 0))) for record in records)
    single = len([record for record in records if record["event"] == "access_denied"])
    assert summed + single >= REQUESTS
    assert ["success"] == [record["status"] for record in records if record.get("status") == "success"]
