"""The root secret is made once, whole, for its owner alone, and never overwritten."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from aegis_trio.config.faults import ConfigurationFaults
from aegis_trio.config.root_secret import RootSecretSettings, open_keyring
from aegis_trio.model.keyring import Purpose
from aegis_trio.model.secret import Secret
from tests.config.places import written


def test_the_first_start_makes_it_and_the_next_ones_read_it(tmp_path: Path) -> None:
    """Cursors and tickets survive a restart."""
    settings = RootSecretSettings(path=tmp_path / "log" / "root.key")

    first, second = open_keyring(settings), open_keyring(settings)

    assert first.key(Purpose.CURSOR) == second.key(Purpose.CURSOR)
    assert 0o600 == settings.path.stat().st_mode & 0o777
    assert ["root.key"] == [path.name for path in settings.path.parent.iterdir()]
    assert 64 == len(settings.path.read_text().strip())


def test_what_the_operator_gives_goes_first(tmp_path: Path) -> None:
    """Then no file is made."""
    settings = RootSecretSettings(roots=(Secret("n" * 32), Secret("o" * 32)), path=tmp_path / "root.key")

    assert 2 == len(open_keyring(settings).keys(Purpose.CURSOR))
    assert not settings.path.exists()


def test_two_starts_at_once_agree(tmp_path: Path) -> None:
    """A second process must not use a root that the first one's file does not hold."""
    settings = RootSecretSettings(path=tmp_path / "root.key")
    found: list[bytes] = []
    barrier = threading.Barrier(8)

    def start() -> None:
        barrier.wait()
        found.append(open_keyring(settings).key(Purpose.CURSOR))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [found[0]] * 8 == found


@pytest.mark.parametrize("text", ["", "short\n", "# only a comment\n"])
def test_a_file_that_holds_none_is_a_fault_and_stays(text: str, tmp_path: Path) -> None:
    """Overwriting it would void what the right one had made."""
    path = written(tmp_path / "root.key", text)

    with pytest.raises(ConfigurationFaults, match="holds no root secret"):
        open_keyring(RootSecretSettings(path=path))
    assert text == path.read_text()


def test_a_file_that_is_no_text_is_a_fault(tmp_path: Path) -> None:
    """It may be anything; it is not ours."""
    (tmp_path / "root.key").write_bytes(b"\xff" * 40)

    with pytest.raises(ConfigurationFaults, match="holds no root secret"):
        open_keyring(RootSecretSettings(path=tmp_path / "root.key"))


def test_a_place_that_cannot_be_written_names_the_way_out(tmp_path: Path) -> None:
    """A read-only folder is the usual reason."""
    blocked = written(tmp_path / "file", "x") / "root.key"

    with pytest.raises(ConfigurationFaults, match="ROOT_SECRET"):
        open_keyring(RootSecretSettings(path=blocked))


def test_nothing_stays_behind_when_it_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A half-made root is removed."""

    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "link", refuse)

    with pytest.raises(ConfigurationFaults, match="no space left"):
        open_keyring(RootSecretSettings(path=tmp_path / "root.key"))
    assert [] == list(tmp_path.iterdir())
