"""Where the key comes from, and where it never goes."""

from __future__ import annotations

import argparse
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.cli.console import history as history_module
from aegis_trio.cli.console.history import MAX_LINES, History, history_path
from aegis_trio.cli.console.key import KEY_VARIABLE, add_arguments, find_key
from aegis_trio.cli.usage import Usage
from aegis_trio.config.names import misspelled
from aegis_trio.config.table import known_names
from aegis_trio.model.secret import Secret

KEY = "k" * 40


def found(*argv: str, environ: dict[str, str] | None = None, can_ask: bool = False) -> Secret | None:
    """Return the key that these arguments lead to."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return find_key(parser.parse_args(argv), environ or {}, can_ask=can_ask)


def test_flags_go_before_the_environment(tmp_path: Path) -> None:
    """Whoever names a key means that one."""
    (tmp_path / "key").write_text(f"{KEY}\n")
    environ = {KEY_VARIABLE: "other" * 8}

    assert Secret(KEY) == found("--key-file", str(tmp_path / "key"), environ=environ)
    assert Secret(KEY) == found("--key", KEY, environ=environ)
    assert Secret("other" * 8) == found(environ=environ)
    assert found("--no-key", environ=environ) is None


def test_the_person_is_asked_without_echo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody may look over a shoulder."""
    monkeypatch.setattr("getpass.getpass", lambda question: KEY)
    assert Secret(KEY) == found(can_ask=True)

    def leave(question: str) -> str:
        raise EOFError

    monkeypatch.setattr("getpass.getpass", leave)
    with pytest.raises(Usage, match="no key was given"):
        found(can_ask=True)


@pytest.mark.parametrize("raw_key", ["", "a b", "a\nX-Evil: 1", "a\rb", "schlüssel", "a\0b"])
def test_what_is_no_key_is_neither_sent_nor_shown(raw_key: str) -> None:
    """A line end would begin another header."""
    with pytest.raises(Usage) as caught:
        found("--key", raw_key)
    assert raw_key == "" or raw_key not in str(caught.value)


def test_a_missing_key_names_every_way_to_give_one() -> None:
    """A script cannot be asked."""
    with pytest.raises(Usage, match=f"--key-file or {KEY_VARIABLE} .or --no-key"):
        found()


def test_the_variable_is_not_taken_for_a_misspelled_setting() -> None:
    """It is set in the same shell in which the gate is started."""
    assert {} == misspelled({KEY_VARIABLE: "environment"}, known_names())


def test_the_history_comes_back_for_its_owner_alone(tmp_path: Path) -> None:
    """Oldest first; neither the key nor what begins with a space is kept, nor what would break lines."""
    path = tmp_path / "state" / "aegis-trio" / "console_history"
    history = History(path, Secret(KEY))
    assert () == history.read()

    kept = [history.add(line) for line in ("one", " two", f"call x a={KEY}", "three\x1b", "", "x" * 5000, "größe")]

    assert [True, False, False, False, False, False, True] == kept
    assert ("one", "größe") == History(path, None).read()
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert 0o700 == stat.S_IMODE(path.parent.stat().st_mode)
    assert history.fault is None


def test_an_old_history_is_closed_to_others(tmp_path: Path) -> None:
    """Somebody may have copied it with another mode."""
    path = tmp_path / "h"
    path.write_text("old\n")
    path.chmod(0o644)
    History(path, None).add("new")

    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert "old\nnew\n" == path.read_text()


def test_the_history_is_bounded(tmp_path: Path) -> None:
    """The oldest lines go."""
    path = tmp_path / "h"
    path.write_text("".join(f"{number}\n" for number in range(MAX_LINES + 5)))

    lines = History(path, None).read()

    assert (MAX_LINES, "5") == (len(lines), lines[0])
    assert MAX_LINES == len(path.read_text().splitlines())


def test_a_history_that_cannot_be_kept_ends_nothing(tmp_path: Path) -> None:
    """A read-only home, or a folder in its place, costs the history alone."""
    (tmp_path / "file").write_text("")
    history = History(tmp_path / "file" / "h", None)
    assert history.add("one")
    assert history.add("two")
    assert history.fault is not None
    folder = History(tmp_path, None)
    assert () == folder.read()
    assert "The history is not kept" in (folder.fault or "")


@pytest.mark.parametrize(
    ("environ", "place"),
    [
        ({"XDG_STATE_HOME": "/s"}, "/s/aegis-trio/console_history"),
        ({"XDG_STATE_HOME": "relative"}, "/home/me/.local/state/aegis-trio/console_history"),
        ({}, "/home/me/.local/state/aegis-trio/console_history"),
    ],
)
def test_the_history_stands_where_states_stand(
    environ: dict[str, str], place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """XDG says: a relative path is to be ignored."""
    monkeypatch.setenv("HOME", "/home/me")

    assert place == str(history_path(environ))


def test_a_user_without_a_home_has_no_history(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such users are a container's; the session goes on, and says once that nothing is kept."""
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("os.getuid", lambda: 4_000_000_000)

    assert None is history_path({})
    history = History(None, None)
    assert () == history.read()
    assert history.add("tools")
    assert "no home folder" in (history.fault or "")


@given(st.lists(st.text()))
def test_what_is_kept_is_read_again(lines: list[str]) -> None:
    """Line by line, whatever was typed."""
    written: list[str] = []
    history = History.__new__(History)
    history._key, history.fault = None, None
    history._write = lambda text, flag: written.append(text)  # type: ignore[method-assign] # the file is not what is tested

    kept = [line for line in lines if history.add(line)]

    assert [f"{line}\n" for line in kept] == written
    assert kept == "".join(written).splitlines()
    assert history_module.MAX_LINE_CHARS >= max(map(len, kept), default=0)
