"""Attack by defence: what the chain alone finds, what signed checkpoints add, and what only a copy elsewhere does."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aegis_trio.audit.chain import ChainHead, seal
from aegis_trio.audit.claims import UnusablePin
from aegis_trio.audit.entry import AuditEntry, Phase
from aegis_trio.audit.log_files import files_of_log
from aegis_trio.audit.notes import SignatureKind, SigningKey
from aegis_trio.audit.recovery import draft
from aegis_trio.audit.verify import Findings, Incomplete, verify_log
from tests.audit.conftest import NOON_NS
from tests.audit.logs import tick
from tests.audit.signed import KEY, STRANGER, SignedLog, beside, make_signed_log

NOON_S = NOON_NS / 1e9
RECORDS = 47
SIGNED = (10, 10, 10, 10)  # as security.md measured: 47 records, a checkpoint every 10, a pin at 30
PINNED = 30


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the log that is attacked, with a copy of one checkpoint outside of its folder."""
    path = tmp_path_factory.mktemp("original") / "log" / "audit.log"
    log = SignedLog(path)
    for number, size in enumerate(SIGNED):
        log.ticks(size)
        log.sign()
        if (number + 1) * 10 == PINNED:
            shutil.copy(beside(path, "checkpoint"), path.parent.with_name("pin"))
    log.ticks(RECORDS - sum(SIGNED))
    log.close()
    return path


@pytest.fixture
def attacked(original: Path, tmp_path: Path) -> Path:
    """Copy it to where it may be attacked."""
    shutil.copytree(original.parent, tmp_path / "log", dirs_exist_ok=True)
    shutil.copy(original.parent.with_name("pin"), tmp_path / "pin")
    return tmp_path / "log" / "audit.log"


def verify(
    path: Path, *, keys: tuple[SigningKey, ...] = (KEY,), pins: tuple[Path, ...] = (), since: str = ""
) -> Findings:
    """Verify all files of a log."""
    return verify_log(
        files_of_log(path), path, pins=pins, keys=[key.verifier for key in keys], since=since, now_s=NOON_S + 5
    )


def lines_of(path: Path) -> list[bytes]:
    """Return the lines of a log with their ends."""
    return path.read_bytes().splitlines(keepends=True)


def put(path: Path, lines: list[bytes]) -> None:
    """Make a log of lines."""
    path.write_bytes(b"".join(lines))


def chained(count: int, changed: int = -1) -> list[bytes]:
    """Return as many lines as a whole chain, one of them another than it was."""
    head, lines = ChainHead(), list[bytes]()
    for number in range(count):
        line, head = seal(head, draft(tick(-1 if number == changed else number % 10), NOON_NS), Phase.EVENT)
        lines.append(line)
    return lines


def edit(path: Path) -> None:
    """Change a word in record 12."""
    lines = lines_of(path)
    lines[12] = lines[12].replace(b"tick", b"tock")
    put(path, lines)


def delete(path: Path) -> None:
    """Take record 12 out."""
    lines = lines_of(path)
    put(path, lines[:12] + lines[13:])


def reorder(path: Path) -> None:
    """Exchange records 12 and 13."""
    lines = lines_of(path)
    lines[12], lines[13] = lines[13], lines[12]
    put(path, lines)


def reformat(path: Path) -> None:
    """Write record 12 without spaces."""
    lines = lines_of(path)
    lines[12] = lines[12].replace(b'": ', b'":')
    put(path, lines)


def duplicate_key(path: Path) -> None:
    """Let record 12 say two things to two readers."""
    lines = lines_of(path)
    lines[12] = lines[12].replace(b'"number": 2', b'"number": 7, "number": 2')
    put(path, lines)


def edit_and_rechain(path: Path) -> None:
    """Change record 12 and mend the chain."""
    put(path, chained(RECORDS, 12))


def truncate_below(path: Path) -> None:
    """Keep 35 records, and all checkpoints."""
    put(path, lines_of(path)[:35])


