"""Real processes are killed and filled up; what they acknowledged is in the file."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aegis_trio.audit.log_files import files_of_log
from aegis_trio.audit.lost import AuditLost
from aegis_trio.audit.reader import verify_chain
from aegis_trio.audit.recovery import open_and_recover
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.audit.verify import verify_log
from aegis_trio.model.clock import SetClock
from tests.audit.crashing import LIMIT_BYTES
from tests.audit.logs import events_of, records_of
from tests.audit.signed import KEY

ROOT = Path(__file__).parents[2]
ROUNDS = 12
KILLS = 200


@contextmanager
def program(what: str, path: Path, label: str = "", writes: int = 0) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program and be sure that it ends."""
    command = [sys.executable, "-m", "tests.audit.crashing", what, str(path), label, str(writes)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.slow
@pytest.mark.parametrize("what", ["acknowledge", "sign", "split"])
def test_a_process_that_is_killed_loses_no_acknowledged_record(what: str, path: Path, clock: SetClock) -> None:
    """An effect follows its acknowledged intent; if the intent were gone, so would be the proof."""
    chance = random.Random(f"{what} of the audit trail")  # noqa: S311 -- moments, not secrets
    acknowledged: dict[int, tuple[str, int, int]] = {}
    for number in range(ROUNDS):
        with program(what, path, f"round{number}", chance.randint(50, 2000)) as process:
            assert process.stdout is not None
            lines: list[bytes] = []
            if what != "split":
                lines = [process.stdout.readline() for _ in range(chance.randint(1, 600))]
                process.send_signal(signal.SIGKILL)
            # What is not a record is the ordinary log, which a checkpoint has a line in.
            lines += process.stdout.read().splitlines(keepends=True)
        lines = [line for line in lines if line.startswith(b"round")]
        assert -signal.SIGKILL == process.returncode
        for line in lines:
            label, task, count, seq = line.split()
            acknowledged[int(seq)] = (label.decode(), int(task), int(count))

    opened = open_and_recover(path, clock, FileOps(), KEY if what == "sign" else None)
    log, head = opened.file, opened.head
    log.close()
    assert None is verify_chain(path, expected=head).fault
    if what == "sign":
        findings = verify_log([path], path, keys=[KEY.verifier])
        assert (None, head.next_seq) == (findings.fault, findings.head.next_seq)
        assert findings.covered > 0
    records = records_of(path)
    written = {
        int(str(record["seq"])): (record["label"], record["task"], record["number"])
        for record in records
        if record["event"] == "tick"
    }
    assert acknowledged.items() <= written.items()
    assert len(acknowledged) >= ROUNDS
    torn = sorted(file.stat().st_size for file in path.parent.glob("audit.log.torn-*"))
    assert torn == sorted(int(str(record["bytes"])) for record in records if record["event"] == "audit_recovered")
    if what == "split":
        assert len(torn) >= ROUNDS // 2


@pytest.mark.slow
def test_two_hundred_kills_under_load_lose_nothing(path: Path, clock: SetClock) -> None:
    """At any moment, of a change of files too: what was acknowledged is there, and everything verifies."""
    chance = random.Random("two hundred kills")  # noqa: S311 -- moments, not secrets
    acknowledged: dict[int, tuple[str, int, int]] = {}
    command = [sys.executable, "-m", "tests.audit.crashing", "forks", str(path), "", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in range(KILLS):
            process.stdin.write(f"round{number}\n")
            process.stdin.flush()
            pid, wanted = 0, chance.randint(1, 120)
            while (words := process.stdout.readline().split())[0] != "ended":
                if words[0] == "process":
                    pid = int(words[1])
                else:
                    label, task, count, seq = words
                    acknowledged[int(seq)] = (label, int(task), int(count))
                    wanted -= 1
                if pid and wanted <= 0:
                    os.kill(pid, signal.SIGKILL)
                    pid = 0
            assert ["ended", str(-signal.SIGKILL)] == words
        process.stdin.close()

    opened = open_and_recover(path, clock, FileOps(), KEY)
    opened.file.close()
    files = files_of_log(path)
    assert len(files) > KILLS // 10
    findings = verify_log(files, path, keys=[KEY.verifier])
    assert (None, opened.head.next_seq) == (findings.fault, findings.head.next_seq)
    written = {
        int(str(record["seq"])): (record["label"], record["task"], record["number"])
        for file in files
        for record in records_of(file)
        if record["event"] == "tick"
    }
    assert acknowledged.items() <= written.items()
    assert len({label for label, _, _ in acknowledged.values()}) == KILLS


def test_a_file_that_may_not_grow_blocks_and_goes_on_when_it_may(path: Path) -> None:
    """The kernel itself gives a short write and then an error, as a full disk does."""
    with program("full", path) as process:
        output, _ = process.communicate()
    seen = json.loads(output.splitlines()[-1])  # the log's own lines stand before it

    assert 0 == process.returncode
    assert "file too large" == seen["reason"]
    assert LIMIT_BYTES - 500 < len(seen["content"]) <= LIMIT_BYTES
    assert seen["content"].endswith("}\n")
    assert seen["acknowledged"] == seen["content"].count("\n")
    assert seen["acknowledged"] + 1 == seen["after"]
    assert ["tick"] * seen["acknowledged"] + ["audit_resumed", "tick"] == events_of(path)
    assert None is verify_chain(path).fault


def test_two_processes_on_one_log_are_impossible(path: Path, clock: SetClock) -> None:
    """The second one is told so and touches nothing; when the first is killed, its lock is gone with it."""
    with program("hold", path) as process:
        assert process.stdout is not None
        assert b"ready\n" == process.stdout.readline()
        with pytest.raises(AuditLost, match=r"AUDIT_LOG_PATH: .*another process has it open"):
            open_and_recover(path, clock, FileOps())
    log = open_and_recover(path, clock, FileOps()).file
    log.close()
