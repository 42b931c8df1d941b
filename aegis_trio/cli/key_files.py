"""Where the keys and their Gitea tokens stand on disk, and what a rotation makes of these files.

Law: both lists are edited in memory first; nothing is written unless every edit reads back as meant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import final

from aegis_trio.cli.entry_edit import Span, replace_entry, span_in_env, value_in_env, whole
from aegis_trio.cli.usage import Usage
from aegis_trio.config.faults import ConfigurationFaults, Misfit
from aegis_trio.config.parsing import parse_path, split_entries
from aegis_trio.config.sources import Sources
from aegis_trio.config.variable import Variable
from aegis_trio.config.variables.access import GITEA_KEY_TOKENS, MCP_API_KEYS


@final
@dataclass(frozen=True, slots=True)
class ListPlace:
    """One list in one file."""

    path: Path
    span: Callable[[str], Span | None]
    read: Callable[[str], str]

    def entries(self) -> tuple[str, ...]:
        """Return the list's raw entries."""
        return split_entries(self.read(read_text(self.path)))


@final
class KeyFiles:
    """The files that hold MCP_API_KEYS and GITEA_KEY_TOKENS."""

    def __init__(self, environ: Mapping[str, str], env_file: Path, *, has_store: bool = False) -> None:
        """Find both lists.

        Args:
            has_store: whether keys stand in the store, so that MCP_API_KEYS may stand nowhere.

        Raises:
            ConfigurationFaults: the settings file cannot be read.
            Usage: MCP_API_KEYS stands nowhere, or where no command can change it.
        """
        places = {variable.name: _find(variable, environ, env_file) for variable in (MCP_API_KEYS, GITEA_KEY_TOKENS)}
        keys = places[MCP_API_KEYS.name]
        if keys is None and not has_store:
            if environ.get(MCP_API_KEYS.name, "").strip():
                raise Usage(f"MCP_API_KEYS stands in the environment, which no command can change; not in {env_file}.")
            raise Usage(f"{env_file} holds no MCP_API_KEYS; make the first key with `aegis-trio keygen`.")
        self.keys = keys
        self.tokens = places[GITEA_KEY_TOKENS.name]

    def key_entries(self) -> tuple[str, ...]:
        """Return the raw entries of MCP_API_KEYS, as far as a command can change them."""
        return () if self.keys is None else self.keys.entries()

    def rotated(
        self, replaced: tuple[str, str] | None, moved: tuple[str, str] | None
    ) -> dict[Path, tuple[bytes, bytes]]:
        """Return each file that changes, with its bytes before and after; tokens come before keys.

        Args:
            replaced: entry of MCP_API_KEYS and what stands there instead; None for a key in the store.
            moved: entry of GITEA_KEY_TOKENS and what stands there instead.

        Raises:
            Usage: a file is written in a way that cannot be edited safely.
        """
        before: dict[Path, str] = {}
        after: dict[Path, str] = {}
        edits = [] if moved is None or self.tokens is None else [(self.tokens, *moved)]
        if replaced is not None and self.keys is not None:
            edits.append((self.keys, *replaced))
        for place, old_entry, new_entry in edits:
            text = after.get(place.path)
            if text is None:
                text = before[place.path] = read_text(place.path)
            span = place.span(text)
            edited = None if span is None else replace_entry(text, span, old_entry, new_entry, place.read)
            if edited is None:
                raise Usage(f"{place.path} is written in a way that cannot be edited safely; nothing was changed.")
            after[place.path] = edited
        return {path: (before[path].encode(), text.encode()) for path, text in after.items()}


def read_text(path: Path) -> str:
    """Return the text of *path* with its line ends as they are.

    Raises:
        Usage: it is not UTF-8.
    """
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError:
        raise Usage(f"{path} is not UTF-8 text.") from None


def _find(variable: Variable[object], environ: Mapping[str, str], env_file: Path) -> ListPlace | None:
    in_file = Sources({}, env_file)
    if in_file.faults:
        raise ConfigurationFaults(in_file.faults)
    name = variable.name
    if in_file.find(name) is not None:
        return ListPlace(env_file, partial(span_in_env, name=name), partial(value_in_env, name=name))
    named = in_file.find(f"{name}_FILE") or Sources(environ, None).find(f"{name}_FILE")
    if named is None:
        return None
    try:
        return ListPlace(parse_path(named.raw_value), whole, _all)
    except Misfit as misfit:
        raise Usage(f"{name}_FILE {misfit.rule}. {misfit.remedy}") from None


def _all(text: str) -> str:
    return text
