"""The world of the recordings, rebuilt: as it stood after the seed, and as it changed while the recordings went on.

What was pushed or merged comes from the git bundles, with the same ids; what the recordings tell of accounts,
teams and repositories stands here as values. Repositories that Gitea initialised by itself have a commit here, too,
but not the recorded id, which held the minute in which it was made.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from dulwich.bundle import read_bundle

from aegis_trio.demo_forge.git_store import GitStore, Signature
from aegis_trio.demo_forge.world import Access, Account, Repository, Team, Unit, Visibility, World
from tests.demo_forge.recorded_builds import add_builds
from tests.demo_forge.recorded_discussions import add_discussions
from tests.demo_forge.recorded_inbox import add_inbox, read_backends
from tests.demo_forge.recorded_issues import (
    add_issues,
    comment_on_pull,
    detach_trace,
    edit_pull_as_issue,
    fill_up,
    make_issue_by_form,
)
from tests.demo_forge.recorded_publications import add_publications

RECORDINGS: Final = Path(__file__).parent / "recordings"
ROOT_URL: Final = "http://127.0.0.1:3999/"
SEEDED: Final = datetime(2026, 11, 21, 7, 42, 22, tzinfo=UTC)
LARGE_OBJECT: Final = "4c4b8198fd914f1d3b089d788f84a0cdc75014d38b13023f6fd052ebfb6a7b14"
_READING: Final = dict.fromkeys((Unit.CODE, Unit.ISSUES, Unit.PULLS, Unit.RELEASES), Access.READ)
_WRITING: Final = dict.fromkeys(
    (Unit.CODE, Unit.ISSUES, Unit.PULLS, Unit.RELEASES, Unit.WIKI, Unit.PACKAGES, Unit.ACTIONS), Access.WRITE
)
_FORK_UNITS: Final = {Unit.CODE, Unit.PULLS}


def load_bundle(name: str) -> GitStore:
    """Return the objects and refs of one bundle."""
    git = GitStore()
    with (RECORDINGS / "git" / f"{name}.bundle").open("rb") as file:
        bundle = read_bundle(file)
        try:
            bundle.store_objects(git.objects)
            refs = {ref.decode(): sha.decode() for ref, sha in bundle.references.items()}
        finally:
            bundle.close()
    git.refs = {ref: sha for ref, sha in refs.items() if ref.startswith("refs/")}
    return git


def initialised(name: str, files: Mapping[str, bytes] | None = None) -> GitStore:
    """Return a repository as Gitea initialises one."""
    git = GitStore()
    author = Signature(name="Alice Archer", email="alice@example.test", when=SEEDED)
    changes = {"README.md": f"# {name}\n\n".encode(), **(files or {})}
    git.write_commit(branch="main", changes=changes, author=author, message="Initial commit\n")
    return git


def build_recorded_world() -> World:
    """Return the world as it stood after the seed."""
    world = World(root_url=ROOT_URL, title="t", ssh_user_and_host="root@localhost")
    world.sign_ins.rotates, world.sign_ins.query_tokens = True, False
    _add_accounts(world)
    _add_teams(world)
    _add_repositories(world)
    world.topic_names = dict.fromkeys(("ledger", "python", "books", "words"), SEEDED.replace(second=30))
    add_issues(world)
    add_discussions(world)
    add_builds(world)
    add_publications(world)
    add_inbox(world)
    _add_tokens(world)
    return world


def _add_accounts(world: World) -> None:
    def person(number: int, login: str, full_name: str = "", **more: object) -> Account:
        account = Account(
            id=number,
            login=login,
            full_name=full_name,
            email=f"{login}@example.test",
            created=SEEDED,
            password=f"password of {login}",
        )
        for name, value in more.items():
            setattr(account, name, value)
        return world.add_account(account)

    def organisation(number: int, login: str, full_name: str = "", **more: object) -> Account:
        account = person(number, login, full_name, is_organisation=True, is_active=False, password=None, email="")
        for name, value in more.items():
            setattr(account, name, value)
        return account

    person(1, "root1", is_admin=True)
    alice = person(2, "alice", "Alice Archer")
    bob = person(3, "bob", "Bob Brewer")
    carol = person(4, "carol", "Carol Cho", restricted=True)
    person(5, "dave", "Dave Dorn", prohibit_login=True, login_name="dave")
    person(6, "erin", "Erin Eck", is_active=False, login_name="erin")
    person(7, "frank", "Frank Must-Change", must_change_password=True, login_name="frank")
    zed = person(8, "zed", "Zed Renamed")
    person(9, "ivan", "Ivan Hidden", visibility=Visibility.PRIVATE)
    person(10, "oscar", "Oscar Leaves")
    person(11, "heidi", "Heidi Limited", visibility=Visibility.LIMITED)
    person(12, "mcp-bot", password=None, is_bot=True)
    organisation(
        13,
        "acme",
        "Acme Works",
        email="acme@example.test",
        location="Here",
        website="https://acme.invalid/",
        description="Makes everything",
    )
    organisation(14, "globex", "Globex", visibility=Visibility.PRIVATE)
    organisation(15, "initech", visibility=Visibility.LIMITED)
    oldname = organisation(16, "oldname-org")
    world.rename_account(zed, "zoe")
    world.rename_account(oldname, "newname-org")
    alice.follows, bob.follows = {bob.id}, {alice.id}
    alice.stars, bob.stars, carol.stars = {6}, {1}, {2}


def _add_teams(world: World) -> None:
    world.teams += [
        Team(id=1, name="Owners", organisation_id=13, members={2}, owners=True),
        Team(id=2, name="Owners", organisation_id=14, members={1}, owners=True),
        Team(id=3, name="Owners", organisation_id=15, members={2}, owners=True),
        Team(id=4, name="Owners", organisation_id=16, members={2}, owners=True),
        Team(
            id=5,
            name="devs",
            organisation_id=13,
            description="Write code",
            may_create_repositories=True,
            members={3},
            units=_WRITING,
            all_repositories=True,
        ),
        Team(
            id=6,
            name="readers",
            organisation_id=13,
            description="Read code",
            members={4, 12},
            units=_READING,
            repository_ids={1},
        ),
        Team(
            id=7,
            name="triage",
            organisation_id=13,
            members={11},
            units={Unit.ISSUES: Access.WRITE},
            all_repositories=True,
        ),
    ]


def _add_repositories(world: World) -> None:
    def add(number: int, owner: int, name: str, git: GitStore | None = None, **more: object) -> Repository:
        repository = Repository(
            id=number,
            owner_id=owner,
            name=name,
            git=git or initialised(name),
            created=SEEDED,
            updated=SEEDED,
            size_kib=25,
            watchers={owner},
        )
        for key, value in more.items():
            setattr(repository, key, value)
        return world.add_repository(repository)

    add(
        1,
        13,
        "backend",
        load_bundle("backend"),
        description="Keeps the books",
        private=True,
        language="Python",
        website="https://ledger.invalid/",
        topics=("books", "ledger", "python"),
        size_kib=135,
        watchers={2, 3, 4, 11, 12},
        lfs={LARGE_OBJECT: (RECORDINGS / "tiny.weights").read_bytes()},
    )
    add(
        2,
        13,
        "website",
        load_bundle("website"),
        description="The public face",
        language="HTML",
        size_kib=26,
        watchers={2, 3, 11},
    )
    diary = {"diary.md": b"Dear diary.\n"}
    add(
        3,
        2,
        "notes",
        initialised("notes", diary),
        description="Private notes of Alice",
        private=True,
        language="Markdown",
        size_kib=26,
        collaborators={3: Access.READ},
    )
    add(4, 2, "empty", GitStore(), description="Nothing here", size_kib=24)
    add(5, 2, "archived", archived_at=SEEDED)
    add(
        6,
        3,
        "public-tool",
        load_bundle("public-tool"),
        description="Counts words",
        language="Python",
        topics=("words",),
        size_kib=27,
        collaborators={2: Access.WRITE},
    )
    oldname = add(7, 2, "oldname")
    without = set(Unit) - {Unit.ISSUES, Unit.WIKI, Unit.PULLS, Unit.ACTIONS}
    add(8, 2, "noissues", units=without)
    add(9, 13, "starter", template=True, watchers={2, 3, 11}, units=set(Unit) - {Unit.ACTIONS})
    add(10, 8, "zedrepo")
    add(11, 13, "tomove", watchers={2, 3, 11})
    add(12, 14, "vault", private=True, watchers={1})
    add(13, 9, "hidden")
    add(14, 16, "thing", watchers={2})
    fork = load_bundle("public-tool")
    author = Signature(name="Alice Archer", email="alice@example.test", when=datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC))
    fork.refs["refs/heads/patch-1"] = fork.refs["refs/heads/main"]
    fork.write_commit(
        branch="patch-1", changes={"FORK.md": b"From the fork.\n"}, author=author, message="Add FORK.md\n"
    )
    add(
        15,
        2,
        "public-tool",
        fork,
        description="Counts words",
        language="Python",
        fork_of=6,
        units=set(_FORK_UNITS),
        default_branch="patch-1",
        size_kib=28,
    )
    public_tool = world.repositories[6].git
    tip = fork.refs["refs/heads/patch-1"]
    for sha in (tip, fork.tree_of(tip), *(entry.sha for _, entry in fork.walk(fork.tree_of(tip)))):
        public_tool.add(fork.get(sha))
    public_tool.refs["refs/pull/2/head"] = tip
    add(16, 3, "backend-fork", load_bundle("backend"), private=True, fork_of=1, units=set(_FORK_UNITS), size_kib=123)
    world.repositories[16].description = "Keeps the books"
    add(17, 2, "from-starter", private=True)
    world.rename_repository(oldname, "newname")
    world.renamed_repositories[2, "tomove"] = 11


def _add_tokens(world: World) -> None:
    for label, scopes in json.loads((RECORDINGS / "tokens.json").read_text()).items():
        login, _, name = label.partition(":")
        account = world.account_named(login) or world.accounts[world.renamed_accounts[login]]
        world.add_token(account, scopes, name=name, label=label)


# -------------------------------------------------------------------------------------------- changes
def _account(world: World, login: str) -> Account:
    account = world.account_named(login)
    assert account is not None
    return account


def _describe(login: str, text: str) -> Callable[[World], None]:
    def change(world: World) -> None:
        _account(world, login).description = text

    return change


def _add_temporary_token(world: World) -> None:
    world.add_token(_account(world, "alice"), {"all"}, name="temp", label="alice:temp")


def _drop_temporary_token(world: World) -> None:
    world.drop_token(world.tokens["alice:temp"])


def _delete_oscar(world: World) -> None:
    world.remove_account(_account(world, "oscar"))


def _add_judy(world: World) -> None:
    email, password = "judy@example.test", "password of judy"
    world.add_account(Account(id=17, login="judy", email=email, password=password, created=SEEDED))


def _judy(*, prohibited: bool, active: bool) -> Callable[[World], None]:
    def change(world: World) -> None:
        judy = _account(world, "judy")
        judy.prohibit_login, judy.is_active, judy.login_name = prohibited, active, "judy"

    return change


def _delete_judy(world: World) -> None:
    world.remove_account(_account(world, "judy"))


def _alice_moves(world: World) -> None:
    alice = _account(world, "alice")
    alice.location, alice.hide_email = "Here", True


def _alice_shows_herself(world: World) -> None:
    alice = _account(world, "alice")
    alice.description, alice.hide_email = "", False


def _edit_acme(world: World) -> None:
    acme = _account(world, "acme")
    # What an edit does not name is emptied.
    acme.description, acme.full_name, acme.location, acme.website = "Makes everything twice", "", "", ""


def _delete_initech(world: World) -> None:
    world.remove_account(_account(world, "initech"))


def _topic_notes(world: World) -> None:
    world.repositories[3].topics = ("empty", "none", "offline-access", "openid", "unknown-word", "upper")


def _add_scratch(world: World) -> None:
    # Numbers go on; the forks that were made in between count for nothing here.
    world.add_repository(
        Repository(
            id=19,
            owner_id=2,
            name="scratch",
            git=initialised("scratch"),
            private=True,
            default_branch="trunk",
            size_kib=25,
            watchers={2},
            created=SEEDED,
            updated=SEEDED,
        )
    )


def _open_scratch(world: World) -> None:
    scratch = world.repositories[19]
    scratch.description, scratch.private = "Changed", False


def _move_scratch(world: World) -> None:
    scratch = world.repositories[19]
    scratch.owner_id = 3
    world.renamed_repositories[2, "scratch"] = 19


def _archived_after(world: World) -> None:
    world.repositories[5].description = "x"


def _star_archived(world: World) -> None:
    _account(world, "alice").stars.add(5)


def _fork(number: int, owner: int, name: str, parent: int) -> Callable[[World], None]:
    def change(world: World) -> None:
        git = GitStore()
        world.add_repository(
            Repository(id=number, owner_id=owner, name=name, git=git, fork_of=parent, units=set(_FORK_UNITS))
        )

    return change


def _carol_looks_away(world: World) -> None:
    world.repositories[1].watchers.discard(4)


def _backend_counts(size_kib: int, *, pulls: int = 11) -> Callable[[World], None]:
    def change(world: World) -> None:
        world.repositories[1].size_kib = size_kib
        # Issues and pull requests came and went in between; none of them is claimed one by one.
        fill_up(world, pulls=False, to=70)
        fill_up(world, pulls=True, to=pulls)

    return change


def _first_commit(world: World) -> None:
    author = Signature(name="Alice Archer", email="alice@example.test", when=SEEDED)
    world.repositories[4].git.write_commit(
        branch="main", changes={"README.md": b"# First\n"}, author=author, message="First commit\n"
    )


def _counts_before_packages(world: World) -> None:
    world.repositories[1].size_kib = 141
    # The pull request from the fork was merged in between.
    fork_pull = world.repositories[6].tracker.issues[2]
    fork_pull.closed = SEEDED


# What was changed by which exchange: applied before the first exchange that comes after it.
CHANGES: Final[Mapping[str, Callable[[World], None]]] = {
    "meta.form_body": make_issue_by_form,
    "scope.write.pr_comment_with_write_issue": comment_on_pull,
    "scope.write.pr_edit_by_issue": edit_pull_as_issue,
    "auth.sudo.json_body": _describe("root1", "set by root"),
    "auth.sudo.form.settings": _describe("alice", "set through a form field"),
    "auth.sudo.multipart": _describe("alice", "multipart"),
    "auth.tokens.create.temp": _add_temporary_token,
    "auth.tokens.delete": _drop_temporary_token,
    "auth.user_delete": _delete_oscar,
    "oauth.api.scope.upper.write": _topic_notes,
    "oauth.user.judy": _add_judy,
    "oauth.judy.prohibit": _judy(prohibited=True, active=True),
    "oauth.judy.allow": _judy(prohibited=False, active=False),
    "oauth.judy.active": _judy(prohibited=False, active=True),
    "oauth.judy.delete": _delete_judy,
    "users.settings.patch": _alice_moves,
    "users.settings.patch.back": _alice_shows_herself,
    "orgs.patch": _edit_acme,
    "orgs.initech.delete": _delete_initech,
    "repos.create.ok": _add_scratch,
    "repos.edit.visibility": _open_scratch,
    "repos.edit.archived_write": _archived_after,
    "repos.archived.star": _star_archived,
    "repos.fork.empty": _fork(20, 3, "empty", 4),
    "repos.fork.org": _fork(21, 13, "tool-copy", 6),
    "repos.transfer.accept": _move_scratch,
    "repos.subscription.delete": _carol_looks_away,
    "issues.create.bot": _backend_counts(136, pulls=9),
    "issue.attachment.delete": detach_trace,
    "pulls.merge.right_head": _backend_counts(139),
    "wiki.none.page": _counts_before_packages,
    "notifications.thread.missing": read_backends,
    "keys.user.create.ok": _backend_counts(141),
    "write.empty_repo.first": _first_commit,
    "write.archived": _backend_counts(170),
}
