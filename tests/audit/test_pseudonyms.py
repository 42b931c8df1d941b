"""People under keyed names: nobody is named in the log, everybody can be found while the keys exist, and forgotten."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from aegis_trio.audit.entry import AuditEntry, Phase
from aegis_trio.audit.keeping import Keeper
from aegis_trio.audit.log_files import files_of_log
from aegis_trio.audit.lost import AuditLost, LogUnavailable
from aegis_trio.audit.pseudonyms import (
    Pseudonyms,
    Shredded,
    pending_shreddings,
    pii_folder,
    pseudonyms_of,
    shred,
)
from aegis_trio.audit.settings import AuditSettings
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.audit.trail import AuditTrail, open_audit_trail
from aegis_trio.model.clock import NS_PER_S, SetClock
from aegis_trio.model.errors import AuditUnavailable
from tests.audit.conftest import NOON_NS
from tests.audit.faults import Fault, FaultyOps
from tests.audit.killing import Killed, KillingOps
from tests.audit.logs import records_of
from tests.audit.places import content_of
from tests.audit.signed import KEY
from tests.audit.test_rotation import findings_of
from tests.audit.waiting import until

MONTH_NS = 31 * 86_400 * NS_PER_S
ADDRESS, AGENT = "203.0.113.42", "curl/8.5.0"


def stranger(address: str = ADDRESS) -> AuditEntry:
    """Make the record of somebody who was refused."""
    return AuditEntry("access_denied", Phase.EVENT, {"reason": "no", "client_ip": address, "user_agent": AGENT})


def person(login: str = "ada", address: str = ADDRESS) -> AuditEntry:
    """Make a record of somebody who signed in."""
    fields = {"tool": "t", "client_ip": address, "user_agent": AGENT, "principal": f"person:{login}", "login": login}
    return AuditEntry("tool_intent", Phase.INTENT, dict(fields))


@pytest.fixture
def settings(path: Path) -> AuditSettings:
    """Sign, and name nobody."""
    return AuditSettings(path=path, signing_key=KEY, pseudonyms=True)


@asynccontextmanager
async def kept(settings: AuditSettings, clock: SetClock) -> AsyncIterator[tuple[AuditTrail, Keeper]]:
    """Open the log, and have somebody look after it."""
    async with open_audit_trail(settings, clock=clock) as trail:
        yield trail, Keeper(settings, trail, clock=clock)


def names_of(path: Path, field: str) -> list[object]:
    """Return what stands in a field, record by record."""
    return [record[field] for file in files_of_log(path) for record in records_of(file) if field in record]


async def test_no_record_names_anybody_and_everybody_can_be_found(settings: AuditSettings, clock: SetClock) -> None:
    """One name for one value of a person, another in the next month; the shape of a record is as it was."""
    path = settings.path
    async with open_audit_trail(settings, clock=clock) as trail:
        for entry in (stranger(), stranger(), stranger("2001:db8::7"), person(), person("Ada"), person("grace")):
            await trail.append(entry)
        clock.set_ns(NOON_NS + MONTH_NS)
        await trail.append(stranger())
        await trail.append(person())

    text = b"".join(content_of(file) for file in files_of_log(path)).decode()
    for hidden in (ADDRESS, "2001:db8::7", "curl", '"ada"', '"Ada"', "person:ada", "grace"):
        assert hidden not in text
    addresses = names_of(path, "client_ip")
    assert addresses[0] == addresses[1]
    assert 6 == len(set(addresses))  # two strangers, two people, and everybody anew in the next month
    logins = names_of(path, "login")
    assert logins[0] == logins[1] != logins[2]
    assert logins[3] not in logins[:3]
    assert all(str(name).startswith("p1:") and len(str(name)) == 19 for name in (*addresses, *logins))
    assert [*person().fields, "seq", "phase", "prev"] == list(records_of(files_of_log(path)[0])[3])[2:]
    assert {name for _, name in pseudonyms_of(path, "client_ip", ADDRESS)} >= {addresses[0], addresses[3], addresses[6]}
    assert addresses[2] not in {name for _, name in pseudonyms_of(path, "client_ip", ADDRESS)}
    assert {logins[0], logins[3]} <= {name for _, name in pseudonyms_of(path, "login", "ADA")}
    assert None is findings_of(path).fault


async def test_names_stay_the_same_after_a_restart(settings: AuditSettings, clock: SetClock) -> None:
    """Within a month; the keys are for their owner alone."""
    for _ in range(2):
        async with open_audit_trail(settings, clock=clock) as trail:
            await trail.append(stranger())
            await trail.append(person())

    assert 1 == len(set(names_of(settings.path, "login")))
    assert 2 == len(set(names_of(settings.path, "client_ip")))
    folder = pii_folder(settings.path)
    assert {0o700} == {place.stat().st_mode & 0o777 for place in (folder, folder / "2026-02")}
    files = list(folder.rglob("*.key"))
    assert 3 == len(files)
    assert {(0o600, 32)} == {(file.stat().st_mode & 0o777, file.stat().st_size) for file in files}
    assert not any("ada" in file.name for file in files)


async def test_what_names_nobody_stays_as_it_is(settings: AuditSettings, clock: SetClock) -> None:
    """A key's identifier, sums of many addresses, and a client without an address."""
    fields = {"client_ip": "various", "principal": "key:1f0c9a2b3d4e", "key_hint": "a1b2c3d4...e1f2"}
    async with open_audit_trail(settings, clock=clock) as trail:
        await trail.append(AuditEntry("tick", Phase.EVENT, dict(fields)))

    assert fields == {name: records_of(settings.path)[0][name] for name in fields}


