"""Who has access is listed, and ended, beside a gate that may be running; nothing that a client calls itself harms."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest
import trio

from aegis_trio.auth.broker.rows import GrantRow, PersonRow, encode_row, person_key
from aegis_trio.auth.clients.client import Client, ClientKind, encode_client
from aegis_trio.cli.oauth import revoking
from aegis_trio.model.clock import SetClock
from aegis_trio.store.interface import Put, Space
from aegis_trio.store.memory import MemoryStore
from aegis_trio.store.sqlite import SqliteStore, open_sqlite_store
from tests.cli.places import NOW_NS, json_of, run

NOW_S = NOW_NS // 10**9
REGISTERED = "aegis_client_0001"
DOCUMENT = "https://claude.ai/oauth/mcp-oauth-client-metadata"


def grant(number: int, login: str, client_id: str, name: str = "Claude") -> GrantRow:
    """Return a grant of a person, used a minute after it was made."""
    return GrantRow(
        id=f"grant-{number}",
        uid={"alice": 1, "bob": 2}[login],
        login=login,
        client_id=client_id,
        client_name=name,
        scopes=("read:repository",),
        resource="https://mcp.example.com/mcp",
        created_at=NOW_S + number,
        last_used_at=NOW_S + number + 60,
    )


GRANTS = (
    grant(1, "alice", DOCUMENT),
    grant(2, "alice", REGISTERED, "Evil \x1b[2J\u202e"),
    grant(3, "bob", REGISTERED),
    grant(4, "bob", "configured-client"),
)


@pytest.fixture
def store(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a store with four grants of two people to three clients."""
    path = folder / "store.sqlite3"
    monkeypatch.setenv("STORE_PATH", str(path))

    async def fill() -> None:
        async with open_sqlite_store(path, clock=SetClock(NOW_NS)) as opened:
            registered = Client(
                id=REGISTERED,
                kind=ClientKind.REGISTERED,
                name="Odd",
                redirect_uris=("http://localhost/callback",),
                created_at=NOW_S,
            )
            await opened.put(Put(space=Space.CLIENT, key=REGISTERED, value=encode_client(registered)))
            for each in GRANTS:
                await opened.put(Put(space=Space.GRANT, key=each.id, value=encode_row(each)))
            for uid, login in ((1, "alice"), (2, "bob")):
                person = PersonRow(uid=uid, login=login, access="-", refresh="-", access_expires_at=0)
                await opened.put(Put(space=Space.PERSON, key=person_key(uid), value=encode_row(person)))

    trio.run(fill)
    return path


def left(path: Path, space: Space) -> list[str]:
    """Return the keys of the rows that are left."""

    async def read() -> list[str]:
        async with open_sqlite_store(path, clock=SetClock(NOW_NS)) as opened:
            return [row.key for row in await opened.rows(space)]

    return trio.run(read)


def answering(monkeypatch: pytest.MonkeyPatch, answer: str) -> list[str]:
    """Put somebody before the terminal who gives *answer*; return the questions."""
    questions: list[str] = []

    def reply(question: str) -> str:
        questions.append(question)
        return answer

    for module in ("usage", "oauth.revoking"):
        monkeypatch.setattr(f"aegis_trio.cli.{module}.can_ask", lambda: True)
    monkeypatch.setattr("builtins.input", reply)
    return questions


