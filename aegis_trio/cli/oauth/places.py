"""Where `oauth setup` writes: the settings file, a secret's own file, and folders that this account may write to.

Laws:
    1. Everything is read and edited in memory before Gitea is asked to make anything.
    2. The settings file is replaced whole, for its owner alone, after a backup.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from aegis_trio.cli.env_lines import read_values, set_values
from aegis_trio.cli.key_files import read_text
from aegis_trio.cli.safe_write import back_up, make_folder, replace_file
from aegis_trio.cli.usage import Usage
from aegis_trio.config.faults import Misfit
from aegis_trio.config.parsing import parse_path
from aegis_trio.config.reader import Reader
from aegis_trio.config.variables import operation, signin
from aegis_trio.model.clock import WallClock
from aegis_trio.model.secret import Secret

STATE_FOLDER: Final = "state"
_SECRET: Final = signin.GITEA_OAUTH_CLIENT_SECRET.name


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The files as they are now."""

    env_file: Path
    before: bytes | None
    """What the settings file holds; None where there is none yet."""
    secret_file: Path | None
    """Where the secret goes in place of the settings file."""

    def text(self) -> str:
        """Return the settings file's text."""
        return "" if self.before is None else self.before.decode()

    def missing(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return those of *values* that the settings file does not say yet."""
        there = read_values(self.text())
        return {name: value for name, value in values.items() if there.get(name) != value}

    def edited(self, values: Mapping[str, str]) -> bytes:
        """Return the settings file with *values*.

        Raises:
            Usage: it is written in a way that cannot be edited safely.
        """
        text = set_values(self.text(), values)
        if text is None:
            raise Usage(
                f"{self.env_file} is written in a way that cannot be edited safely; nothing was changed. "
                "Give --print, and write the lines into it by hand."
            )
        return text.encode()

    def write(self, values: Mapping[str, str], secret: Secret, clock: WallClock) -> tuple[Path, ...]:
        """Write *values*, and the secret into its own file where it has one; return the backups.

        Raises:
            Usage: somebody changed the settings file meanwhile.
            OSError: it cannot be written.
        """
        if self.secret_file is not None:
            make_folder(self.secret_file.parent)
            known = self.secret_file.read_bytes() if self.secret_file.exists() else None
            content = f"{secret.reveal()}\n".encode()
            if known != content:
                replace_file(self.secret_file, content, expected=known)
        after = self.edited(values)
        if after == self.before:
            return ()
        backups = () if self.before is None else (back_up(self.env_file, self.before, clock),)
        replace_file(self.env_file, after, expected=self.before)
        return backups


def find_places(env_file: Path, reader: Reader) -> Places:
    """Return the files to write.

    Raises:
        Usage: the settings file is not text, or names a file for the secret that cannot be one.
        OSError: it cannot be read.
    """
    before = read_text(env_file).encode() if env_file.exists() else None
    named = reader.sources.find(f"{_SECRET}_FILE")
    try:
        secret_file = None if named is None else parse_path(named.raw_value)
    except Misfit as misfit:
        raise Usage(f"{_SECRET}_FILE {misfit}") from None
    folder = env_file.absolute().parent
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Usage(f"{folder} cannot be written by this account: give --env-file, or --print.")
    return Places(env_file=env_file, before=before, secret_file=secret_file)


def state_values(reader: Reader, env_file: Path, state: Path | None) -> dict[str, str]:
    """Return what says where the gate keeps its state, where the defaults are not this account's to write.

    Args:
        state: the folder that was asked for; None decides by the defaults.
    """
    values: dict[str, str] = {}
    for variable, file_name in ((signin.STORE_PATH, "store.sqlite3"), (operation.AUDIT_LOG_PATH, "audit.log")):
        if reader.is_set(variable) or (state is None and is_writable(variable.default)):
            continue
        folder = env_file.absolute().parent / STATE_FOLDER if state is None else state.absolute()
        values[variable.name] = str(folder / file_name)
    return values


def is_writable(path: Path) -> bool:
    """Return whether this account could make *path*, or write to it."""
    nearest = next(place for place in (path, *path.absolute().parents) if place.exists())
    return os.access(nearest, os.W_OK | os.X_OK if nearest.is_dir() else os.W_OK)
