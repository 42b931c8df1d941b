"""The demo world is real to git, the same each time, and holds what the tools must show."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from dulwich.objects import ObjectID

from aegis_trio.demo_forge.areas.meta import MAX_BLOB_BYTES
from aegis_trio.demo_forge.demo_sources import sea_map
from aegis_trio.demo_forge.demo_world import BOT_SCOPES, build_demo_world
from aegis_trio.demo_forge.git_history import find_entry
from aegis_trio.demo_forge.git_store import GitStore
from aegis_trio.demo_forge.permissions import repositories_of, rights_of
from aegis_trio.demo_forge.world import World


def write_out(git: GitStore, folder: Path, program: str) -> None:
    """Write all objects and refs into a bare repository, and check each id."""
    subprocess.run([program, "init", "-q", "--bare", "-b", "main", str(folder)], check=True)
    for sha in git.shas():
        found = git.objects[ObjectID(sha.encode())]
        written = (
            subprocess.run(
                [
                    program,
                    "-C",
                    str(folder),
                    "hash-object",
                    "-w",
                    "-t",
                    found.type_name.decode(),
                    "--stdin",
                    "--literally",
                ],
                input=found.as_raw_string(),
                capture_output=True,
                check=True,
            )
            .stdout.decode()
            .strip()
        )
        assert sha == written
    for name, sha in git.refs.items():
        subprocess.run([program, "-C", str(folder), "update-ref", name, sha], check=True)


def test_git_itself_finds_nothing_wrong(tmp_path: Path, require_program: Callable[[str], str]) -> None:
    """Every id is the one that git computes, trees are in its order, and nothing is missing."""
    program = require_program("git")
    for repository in build_demo_world().repositories.values():
        folder = tmp_path / repository.name
        write_out(repository.git, folder, program)
        checked = subprocess.run(
            [program, "-C", str(folder), "fsck", "--strict", "--full"], capture_output=True, text=True, check=False
        )

        assert (0, "") == (checked.returncode, checked.stderr)


def test_two_worlds_are_equal_but_for_their_tokens() -> None:
    """A printed example stays true; a token of one run is worth nothing in the next."""
    one, other = build_demo_world(), build_demo_world()

    assert [r.git.refs for r in one.repositories.values()] == [r.git.refs for r in other.repositories.values()]
    assert one.accounts == other.accounts
    assert set() == set(one.tokens.values()) & set(other.tokens.values())
    assert {"bot", "alice", "bob", "carol", "admin"} == set(one.tokens)


def _names(world: World, label: str) -> list[str]:
    token = world.token(world.tokens[label])
    assert token is not None
    return [world.full_name(r) for r in repositories_of(world, world.accounts[token.account_id])]


def test_people_see_what_is_theirs() -> None:
    """The demo shows what the gate is about: the same question, other answers."""
    world = build_demo_world()

    assert ["tidewater/harbor", "tidewater/website", "bob/tide-tables"] == _names(world, "bot")
    assert ["tidewater/harbor", "tidewater/website", "tidewater/payroll", "alice/notes"] == _names(world, "alice")
    assert ["tidewater/harbor", "tidewater/website", "bob/tide-tables", "bob/pilot-log"] == _names(world, "bob")


@pytest.mark.parametrize("name", ["alice/notes", "bob/pilot-log", "tidewater/payroll"])
def test_what_is_private_to_people_does_not_exist_for_the_bot(name: str) -> None:
    """The demo's newcomer tries it at once: not listed is not enough."""
    world = build_demo_world()
    token = world.token(world.bot_token)
    (repository,) = (one for one in world.repositories.values() if world.full_name(one) == name)

    assert token is not None
    assert not rights_of(world, world.accounts[token.account_id], repository).any()


def test_the_bot_may_read_and_is_no_administrator() -> None:
    """The demo must not show people to run the gate with too much."""
    world = build_demo_world()
    token = world.token(world.bot_token)

    assert token is not None
    assert frozenset(BOT_SCOPES) == token.scopes
    assert not world.accounts[token.account_id].is_admin


@pytest.mark.parametrize(
    ("path", "least", "most"),
    [
        ("docs/übersicht-泊位.md", 1, 10_000),
        ("docs/map.png", 50, 10_000),
        ("data/soundings-2025.csv", 1_000_001, MAX_BLOB_BYTES),
        ("data/soundings-archive.csv", MAX_BLOB_BYTES + 1, 20_000_000),
    ],
)
def test_the_main_repository_holds_what_tools_stumble_over(path: str, least: int, most: int) -> None:
    """A name that is not ASCII, a binary file, one that is long, and one that Gitea leaves out."""
    git = build_demo_world().repositories[1].git
    size = git.size(find_entry(git, git.refs["refs/heads/main"], path).sha)

    assert least <= size <= most


def test_the_picture_is_a_png() -> None:
    """The tool that says `binary` must see one."""
    assert sea_map().startswith(b"\x89PNG\r\n\x1a\n")
    assert sea_map().endswith(b"IEND\xaeB`\x82")
