"""The demo world: a harbour office with three people, a bot and seven repositories; small, and believable.

Law: but for the tokens, which are new each time, two worlds are equal to the last byte, ids of commits included.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from aegis_trio.demo_forge import demo_sources as sources
from aegis_trio.demo_forge.demo_builds import add_demo_builds
from aegis_trio.demo_forge.demo_discussions import add_demo_discussions
from aegis_trio.demo_forge.demo_inbox import add_demo_inbox
from aegis_trio.demo_forge.demo_issues import add_demo_issues
from aegis_trio.demo_forge.demo_publications import add_demo_publications
from aegis_trio.demo_forge.git_store import GitStore, Signature
from aegis_trio.demo_forge.world import Access, Account, Repository, Team, Unit, World

_FOUNDED: Final = datetime(2025, 3, 3, 9, 0, tzinfo=UTC)
BOT_SCOPES: Final = ("read:repository", "read:issue", "read:user", "read:organization")
_SOUNDING_LINES: Final = 48_000  # about 1.6 MB: more than one reply can carry
_ARCHIVE_COPIES: Final = 8  # about 13 MB: above the 10 MiB at which Gitea leaves contents out

# Two people who can sign in with a browser; whoever reaches the demo forge may be either of them.
PASSWORDS: Final = {"alice": "low tide at alice's", "bob": "high tide at bob's"}

_ALICE: Final = ("Alice Archer", "alice@tidewater.example")
_BOB: Final = ("Bob Brewer", "bob@tidewater.example")


def build_demo_world() -> World:
    """Return a new demo world; its tokens are `bot`, `alice`, `bob`, `carol` and `admin`."""
    world = World(title="Port of Tidewater")
    admin = world.add_account(_person(1, "harbourmaster", "Harbour Master", is_admin=True))
    alice = world.add_account(_person(2, "alice", _ALICE[0]))
    bob = world.add_account(_person(3, "bob", _BOB[0]))
    carol = world.add_account(_person(4, "carol", "Carol Cho"))
    bot = world.add_account(_person(5, "mcp-bot", ""))
    bot.is_bot = True
    port = world.add_account(
        Account(
            id=6,
            login="tidewater",
            full_name="Port of Tidewater",
            email="office@tidewater.example",
            is_organisation=True,
            is_active=False,
            description="Berths, tides and pilots",
            created=_FOUNDED,
        )
    )
    _add_repositories(world, port, alice, bob, bot)
    add_demo_issues(world)
    add_demo_discussions(world)
    add_demo_builds(world)
    add_demo_publications(world)
    add_demo_inbox(world)
    everything = dict.fromkeys(Unit, Access.WRITE)
    reading = dict.fromkeys(Unit, Access.READ)
    world.teams += [
        Team(id=1, name="Owners", organisation_id=port.id, members={alice.id}, owners=True),
        Team(id=2, name="crew", organisation_id=port.id, members={bob.id}, units=everything, repository_ids={1, 2}),
        Team(id=3, name="readers", organisation_id=port.id, units=reading, repository_ids={1, 2}),
    ]
    world.team(3).members = {carol.id, bot.id}
    alice.stars = {1, 5}
    bob.stars, bob.follows = {1}, {alice.id}
    world.add_token(bot, BOT_SCOPES, name="gate", label="bot")
    for account in (alice, bob, carol):
        world.add_token(account, {"all"}, name="assistant", label=account.login)
    world.add_token(admin, {"all"}, name="maintenance", label="admin")
    return world


def _person(number: int, login: str, full_name: str, *, is_admin: bool = False) -> Account:
    created = _FOUNDED + timedelta(hours=number)
    email = f"{login}@tidewater.example"
    return Account(
        id=number,
        login=login,
        full_name=full_name,
        email=email,
        password=PASSWORDS.get(login),
        is_admin=is_admin,
        created=created,
        last_login=created,
    )


def _add_repositories(world: World, port: Account, alice: Account, bob: Account, bot: Account) -> None:
    world.add_repository(
        _repository(
            1,
            port,
            "harbor",
            _harbor(),
            description="Berth planning of the port",
            private=True,
            language="Python",
            topics=("berths", "planning", "python"),
            watchers={alice.id, bob.id},
        )
    )
    world.add_repository(
        _repository(
            2,
            port,
            "website",
            _single("Front page", _ALICE, {"index.html": sources.WEBSITE_INDEX}),
            description="The public face of the port",
            language="HTML",
            watchers={alice.id},
        )
    )
    world.add_repository(
        _repository(
            3,
            port,
            "payroll",
            _single("Wages of March", _ALICE, {"2025-03.csv": "name,hours\nBob Brewer,152\n"}),
            description="Wages; owners only",
            private=True,
            watchers={alice.id},
        )
    )
    world.add_repository(
        _repository(
            4,
            alice,
            "notes",
            _single("Notes", _ALICE, {"README.md": "# Notes\n", "ideas.md": "- a second pilot boat\n"}),
            description="Alice's own notes",
            private=True,
            watchers={alice.id},
        )
    )
    tables = world.add_repository(
        _repository(
            5,
            bob,
            "tides",
            _single(
                "Tables by formula",
                _BOB,
                {
                    "README.md": "# tide-tables\n\nPrints the water of a day.\n",
                    "main.go": sources.TIDE_TABLE_TOOL,
                    "go.mod": "module tide-tables\n\ngo 1.22\n",
                },
            ),
            description="Tide tables by formula",
            language="Go",
            watchers={bob.id},
        )
    )
    world.rename_repository(tables, "tide-tables")
    tables.collaborators[bot.id] = Access.READ
    copy = world.add_repository(
        _repository(
            7,
            world.accounts[4],
            "tide-tables",
            _single("Tables by formula", _BOB, {"README.md": "# tide-tables\n\nPrints the water of a day.\n"}),
            description="Tide tables by formula",
            watchers={4},
        )
    )
    copy.fork_of = tables.id
    old = world.add_repository(
        _repository(
            6,
            bob,
            "pilot-log",
            _single("Log of 2019", _BOB, {"log.txt": "2019-11-02 Borea in, 06:40\n"}),
            description="Closed; kept for the record",
            private=True,
            watchers={bob.id},
        )
    )
    old.archived_at = _FOUNDED + timedelta(days=2)


def _repository(
    number: int,
    owner: Account,
    name: str,
    git: GitStore,
    *,
    description: str,
    private: bool = False,
    language: str = "",
    topics: tuple[str, ...] = (),
    watchers: set[int],
) -> Repository:
    made = _FOUNDED + timedelta(days=number)
    return Repository(
        id=number,
        owner_id=owner.id,
        name=name,
        git=git,
        description=description,
        private=private,
        language=language,
        topics=topics,
        watchers=watchers,
        size_kib=sum(map(git.size, git.shas())) // 1024,
        created=made,
        updated=made,
    )


def _single(message: str, author: tuple[str, str], files: Mapping[str, str]) -> GitStore:
    git = GitStore()
    _commit(git, day=1, author=author, message=message, changes={path: text.encode() for path, text in files.items()})
    return git


def _commit(
    git: GitStore,
    *,
    day: int,
    author: tuple[str, str],
    message: str,
    changes: Mapping[str, bytes | None],
    branch: str = "main",
) -> None:
    when = _FOUNDED + timedelta(days=day, minutes=17 * day)
    made_by = Signature(name=author[0], email=author[1], when=when)
    git.write_commit(branch=branch, changes=changes, author=made_by, message=f"{message}\n")


def _harbor() -> GitStore:
    git = GitStore()
    _commit(
        git,
        day=1,
        author=_ALICE,
        message="Start the planner",
        changes={
            "README.md": b"# harbor\n",
            "pyproject.toml": sources.PYPROJECT.encode(),
            "src/harbor/__init__.py": b"",
            "src/harbor/planner.py": sources.PLANNER.encode(),
        },
    )
    _commit(
        git,
        day=4,
        author=_BOB,
        message="Read the tide tables",
        changes={
            "src/harbor/tides.py": sources.TIDES.encode(),
            "tests/test_planner.py": sources.TEST_PLANNER.encode(),
        },
    )
    _commit(
        git,
        day=9,
        author=_ALICE,
        message="Why the shortest berth wins",
        changes={
            "docs/decisions/0001-shortest-berth.md": sources.DECISION.encode(),
            "docs/übersicht-泊位.md": sources.OVERVIEW.encode(),
            "docs/map.png": sources.sea_map(),
        },
    )
    soundings = sources.soundings(_SOUNDING_LINES)
    _commit(
        git,
        day=12,
        author=_BOB,
        message="Soundings of the year, and the archive",
        changes={
            "data/soundings-2025.csv": soundings,
            "data/soundings-archive.csv": soundings * _ARCHIVE_COPIES,
            "docs/night-watch.md": sources.STRANGERS_NOTE.encode(),
        },
    )
    git.refs["refs/tags/v2.0.0"] = git.refs["refs/heads/main"]
    _commit(
        git,
        day=15,
        author=_ALICE,
        message="HTTP API and checks",
        changes={
            "README.md": sources.HARBOR_README.encode(),
            "src/harbor/api.py": sources.API.encode(),
            ".gitea/workflows/test.yaml": sources.WORKFLOW.encode(),
        },
    )
    git.refs["refs/heads/feature/grace-period"] = git.refs["refs/heads/main"]
    _commit(
        git,
        day=18,
        author=_BOB,
        message="A grace period for late ships",
        branch="feature/grace-period",
        changes={
            "src/harbor/planner.py": sources.PLANNER.replace(
                "return now > leaves", "return now - leaves > GRACE"
            ).encode(),
        },
    )
    git.refs["refs/heads/feature/spring-tides"] = git.refs["refs/heads/feature/grace-period"]
    _commit(
        git,
        day=19,
        author=_BOB,
        message="Spring tides from the tables",
        branch="feature/spring-tides",
        changes={"src/harbor/spring.py": sources.SPRING_TIDES.encode()},
    )
    return git
