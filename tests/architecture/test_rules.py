"""Every rule of the house finds what it forbids, and lets pass what it allows."""

from __future__ import annotations

from textwrap import dedent

import pytest

from tests.architecture import rules

FORBIDDEN = {
    "no docstring": (rules.is_described, "aegis_trio.web.x", "x = 1"),
    "too long": (rules.is_small, "aegis_trio.web.x", "x = 1\n" * (rules.MAX_LINES + 1)),
    "utils": (rules.is_named, "aegis_trio.web.utils", ""),
    "a word among others": (rules.is_named, "aegis_trio.web.session_manager", ""),
    "time.time": (rules.asks_the_clock, "aegis_trio.web.x", "import time\nnow = time.time()"),
    "time under another name": (rules.asks_the_clock, "aegis_trio.web.x", "from time import time_ns as n\nx = n()"),
    "handed on as a function": (rules.asks_the_clock, "aegis_trio.web.x", "import time\nclock(time.time)"),
    "datetime.now": (rules.asks_the_clock, "aegis_trio.x", "from datetime import datetime as d\nd.now()"),
    "utcnow": (rules.asks_the_clock, "aegis_trio.x", "import datetime\ndatetime.datetime.utcnow()"),
    "except Exception": (rules.contains_only_where_named, "aegis_trio.x", "try: f()\nexcept Exception: pass"),
    "bare except": (rules.contains_only_where_named, "aegis_trio.x", "try: f()\nexcept: pass"),
    "BaseException among others": (
        rules.contains_only_where_named,
        "aegis_trio.x",
        "try: f()\nexcept (ValueError, BaseException): pass",
    ),
    "except* Exception": (rules.contains_only_where_named, "aegis_trio.x", "try: f()\nexcept* Exception: pass"),
    "kept nursery": (rules.keeps_nurseries_local, "aegis_trio.x", "class A:\n def f(self): self.n = nursery"),
    "nursery field": (rules.keeps_nurseries_local, "aegis_trio.x", "class A:\n n: trio.Nursery"),
    "nursery argument": (rules.keeps_nurseries_local, "aegis_trio.x", "def f(nursery): ..."),
    "typed nursery argument": (rules.keeps_nurseries_local, "aegis_trio.x", "def f(*, n: 'trio.Nursery | None'): ..."),
    "nursery passed on": (rules.keeps_nurseries_local, "aegis_trio.x", "f(1, nursery)"),
    "open": (rules.opens_only_its_own, "aegis_trio.web.x", "open('x')"),
    "os.open": (rules.opens_only_its_own, "aegis_trio.toolsets.x", "import os\nos.open('x', 0)"),
    "os.open under another name": (rules.opens_only_its_own, "aegis_trio.web.x", "from os import open as o\no('x', 0)"),
    "Path.read_text": (rules.opens_only_its_own, "aegis_trio.gitea.x", "p.read_text()"),
    "shutil": (rules.opens_only_its_own, "aegis_trio.gitea.x", "import shutil\nshutil.rmtree('x')"),
    "an archive by its name": (
        rules.opens_only_its_own,
        "aegis_trio.gitea.x",
        "import tarfile\ntarfile.open('x', fileobj=y)",
    ),
    "a name from outside": (rules.opens_only_its_own, "aegis_trio.audit.x", "open(folder / raw_path)"),
    "a namesake of an allowed room": (rules.opens_only_its_own, "aegis_trio.auditor", "open('x')"),
}

ALLOWED = {
    "a docstring": (rules.is_described, "aegis_trio.web.x", '"""X: a room."""'),
    "an empty package": (rules.is_described, "aegis_trio.web", ""),
    "a long room with a reason": (
        rules.is_small,
        "aegis_trio.web.x",
        '"""X.\n\nRoom: one table."""\n' + "x = 1\n" * rules.MAX_LINES,
    ),
    "a room at the limit": (rules.is_small, "aegis_trio.web.x", "x = 1\n" * rules.MAX_LINES),
    "a word inside a word": (rules.is_named, "aegis_trio.web.commonmark", ""),
    "the clock itself": (rules.asks_the_clock, rules.CLOCK, "import time\ntime.time_ns()"),
    "durations": (rules.asks_the_clock, "aegis_trio.x", "import time, trio\ntime.monotonic()\ntrio.current_time()"),
    "somebody's own now": (rules.asks_the_clock, "aegis_trio.x", "clock.now()"),
    "contained": (
        rules.contains_only_where_named,
        "aegis_trio.x",
        "async def contained():\n try: f()\n except Exception: pass",
    ),
    "a named fault": (rules.contains_only_where_named, "aegis_trio.x", "try: f()\nexcept OSError: pass"),
    "the process's edge": (rules.contains_only_where_named, "aegis_trio.__main__", "try: f()\nexcept Exception: pass"),
    "a local nursery": (
        rules.keeps_nurseries_local,
        "aegis_trio.x",
        "async def f():\n async with trio.open_nursery() as nursery: nursery.start_soon(g, nursery.cancel_scope)",
    ),
    "the hub": (
        rules.keeps_nurseries_local,
        "aegis_trio.x",
        "class SessionHub:\n def f(self, nursery): self.n = nursery",
    ),
    "the audit log": (rules.opens_only_its_own, "aegis_trio.audit.files", "import os\nos.open(path, os.O_APPEND)"),
    "an archive from a stream": (
        rules.opens_only_its_own,
        "aegis_trio.gitea.x",
        "import tarfile\ntarfile.open(fileobj=stream, mode='r|')",
    ),
    "opening no file": (rules.opens_only_its_own, "aegis_trio.web.x", "webbrowser_like(open_tcp_stream('x'))"),
}


@pytest.mark.parametrize("case", FORBIDDEN)
def test_what_is_forbidden_is_found(case: str) -> None:
    """A rule that never finds anything would keep every room green."""
    rule, name, text = FORBIDDEN[case]

    assert 1 == len(rule(rules.parse_room(name, dedent(text))))


@pytest.mark.parametrize("case", ALLOWED)
def test_what_is_allowed_passes(case: str) -> None:
    """A rule that cries wolf gets its exceptions widened until it finds nothing."""
    rule, name, text = ALLOWED[case]

    assert [] == rule(rules.parse_room(name, dedent(text)))


def test_every_rule_has_both_examples() -> None:
    """A rule without a violation that it finds is a rule that nobody has seen work."""
    assert set(rules.RULES) == {rule for rule, _, _ in FORBIDDEN.values()}
    assert set(rules.RULES) == {rule for rule, _, _ in ALLOWED.values()}
