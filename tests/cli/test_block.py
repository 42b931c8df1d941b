"""`block` gives orders, shows who is blocked, and refuses what the gate would refuse."""

from __future__ import annotations

import stat
from collections.abc import Generator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path
from threading import Event, Thread
from typing import cast

import pytest
import structlog
import trio

from aegis_trio.audit.entry import AuditEntry
from aegis_trio.audit.trail import AuditTrail
from aegis_trio.cli import block
from aegis_trio.limits.blocklist import Blocklist
from aegis_trio.limits.settings import BlockSettings
from aegis_trio.limits.sources import source_of
from aegis_trio.model.clock import SetClock
from aegis_trio.supervisor.blocking import BlockKeeper
from tests.cli.places import KEY, NOW_NS, json_of, run


@pytest.fixture
def path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set what the command needs; return where the orders go."""
    (folder / ".env").write_text(
        f"GITEA_URL=https://git.example.com\nGITEA_TOKEN={'a' * 40}\nMCP_API_KEYS={KEY}\n"
        f"AUDIT_LOG_PATH={folder / 'audit.log'}\nTRUSTED_PROXIES=172.18.0.0/16\n"
    )
    (folder / ".env").chmod(0o600)
    monkeypatch.setattr(block, "PATIENCE_S", 0.3)
    return folder / "blocks.sqlite3"


class _Trail:
    def __init__(self) -> None:
        self.kinds: list[object] = []

    async def append(self, entry: AuditEntry) -> int:
        await trio.lowlevel.checkpoint()
        self.kinds.append(entry.fields["kind"])
        return 1


@contextmanager
def gate(path: Path, blocks: Blocklist, trail: _Trail, monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Run the keeper of a gate, in a thread of its own, as the command runs beside it."""
    monkeypatch.setattr(block, "PATIENCE_S", 60.0)
    running: list[tuple[trio.lowlevel.TrioToken, trio.CancelScope]] = []
    started = Event()

    async def serve() -> None:
        keeper = BlockKeeper(
            blocks,
            BlockSettings(path=path, keeps=False),
            cast("AuditTrail", trail),
            SetClock(NOW_NS),
            now_s=lambda: 1000.0,
        )
        async with trio.open_nursery() as nursery:
            await nursery.start(keeper.run)
            running.append((trio.lowlevel.current_trio_token(), nursery.cancel_scope))
            started.set()

    thread = Thread(target=trio.run, args=(serve,))
    thread.start()
    started.wait(timeout=60)
    token, scope = running[0]
    try:
        yield
    finally:
        token.run_sync_soon(scope.cancel)
        thread.join()


def test_orders_work_with_a_gate_that_runs(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Block, look, unblock: from a process that knows nothing but the file."""
    blocks, trail = Blocklist(300, clock_s=lambda: 1000.0), _Trail()
    blocks.block(source_of("192.0.2.1"))
    with structlog.testing.capture_logs(), gate(path, blocks, trail, monkeypatch):
        assert 0 == run("block", "add", "203.0.113.0/24", "--for", "1h", "--note", "scan")
        assert "Blocked 203.0.113.0/24.\n" == capsys.readouterr().out
        assert 3600 == blocks.operator_blocked_for_s("203.0.113.9")
        assert 0 == run("block", "list", "--json")
        found = json_of(capsys)
        assert found["gate_answered"]
        assert [("192.0.2.1", "failures", 300, ""), ("203.0.113.0/24", "operator", 3600, "scan")] == [
            (one["address"], one["cause"], one["seconds_left"], one["note"]) for one in found["blocks"]
        ]
        assert 0 == run("block", "remove", "203.0.113.0/24", "--json")
        done = {"action": "remove", "network": "203.0.113.0/24", "until": None, "done": True, "still_blocked_by": []}
        assert done == json_of(capsys)
        assert 0 == run("block", "list")
        assert ["192.0.2.1", "failures", "300", "s", "left"] == capsys.readouterr().out.split()
    assert blocks.operator_blocked_for_s("203.0.113.9") is None
    assert ["address_blocked", "address_unblocked"] == trail.kinds


def test_an_address_that_a_wider_block_holds_is_not_called_unblocked(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads "Unblocked" tells somebody that he may come in."""
    blocks = Blocklist(300, clock_s=lambda: 1000.0)
    with structlog.testing.capture_logs(), gate(path, blocks, _Trail(), monkeypatch):
        for network in ("10.0.0.0/8", "10.1.2.3", "2001:db8::/32"):
            assert 0 == run("block", "add", network)
        capsys.readouterr()
        assert 1 == run("block", "remove", "10.1.2.3")
        assert capsys.readouterr().out.startswith("10.1.2.3/32 is STILL BLOCKED, by 10.0.0.0/8: ")
        assert 1 == run("block", "remove", "2001:db8::5", "--json")
        assert ["2001:db8::/32"] == json_of(capsys)["still_blocked_by"]
        assert 0 == run("block", "remove", "::ffff:10.0.0.0/104")
        assert "Unblocked 10.0.0.0/8.\n" == capsys.readouterr().out
    assert blocks.operator_blocked_for_s("10.1.2.3") is None
    assert blocks.operator_blocked_for_s("2001:db8::5") is not None


def test_without_a_gate_the_order_waits_and_the_command_says_so(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody must believe that an address is blocked while no gate has heard of it."""
    assert 0 == run("block", "add", "2001:db8::/32")
    assert capsys.readouterr().out.startswith("No gate has done this yet")
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert 0 == run("block", "list")
    assert "Nobody is blocked.\nNo gate answered: this is what is kept for its next start.\n" == capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add", "172.18.0.2"), "trusted proxies 172.18.0.0/16"),
        (("add", "0.0.0.0/0"), "is everybody"),
        (("add", "::ffff:0:0/96"), "is everybody"),
        (("add", "example.com"), "not an address or network"),
        (("remove", "999.1.1.1"), "not an address or network"),
        (("add", "203.0.113.1", "--for", "soon"), "--for"),
        (("add", "203.0.113.1", "--for", "0"), "--for"),
        (("add", "203.0.113.1", "--for", "99999d"), "--for"),
        (("add", "203.0.113.1", "--note", "x" * 201), "--note"),
        (("add", "203.0.113.1", "--note", "a\nb"), "--note"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(
    path: Path, arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nothing is written."""
    assert 64 == run("block", *arguments)
    assert words in capsys.readouterr().err
    assert not path.exists()


def test_a_network_is_taken_in_any_spelling() -> None:
    """Bits behind the prefix are the operator's carelessness, not another network."""
    assert ip_network("203.0.113.0/24") == block._parse_network(" 203.0.113.77/24 ")
