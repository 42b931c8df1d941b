"""Checkpoints reach witnesses, cosignatures come home; a witness that is dead or hostile costs only its own lane."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from aegis_trio.audit.checkpoint_files import read_notes
from aegis_trio.audit.notes import SignatureKind, SigningKey, verify_note
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.audit.witness.cosigned import cosigned_path
from aegis_trio.audit.witness.exchange import Answer, NoAnswer, Post
from aegis_trio.audit.witness.judgement import Refusal
from aegis_trio.audit.witness.push import DEADLINE_S, MAX_PAUSE_S, PushResult, WitnessPush
from aegis_trio.audit.witness.settings import Witness, WitnessSettings
from aegis_trio.audit.witness.vault import WitnessVault, make_vault
from tests.audit.signed import KEY, SignedLog
from tests.audit.witness.histories import NOW_S, WITNESS, History

Clock = trio.testing.MockClock


class Place:
    """A real witness without a network, that can be replaced by anything."""

    def __init__(self, folder: Path, name: str = "witness.example/w1") -> None:
        self.vault: WitnessVault = make_vault(folder, name, FileOps())
        self.vault.add(KEY.verifier)
        self.witness = Witness(f"https://{name}", self.vault.verifier)
        self.asked_at: list[float] = []
        self.instead: Callable[[bytes], Answer] | None = None
        self.takes_s = 0.0

    async def post(self, url: str, body: bytes) -> Answer:
        """Answer as the server does."""
        assert url == f"{self.witness.url}/add-checkpoint"
        self.asked_at.append(trio.current_time())
        await trio.sleep(self.takes_s)
        if self.instead is not None:
            return self.instead(body)
        found = self.vault.cosign(body, NOW_S)
        if isinstance(found, Refusal):
            return Answer(found.status, f"{found.size}\n".encode())
        return Answer(200, found.cosignature.encode())


@pytest.fixture(autouse=True)
def threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do the work of threads at once, so that the clock stands meanwhile and every pause is what the lanes chose."""

    async def run_sync(work: Callable[..., Any], *given: Any) -> Any:
        await trio.lowlevel.checkpoint()
        return work(*given)

    monkeypatch.setattr(trio.to_thread, "run_sync", run_sync)


async def until(condition: Callable[[], bool]) -> None:
    """Let the clock run until *condition* holds, for a day at most."""
    with trio.fail_after(86_400):
        while not condition():  # noqa: ASYNC110 -- numbers ring no bell
            await trio.sleep(0.25)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Make a witness that knows the log."""
    return Place(tmp_path / "witness")


@pytest.fixture
def log(path: Path) -> SignedLog:
    """Make a signed log of five records."""
    made = SignedLog(path)
    made.ticks(5)
    made.sign()
    return made


def pushing_to(
    path: Path, *places: Place, post: Post | None = None, now_s: Callable[[], float] | None = None
) -> WitnessPush:
    """Make the lanes."""
    by_url = {place.witness.url: place for place in places}

    async def choose(url: str, body: bytes) -> Answer:
        return await by_url[url.removesuffix("/add-checkpoint")].post(url, body)

    settings = WitnessSettings(witnesses=tuple(place.witness for place in places), max_age_s=600.0)
    return WitnessPush(path, settings, post or choose, now_s or (lambda: float(NOW_S)))


@asynccontextmanager
async def running(push: WitnessPush) -> AsyncGenerator[None]:
    """Run the lanes for a block."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(push.run)
        yield
        nursery.cancel_scope.cancel()


def pushes(push: WitnessPush, result: PushResult) -> int:
    """Return how often that came of an attempt."""
    return sum(count for (_, name), count in push.statistics().pushes_total.items() if name == result)


async def test_each_checkpoint_is_cosigned_and_stands_beside_the_log(
    path: Path, log: SignedLog, place: Place, autojump_clock: Clock
) -> None:
    """The note is the log's own with the witness's line appended; the next is proved from there."""
    push = pushing_to(path, place)
    async with running(push):
        await until(lambda: pushes(push, PushResult.COSIGNED) == 1)
        log.ticks(7)
        log.sign()
        await until(lambda: pushes(push, PushResult.COSIGNED) == 2)

    (found,) = read_notes(cosigned_path(path))
    assert 12 == found.signed.checkpoint.size == push.statistics().newest_copy_records
    assert 2 == len(verify_note(found.signed.note, [KEY.verifier, place.witness.key]))
    assert 2 == len(place.asked_at)
    log.close()