def drop_later_checkpoints(path: Path, keep: int) -> None:
    """Take the checkpoints above *keep* records away."""
    every = beside(path, "checkpoints")
    notes = every.read_text().split("\n\n")
    kept = [f"{text}\n\n{signed}" for text, signed in zip(notes[::2], notes[1::2], strict=False)][: 1 + keep // 10]
    every.write_text("".join(f"{note}\n\n" for note in kept))
    beside(path, "checkpoint").write_text(f"{kept[-1]}\n")


def truncate_and_drop(path: Path) -> None:
    """Keep 25 records, and the checkpoints up to 20."""
    put(path, lines_of(path)[:25])
    drop_later_checkpoints(path, 20)


def rewrite(path: Path, key: SigningKey) -> None:
    """Make everything anew with a key."""
    shutil.rmtree(path.parent)
    log = SignedLog(path, key=key)
    for _ in SIGNED:
        log.append(*(tick(-1) for _ in range(10)))
        log.sign()
    log.close()


def rewrite_with_own_key(path: Path) -> None:
    """Make everything anew with a key of the attacker's that carries the same name."""
    rewrite(path, STRANGER)


def rewrite_with_stolen_key(path: Path) -> None:
    """Make everything anew with the real key."""
    rewrite(path, KEY)


def rewrite_behind_the_pin(path: Path) -> None:
    """Keep what was pinned, and make the rest anew with the real key: nothing here can find it."""
    lines = lines_of(path)[:PINNED]
    drop_later_checkpoints(path, PINNED)
    put(path, lines)
    beside(path, "tree").unlink()
    log = SignedLog(path)
    log.append(*(tick(-1) for _ in range(10)))
    log.sign()
    log.close()


CAUGHT, MISSED = True, False
TABLE = {  # the attack: found by the chain alone, with the key, with key and pin; where; and the words
    edit: (CAUGHT, CAUGHT, CAUGHT, 13, "does not name the record before it"),
    delete: (CAUGHT, CAUGHT, CAUGHT, 12, "sequence 13 where 12 must stand"),
    reorder: (CAUGHT, CAUGHT, CAUGHT, 12, "sequence 13 where 12 must stand"),
    reformat: (CAUGHT, CAUGHT, CAUGHT, 12, "not in the one form"),
    duplicate_key: (CAUGHT, CAUGHT, CAUGHT, 12, "not in the one form"),
    edit_and_rechain: (MISSED, CAUGHT, CAUGHT, 10, "one of the records 10 to 19 is not what it was"),
    truncate_below: (MISSED, CAUGHT, CAUGHT, 35, "the log ends with 35 records, and the checkpoint of 40 records"),
    truncate_and_drop: (MISSED, MISSED, CAUGHT, 25, "the log ends with 25 records, and the pin of 30 records"),
    rewrite_with_own_key: (MISSED, CAUGHT, CAUGHT, None, "the checkpoint of 0 records is not signed by the key"),
    rewrite_with_stolen_key: (MISSED, MISSED, CAUGHT, 0, "one of the records 0 to 29 is not what it was"),
    rewrite_behind_the_pin: (MISSED, MISSED, MISSED, None, ""),
}
Attack = Callable[[Path], None]


def named(attack: Attack) -> str:
    """Return what a test case is called."""
    return attack.__name__


def test_a_right_log_is_right(attacked: Path) -> None:
    """With everything that can be held against it; the age is that of the last signed record."""
    findings = verify(attacked, pins=(attacked.parent.with_name("pin"),))

    assert None is findings.fault
    assert (RECORDS, 0, RECORDS) == (findings.records, findings.first_seq, findings.head.next_seq)
    assert (40, 7, 7) == (findings.covered, findings.unsigned, findings.checkpoints)
    assert 5 == findings.newest_age_s


@pytest.mark.parametrize("attack", TABLE, ids=named)
def test_the_chain_alone_finds_what_it_can(attacked: Path, attack: Attack) -> None:
    """Without checkpoints: what the table of docs/audit.md promises, and no more."""
    caught, _, _, seq, reason = TABLE[attack]
    attack(attacked)
    for suffix in ("checkpoint", "checkpoints"):
        beside(attacked, suffix).unlink()

    fault = verify(attacked, keys=()).fault

    assert caught == (fault is not None)
    if fault is not None:
        assert (seq, attacked) == (fault.seq, fault.file)
        assert reason in fault.reason


@pytest.mark.parametrize("attack", TABLE, ids=named)
def test_signed_checkpoints_find_what_they_can(attacked: Path, attack: Attack) -> None:
    """With the verifier key from elsewhere."""
    _, caught, _, seq, reason = TABLE[attack]
    attack(attacked)

    fault = verify(attacked).fault

    assert caught == (fault is not None)
    if fault is not None:
        assert seq == fault.seq
        assert reason in fault.reason


@pytest.mark.parametrize("attack", TABLE, ids=named)
def test_a_pin_finds_what_it_covers(attacked: Path, attack: Attack) -> None:
    """With a copy of one checkpoint from elsewhere; what is newer than the copy stays a risk."""
    _, _, caught, seq, reason = TABLE[attack]
    attack(attacked)

    fault = verify(attacked, pins=(attacked.parent.with_name("pin"),)).fault

    assert caught == (fault is not None)
    if fault is not None:
        assert seq == fault.seq
        assert reason in fault.reason


def test_a_fault_is_named_by_line_and_byte(attacked: Path) -> None:
    """An auditor opens the file there."""
    lines = lines_of(attacked)
    edit(attacked)

    fault = verify(attacked).fault

    assert fault is not None
    assert (14, 13, sum(map(len, lines[:13]))) == (fault.line, fault.seq, fault.offset)


CHANGES = ("flip", "drop", "duplicate", "reorder", "truncate", "rechain", "resign")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(st.data())
def test_any_change_below_the_newest_checkpoint_is_found_where_it_is(
    original: Path, tmp_path: Path, data: st.DataObject
) -> None:
    """The first line that is wrong, or the stretch between two checkpoints that holds it."""
    path = tmp_path / "log" / "audit.log"
    shutil.rmtree(path.parent, ignore_errors=True)
    shutil.copytree(original.parent, path.parent)
    lines = lines_of(path)
    place = data.draw(st.integers(0, sum(SIGNED) - 2))
    expected: range
    match data.draw(st.sampled_from(CHANGES)):
        case "flip":
            byte = data.draw(st.integers(0, len(lines[place]) - 1))
            changed = bytearray(lines[place])
            changed[byte] ^= 1 << data.draw(st.integers(0, 7))
            lines[place] = bytes(changed)
            # The last one below a checkpoint: its root is compared before the next record names another one.
            expected = range(place // 10 * 10 if place % 10 == 9 else place, place + 2)
        case "drop":
            del lines[place]
            expected = range(place, place + 1)
        case "duplicate":
            lines.insert(place, lines[place])
            expected = range(place + 1, place + 2)
        case "reorder":
            other = data.draw(st.integers(place + 1, sum(SIGNED) - 1))
            lines[place], lines[other] = lines[other], lines[place]
            expected = range(place, place + 1)
        case "truncate":
            lines = lines[:place]
            expected = range(place, place + 1)
        case "rechain":
            lines = chained(RECORDS, place)
            expected = range(place // 10 * 10, place // 10 * 10 + 1)
        case _:
            rewrite(path, STRANGER)
            assert "is not signed by the key" in str(verify(path).fault)
            return
    put(path, lines)

    fault = verify(path).fault

    assert fault is not None
    assert fault.seq in expected
    assert fault.offset in {0, *(sum(map(len, lines[:number])) for number in range(1, len(lines) + 1))}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(st.data())
def test_any_change_is_found_by_chain_and_pin_alone_where_the_table_says(
    original: Path, tmp_path: Path, data: st.DataObject
) -> None:
    """With neither key nor checkpoints beside the log: a pin covers what is below it, the chain what nobody mended."""
    path = tmp_path / "log" / "audit.log"
    shutil.rmtree(path.parent, ignore_errors=True)
    shutil.copytree(original.parent, path.parent)
    lines = lines_of(path)
    change = data.draw(st.sampled_from(CHANGES))
    place = data.draw(st.integers(0, RECORDS - 2))
    found_without = change not in {"truncate", "rechain", "resign"}
    expected = range(place, place + 2)
    match change:
        case "flip":
            byte = data.draw(st.integers(0, len(lines[place]) - 1))
            changed = bytearray(lines[place])
            changed[byte] ^= 1 << data.draw(st.integers(0, 7))
            lines[place] = bytes(changed)
        case "drop":
            del lines[place]
        case "duplicate":
            lines.insert(data.draw(st.integers(place + 1, RECORDS)), lines[place])
            expected = range(place + 1, RECORDS + 1)
        case "reorder":
            other = data.draw(st.integers(place + 1, RECORDS - 1))
            lines[place], lines[other] = lines[other], lines[place]
        case "truncate":
            lines = lines[:place]
        case "rechain":
            lines = chained(RECORDS, place)
            expected = range(1)
        case _:
            rewrite(path, data.draw(st.sampled_from([KEY, STRANGER])))
            lines, place, expected = lines_of(path), 0, range(1)
    put(path, lines)
    for suffix in ("checkpoint", "checkpoints"):
        beside(path, suffix).unlink()

    alone = verify(path, keys=()).fault
    pinned = verify(path, keys=(), pins=(original.parent.with_name("pin"),)).fault

    assert found_without == (alone is not None)
    assert (found_without or place < PINNED) == (pinned is not None)
    if alone is not None:
        assert alone.seq in expected
    if pinned is not None:
        # The last one below the pin: its root is compared before the next record names another one.
        at_pin = found_without and place == PINNED - 1
        assert pinned.seq in expected or (at_pin and pinned.seq == 0)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.data())
def test_a_log_that_verifies_begins_as_every_pin_says(original: Path, tmp_path: Path, data: st.DataObject) -> None:
    """The law behind it all: either nothing below the pin was touched, or it is found."""
    path = tmp_path / "log" / "audit.log"
    shutil.rmtree(path.parent, ignore_errors=True)
    shutil.copytree(original.parent, path.parent)
    whole = path.read_bytes()
    start = data.draw(st.integers(0, len(whole)))
    changed = whole[:start] + data.draw(st.binary(max_size=3)) + whole[data.draw(st.integers(start, len(whole))) :]
    path.write_bytes(changed)
    for suffix in ("checkpoint", "checkpoints"):
        beside(path, suffix).unlink()

    fault = verify(path, pins=(original.parent.with_name("pin"),)).fault

    if fault is None:
        assert lines_of(path)[:PINNED] == whole.splitlines(keepends=True)[:PINNED]


@pytest.mark.parametrize("since", ["2026-02-13T10:00:00.000000Z", "2030", ""])
def test_older_records_are_hashed_all_the_same(attacked: Path, since: str) -> None:
    """`--since` saves time and no proof: what is signed is compared whatever its age."""
    assert None is verify(attacked, since=since).fault
    edit_and_rechain(attacked)

    fault = verify(attacked, since=since).fault

    assert fault is not None
    assert 10 == fault.seq


def test_a_torn_end_is_counted_and_no_fault(attacked: Path) -> None:
    """A crash leaves it, and a copy that was made while the gate was writing."""
    attacked.write_bytes(attacked.read_bytes() + b'{"timestamp": "2026')

    findings = verify(attacked)

    assert None is findings.fault
    assert 19 == findings.torn_bytes
    attacked.write_bytes(attacked.read_bytes() + b"\x07")
    assert findings.torn_bytes + 1 == verify(attacked).torn_bytes
    put(attacked, [*lines_of(attacked)[:RECORDS], b"stranger"])
    fault = verify(attacked).fault
    assert fault is not None
    assert "torn" in fault.reason


@pytest.mark.parametrize("noise", ["checkpoint", "checkpoints"])
def test_a_damaged_checkpoint_is_named(attacked: Path, noise: str) -> None:
    """Its file and byte."""
    file = beside(attacked, noise)
    data = file.read_bytes()
    at = data.rindex(b"\n40\n")
    file.write_bytes(data[:at] + b"\n41\n" + data[at + 4 :])

    fault = verify(attacked).fault

    assert fault is not None
    assert (file, None) == (fault.file, fault.line)
    assert data.rindex(KEY.name.encode(), 0, at + 1) == fault.offset


def test_checkpoints_that_shrink_are_found(attacked: Path) -> None:
    """A log only grows."""
    every = beside(attacked, "checkpoints")
    every.write_text(every.read_text() + attacked.parent.with_name("pin").read_text() + "\n")

    fault = verify(attacked).fault

    assert fault is not None
    assert "a checkpoint of 30 records stands after 40" in fault.reason


def test_a_pin_of_somebody_else_is_told_from_a_changed_log(attacked: Path) -> None:
    """The auditor took the wrong copy; nobody is to be accused."""
    other = attacked.parent.with_name("other") / "audit.log"
    SignedLog(other, key=STRANGER).close()
    pin = beside(other, "checkpoint")

    with pytest.raises(UnusablePin, match="is not signed by the key"):
        verify(attacked, pins=(pin,))
    pin.write_text("no checkpoint\n")
    with pytest.raises(UnusablePin, match="holds no checkpoint"):
        verify(attacked, pins=(pin,), keys=())


def test_a_witness_tells_when_it_saw_the_log(attacked: Path) -> None:
    """Its time counts for the age, and not that of the last record, which the machine itself wrote."""
    witness = SigningKey("witness.example/w", SignatureKind.COSIGNATURE, b"\x03" * 32)
    pin = attacked.parent.with_name("pin")
    note = pin.read_text()
    pin.write_text(note + witness.sign(note.partition("\n\n")[0] + "\n", time_s=round(NOON_S) - 100))

    assert 105 == verify(attacked, keys=(KEY, witness), pins=(pin,)).newest_age_s
    assert 5 == verify(attacked, pins=(pin,)).newest_age_s


def test_several_files_are_one_log(attacked: Path) -> None:
    """Segments in their order; the first of them may be missing, as the next one says what it was."""
    log = SignedLog(attacked)
    log.sign()
    log.close()
    for segment in (0, RECORDS):
        attacked.rename(beside(attacked, f"{segment:020}"))
        log = SignedLog(attacked)  # begins with audit_resumed
        log.ticks(5)
        log.sign()
        log.close()

    findings = verify(attacked)
    assert None is findings.fault
    assert (0, RECORDS + 12, 0) == (findings.first_seq, findings.records, findings.unsigned)

    beside(attacked, f"{0:020}").unlink()
    later = verify(attacked)
    assert None is later.fault
    assert (RECORDS, 12, findings.root) == (later.first_seq, later.records, later.root)
    assert later.checkpoints > 0

    data = attacked.read_bytes()
    attacked.write_bytes(data.replace(b'"number": 3', b'"number": 4'))
    fault = verify(attacked).fault
    assert fault is not None
    assert (attacked, 6) == (fault.file, fault.line)


def test_a_file_that_does_not_say_what_it_goes_on_from_cannot_be_judged(attacked: Path, tmp_path: Path) -> None:
    """Neither right nor wrong: the older files have to be named."""
    tail = tmp_path / "tail.log"
    head = ChainHead(60, "ab" * 32)
    line, _ = seal(head, draft(AuditEntry("audit_resumed", Phase.EVENT, {"reason": "x"}), NOON_NS), Phase.EVENT)
    tail.write_bytes(line)

    assert None is verify(tail).fault
    shutil.copy(beside(attacked, "checkpoints"), beside(tail, "checkpoints"))
    assert None is verify(tail).fault  # they are all about records before it
    big = SignedLog(tmp_path / "big" / "audit.log")
    big.ticks(70)
    big.sign()
    big.close()
    with pytest.raises(Incomplete, match="the records before 60 are not in these files"):
        verify(tail, pins=(tmp_path / "big" / "audit.log.checkpoint",))


def test_an_empty_log_holds_what_was_said_of_it(path: Path) -> None:
    """Nothing was written, and nothing is missing; or something is."""
    SignedLog(path).close()
    assert (None, 1) == (verify(path).fault, min(1, verify(path).checkpoints))

    make_signed_log(path, (3,))
    path.write_bytes(b"")
    fault = verify(path).fault
    assert fault is not None
    assert "ends with 0 records" in fault.reason


def test_intents_without_outcome_are_listed(path: Path) -> None:
    """Calls of which nobody knows what came of them."""
    log = SignedLog(path)
    log.append(
        AuditEntry("tool_intent", Phase.INTENT, {"tool": "a", "correlation_id": "1"}),
        AuditEntry("tool_intent", Phase.INTENT, {"tool": "b", "correlation_id": "2", "principal": "key:1"}),
        AuditEntry("tool_invocation", Phase.OUTCOME, {"tool": "a", "intent_seq": 0}),
    )
    log.close()

    intents = verify(path).intents

    expected = {
        "timestamp": "2026-02-13T10:00:00.000000Z",
        "seq": 1,
        "correlation_id": "2",
        "tool": "b",
        "principal": "key:1",
    }
    assert (1, [expected]) == (intents.total, intents.listed())
