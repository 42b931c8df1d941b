"""The world of test_real_gitea.py in a Gitea that a test started: two people, their repositories, and their tokens."""

from __future__ import annotations

import secrets
import struct
import subprocess
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

from tests.gitea_server import GiteaServer, Resident

TOKEN_SCOPES: Final = ("read:repository", "read:user")
TWELVE_MB: Final = 12 * 1024 * 1024
LINES: Final = 300
ENTRIES: Final = 120
_LFS_POINTER: Final = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0a' * 32}\nsize 12345\n"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RealWorld:
    """Where it is, and the two people's personal access tokens."""

    url: str
    alice: str = field(repr=False)
    bob: str = field(repr=False)
    admin: str = field(default="", repr=False)
    """An administrator's token; empty where there is none."""


async def build_world(gitea: GiteaServer, workplace: Path) -> RealWorld:
    """Make `alice/secret`, `alice/new-name` and `bob/notes`.

    Args:
        gitea: one that nobody used.
        workplace: an empty folder.

    Raises:
        AssertionError: Gitea refuses a step.
    """
    alice, bob = await _add(gitea, "alice"), await _add(gitea, "bob")
    administrator = Resident(uid=1, login=gitea.admin, password=gitea.password)
    for owner, name, private in ((alice, "secret", True), (alice, "old-name", False), (bob, "notes", True)):
        await gitea.ask("POST", "/user/repos", {"name": name, "private": private}, who=owner, expected=201)
        folder = workplace / name
        folder.mkdir(parents=True)
        _write_files(folder, name)
        _push(folder, gitea.url, owner, name)
    await gitea.ask("PATCH", "/repos/alice/old-name", {"name": "new-name"}, who=alice)
    return RealWorld(
        url=gitea.url,
        alice=await gitea.add_token(alice, *TOKEN_SCOPES),
        bob=await gitea.add_token(bob, *TOKEN_SCOPES),
        admin=await gitea.add_token(administrator, *TOKEN_SCOPES),
    )


async def _add(gitea: GiteaServer, login: str) -> Resident:
    password = f"Aa1!{secrets.token_hex(12)}"
    wanted = {
        "username": login,
        "email": f"{login}@example.test",
        "password": password,
        "must_change_password": False,
    }
    made = await gitea.ask("POST", "/admin/users", wanted, expected=201)
    return Resident(uid=made["id"], login=login, password=password)


def _write_files(folder: Path, name: str) -> None:
    for made in ("src", "docs", "assets", "many"):
        (folder / made).mkdir()
    first = f'"""Example program: {LINES} lines exactly."""\n'
    (folder / "README.md").write_text(f"# {name}\n\nThis is {name}.\n", "utf-8")
    (folder / "src/main.py").write_text(first + "".join(f"line_{n} = {n}\n" for n in range(2, LINES + 1)), "utf-8")
    (folder / "image.png").write_bytes(_picture())
    (folder / "big.bin").write_bytes(b"\0" * TWELVE_MB)
    (folder / "docs/Übersicht-日本語.md").write_text("# Übersicht 日本語\n", "utf-8")
    (folder / "empty.txt").write_bytes(b"")
    (folder / "assets/model.lfs").write_text(_LFS_POINTER, "utf-8")
    for number in range(ENTRIES):
        (folder / f"many/entry-{number:03d}.txt").write_text(f"{number}\n", "utf-8")


def _picture() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0\xff\xff\xff"))
        + chunk(b"IEND", b"")
    )


def _push(folder: Path, url: str, owner: Resident, name: str) -> None:
    host = url.removeprefix("http://")
    target = f"http://{owner.login}:{owner.password.replace('!', '%21')}@{host}/{owner.login}/{name}.git"
    author = ("-c", f"user.name={owner.login}", "-c", f"user.email={owner.login}@example.test")
    _git(folder, "init", "-q", "-b", "main")
    _git(folder, "add", "-A")
    _git(folder, *author, "commit", "-q", "-m", "First")
    _git(folder, "tag", "v1.0")
    _git(folder, "checkout", "-q", "-b", "feature/x")
    (folder / "src/feature.py").write_text("def feature() -> None:\n    pass\n", "utf-8")
    _git(folder, "add", "-A")
    _git(folder, *author, "commit", "-q", "-m", "Feature")
    _git(folder, "push", "-q", target, "main", "feature/x", "v1.0")


def _git(folder: Path, *words: str) -> None:
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
    assert 0 == done.returncode, f"git {words[0]}: {done.stderr}"
