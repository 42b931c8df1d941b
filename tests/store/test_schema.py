"""The tables of the embedded store come to a file once, whole, and never to one of a later version."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest

from aegis_trio.store import schema
from aegis_trio.store.schema import migrate, use_wal


@pytest.fixture
def connection(tmp_path: Path) -> Generator[sqlite3.Connection]:
    """A file that is nobody's yet."""
    with closing(sqlite3.connect(tmp_path / "new", isolation_level=None, timeout=0)) as opened:
        yield opened


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {str(name) for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_a_file_is_migrated_once(connection: sqlite3.Connection) -> None:
    """A second start finds everything there, and changes nothing."""
    assert migrate(connection)
    connection.execute("INSERT INTO feed (topic, word, at) VALUES ('t', 'w', 1)")
    assert migrate(connection)

    assert {"row", "word", "feed"} <= _tables(connection)
    assert [(1,)] == connection.execute("SELECT COUNT(*) FROM feed").fetchall()


def test_a_migration_that_breaks_off_leaves_nothing(connection: sqlite3.Connection) -> None:
    """It runs in the caller's transaction: a half-made file would be refused for ever."""
    connection.execute("BEGIN IMMEDIATE")
    assert migrate(connection)
    connection.execute("ROLLBACK")

    assert set() == _tables(connection)
    assert [(0,)] == connection.execute("PRAGMA user_version").fetchall()


def test_a_file_of_a_later_version_is_left_alone(connection: sqlite3.Connection) -> None:
    """Its tables may mean something else."""
    connection.execute("PRAGMA user_version = 1000")

    assert not migrate(connection)
    assert set() == _tables(connection)


def test_the_mode_is_kept_in_the_file(connection: sqlite3.Connection) -> None:
    """Every later opening writes ahead as well."""
    use_wal(connection, 0.0)

    assert [("wal",)] == connection.execute("PRAGMA journal_mode").fetchall()


def test_a_file_that_stays_locked_is_given_up(connection: sqlite3.Connection, tmp_path: Path) -> None:
    """After so many tries, not for ever."""
    with closing(sqlite3.connect(tmp_path / "new", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            use_wal(connection, 0.0)


@pytest.mark.parametrize("is_fresh", [True, False], ids=["nobody's yet", "written ahead already"])
def test_whoever_holds_a_file_alone_is_waited_for_once_and_not_with_each_try(
    connection: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_fresh: bool
) -> None:
    """A gate that starts says what is wrong in seconds; its tries would add up to minutes of silence."""
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        assert [(0,)] == connection.execute("PRAGMA busy_timeout").fetchall()

    monkeypatch.setattr(schema.time, "sleep", sleep)
    if not is_fresh:
        use_wal(connection, 5.0)
    with closing(sqlite3.connect(tmp_path / "new", isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        if not is_fresh:
            connection.close()
            connection = sqlite3.connect(tmp_path / "new", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with closing(connection), pytest.raises(sqlite3.OperationalError, match="locked"):
            use_wal(connection, 5.0)
        assert slept
        assert 5.0 >= sum(slept)


def test_statements_wait_as_before_once_the_mode_is_set(connection: sqlite3.Connection) -> None:
    """What holds while the file is opened is not left behind."""
    use_wal(connection, 5.0)
    assert [(5000,)] == connection.execute("PRAGMA busy_timeout").fetchall()