async def test_a_number_without_a_login_is_that_persons_or_nobodys(settings: AuditSettings, clock: SetClock) -> None:
    """A notice gives a person's number alone: in the clear it would undo every forgetting."""
    path = settings.path
    notice = AuditEntry("security_event", Phase.EVENT, {"kind": "k", "principal": "person:ada", "client_ip": ADDRESS})
    async with kept(settings, clock) as (trail, keeper):
        await trail.append(notice)  # nobody has said yet who that is
        await trail.append(person())
        await trail.append(notice)
        unknown, known, told = names_of(path, "principal")
        assert known == told != unknown
        found = {name for _, name in pseudonyms_of(path, "principal", "person:ada")}
        assert (True, False) == (known in found, unknown in found)

        await trio.to_thread.run_sync(shred, path, "ada", FileOps())
        await keeper.look()
        await trail.append(notice)

    assert not {unknown, known} & {name for _, name in pseudonyms_of(path, "principal", "person:ada")}
    assert names_of(path, "principal")[-1] not in {unknown, known}
    assert b"person:" not in path.read_bytes()


async def test_who_is_told_of_records_is_told_of_real_addresses(settings: AuditSettings, clock: SetClock) -> None:
    """Limits, blocks and alerts are about somebody, now."""
    told: list[AuditEntry] = []
    async with open_audit_trail(settings, clock=clock) as trail:
        trail.tell(told.append)
        await trail.append(stranger())

    assert ADDRESS == told[0].fields["client_ip"]


async def test_a_person_is_forgotten_and_everything_still_verifies(settings: AuditSettings, clock: SetClock) -> None:
    """Nobody can compute the old names any more; who comes back is somebody else."""
    path = settings.path
    async with kept(settings, clock) as (trail, keeper):
        for login in ("ada", "grace"):
            await trail.append(person(login))
        clock.set_ns(NOON_NS + MONTH_NS)
        await trail.append(person("ada"))
        old = names_of(path, "login")

        shredded = await trio.to_thread.run_sync(shred, path, "ADA", FileOps())
        assert shredded is not None
        assert ("2026-02", "2026-03") == shredded.months
        assert old[1] in {name for _, name in pseudonyms_of(path, "login", "grace")}
        assert not {old[0], old[2]} & {name for _, name in pseudonyms_of(path, "login", "ada")}

        await keeper.look()
        assert [] == pending_shreddings(path)
        record = records_of(path)[-1]
        assert ("pii_shredded", 2, ["2026-02", "2026-03"]) == (record["event"], record["keys"], record["months"])
        await keeper.look()
        await trail.append(person("ada"))

    assert "pii_shredded" == records_of(path)[-2]["event"]
    assert names_of(path, "login")[-1] not in old
    assert None is findings_of(path).fault
    assert None is await trio.to_thread.run_sync(shred, path, "nobody", FileOps())


