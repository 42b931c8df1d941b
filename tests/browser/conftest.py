"""A real browser, Debian's chromium, before a real gate: one process of each for a file of tests.

Laws:
    1. The driver brings no browser, and its thread runs no Trio: gate and forge have their own (site.py).
    2. A person's browser is a context: what one knows, another does not.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.browsing import SCREENSHOTS, Window, open_window
from tests.browser.listeners import Listener, open_listener
from tests.browser.site import Site, open_site
from tests.programs import require_program

PATIENCE_MS = 120_000  # on a slow, shared machine
# Names for attackers and for a gate with a certificate; nothing leaves this machine.
_ARGUMENTS = ("--host-resolver-rules=MAP *.example 127.0.0.1", "--disable-dev-shm-usage")


@pytest.fixture(scope="module")
def chromium_arguments() -> tuple[str, ...]:
    """Give more arguments for the browser; a file may have its own."""
    return ()


@pytest.fixture(scope="module")
def chromium(chromium_arguments: tuple[str, ...]) -> Iterator[Browser]:
    """Give the browser."""
    path = require_program("chromium")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver:
        # No sandbox: CI runs as root, and every page is ours.
        browser = driver.chromium.launch(
            executable_path=path, chromium_sandbox=False, args=[*_ARGUMENTS, *chromium_arguments]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give gate and forge."""
    with open_site(tmp_path_factory.mktemp("site")) as opened:
        yield opened


@pytest.fixture
def client() -> Iterator[Listener]:
    """Give a client's server on loopback."""
    with open_listener() as opened:
        yield opened


@pytest.fixture
def attacker() -> Iterator[Listener]:
    """Give an attacker's server."""
    with open_listener() as opened:
        yield opened


@pytest.fixture
def person(chromium: Browser) -> Iterator[Callable[..., Window]]:
    """Give a function that sits a new person before a fresh browser."""
    with contextlib.ExitStack() as stack:

        def sit(**choices: Any) -> Window:
            context = chromium.new_context(**choices)
            context.set_default_timeout(PATIENCE_MS)
            stack.callback(context.close)
            return open_window(context)

        yield sit
