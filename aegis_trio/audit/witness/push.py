"""Brings each new checkpoint to the witnesses: one lane for each, beside everything that serves callers.

Laws:
    1. Nobody waits for a lane: it reads files, and what it finds is kept in files. A witness that is dead, slow or
       hostile costs its own lane and nothing else.
    2. Everything is bounded: one exchange at a time, `DEADLINE_S` each, after failures a pause that doubles up to
       `MAX_PAUSE_S`; of several new checkpoints the newest is pushed, which covers the others.
    3. An answer counts only by the witness's signature on exactly what was sent. A size that it names is believed only
       as a place to prove from.

Source: c2sp.org/tlog-witness, "add-checkpoint".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, final

import structlog
import trio

from aegis_trio.audit.checkpoint import SignedCheckpoint, parse_decimal
from aegis_trio.audit.checkpoint_files import CheckpointFiles
from aegis_trio.audit.lost import LogUnavailable
from aegis_trio.audit.notes import MalformedNote, parse_signatures
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.audit.witness.cosigned import Copy, CosignedFile, checked_copy
from aegis_trio.audit.witness.exchange import NoAnswer, Post
from aegis_trio.audit.witness.judgement import Status
from aegis_trio.audit.witness.prover import CannotProve, GrowthProver
from aegis_trio.audit.witness.request import ADD_CHECKPOINT_PATH, AddCheckpoint
from aegis_trio.audit.witness.settings import Witness, WitnessSettings

LOOK_EVERY_S: Final = 5.0
DEADLINE_S: Final = 15.0
FIRST_PAUSE_S: Final = 5.0
MAX_PAUSE_S: Final = 300.0

log = structlog.get_logger(__name__)


class PushResult(StrEnum):
    """What came of one attempt."""

    COSIGNED = "cosigned"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    WRONG = "wrong"
    """It answered what the protocol does not, or signed something else."""
    AHEAD = "ahead"
    """It cosigned more records than this log has: the log was set back, or another has its key."""
    UNPROVED = "unproved"
    """Records between are not here, or are not what was signed."""
    NOT_STORED = "not_stored"


@final
class _Failed(Exception):
    def __init__(self, result: PushResult, reason: str) -> None:
        super().__init__(reason)
        self.result = result


@final
@dataclass(frozen=True, slots=True)
class WitnessStatistics:
    """How the copies outside stand; `…_total` only grows while the process lives."""

    witnesses: int
    copies: int
    """Witnesses that have cosigned a checkpoint of this log."""
    newest_copy_age_seconds: float
    """Since the newest cosignature; while there is none, since the start."""
    newest_copy_records: int
    """How many records it covers."""
    pushes_total: dict[tuple[str, str], int]
    """By witness and result."""


@final
@dataclass(slots=True)
class _Lane:
    """What is known of one witness while the process lives."""

    witness: Witness
    prover: GrowthProver
    begun: bool = False


@final
class WitnessPush:
    """All lanes of one log."""

    __slots__ = ("_clock_s", "_cosigned", "_files", "_lanes", "_post", "_pushes", "_settings", "_started_s", "_storing")

    def __init__(
        self,
        log_file: Path,
        settings: WitnessSettings,
        post: Post,
        clock_s: Callable[[], float],
        ops: FileOps | None = None,
    ) -> None:
        """Push for the log at *log_file*; reads what was cosigned before, so it blocks.

        Args:
            clock_s: UTC seconds since 1970.
        """
        self._settings = settings
        self._post = post
        self._clock_s = clock_s
        calls = ops or FileOps()
        self._files = CheckpointFiles(log_file, calls)
        self._lanes = [_Lane(witness, GrowthProver(log_file)) for witness in settings.witnesses]
        self._cosigned = CosignedFile(log_file, [one.key for one in settings.witnesses], calls)
        self._storing = trio.Lock()
        self._started_s = clock_s()
        self._pushes: dict[tuple[str, str], int] = {}

    async def run(self) -> None:
        """Push until cancelled."""
        if self._cosigned.unreadable:
            log.warning("cosigned_unreadable", reason=self._cosigned.unreadable)
        async with trio.open_nursery() as lanes:
            for lane in self._lanes:
                lanes.start_soon(self._run_lane, lane)

    async def push_newest(self) -> None:
        """Push the newest checkpoint to every witness once; not while `run` does."""
        async with trio.open_nursery() as lanes:
            for lane in self._lanes:
                lanes.start_soon(self._try, lane)

    def age_s(self) -> float:
        """Return the age of the newest copy outside, seconds; while there is none, since the start."""
        times = [float(copy.time_s) for copy in self._copies()]
        now_s = self._clock_s()
        return max(0.0, now_s - (min(max(times), now_s) if times else self._started_s))

    def stale_reason(self) -> str | None:
        """Return why readiness should warn, or None."""
        age_s = self.age_s()
        if age_s <= self._settings.max_age_s:
            return None
        return (
            f"no witness outside has cosigned the log for {age_s:.0f} s (AUDIT_WITNESS_MAX_AGE is "
            f"{self._settings.max_age_s:.0f} s): what is newer can be rewritten by whoever owns this machine"
        )

    def statistics(self) -> WitnessStatistics:
        """Return this moment's numbers."""
        copies = self._copies()
        return WitnessStatistics(
            witnesses=len(self._settings.witnesses),
            copies=len(copies),
            newest_copy_age_seconds=self.age_s(),
            newest_copy_records=max((copy.signed.checkpoint.size for copy in copies), default=0),
            pushes_total=dict(self._pushes),
        )

    def _copies(self) -> list[Copy]:
        found = (self._cosigned.newest_of(witness.key) for witness in self._settings.witnesses)
        return [copy for copy in found if copy is not None]

    async def _run_lane(self, lane: _Lane) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            match await self._try(lane):
                case None:
                    await trio.sleep(LOOK_EVERY_S)
                case PushResult.COSIGNED:
                    pause_s = FIRST_PAUSE_S
                case _:
                    await trio.sleep(pause_s)
                    pause_s = min(2 * pause_s, MAX_PAUSE_S)

    async def _try(self, lane: _Lane) -> PushResult | None:
        """Push the newest checkpoint; None when the witness has it already."""
        witness = lane.witness
        copy = self._cosigned.newest_of(witness.key)
        try:
            signed = await trio.to_thread.run_sync(self._files.read_newest)
            if signed is None or (copy is not None and copy.signed.checkpoint == signed.checkpoint):
                return None
            if not lane.begun:
                await self._begin(lane.prover, 0 if copy is None else copy.signed.checkpoint.size, signed)
                lane.begun = True
            await self._push(witness, lane.prover, signed)
        except (MalformedNote, OSError) as fault:
            failed = _Failed(PushResult.UNPROVED, f"the log cannot be read ({type(fault).__name__})")
        except _Failed as fault:
            failed = fault
        else:
            self._count(witness, PushResult.COSIGNED)
            return PushResult.COSIGNED
        self._count(witness, failed.result)
        tell = log.critical if failed.result is PushResult.AHEAD else log.warning
        tell("witness_push_failed", witness=witness.key.name, result=failed.result.value, reason=str(failed))
        lane.begun = lane.begun and failed.result is not PushResult.UNPROVED
        return failed.result

    def _count(self, witness: Witness, result: PushResult) -> None:
        row = (witness.key.name, result.value)
        self._pushes[row] = self._pushes.get(row, 0) + 1

    async def _begin(self, prover: GrowthProver, old_size: int, signed: SignedCheckpoint) -> None:
        try:
            await trio.to_thread.run_sync(prover.begin, min(old_size, signed.checkpoint.size))
        except CannotProve as fault:
            raise _Failed(PushResult.UNPROVED, str(fault)) from fault

    async def _push(self, witness: Witness, prover: GrowthProver, signed: SignedCheckpoint) -> None:
        """Push one checkpoint; once more when the witness stands elsewhere than was believed.

        Raises:
            _Failed: it is not cosigned, or the cosignature is not stored.
        """
        status, body = await self._exchange(witness, prover, signed)
        if status == Status.CONFLICT:
            try:
                size = parse_decimal(body.decode("ascii", "replace").removesuffix("\n"))
            except MalformedNote:
                raise _Failed(PushResult.WRONG, "a conflict without a size") from None
            if size > signed.checkpoint.size:
                raise _Failed(
                    PushResult.AHEAD,
                    f"it cosigned {size} records, and this log has {signed.checkpoint.size} signed: the log was set "
                    "back, or another one is signed with its key",
                )
            await self._begin(prover, size, signed)
            status, body = await self._exchange(witness, prover, signed)
        if status != 200:
            raise _Failed(PushResult.REFUSED, f"status {status}")
        copy = _read_cosignature(witness, signed, body)
        try:
            async with self._storing:
                await trio.to_thread.run_sync(self._cosigned.note, witness.key, copy)
        except LogUnavailable as fault:
            raise _Failed(PushResult.NOT_STORED, fault.reason) from fault
        finally:
            prover.settle()  # the witness stands there, whatever our disk says
        log.info("witness_cosigned", witness=witness.key.name, size=signed.checkpoint.size)

    async def _exchange(self, witness: Witness, prover: GrowthProver, signed: SignedCheckpoint) -> tuple[int, bytes]:
        try:
            while not await trio.to_thread.run_sync(prover.read_to, signed.checkpoint.size):
                pass
            proof = prover.prove(signed.checkpoint)
        except CannotProve as fault:
            raise _Failed(PushResult.UNPROVED, str(fault)) from fault
        request = AddCheckpoint(old_size=prover.old_size, proof=proof, signed=signed)
        try:
            with trio.fail_after(DEADLINE_S):
                answer = await self._post(f"{witness.url}{ADD_CHECKPOINT_PATH}", str(request).encode())
        except trio.TooSlowError:
            raise _Failed(PushResult.UNREACHABLE, f"no answer within {DEADLINE_S:.0f} s") from None
        except NoAnswer as fault:
            raise _Failed(PushResult.UNREACHABLE, str(fault)) from None
        return answer.status, answer.body


def _read_cosignature(witness: Witness, signed: SignedCheckpoint, raw_body: bytes) -> Copy:
    try:
        lines = parse_signatures(raw_body.decode())
    except (MalformedNote, UnicodeDecodeError):
        raise _Failed(PushResult.WRONG, "what came is no cosignature") from None
    for line in lines:
        if (line.name, line.key_id) == (witness.key.name, witness.key.key_id):
            copy = checked_copy(signed, line, witness.key)
            if copy is not None:
                return copy
    raise _Failed(PushResult.WRONG, "what came is not signed by the witness's key")