async def test_a_restart_goes_on_where_it_was(path: Path, log: SignedLog, place: Place, autojump_clock: Clock) -> None:
    """What was cosigned is read again, so that no conflict is needed; without the file one is, and suffices."""
    for round_ in range(3):
        push = pushing_to(path, place)
        async with running(push):
            log.ticks(3)
            log.sign()
            await until(lambda push=push: pushes(push, PushResult.COSIGNED) >= 1)  # type: ignore[misc]
        assert 1 == len(place.asked_at) - round_
    await trio.Path(cosigned_path(path)).unlink()

    push = pushing_to(path, place)
    async with running(push):
        await until(lambda: pushes(push, PushResult.COSIGNED) == 1)

    assert 5 == len(place.asked_at)
    log.close()


async def test_two_witnesses_stand_in_one_note(
    path: Path, log: SignedLog, tmp_path: Path, place: Place, autojump_clock: Clock
) -> None:
    """Each in its own lane; of one checkpoint there is one note."""
    other = Place(tmp_path / "other", "witness.example/w2")
    push = pushing_to(path, place, other)
    async with running(push):
        await until(lambda: pushes(push, PushResult.COSIGNED) == 2)

    (found,) = read_notes(cosigned_path(path))
    assert 3 == len(verify_note(found.signed.note, [KEY.verifier, place.witness.key, other.witness.key]))
    log.close()


async def test_a_dead_witness_is_asked_ever_less_often(
    path: Path, log: SignedLog, place: Place, tmp_path: Path, autojump_clock: Clock
) -> None:
    """The pauses double and are bounded; the other lane does not notice."""
    alive = Place(tmp_path / "alive", "witness.example/w2")

    def dead(_: bytes) -> Answer:
        raise NoAnswer("no answer (ConnectError)")

    place.instead = dead
    push = pushing_to(path, place, alive)
    async with running(push):
        await until(lambda: len(place.asked_at) > 9)

    pauses = [round(after - before) for before, after in zip(place.asked_at, place.asked_at[1:], strict=False)]
    assert [5, 10, 20, 40, 80, 160, 300, 300] == pauses[:8]
    assert MAX_PAUSE_S == max(pauses)
    assert 1 == pushes(push, PushResult.COSIGNED)
    log.close()


async def test_a_slow_witness_is_left_at_the_deadline(
    path: Path, log: SignedLog, place: Place, autojump_clock: Clock
) -> None:
    """It holds its own lane for seconds, and is asked again later."""
    place.takes_s = 1e6
    push = pushing_to(path, place)
    async with running(push):
        await until(lambda: pushes(push, PushResult.UNREACHABLE) == 2)
        assert place.asked_at[1] - place.asked_at[0] >= DEADLINE_S
        place.takes_s = 0.0
        await until(lambda: pushes(push, PushResult.COSIGNED) == 1)
    log.close()


STRANGER = SigningKey("witness.example/w1", SignatureKind.COSIGNATURE, b"\x09" * 32)
HOSTILE = {
    "nothing": (Answer(200, b""), PushResult.WRONG),
    "no text": (Answer(200, b"\xff\xfe"), PushResult.WRONG),
    "a stranger's": (Answer(200, STRANGER.sign("x\n", time_s=NOW_S).encode()), PushResult.WRONG),
    "another text": (Answer(200, WITNESS.sign("x\n", time_s=NOW_S).encode()), PushResult.WRONG),
    "a hundred lines": (Answer(200, STRANGER.sign("x\n", time_s=NOW_S).encode() * 101), PushResult.WRONG),
    "a redirect": (Answer(302, b""), PushResult.REFUSED),
    "a conflict without size": (Answer(409, b"many\n"), PushResult.WRONG),
    "a size that nobody has": (Answer(409, b"6\n"), PushResult.AHEAD),
    "an endless size": (Answer(409, b"9" * 10_000), PushResult.WRONG),
    "a conflict with itself": (Answer(409, b"0\n"), PushResult.REFUSED),
}


