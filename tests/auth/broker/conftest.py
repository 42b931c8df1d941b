"""Fixtures of the broker's tests: one stage over each store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.auth.broker.stage import Stage, open_stage


@pytest.fixture(params=["memory", "sqlite"])
async def stage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stage]:
    """Give a stage over each store."""
    async with open_stage(str(request.param), tmp_path) as opened:
        yield opened


@pytest.fixture
async def quick() -> AsyncIterator[Stage]:
    """Give a stage over the store that forgets, where the kind of store does not matter."""
    async with open_stage() as opened:
        yield opened
