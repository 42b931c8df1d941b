"""What the recordings leave open is refused with 501, and what no room can decide is never invented."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from dulwich.objects import Commit, ObjectID, Tree

from aegis_trio.demo_forge.areas.raw import sniff
from aegis_trio.demo_forge.call import Call
from aegis_trio.demo_forge.demo_world import build_demo_world
from aegis_trio.demo_forge.forge import Forge
from aegis_trio.demo_forge.git_history import find_entry
from aegis_trio.demo_forge.git_store import Signature
from aegis_trio.demo_forge.permissions import rights_of
from aegis_trio.demo_forge.releases import Protection
from aegis_trio.demo_forge.requests import Query, Request
from aegis_trio.demo_forge.world import Access, Account, Repository, Token, Unit, Visibility, World
from aegis_trio.model.clock import SetClock
from tests.demo_forge.test_git_history import _commit

HARBOR = "/api/v1/repos/tidewater/harbor"


class Asker:
    def __init__(self) -> None:
        self.world = build_demo_world()
        self.world.root_url = "http://forge/"
        self.forge = Forge(self.world)

    def ask(
        self, path: str, label: str | None = "alice", *, method: str = "GET", body: bytes = b"", **headers: str
    ) -> tuple[int, str]:
        target, _, query = path.partition("?")
        sent = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        if label is not None:
            sent += (("authorization", f"Bearer {self.world.tokens[label]}"),)
        request = Request(method=method, raw_path=target, raw_query=query, headers=sent, body=body)
        answer, _ = self.forge.answer(request)
        return answer.status, answer.body.decode("utf-8", "replace")


@pytest.fixture
def asker() -> Asker:
    """Give a forge over the demo world that is asked without sockets."""
    return Asker()


@pytest.mark.parametrize(
    "path",
    [
        f"{HARBOR}/pulls?sort=recentupdate",
        f"{HARBOR}/pulls/13/files?whitespace=ignore-all",
        f"{HARBOR}/git/commits/feature%2Fwide.diff",
        f"{HARBOR}/actions/runners/registration-token",
        f"{HARBOR}/git/trees/main@%7B1%7D",
        f"{HARBOR}/git/commits/feature%2Fwide",
        f"{HARBOR}/file-contents?body=%7B%22files%22%3A%5B%22%22%5D%7D",
        "/",
        "/user/settings",
        "/alice",
        "/favicon.ico",
    ],
)
def test_what_nothing_proves_is_501_with_a_reason(asker: Asker, path: str) -> None:
    """A test that leans on an invention would prove nothing about Gitea."""
    git = asker.world.repositories[1].git
    for letter in (b"x", b"y"):
        _commit(git, {"wide.txt": b"".join(b"%s%d\n" % (letter, i) for i in range(1000))}, branch="feature/wide")
    status, text = asker.ask(path)

    assert 501 == status
    assert "no recorded exchange" in text


def test_a_renamed_file_counts_what_changed_in_it(asker: Asker) -> None:
    """git sees a rename where the trees hold one file less and one more."""
    git = asker.world.repositories[1].git
    git.refs["refs/heads/moved"] = git.refs["refs/heads/main"]
    text = git.data(find_entry(git, git.refs["refs/heads/main"], "src/harbor/tides.py").sha)
    _commit(git, {"src/harbor/tides.py": None, "src/harbor/water.py": text + b"# end\n"}, branch="moved")
    status, body = asker.ask(f"{HARBOR}/git/commits/moved")

    assert 200 == status
    assert '"stats":{"total":1,"additions":1,"deletions":0}' in body
    assert '{"filename":"src/harbor/water.py","status":"added"}' in body


def test_an_administrator_asking_for_git_internals_is_not_answered(asker: Asker) -> None:
    """Gitea shows administrators its inner errors, which differ from version to version."""
    assert 501 == asker.ask(f"{HARBOR}/contents/.git/config", "admin")[0]
    assert (500, '{"message":"","url":"http://forge/api/swagger"}\n') == asker.ask(f"{HARBOR}/contents/.git/config")


def test_a_submodule_that_nothing_lists_has_an_empty_address(asker: Asker) -> None:
    """Gitea answers so; a tool must not fall over it."""
    git = asker.world.repositories[1].git
    tip = git.commit(git.refs["refs/heads/main"])
    tree = Tree()
    tree.add(b"lib", 0o160000, ObjectID(b"1" * 40))
    made = Commit.from_string(tip.as_raw_string())
    made.tree = ObjectID(git.add(tree).encode())
    git.refs["refs/heads/linked"] = git.add(made)
    status, text = asker.ask(f"{HARBOR}/contents/lib?ref=linked")

    assert (200, True) == (status, '"submodule_git_url":""' in text)
    git.write_commit(
        branch="linked",
        changes={".gitmodules": b'[submodule "a"]\n\tpath = other\n\turl = x\n'},
        author=_signature(),
        message="m",
    )
    assert '"submodule_git_url":""' in asker.ask(f"{HARBOR}/contents/lib?ref=linked")[1]


def _signature() -> Signature:
    return Signature(name="A", email="a@x", when=datetime(2026, 1, 1, tzinfo=UTC))


def test_a_team_that_has_no_code_may_not_read_code(asker: Asker) -> None:
    """403, not 404: the repository is known to this member, only this part of it is not."""
    team = asker.world.teams[2]
    team.units = {Unit.ISSUES: Access.WRITE}

    assert 403 == asker.ask(f"{HARBOR}/contents", "bot")[0]
    assert 200 == asker.ask(HARBOR, "bot")[0]
    team.units = {}
    assert 404 == asker.ask(HARBOR, "bot")[0]


@pytest.mark.parametrize(
    ("pattern", "name", "protected"),
    [
        ("main", "main", True),
        ("main", "maintenance", False),
        ("feature/*", "feature/grace-period", True),
        ("*", "feature/grace-period", False),
        ("**", "feature/grace-period", True),
    ],
)
def test_a_protection_is_for_the_branches_it_names(asker: Asker, pattern: str, name: str, *, protected: bool) -> None:
    """A star stays within one part of a name."""
    harbor = asker.world.repositories[1]
    harbor.git.refs["refs/heads/maintenance"] = harbor.git.refs["refs/heads/main"]
    harbor.protections = (Protection(pattern=pattern, can_push=False),)
    text = asker.ask(f"{HARBOR}/branches/{name}")[1]

    assert protected is ('"protected":true' in text)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "text/plain; charset=utf-8"),
        (b"GIF89a", "image/gif"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"\xff\xfea\0", "text/plain; charset=utf-16le"),
        (b"\xfe\xff\0a", "text/plain; charset=utf-16be"),
        (b"a\0b", "application/octet-stream"),
        (b" <svg>", "image/svg+xml"),
        (b"\xe9", "text/plain; charset=iso-8859-1"),
    ],
    ids=["empty", "gif", "jpeg", "little", "big", "nul", "svg", "latin"],
)
def test_a_media_type_is_read_from_the_first_bytes(data: bytes, kind: str) -> None:
    """HTML is text here: a browser must not run what lies in a repository."""
    assert kind == sniff(data)


def test_a_repository_without_its_default_branch_has_no_raw_files(asker: Asker) -> None:
    """Gitea looks there when a ref names nothing."""
    asker.world.repositories[1].default_branch = "trunk"

    assert 404 == asker.ask(f"{HARBOR}/raw/README.md?ref=none")[0]


def test_a_credential_is_checked_before_anything_else(asker: Asker) -> None:
    """Wrong is 401 everywhere; unreadable is anonymous."""
    wrong = base64.b64encode(b"alice:wrong").decode()

    assert 401 == asker.ask("/api/v1/no/such", None, authorization=f"Basic {wrong}")[0]
    assert 401 == asker.ask("/api/v1/version", None, authorization="Basic ~")[0]
    assert 401 == asker.ask("/api/v1/version", None, authorization="Basic bm9ib2R5Og==")[0]
    assert 200 == asker.ask("/api/v1/version", None, authorization="Digest x")[0]
    asker.world.accounts[2].password = "right"
    right = base64.b64encode(b"alice:right").decode()
    assert 200 == asker.ask("/api/v1/user", None, authorization=f"Basic {right}")[0]


def test_lists_of_mine_need_an_account(asker: Asker) -> None:
    """There is no anonymous `mine`."""
    assert 401 == asker.ask("/api/v1/user/repos", None)[0]
    assert 401 == asker.ask("/api/v1/user", None)[0]


def test_a_world_without_a_clock_of_its_own_tells_the_time_it_was_given(asker: Asker) -> None:
    """Nothing reads the time of day by itself."""
    asker.world.clock = SetClock(1_000_000_000 * 86_400)

    assert "1970-01-02T00:00:00Z" in asker.ask("/api/healthz")[1]


def test_a_private_owner_hides_a_public_repository_except_from_its_collaborators() -> None:
    """The owner's visibility comes first, as in Gitea."""
    world = World()
    hermit = world.add_account(Account(id=1, login="hermit", visibility=Visibility.PRIVATE))
    friend = world.add_account(Account(id=2, login="friend"))
    cave = world.add_repository(Repository(id=1, owner_id=1, name="cave"))

    assert not rights_of(world, friend, cave).any()
    assert not rights_of(world, None, cave).any()
    assert rights_of(world, hermit, cave).is_admin()
    cave.collaborators[friend.id] = Access.WRITE
    assert Access.WRITE is rights_of(world, friend, cave).to(Unit.CODE)


def test_a_handler_outside_of_a_repository_cannot_ask_for_one() -> None:
    """Our own mistake must crash, not answer."""
    request = Request(method="GET", raw_path="/", raw_query="", headers=())
    call = Call(world=World(), request=request, query=Query(()), principal=None)

    with pytest.raises(RuntimeError):
        _ = call.repository


def test_a_token_is_forgotten_with_its_account() -> None:
    """A deleted user's token is worth nothing."""
    world = World()
    account = world.add_account(Account(id=1, login="a"))
    kept = world.add_account(Account(id=2, login="b"))
    value, other = world.add_token(account, {"all"}, name="t"), world.add_token(kept, {"all"}, name="t")
    world.remove_account(account)

    assert None is world.token(value)
    assert Token(account_id=2, name="t", scopes=frozenset({"all"})) == world.token(other)
