"""A gate whose hub runs.

pytest-trio takes its clock from the arguments of the test itself, so every test here asks for `autojump_clock`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import trio

from aegis_trio.transports.settings import SessionSettings
from tests.transports.harness import Gate

MakeGate = Callable[..., Any]


@pytest.fixture
def make_gate(nursery: trio.Nursery) -> MakeGate:
    """Give a function that builds a gate with changed settings and starts its hub."""

    async def make(**changes: Any) -> Gate:
        gate = Gate(nursery, replace(SessionSettings(), **changes))
        await nursery.start(gate.hub.run)
        return gate

    return make


@pytest.fixture
async def gate(make_gate: MakeGate) -> Gate:
    """Give a gate with the default settings."""
    built = await make_gate()
    assert isinstance(built, Gate)
    return built