@pytest.mark.parametrize("kind", HOSTILE)
async def test_a_hostile_witness_is_believed_nothing(
    path: Path, log: SignedLog, place: Place, autojump_clock: Clock, kind: str
) -> None:
    """Nothing is stored, the lane goes on, and an honest answer later is taken."""
    answer, result = HOSTILE[kind]
    place.instead = lambda _: answer
    push = pushing_to(path, place)
    async with running(push):
        await until(lambda: pushes(push, result) >= 2)
        assert 0 == push.statistics().copies
        assert not cosigned_path(path).exists()
        place.instead = None
        await until(lambda: pushes(push, PushResult.COSIGNED) == 1)
    log.close()


async def test_a_log_that_was_set_back_is_told_at_once(
    path: Path, tmp_path: Path, log: SignedLog, place: Place, autojump_clock: Clock
) -> None:
    """The witness remembers what the machine has forgotten: this is what it is for."""
    await trio.to_thread.run_sync(lambda: place.vault.cosign(History(key=KEY).body(0, 30), NOW_S))
    push = pushing_to(path, place)
    async with running(push):
        await until(lambda: pushes(push, PushResult.AHEAD) == 2)

    assert not cosigned_path(path).exists()
    log.close()


async def test_a_rewritten_log_is_not_even_offered(
    path: Path, log: SignedLog, place: Place, autojump_clock: Clock
) -> None:
    """The file no longer leads to what was signed."""
    log.close()
    data = await trio.Path(path).read_bytes()
    await trio.Path(path).write_bytes(data.replace(b'"number": 2', b'"number": 7'))
    push = pushing_to(path, place)
    async with running(push):
        await until(lambda: pushes(push, PushResult.UNPROVED) == 2)

    assert [] == place.asked_at


async def test_old_copies_are_a_warning_with_their_age(
    path: Path, log: SignedLog, place: Place, autojump_clock: Clock
) -> None:
    """From the start while there is none, then from the newest cosignature, which cannot be in the future."""
    now = [float(NOW_S)]
    push = pushing_to(path, place, now_s=lambda: now[0])

    assert push.stale_reason() is None
    now[0] += 601
    assert "601 s" in str(push.stale_reason())
    async with running(push):
        await until(lambda: pushes(push, PushResult.COSIGNED) == 1)
    assert 601.0 == push.statistics().newest_copy_age_seconds
    now[0] = NOW_S - 100.0
    assert 0.0 == push.age_s()
    log.close()


async def test_a_damaged_file_of_cosignatures_is_replaced(
    path: Path, log: SignedLog, place: Place, autojump_clock: Clock
) -> None:
    """It holds nothing that the witness has not."""
    await trio.Path(cosigned_path(path)).write_bytes(b"nonsense\n\n\xff")
    push = pushing_to(path, place)
    async with running(push):
        await until(lambda: pushes(push, PushResult.COSIGNED) == 1)

    assert 1 == len(list(read_notes(cosigned_path(path))))
    log.close()


async def test_the_last_checkpoint_is_pushed_once_to_everybody(path: Path, place: Place, log: SignedLog) -> None:
    """At a clean stop; lanes that were cancelled in the middle begin where they were."""
    silent = Place(path.parent / "silent", "witness.example/w2")
    silent.takes_s = 1e6
    push = pushing_to(path, place, silent)
    with trio.move_on_after(0):
        await push.run()
    log.ticks(2)
    log.sign()

    with trio.move_on_after(3) as bounded:
        await push.push_newest()

    assert bounded.cancelled_caught
    assert [7] == [note.signed.checkpoint.size for note in read_notes(cosigned_path(path))]
    assert 7 == push.statistics().newest_copy_records
    with trio.fail_after(1):
        await pushing_to(path, place).push_newest()
    assert 1 == len(place.asked_at)
