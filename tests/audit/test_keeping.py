"""Segments are packed and pruned in the background, and only what a witness has seen is ever pruned."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

from aegis_trio.audit.age import new_identity
from aegis_trio.audit.checkpoint_files import CheckpointFiles
from aegis_trio.audit.keeping import LOOK_EVERY_S, SAY_EVERY_S, Keeper, witnessed_size
from aegis_trio.audit.log_files import files_of_log
from aegis_trio.audit.notes import SignatureKind, SigningKey, parse_signatures
from aegis_trio.audit.settings import AuditSettings
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.audit.trail import open_audit_trail
from aegis_trio.audit.verify import verify_log
from aegis_trio.audit.witness.settings import Witness, WitnessSettings
from aegis_trio.model.clock import NS_PER_S, SetClock
from tests.audit.conftest import NOON_NS
from tests.audit.faults import Fault, FaultyOps
from tests.audit.lives import Life
from tests.audit.logs import events_of, records_of
from tests.audit.signed import KEY, beside
from tests.audit.test_rotation import findings_of, segments_of
from tests.audit.waiting import until, until_beyond

WITNESS = SigningKey("witness.example", SignatureKind.COSIGNATURE, b"\x03" * 32)
OTHER = SigningKey("other.example", SignatureKind.COSIGNATURE, b"\x04" * 32)
SEGMENTS = ("00000000000000000000", "00000000000000000003", "00000000000000000006", "00000000000000000009")
DAY_NS = 86_400 * NS_PER_S


def seen_by(*witnesses: SigningKey) -> WitnessSettings:
    """Have these witnesses count."""
    return WitnessSettings(witnesses=tuple(Witness(f"https://{one.name}", one.verifier) for one in witnesses))


def make_segments(path: Path, *, ages_days: tuple[int, ...] = (9, 8, 7, 6), key: SigningKey | None = KEY) -> None:
    """Make a log of four segments and an active file; each segment is so many days old, and no witness saw any."""
    life = Life(path, key)
    for _ in ages_days:
        life.ticks(2 if life.head.next_seq else 3)
        life.rotate()
    life.sign()
    life.file.close()
    for file, age in zip(files_of_log(path), ages_days, strict=False):
        os.utime(file, ns=(NOON_NS, NOON_NS - age * DAY_NS))


def cosign(path: Path, witness: SigningKey = WITNESS, *, beneath: str = "checkpoint") -> None:
    """Put a witness's line beneath the newest checkpoint, as the gate does with its answer."""
    signed = CheckpointFiles(path, FileOps()).read_newest()
    assert signed is not None
    lines = witness.sign(signed.note.text, time_s=NOON_NS // NS_PER_S)
    note = replace(signed.note, signatures=(*signed.note.signatures, *parse_signatures(lines)))
    beside(path, beneath).write_text(str(note))


def keeping(path: Path, **changes: object) -> AuditSettings:
    """Sign, witness, and keep for a week."""
    settings = AuditSettings(path=path, signing_key=KEY, witnessing=seen_by(WITNESS), retention_days=7)
    return replace(settings, **changes)  # type: ignore[arg-type] -- the test names fields


@asynccontextmanager
async def keeper_of(settings: AuditSettings, clock: SetClock, ops: FileOps | None = None) -> AsyncIterator[Keeper]:
    """Open the log and have somebody look after it."""
    async with open_audit_trail(settings, clock=clock) as trail:
        yield Keeper(settings, trail, clock=clock, ops=ops)


async def test_all_but_the_newest_segment_is_packed(path: Path, clock: SetClock) -> None:
    """A start looks into the newest one; a collector that comes late still finds it plain."""
    make_segments(path)
    settings = keeping(path, retention_days=0)
    async with keeper_of(settings, clock) as keeper:
        await keeper.look()
        first = replace(keeper.statistics(), looks_total=2)
        await keeper.look()
        assert (4, 3, 0, 0) == (first.segments, first.packed_total, first.pruned_total, first.failures_total)
        assert first == keeper.statistics()
        sizes = [file.stat().st_size for file in files_of_log(path)[:-1]]
        assert sum(sizes) == first.segment_bytes

    assert [f"audit.log.{digits}.zst" for digits in SEGMENTS[:3]] + [f"audit.log.{SEGMENTS[3]}"] == segments_of(path)
    assert None is findings_of(path).fault


async def test_without_compression_segments_stay_as_they_are(path: Path, clock: SetClock) -> None:
    """Whoever greps them said so."""
    make_segments(path)
    async with keeper_of(keeping(path, compress=False, retention_days=0), clock) as keeper:
        await keeper.look()

    assert [f"audit.log.{digits}" for digits in SEGMENTS] == segments_of(path)


async def test_segments_are_encrypted_after_every_witness_has_seen_them(path: Path, clock: SetClock) -> None:
    """The gate has to prove to a witness what it grew by; what it encrypted it cannot read."""
    make_segments(path)
    identity = new_identity()
    settings = keeping(path, recipients=(identity.to_public(),), retention_days=0, witnessing=seen_by(WITNESS, OTHER))
    async with keeper_of(settings, clock) as keeper:
        cosign(path)
        await keeper.look()
        assert 0 == keeper.statistics().packed_total
        cosign(path, OTHER, beneath="cosigned")
        await keeper.look()
        assert 3 == keeper.statistics().packed_total

    assert [f"audit.log.{digits}.zst.age" for digits in SEGMENTS[:3]] == segments_of(path)[:3]
    found = verify_log(files_of_log(path), path, keys=[KEY.verifier], identities=[identity])
    assert (None, 0) == (found.fault, found.first_seq)


async def test_what_is_over_and_witnessed_is_pruned_after_a_record_of_it(path: Path, clock: SetClock) -> None:
    """The record tells which file it was; the rest verifies, and says from where."""
    make_segments(path)
    cosign(path)
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files_of_log(path)]
    with capture_logs() as logs:
        async with keeper_of(keeping(path, compress=False), clock) as keeper:
            await keeper.look()
            assert (3, 0) == (keeper.statistics().pruned_total, keeper.statistics().unwitnessed_segments)

    assert [f"audit.log.{SEGMENTS[3]}"] == segments_of(path)
    records = [record for record in records_of(path) if record["event"] == "audit_pruned"]
    assert [(0, 2), (3, 5), (6, 8)] == [(record["first"], record["last"]) for record in records]
    assert digests[:3] == [record["sha256"] for record in records]
    assert {7} == {record["days"] for record in records}
    assert records_of(files_of_log(path)[0])[0]["tree"] == records[-1]["tree"]
    assert 3 == len([line for line in logs if line["event"] == "audit_pruned"])
    found = findings_of(path)
    assert (None, 9, 9) == (found.fault, found.first_seq, found.pruned)
    async with keeper_of(keeping(path), clock) as keeper:
        await keeper.look()
        assert 0 == keeper.statistics().pruned_total


