"""Keys change while the gate runs: within a second, never to something broken, and never half."""

from __future__ import annotations

import math
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
import structlog
import trio
from trio.testing import MockClock

from aegis_trio.audit.trail import AuditTrail
from aegis_trio.auth.authenticator import Authenticator
from aegis_trio.auth.key_ages import KeyAges
from aegis_trio.auth.keytext import DigestScheme, parse_key, pepper_id
from aegis_trio.auth.settings import AuthSettings
from aegis_trio.config.key_metadata import KeyMetadata, render_key_metadata
from aegis_trio.config.load import load_settings
from aegis_trio.config.settings import Settings
from aegis_trio.config.watched_files import Fingerprint, WatchedFiles
from aegis_trio.model.bounds import UNBOUNDED, KeyBounds
from aegis_trio.model.clock import NS_PER_S, SetClock
from aegis_trio.model.errors import Unauthenticated
from aegis_trio.model.identity import OwnerId
from aegis_trio.model.secret import Secret
from aegis_trio.supervisor.reloading import KeyReloader
from tests.auth.places import BODY, HERE, NOW_NS, OTHER, PEPPER, FakeTrail, bearer

if TYPE_CHECKING:
    from aegis_trio.supervisor.gate import Gate

PROMISE_S = 1.0


@dataclass
class _Hub:
    ended: set[OwnerId] = field(default_factory=set)
    announced: int = 0

    def end_sessions_of(self, owners: frozenset[OwnerId]) -> None:
        self.ended |= owners

    def announce_list(self, _name: object) -> None:
        self.announced += 1


@dataclass
class _Upstream:
    asked: list[str] = field(default_factory=list)
    tokens: dict[str, Secret] = field(default_factory=dict)

    def replace_tokens(self, tokens: dict[str, Secret]) -> None:
        self.tokens = tokens

    async def check(self) -> None:
        await trio.lowlevel.checkpoint()
        self.asked.append("now")

    def check_soon(self) -> None:
        self.asked.append("soon")


@dataclass
class _Gate:
    authenticator: Authenticator
    hub: _Hub = field(default_factory=_Hub)
    upstream: _Upstream = field(default_factory=_Upstream)
    key_ages: KeyAges = field(default_factory=lambda: KeyAges(AuthSettings(), SetClock(0)))


@dataclass
class Stage:
    """A folder with settings, and a gate that watches it."""

    folder: Path
    trail: FakeTrail
    gate: _Gate
    reloader: KeyReloader

    @property
    def rows(self) -> Path:
        """The keys' folder."""
        return self.folder / "keys"

    async def lets_in(self, key: str) -> bool:
        """Return whether *key* lets somebody in."""
        try:
            await self.gate.authenticator.authenticate(bearer(key), HERE)
        except Unauthenticated:
            return False
        return True


def put(path: Path, text: str) -> None:
    """Write *text* as careful programs do: whole, by a new file in the place of the old one."""
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(text)
    draft.chmod(0o600)
    draft.replace(path)


def put_row(folder: Path, key: str, *, digest: bool = False, bounds: KeyBounds = UNBOUNDED, **changes: int) -> None:
    """Write the row of *key*; with its digest it is a key of its own."""
    text = parse_key(key)
    assert text is not None
    row = KeyMetadata(
        kid=text.kid,
        hint=text.hint,
        created_ns=None,
        expires_ns=changes.get("expires_ns"),
        revoked_ns=changes.get("revoked_ns"),
        digest=text.digest(DigestScheme.HMAC, PEPPER) if digest else None,
        pepper=pepper_id(PEPPER) if digest else None,
        bounds=bounds,
    )
    put(folder / f"{text.kid}.json", render_key_metadata(row).decode())


def env(folder: Path, *keys: str, more: str = "") -> str:
    """Return a settings file."""
    return (
        f"GITEA_URL=https://git.example.com\nGITEA_TOKEN=abcdef0123\nMCP_API_KEYS={','.join(keys)}\n"
        f"AEGIS_KEY_PEPPER={PEPPER.reveal()}\nKEYS_DIR={folder / 'keys'}\n{more}"
    )


