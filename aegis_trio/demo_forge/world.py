"""The world: everything that the forge holds, as plain values that tests may change while it serves.

Laws:
    1. Only facts are stored; what Gitea computes (counts, links, rights) is computed when it is asked for.
    2. Names are found without regard to case and keep their true spelling, as at Gitea.
    3. A token is found by its value and never written anywhere: no `repr` shows it.

Not here: who may see what (permissions.py) and how a value becomes JSON (areas/*).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import Final, final

from aegis_trio.demo_forge.builds import Builds
from aegis_trio.demo_forge.faults import Faults
from aegis_trio.demo_forge.git_store import GitStore
from aegis_trio.demo_forge.inbox import DeployKey, Hook, Notification, Package
from aegis_trio.demo_forge.issues import Tracker
from aegis_trio.demo_forge.releases import Protection, Release, TagProtection
from aegis_trio.demo_forge.request_log import RequestLog
from aegis_trio.demo_forge.sign_ins import SignIns
from aegis_trio.model.clock import SystemClock, WallClock

NEVER: Final = datetime(1, 1, 1, tzinfo=UTC)  # Go's zero time, which Gitea writes where nothing happened
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
GITEA_VERSION: Final = "1.25.4"


class Visibility(StrEnum):
    """Who sees that an account exists."""

    PUBLIC = "public"
    LIMITED = "limited"  # whoever is signed in
    PRIVATE = "private"  # itself, its members and site administrators


class Access(IntEnum):
    """How much of a repository, or of one unit of it, is open to somebody."""

    NONE = 0
    READ = 1
    WRITE = 2
    ADMIN = 3
    OWNER = 4


class Unit(StrEnum):
    """The parts of a repository that can be switched off or granted one by one."""

    CODE = "code"
    ISSUES = "issues"
    PULLS = "pulls"
    WIKI = "wiki"
    RELEASES = "releases"
    PROJECTS = "projects"
    PACKAGES = "packages"
    ACTIONS = "actions"


ALL_UNITS: Final = frozenset(Unit)


@final
@dataclass(slots=True, kw_only=True)
class Account:
    """A user, a bot or an organisation; Gitea keeps all three in one table."""

    id: int
    login: str
    full_name: str = ""
    email: str = ""
    password: str | None = field(default=None, repr=False)
    one_time_code: str | None = field(default=None, repr=False)  # where the account has two-factor authentication
    is_organisation: bool = False
    is_bot: bool = False
    is_admin: bool = False
    is_active: bool = True
    prohibit_login: bool = False
    must_change_password: bool = False
    restricted: bool = False
    hide_email: bool = False
    visibility: Visibility = Visibility.PUBLIC
    login_name: str = ""
    language: str = ""
    location: str = ""
    website: str = ""
    description: str = ""
    avatar: str = ""
    created: datetime = EPOCH
    last_login: datetime = EPOCH  # until the first login with a browser
    follows: set[int] = field(default_factory=set[int])
    stars: set[int] = field(default_factory=set[int])
    builds: Builds = field(default_factory=Builds)  # variables and secrets for all repositories of the account


@final
@dataclass(slots=True, kw_only=True)
class Team:
    """Members of an organisation and what they may do in which repositories."""

    id: int = 0
    name: str
    organisation_id: int
    description: str = ""
    may_create_repositories: bool = False
    members: set[int] = field(default_factory=set[int])
    owners: bool = False
    units: dict[Unit, Access] = field(default_factory=dict[Unit, Access])
    all_repositories: bool = False
    repository_ids: set[int] = field(default_factory=set[int])


@final
@dataclass(slots=True, kw_only=True)
class Repository:
    """One repository: its row, its units and its git objects."""

    id: int
    owner_id: int
    name: str
    git: GitStore = field(default_factory=GitStore)
    description: str = ""
    website: str = ""
    private: bool = False
    template: bool = False
    fork_of: int | None = None
    default_branch: str = "main"
    size_kib: int = 0
    language: str = ""
    units: set[Unit] = field(default_factory=lambda: set(ALL_UNITS))
    merges_by_hand_only: bool = False
    topics: tuple[str, ...] = ()
    licenses: tuple[str, ...] = ()
    tracker: Tracker = field(default_factory=Tracker)
    builds: Builds = field(default_factory=Builds)
    releases: tuple[Release, ...] = ()
    watchers: set[int] = field(default_factory=set[int])
    collaborators: dict[int, Access] = field(default_factory=dict[int, Access])
    protections: tuple[Protection, ...] = ()
    tag_protections: tuple[TagProtection, ...] = ()
    wiki: GitStore | None = None
    hooks: tuple[Hook, ...] = ()
    deploy_keys: tuple[DeployKey, ...] = ()
    lfs: dict[str, bytes] = field(default_factory=dict[str, bytes])
    created: datetime = EPOCH
    updated: datetime = EPOCH
    archived_at: datetime | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A personal access token: whose it is and the scopes it was made with."""

    account_id: int
    name: str
    scopes: frozenset[str]