async def test_who_was_forgotten_while_the_gate_stood_is_recorded_at_its_start(
    settings: AuditSettings, clock: SetClock
) -> None:
    """Also when pseudonyms were switched off meanwhile."""
    async with open_audit_trail(settings, clock=clock) as trail:
        await trail.append(person())
    assert shred(settings.path, "ada", FileOps())

    async with kept(AuditSettings(path=settings.path, signing_key=KEY), clock) as (_, keeper):
        await keeper.look()

    assert "pii_shredded" == records_of(settings.path)[-1]["event"]


@pytest.mark.parametrize("torn", [False, True])
def test_a_kill_at_any_call_of_forgetting_is_finished(tmp_path: Path, *, torn: bool) -> None:
    """From the first durable word on it is done, whoever is killed; before it nothing has changed."""
    at, begun = 0, 0
    while True:
        path = tmp_path / str(at) / "audit.log"
        path.parent.mkdir()
        for month in (0, MONTH_NS):
            names = Pseudonyms(path, FileOps())
            names.apply(person(), NOON_NS + month)
            names.persist()
        ops = KillingOps(at, torn=torn)
        killed = False
        try:
            shred(path, "ada", ops)
        except Killed:
            killed = True
        ops.die()
        keys = len(list(pseudonyms_of(path, "login", "ada")))
        pending = pending_shreddings(path)
        assert pending or keys == 2
        begun += bool(pending)
        assert isinstance(shred(path, "ada", FileOps()), Shredded) == (keys > 0)
        assert [] == list(pseudonyms_of(path, "login", "ada"))
        assert 1 == len(pending_shreddings(path))
        if not killed:
            break
        at += 1
    assert begun > 5


async def test_a_key_is_durable_before_a_record_that_it_was_used_in(settings: AuditSettings, clock: SetClock) -> None:
    """Otherwise a crash would leave names that nobody can ever look up."""
    order: list[str] = []

    class WatchingOps(FileOps):
        def write(self, fd: int, data: memoryview) -> int:
            order.append("record" if data[:1] == b"{" and len(data) > 32 else "key" if len(data) == 32 else "other")
            return super().write(fd, data)

    async with open_audit_trail(settings, clock=clock, ops=WatchingOps()) as trail:
        order.clear()
        await trail.append(person())
        assert ["key", "record"] == order
        await trail.append(person())
        assert ["key", "record", "record"] == order


async def test_a_key_that_cannot_be_written_blocks_the_log(
    settings: AuditSettings, clock: SetClock, mock_clock: trio.testing.MockClock
) -> None:
    """As a record that cannot be written does; service returns by itself, and the names are found."""
    ops = FaultyOps()
    async with open_audit_trail(settings, clock=clock, ops=ops) as trail:
        await trail.append(stranger())
        ops.always["replace"] = errno.ENOSPC
        with pytest.raises(AuditUnavailable):
            await trail.append(person())
        assert "a key of persons cannot be written: no space left on device" == trail.blocked_reason()
        ops.always.clear()
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(1.0)
        await until(lambda: trail.blocked_reason() is None)
        await trail.append(person())

    names = {name for _, name in pseudonyms_of(settings.path, "login", "ada")}
    assert names > set(names_of(settings.path, "login"))
    assert None is findings_of(settings.path).fault


async def test_a_start_without_its_keys_says_so(settings: AuditSettings, clock: SetClock) -> None:
    """Records under no name at all are not what the operator asked for."""
    ops = FaultyOps()
    async with open_audit_trail(settings, clock=clock):
        pass
    (pii_folder(settings.path) / "index.key").unlink()
    ops.always["replace"] = errno.EROFS
    with pytest.raises(AuditLost, match=r"AUDIT_PSEUDONYMS: the keys in .* cannot be used"):
        async with open_audit_trail(settings, clock=clock, ops=ops):
            pass
    ops.always.clear()
    async with open_audit_trail(settings, clock=clock):
        pass


def test_a_damaged_key_is_made_anew(path: Path) -> None:
    """What is half there names nobody."""
    path.parent.mkdir()
    names = Pseudonyms(path, FileOps())
    first = names.apply(stranger(), NOON_NS)
    names.persist()
    key = next((pii_folder(path) / "2026-02").iterdir())
    key.write_bytes(b"short")
    ops = FaultyOps()
    again = Pseudonyms(path, ops)
    ops.at[0] = Fault(errno.EIO)

    assert first.fields["client_ip"] != again.apply(stranger(), NOON_NS).fields["client_ip"]
    with pytest.raises(LogUnavailable):
        again.persist()
    again.persist()
    assert 32 == key.stat().st_size