@asynccontextmanager
async def _open_stage(folder: Path, text: str | None = None) -> AsyncIterator[Stage]:
    (folder / "keys").mkdir(exist_ok=True)
    env_file = folder / "gate.env"
    put(env_file, env(folder, BODY) if text is None else text)
    settings = load_settings({}, env_file)
    trail = FakeTrail()
    gate = _Gate(Authenticator(settings.auth, audit=trail, clock=SetClock(NOW_NS)))

    async def load() -> Settings:
        await trio.lowlevel.checkpoint()
        return load_settings({}, env_file)

    async def look(watched: WatchedFiles) -> Fingerprint:
        await trio.lowlevel.checkpoint()
        return watched.fingerprint()

    reloader = KeyReloader(cast("Gate", gate), settings, audit=cast("AuditTrail", trail), load=load, look=look)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(reloader.run)
        await trio.sleep(2 * PROMISE_S)
        yield Stage(folder, trail, gate, reloader)
        nursery.cancel_scope.cancel()


async def test_a_removed_key_ends_within_a_second_and_a_new_one_works(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """Nobody has to restart or signal; Gitea is asked about the tokens without being waited for."""
    async with _open_stage(tmp_path) as stage:
        assert await stage.lets_in(BODY)
        put(tmp_path / "gate.env", env(tmp_path, OTHER))
        await trio.sleep(PROMISE_S)
        assert (False, True) == (await stage.lets_in(BODY), await stage.lets_in(OTHER))
        text = parse_key(BODY)
        assert text is not None
        assert {OwnerId(text.principal_id)} == stage.gate.hub.ended
        assert ["soon"] == stage.gate.upstream.asked
        assert [{"keys": 1, "ended": 1, "ended_principals": [text.principal_id]}] == stage.trail.named("keys_reloaded")


async def test_a_mounted_folder_may_be_exchanged_by_its_link(tmp_path: Path, autojump_clock: MockClock) -> None:
    """As Kubernetes does: `keys.txt` → `..data/keys.txt`, and `..data` is pointed at another folder."""
    mount = tmp_path / "mount"
    for name, key in (("..1", BODY), ("..2", OTHER)):
        (mount / name).mkdir(parents=True)
        (mount / name / "keys.txt").write_text(f"{key}\n")
        (mount / name / "keys.txt").chmod(0o600)
    (mount / "..data").symlink_to("..1")
    (mount / "keys.txt").symlink_to("..data/keys.txt")
    text = env(tmp_path).replace("MCP_API_KEYS=\n", f"MCP_API_KEYS_FILE={mount / 'keys.txt'}\n")
    async with _open_stage(tmp_path, text) as stage:
        assert await stage.lets_in(BODY)
        (mount / "..next").symlink_to("..2")
        (mount / "..next").replace(mount / "..data")
        await trio.sleep(PROMISE_S)
        assert (False, True) == (await stage.lets_in(BODY), await stage.lets_in(OTHER))


async def test_a_row_makes_bounds_revokes_and_removes_a_key(tmp_path: Path, autojump_clock: MockClock) -> None:
    """A key that stands in the store needs no entry, and a row revokes also what the environment names."""
    async with _open_stage(tmp_path) as stage:
        put_row(stage.rows, OTHER, digest=True)
        await trio.sleep(PROMISE_S)
        assert await stage.lets_in(OTHER)
        put_row(stage.rows, OTHER, digest=True, bounds=KeyBounds(tools=("get_me",)))
        await trio.sleep(PROMISE_S)
        assert ("get_me",) == (await stage.gate.authenticator.authenticate(bearer(OTHER), HERE)).principal.bounds.tools
        put_row(stage.rows, OTHER, digest=True, expires_ns=NOW_NS + 60 * NS_PER_S)
        put_row(stage.rows, BODY, revoked_ns=NOW_NS)
        await trio.sleep(PROMISE_S)
        assert 1 == len(stage.gate.key_ages.expiring(math.inf)), "metrics and alerts know the row too"
        assert (False, True) == (await stage.lets_in(BODY), await stage.lets_in(OTHER))
        for row in stage.rows.glob("*.json"):
            row.unlink()
        await trio.sleep(PROMISE_S)
        assert (True, False) == (await stage.lets_in(BODY), await stage.lets_in(OTHER))


@pytest.mark.parametrize("broken", ["MCP_API_KEYS=canary-too-short\n", "MCP_API_KEYS=\n", "\x00=\n", None])
async def test_a_broken_file_keeps_the_last_good_keys(
    tmp_path: Path, autojump_clock: MockClock, broken: str | None
) -> None:
    """Said once in the log and for as long as it lasts in the operator's readiness, without a secret."""
    path = tmp_path / "gate.env"
    async with _open_stage(tmp_path) as stage:
        assert None is stage.reloader.trouble()
        with structlog.testing.capture_logs() as said:
            if broken is None:
                path.unlink()
            else:
                put(path, broken)
            await trio.sleep(10 * PROMISE_S)
        assert await stage.lets_in(BODY)
        refused = [line for line in said if line["event"] == "reload_refused"]
        assert refused
        assert len(refused) == len({line["detail"] for line in refused})
        trouble = stage.reloader.trouble()
        assert trouble is not None
        assert "configuration_faulty" == trouble.code
        assert "canary" not in f"{trouble.detail}{said}"
        put(path, env(tmp_path, BODY, OTHER))
        await trio.sleep(PROMISE_S)
        assert None is stage.reloader.trouble()
        assert (True, True) == (await stage.lets_in(BODY), await stage.lets_in(OTHER))


async def test_a_file_that_is_being_written_is_not_taken_over(tmp_path: Path, autojump_clock: MockClock) -> None:
    """Half of it holds half of the keys: whoever is in the other half would be thrown out for a moment."""
    path = tmp_path / "gate.env"
    async with _open_stage(tmp_path, env(tmp_path, BODY, OTHER)) as stage:
        for number in range(20):
            with path.open("w" if number == 0 else "a") as file:
                file.write(env(tmp_path, OTHER) if number == 0 else "#\n")
            await trio.sleep(0.2)
            assert await stage.lets_in(BODY)
        await trio.sleep(PROMISE_S)
        assert not await stage.lets_in(BODY)


async def test_a_file_that_says_the_same_changes_nothing(tmp_path: Path, autojump_clock: MockClock) -> None:
    """Backups and editors touch files; clients must not be made to ask for their lists again."""
    async with _open_stage(tmp_path) as stage:
        put(tmp_path / "gate.env", env(tmp_path, BODY, more="# a comment\n"))
        os.utime(tmp_path / "gate.env")
        await trio.sleep(5 * PROMISE_S)
        assert (0, []) == (stage.gate.hub.announced, stage.gate.upstream.asked)
        assert [] == stage.trail.named("keys_reloaded")


async def test_what_waits_for_a_restart_is_said(tmp_path: Path, autojump_clock: MockClock) -> None:
    """An operator who changed more than keys would believe that it counts."""
    path = tmp_path / "gate.env"
    async with _open_stage(tmp_path) as stage:
        put(path, env(tmp_path, OTHER, more="PORT=9999\n"))
        await trio.sleep(PROMISE_S)
        trouble = stage.reloader.trouble()
        assert trouble is not None
        assert ("restart_needed", True) == (trouble.code, "web" in trouble.detail)
        assert await stage.lets_in(OTHER)
        put(path, env(tmp_path, OTHER))
        await trio.sleep(PROMISE_S)
        assert None is stage.reloader.trouble()


async def test_a_key_ends_though_the_log_cannot_be_written(tmp_path: Path, autojump_clock: MockClock) -> None:
    """A full disk must not keep a stolen key alive."""
    async with _open_stage(tmp_path) as stage:
        stage.trail.full = True
        put(tmp_path / "gate.env", env(tmp_path, OTHER))
        await trio.sleep(PROMISE_S)
        stage.trail.full = False
        assert stage.gate.hub.ended
        assert not await stage.lets_in(BODY)


async def test_a_signal_reads_at_once_and_asks_gitea(tmp_path: Path, autojump_clock: MockClock) -> None:
    """It is waited for, and announces the lists also when nothing changed."""
    async with _open_stage(tmp_path) as stage:
        await stage.reloader.reload()
        assert ["now"] == stage.gate.upstream.asked
        assert stage.gate.hub.announced
        put(tmp_path / "gate.env", "MCP_API_KEYS=short\n")
        await stage.reloader.reload()
        assert (["now"], True) == (stage.gate.upstream.asked, stage.reloader.trouble() is not None)


async def test_where_nothing_is_taken_over_nothing_is_watched(tmp_path: Path) -> None:
    """The demo has no files."""

    async def look(_watched: WatchedFiles) -> Fingerprint:
        raise AssertionError("nothing is to be looked at")

    settings = load_settings({}, _written(tmp_path))
    nobody = cast("Gate", None)
    reloader = KeyReloader(nobody, settings, audit=cast("AuditTrail", FakeTrail()), load=None, look=look)
    await reloader.run()
    await reloader.reload()
    assert None is reloader.trouble()


def _written(folder: Path) -> Path:
    put(folder / "gate.env", env(folder, BODY))
    (folder / "keys").mkdir()
    return folder / "gate.env"