@pytest.mark.parametrize(
    "changes",
    [{"retention_days": 0}, {"retention_days": 10}, {"witnessing": None}, {"witnessing": seen_by(OTHER)}],
)
async def test_nothing_is_pruned_without_rule_age_and_a_known_witness(
    path: Path, clock: SetClock, changes: dict[str, object]
) -> None:
    """A cosignature of somebody whom the operator did not name is nobody's."""
    make_segments(path)
    cosign(path)
    async with keeper_of(keeping(path, compress=False, **changes), clock) as keeper:
        await keeper.look()
        assert 0 == keeper.statistics().pruned_total

    assert 4 == len(segments_of(path))
    assert "audit_pruned" not in events_of(path)


async def test_what_no_witness_has_seen_is_kept_and_told_once_a_day(
    path: Path, clock: SetClock, mock_clock: trio.testing.MockClock
) -> None:
    """It is the only evidence there is; when the witness is back, it goes."""
    make_segments(path)
    with capture_logs() as logs:
        async with keeper_of(keeping(path, compress=False), clock) as keeper, trio.open_nursery() as nursery:
            nursery.start_soon(keeper.run)
            await until(lambda: keeper.statistics().looks_total == 1)
            assert 3 == keeper.statistics().unwitnessed_segments
            for jump_s in (LOOK_EVERY_S, SAY_EVERY_S):
                looks = keeper.statistics().looks_total
                await trio.testing.wait_all_tasks_blocked()
                mock_clock.jump(jump_s)
                await until_beyond(lambda: keeper.statistics().looks_total, looks)
            await until(lambda: 2 == len([line for line in logs if line["event"] == "audit_kept_unwitnessed"]))
            await trio.testing.wait_all_tasks_blocked()
            cosign(path, beneath="cosigned")
            mock_clock.jump(LOOK_EVERY_S)
            await until(lambda: keeper.statistics().pruned_total == 3)
            await until(lambda: keeper.statistics().unwitnessed_segments == 0)
            nursery.cancel_scope.cancel()

    assert None is findings_of(path).fault


async def test_only_whole_segments_that_are_covered_go(path: Path, clock: SetClock) -> None:
    """A checkpoint in the middle of a segment proves half of it."""
    life = Life(path, KEY)
    life.ticks(3)
    life.rotate()
    life.ticks(1)
    life.sign()
    cosign(path, beneath="cosigned")
    for _ in range(2):
        life.ticks(1)
        life.rotate()
    life.file.close()
    for file in files_of_log(path)[:-1]:
        os.utime(file, ns=(NOON_NS, NOON_NS - 9 * DAY_NS))
    assert 5 == witnessed_size(path, [WITNESS.verifier])

    async with keeper_of(keeping(path, compress=False), clock) as keeper:
        await keeper.look()
        assert (1, 1) == (keeper.statistics().pruned_total, keeper.statistics().unwitnessed_segments)

    assert "audit.log.00000000000000000003" == segments_of(path)[0]


async def test_a_segment_that_cannot_be_removed_is_tried_again(path: Path, clock: SetClock) -> None:
    """A fault of the disk here holds up no record; the record of it stands there twice at most."""
    make_segments(path)
    cosign(path)
    ops = FaultyOps()
    ops.at[0] = Fault(errno.EIO)
    with capture_logs() as logs:
        async with keeper_of(keeping(path, compress=False), clock, ops) as keeper:
            await keeper.look()
            assert (0, 1) == (keeper.statistics().pruned_total, keeper.statistics().failures_total)
            await keeper.look()
            assert 3 == keeper.statistics().pruned_total

    assert ["input/output error"] == [line["reason"] for line in logs if line["event"] == "audit_segments_not_kept"]
    assert (None, 9) == (findings_of(path).fault, findings_of(path).first_seq)


async def test_what_a_kill_left_of_packing_is_tidied(path: Path, clock: SetClock) -> None:
    """A draft is never read, and does not stay."""
    make_segments(path)
    left = beside(path, f"{SEGMENTS[3]}.packing")
    left.write_bytes(b"half")
    both = beside(path, f"{SEGMENTS[0]}.zst")
    both.write_bytes(b"a form that the plain file stands beside")
    async with keeper_of(keeping(path, retention_days=0), clock) as keeper:
        assert None is findings_of(path).fault
        await keeper.look()

    assert not left.exists()
    assert None is findings_of(path).fault
