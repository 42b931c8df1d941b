"""tools/bench/key_timing.py: its arithmetic, and that it judges every kind; what it finds, no test can promise."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bench.key_timing import THRESHOLD, judge, welch
from environments import ROOT


def test_the_statistic_is_welchs() -> None:
    """By hand: means 2 and 4, variances 1 and 4, so -2 / sqrt(1/3 + 4/3)."""
    assert pytest.approx(-1.549193, abs=1e-6) == welch([1.0, 2.0, 3.0], [2.0, 4.0, 6.0])
    assert 0.0 == welch([1.0, 1.0], [1.0, 1.0])
    assert float("inf") == welch([2.0, 2.0], [1.0, 1.0])


def test_a_small_shift_is_found_behind_rare_delays() -> None:
    """A machine that does other things delays a few; the crops leave them out."""
    base = [1000 + number % 50 for number in range(5000)]
    delays = [(number % 97 == 0) * 400_000 * (number % 7) for number in range(5000)]
    late = [ns + delay for ns, delay in zip(base, delays, strict=True)]
    shifted = [ns + 5 for ns in late]

    assert judge("shifted", shifted, late).differs
    assert not judge("again", late, late).differs


def test_it_judges_every_kind() -> None:
    """A kind that is let in, or forgotten, would make the figures mean nothing."""
    program = [sys.executable, str(ROOT / "tools" / "bench" / "key_timing.py"), "--measurements", "20"]
    done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=300)

    assert "" == done.stderr
    head, *lines = done.stdout.splitlines()
    assert f"|t| from {THRESHOLD}" in head
    assert ["again", "revoked", "expired", "checksum", "malformed"] == [line.split()[0] for line in lines]
    assert done.returncode == int("DIFFERS" in done.stdout)
