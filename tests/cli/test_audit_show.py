"""`audit show` and `audit stats`, as people type them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.audit.conftest import NOON_NS
from tests.audit.export.samples import sample_lines
from tests.audit.logs import lines_of
from tests.cli.places import json_of
from tests.cli.places import run as run_at
from tests.docs.documents import ROOT

MINUTE_NS = 60_000_000_000


def run(*words: str) -> int:
    """Run `audit` with words, two minutes after the first record of the example."""
    return run_at("audit", *words, now_ns=NOON_NS + 2 * MINUTE_NS)


@pytest.fixture
def log(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a log with hostile records."""
    path = folder / "audit.log"
    path.write_bytes(b"".join(line + b"\n" for line in sample_lines()))
    monkeypatch.setenv("AUDIT_LOG_PATH", str(path))
    return path


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """Show, and return the lines."""
    assert 0 == run("show", *words)
    return capsys.readouterr().out.splitlines()


def test_records_are_one_visible_line_each(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No escape, line feed or turned text of a record reaches the terminal, in either form."""
    for words in ((), ("--json",)):
        lines = shown(capsys, *words)

        assert 14 == len(lines)
        assert not [line for line in lines if re.search("[\x00-\x1f\x7f\u202e\u2028]", line)]
    assert "2026-02-13 10:00:07         4  tool_invocation     success" in "\n".join(shown(capsys))


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (("--event", "access_denied"), 2),
        (("--event", "access_denied", "--event", "tool_invocation"), 4),
        (("--tool", "get_file_contents", "--result", "success"), 1),
        (("--principal", "key:1f0c9a2b3d4e"), 3),
        (("--key-hint", "a1b2c3d4...e1f2"), 3),
        (("--owner", "TideWater", "--repo", "harbor"), 2),
        (("--correlation-id", "5a0c1f9e-8d6b-4c1e-9a54-0f2f8a1d7c33"), 2),
        (("--since", "2026-02-13T10:01:00Z"), 3),
        (("--since", "1m", "--until", "2026-02-13T10:01:14Z"), 2),
        (("--grep", "invalid_.*key"), 2),
        (("--owner", "nobody"), 0),
    ],
)
def test_filters_choose(log: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], count: int) -> None:
    """Each of the promised ones."""
    assert count == len(shown(capsys, *words))


def test_json_is_the_record_as_it_is(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is printed can be hashed again."""
    assert [line.decode() for line in sample_lines()] == shown(capsys, "--json")


def test_what_is_no_record_is_shown_as_that(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its bytes made visible, and the code says that something is wrong."""
    with log.open("ab") as stream:
        stream.write(b"\x1b]0;owned\x07\xff\n")

    for words in ((), ("--json",)):
        assert 1 == run("show", *words)
        told = capsys.readouterr()
        assert "\x1b" not in told.out
        assert "owned" in told.out.splitlines()[-1]
        assert "audit verify" in told.err


def test_words_that_cannot_be_meant_are_refused(log: Path, folder: Path) -> None:
    """64, with the way out."""
    assert 64 == run("show", "--grep", "(")
    assert 64 == run("show", "--since", "yesterday")
    assert 64 == run("show", str(folder / "nothing" / "audit.log"))
    assert 64 == run("show", "--follow", "a.log", "b.log")
    assert 64 == run("stats", "--top", "0")


def test_the_weekly_summary(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Authentications in numbers, for people and for programs, and nothing that a terminal would obey."""
    assert 0 == run("stats", "--since", "7d")
    told = capsys.readouterr().out
    assert "Authentications: 1 succeeded, 42 failed" in told
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", told)
    assert 0 == run("stats", "--since", "7d", "--json", "--top", "1")

    document = json_of(capsys)

    assert {"success": 1, "failure": 42} == document["authentications"]
    assert {"exact": True, "rows": {"various": 41}} == document["refused_addresses"]
    assert 0 == run("stats", "--since", "1s")
    assert "No records." in capsys.readouterr().out


@contextmanager
def following(*words: str) -> Iterator[subprocess.Popen[str]]:
    """Run `audit show --follow` beside the test."""
    command = [sys.executable, "-m", "aegis_trio", "audit", "show", "--follow", "--json", *words]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}
    ) as shower:
        try:
            yield shower
        finally:
            shower.terminate()


@pytest.mark.slow
@pytest.mark.e2e
def test_follow_goes_on_across_rotation(tmp_path: Path) -> None:
    """What is written while somebody looks is shown, also when the active file becomes a segment."""
    lines, _ = lines_of(9)
    path = tmp_path / "audit.log"
    path.write_bytes(b"".join(lines[:3]))
    with following("--since", "2026-02-13", str(path)) as shower:
        assert shower.stdout is not None
        seqs = [json.loads(shower.stdout.readline())["seq"] for _ in range(3)]
        with path.open("ab") as stream:
            stream.write(lines[3])
        path.rename(path.with_name(f"{path.name}.{0:020}"))
        path.write_bytes(b"".join(lines[4:6]))
        seqs += [json.loads(shower.stdout.readline())["seq"] for _ in range(3)]

    assert [0, 1, 2, 3, 4, 5] == seqs