@final
@dataclass(slots=True, kw_only=True, eq=False)
class World:
    """All that the forge knows; `root_url` is filled in by the server unless it was set."""

    root_url: str = ""
    title: str = "Demo forge"
    ssh_user_and_host: str = "git@localhost"
    accounts: dict[int, Account] = field(default_factory=dict[int, Account])
    teams: list[Team] = field(default_factory=list[Team])
    topic_names: dict[str, datetime] = field(default_factory=dict[str, datetime])  # name -> first use, in that order
    repositories: dict[int, Repository] = field(default_factory=dict[int, Repository])
    # old name, folded -> account; (owner, old name folded) -> repository
    renamed_accounts: dict[str, int] = field(default_factory=dict[str, int])
    renamed_repositories: dict[tuple[int, str], int] = field(default_factory=dict[tuple[int, str], int])
    notifications: list[Notification] = field(default_factory=list[Notification])
    packages: list[Package] = field(default_factory=list[Package])
    tokens: dict[str, str] = field(default_factory=dict[str, str], repr=False)  # a name for each, such as "alice"
    sign_ins: SignIns = field(default_factory=SignIns)
    clock: WallClock = field(default_factory=SystemClock)
    requests: RequestLog = field(default_factory=RequestLog)
    faults: Faults = field(default_factory=Faults)
    crashes: list[str] = field(default_factory=list[str])  # tracebacks of the forge's own defects, newest last
    _tokens_by_value: dict[str, Token] = field(default_factory=dict[str, Token], repr=False)

    @property
    def bot_token(self) -> str:
        """The token of the account that acts for the gate."""
        return self.tokens["bot"]

    def now(self) -> datetime:
        """Return the time by the world's clock."""
        return datetime.fromtimestamp(self.clock.now_ns() // 1_000_000_000, UTC)

    def add_account(self, account: Account) -> Account:
        """Add a user, bot or organisation."""
        self.accounts[account.id] = account
        return account

    def add_repository(self, repository: Repository) -> Repository:
        """Add a repository."""
        self.repositories[repository.id] = repository
        return repository

    def add_token(
        self, account: Account, scopes: Iterable[str], *, name: str, value: str | None = None, label: str | None = None
    ) -> str:
        """Make a personal access token and return its value: 40 lower-case hexadecimal digits.

        Args:
            scopes: as Gitea spells them, such as `read:repository`; `all` for everything.
            label: its key in `tokens`; without one it is found only by its value.

        Source: gitea models/auth/access_token.go:147-155.
        """
        value = value or secrets.token_hex(20)
        self._tokens_by_value[value] = Token(account_id=account.id, name=name, scopes=frozenset(scopes))
        if label is not None:
            self.tokens[label] = value
        return value

    def drop_token(self, value: str) -> None:
        """Forget a token, as its owner's deletion does."""
        self._tokens_by_value.pop(value, None)

    def token(self, value: str) -> Token | None:
        """Return the token with exactly this *value*."""
        return self._tokens_by_value.get(value)

    def account_named(self, name: str) -> Account | None:
        """Return the account called *name*, without regard to case."""
        folded = name.lower()
        return next((a for a in self.accounts.values() if a.login.lower() == folded), None)

    def repository_named(self, owner: Account, name: str) -> Repository | None:
        """Return the repository called *name* of *owner*, without regard to case."""
        folded = name.lower()
        return next(
            (r for r in self.repositories.values() if r.owner_id == owner.id and r.name.lower() == folded),
            None,
        )

    def rename_account(self, account: Account, name: str) -> None:
        """Give *account* another name; the old one redirects from now on."""
        self.renamed_accounts[account.login.lower()] = account.id
        account.login = name

    def rename_repository(self, repository: Repository, name: str) -> None:
        """Give *repository* another name; the old one redirects from now on."""
        self.renamed_repositories[repository.owner_id, repository.name.lower()] = repository.id
        repository.name = name

    def remove_account(self, account: Account) -> None:
        """Delete an account and its tokens."""
        del self.accounts[account.id]
        for value, token in list(self._tokens_by_value.items()):
            if token.account_id == account.id:
                del self._tokens_by_value[value]

    def owner_of(self, repository: Repository) -> Account:
        """Return the account that owns *repository*."""
        return self.accounts[repository.owner_id]

    def full_name(self, repository: Repository) -> str:
        """Return `owner/name`."""
        return f"{self.owner_of(repository).login}/{repository.name}"

    def followers_of(self, account: Account) -> int:
        """Count who follows *account*."""
        return sum(account.id in other.follows for other in self.accounts.values())

    def stars_of(self, repository: Repository) -> int:
        """Count who starred *repository*."""
        return sum(repository.id in account.stars for account in self.accounts.values())

    def forks_of(self, repository: Repository) -> int:
        """Count the forks of *repository*."""
        return sum(other.fork_of == repository.id for other in self.repositories.values())

    def team(self, number: int) -> Team:
        """Return the team with this number."""
        return next(team for team in self.teams if team.id == number)

    def is_member(self, organisation: Account, account: Account) -> bool:
        """Tell whether *account* sits in any team of *organisation*."""
        return any(t.organisation_id == organisation.id and account.id in t.members for t in self.teams)