# ---- looking --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ((), [1, 2, 3, 4]),
        (("--user", "Alice"), [1, 2]),
        (("--user", "person:2"), [3, 4]),
        (("--client", REGISTERED), [2, 3]),
        (("--user", "bob", "--client", REGISTERED), [3]),
        (("--user", "carol"), []),
    ],
)
@pytest.mark.usefixtures("store")
def test_grants_are_listed_as_asked_for(
    flags: tuple[str, ...], expected: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    """By login, whatever its case, by number, by client."""
    assert 0 == run("oauth", "grants", "list", "--json", *flags)

    assert [f"grant-{number}" for number in expected] == [each["grant"] for each in json_of(capsys)]


@pytest.mark.usefixtures("store")
def test_a_grant_says_everything_but_a_secret(capsys: pytest.CaptureFixture[str]) -> None:
    """Programs read these members."""
    assert 0 == run("oauth", "grants", "list", "--json", "--client", DOCUMENT)

    assert [
        {
            "grant": "grant-1",
            "user": "alice",
            "principal": "person:1",
            "client": DOCUMENT,
            "client_name": "Claude",
            "scopes": ["read:repository"],
            "resource": "https://mcp.example.com/mcp",
            "created": "2026-02-02T02:40:01.000000Z",
            "last_used": "2026-02-02T02:41:01.000000Z",
        }
    ] == json_of(capsys)


@pytest.mark.usefixtures("store")
def test_people_get_a_table_that_no_client_can_write_to(capsys: pytest.CaptureFixture[str]) -> None:
    """A client chooses its own name: escape sequences and turned text are shown as what they are."""
    assert 0 == run("oauth", "grants", "list")
    assert 0 == run("oauth", "clients", "list")

    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "\u202e" not in printed
    assert "Evil \\x1b[2J\\u202e" in printed
    heads = printed.splitlines()[0].split()
    assert ["GRANT", "USER", "CLIENT", "NAME", "SCOPES", "GRANTED", "LAST", "USED"] == heads
    assert "2026-02-02 02:41Z" in printed


@pytest.mark.usefixtures("store")
def test_clients_are_listed_with_what_is_known_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    """Registered ones proved nothing, those with a document stand at their host, the others are the operator's."""
    assert 0 == run("oauth", "clients", "list", "--json")

    listed = json_of(capsys)
    assert [
        ("configured-client", "configured", [], 1),
        (REGISTERED, "registered", ["localhost"], 2),
        (DOCUMENT, "document", ["claude.ai"], 1),
    ] == [(each["client"], each["kind"], each["hosts"], each["grants"]) for each in listed]
    assert "2026-02-02T02:41:04.000000Z" == listed[0]["last_used"]


def test_more_than_a_page_is_listed_whole(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who is left out keeps access that nobody sees."""
    monkeypatch.setattr("aegis_trio.cli.oauth.books._PAGE", 2)
    from aegis_trio.cli.oauth.books import all_grants  # noqa: PLC0415 -- with another page

    async def read() -> int:
        store = MemoryStore(SetClock(NOW_NS))
        for each in GRANTS:
            await store.put(Put(space=Space.GRANT, key=each.id, value=encode_row(each)))
        return len(await all_grants(store))

    assert 4 == trio.run(read)


# ---- ending ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "ended", "people"),
    [
        (("--user", "alice"), {1, 2}, {"person:2"}),
        (("--client", REGISTERED), {2, 3}, {"person:1", "person:2"}),
        (("--grant", "grant-4"), {4}, {"person:1", "person:2"}),
    ],
)
def test_what_is_named_ends_and_nothing_else(
    flags: tuple[str, ...], ended: set[int], people: set[str], store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a person, their tokens at Gitea go too: they sign in there again."""
    assert 0 == run("oauth", "revoke", *flags, "--yes", "--json")

    assert {f"grant-{number}" for number in ended} == {each["grant"] for each in json_of(capsys)["ended"]}
    assert {f"grant-{number}" for number in {1, 2, 3, 4} - ended} == set(left(store, Space.GRANT))
    assert people == set(left(store, Space.PERSON))
    assert len(ended) + (2 - len(people)) == len(left(store, Space.NOTICE))
    assert [REGISTERED] == left(store, Space.CLIENT)


def test_a_client_that_is_removed_takes_its_grants_along(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And is told of; the person's other assistants stay."""
    assert 0 == run("oauth", "clients", "remove", REGISTERED, "--yes")

    printed = capsys.readouterr().out
    assert f"Forgotten: client {REGISTERED}." in printed
    assert ["grant-1", "grant-4"] == left(store, Space.GRANT)
    assert [] == left(store, Space.CLIENT)
    assert 3 == len(left(store, Space.NOTICE))


@pytest.mark.parametrize(("answer", "stays"), [("no", True), ("", True), ("yes", False)])
def test_somebody_says_yes(
    answer: str, store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, stays: bool
) -> None:
    """What will end is shown before; an empty answer ends nothing."""
    [question] = [questions := answering(monkeypatch, answer)]

    assert 0 == run("oauth", "revoke", "--grant", "grant-1")

    assert question is questions
    assert 1 == len(questions)
    assert "End 1 grant(s)" in questions[0]
    printed = capsys.readouterr().out
    assert "grant-1" in printed
    assert ("Nothing was ended." in printed, "Authorized OAuth2 applications" in printed) == (stays, not stays)
    assert ("grant-1" in left(store, Space.GRANT)) is stays


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("revoke", "--user", "carol", "--yes"), "--user carol: nobody of this name"),
        (("revoke", "--client", "x", "--yes"), "--client x: no client of this id"),
        (("revoke", "--grant", "grant-9", "--yes"), "--grant grant-9: there is no such grant"),
        (("clients", "remove", DOCUMENT, "--yes"), "no client of this id registered itself"),
        (("revoke", "--grant", "grant-1"), "--yes is needed where nobody can be asked"),
        (("revoke", "--yes"), "one of the arguments --user --client --grant is required"),
        (("revoke", "--user", "a", "--grant", "b", "--yes"), "not allowed with"),
        ((), "oauth: which command?"),
        (("grants",), "oauth: which command?"),
    ],
)
def test_what_cannot_be_meant_is_usage(
    arguments: tuple[str, ...], words: str, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The way out is in the sentence, and nothing ended."""
    assert 64 == run("oauth", *arguments)

    assert words in capsys.readouterr().err
    assert 4 == len(left(store, Space.GRANT))


@pytest.mark.usefixtures("store")
def test_two_administrators_at_once_are_told_the_truth(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever comes second ended nothing."""
    doomed = revoking.Doomed(grants=(GRANTS[0],))
    arguments = argparse.Namespace(yes=True, json=False, env_file=Path(".env"), clock=SetClock(NOW_NS))
    assert 0 == run("oauth", "revoke", "--grant", "grant-1", "--yes")
    capsys.readouterr()

    assert 0 == revoking._end(arguments, doomed)

    assert "1 grant(s) had ended meanwhile" in capsys.readouterr().out


# ---- the store ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [("grants", "list"), ("clients", "list"), ("revoke", "--user", "a", "--yes")])
def test_a_store_that_is_not_there_is_a_fault(
    command: tuple[str, ...], folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty list would say that nobody has access; and no file is made in the wrong place."""
    monkeypatch.setenv("STORE_PATH", str(folder / "other" / "store.sqlite3"))

    assert 78 == run("oauth", *command)

    assert "STORE_PATH" in capsys.readouterr().err
    assert [] == list(folder.iterdir())


def test_a_store_that_others_can_read_is_told(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As the gate itself says it."""
    store.chmod(0o644)

    assert 74 == run("oauth", "grants", "list")
    assert "chmod 600" in capsys.readouterr().err


def test_a_file_that_is_no_store_is_told(folder: Path, monkeypatch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong path, or a disk that lost something: a sentence, and no traceback."""
    path = folder / "store.sqlite3"
    path.write_bytes(b"this is no database, and long enough to be looked at" * 20)
    path.chmod(0o600)
    monkeypatch.setenv("STORE_PATH", str(path))

    assert 74 == run("oauth", "grants", "list")
    assert "not a database" in capsys.readouterr().err


def test_gitea_keeps_the_grants_of_its_own_tokens(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is no store then, and a list of nothing would be a lie."""
    monkeypatch.setenv("OAUTH_FLOW", "gitea")

    assert 64 == run("oauth", "grants", "list")
    assert "People end them in Gitea" in capsys.readouterr().err


def test_a_store_is_closed_whatever_happens(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that stays would stop the gate beside it."""
    closed: list[SqliteStore] = []
    close = SqliteStore.close

    async def note(self: SqliteStore) -> None:
        closed.append(self)
        await close(self)

    monkeypatch.setattr(SqliteStore, "close", note)
    assert 0 == run("oauth", "grants", "list")
    store.chmod(0o644)
    assert 74 == run("oauth", "grants", "list")
    assert 2 == len(closed)


def test_the_operator_is_the_account_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the environment can put somebody else's name into the audit log."""
    monkeypatch.setenv("USER", "somebody-else")
    monkeypatch.setenv("LOGNAME", "somebody-else")
    assert "somebody-else" != revoking.operator_name()

    monkeypatch.setattr("os.getuid", lambda: 4_000_000_000)
    assert "uid:4000000000" == revoking.operator_name()


def test_json_stays_json_where_nothing_is_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty store is an empty list for programs, and a sentence for people."""
    path = folder / "store.sqlite3"
    monkeypatch.setenv("STORE_PATH", str(path))

    async def make() -> None:
        async with open_sqlite_store(path, clock=SetClock(NOW_NS)):
            pass

    trio.run(make)
    for what, sentence in (("grants", "Nobody has granted anything."), ("clients", "No client has registered")):
        assert 0 == run("oauth", what, "list", "--json")
        assert [] == json.loads(capsys.readouterr().out)
        assert 0 == run("oauth", what, "list")
        assert sentence in capsys.readouterr().out
