"""A place for a log, and the values that most tests of the trail start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from aegis_trio.audit.settings import AuditSettings
from aegis_trio.model.clock import SetClock

NOON_NS = 1_770_976_800_000_000_000  # 2026-02-13T10:00:00Z


@pytest.fixture
def clock() -> SetClock:
    """Stand at one moment, so that timestamps are known."""
    return SetClock(NOON_NS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a log in a folder that does not exist yet."""
    return tmp_path / "log" / "audit.log"


@pytest.fixture
def settings(path: Path) -> AuditSettings:
    """Put the trail there."""
    return AuditSettings(path=path)
