"""Rules that hold for every test: which sockets may be opened, and how much Hypothesis tries.

Laws:
    1. A test opens no network socket unless it is marked `sockets` (loopback only) or `e2e` (any).
    2. A system program that is missing skips a test on a developer's machine and fails it when `CI` is set.
    3. The same holds for the Node packages that `just test` installs, and plain pytest does not.
    4. Nothing of the developer's own settings reaches a test: variables that the product reads are unset.

Not here: fixtures of single rooms; they stand in the conftest.py beside the tests of that room.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

# Invariant: whatever subclasses socket.socket when it is first imported is imported before pytest-socket replaces
# that class, or the subclass would stay guarded for the rest of the run.
import httpx  # noqa: F401 -- imported for the effect described above
import hypercorn.trio  # noqa: F401 -- the same
import hypothesis
import pytest
import trio.socket  # noqa: F401 -- the same

from aegis_trio.config.table import known_names
from tests import programs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOOPBACK = ["127.0.0.0/8", "::1"]

# A slow, shared machine must not turn a property into a failure; CI tries the same examples every time.
hypothesis.settings.register_profile("developer", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "developer")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Translate our markers into those of pytest-socket."""
    for item in items:
        if item.get_closest_marker("e2e"):
            item.add_marker(pytest.mark.enable_socket)
        elif item.get_closest_marker("sockets"):
            item.add_marker(pytest.mark.allow_hosts(LOOPBACK))


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in known_names():
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(name="require_program")
def _require_program() -> Callable[[str], str]:
    """Give a function that returns the path of a system program, or skips (fails in CI) where it is missing."""
    return programs.require_program


@pytest.fixture
def node_packages() -> Path:
    """Give the folder of the Node packages, or skip (fail in CI) where they are not installed as their lock says."""
    return programs.require_node_packages()
