"""Sources: where each variable's text stands — the environment, `.env`, or a file that one of them names.

Laws:
    1. The environment goes before `.env`; an empty text is no text, as containers pass empty ones for unset ones.
    2. A secret stands in one place: `X` and `X_FILE` together are a fault, wherever each of them stands.
    3. `.env` is read as it stands: nothing in it is expanded or executed.

Whom it trusts: the operator. A file that others may read is still read, with a warning.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

from dotenv.parser import parse_stream

from aegis_trio.config.faults import ConfigurationFault, Misfit
from aegis_trio.config.parsing import parse_path

DEFAULT_ENV_FILE: Final = Path(".env")
MAX_FILE_BYTES: Final = 256 * 1024  # ten thousand keys fit; a device or a log given by mistake does not
_READABLE_BY_OTHERS: Final = 0o004


@final
@dataclass(frozen=True, slots=True)
class Found:
    """The text of a variable, and where it stands."""

    raw_value: str = field(repr=False)
    origin: str


@final
class Sources:
    """Everything that is set, read once."""

    def __init__(self, environ: Mapping[str, str], env_file: Path | None) -> None:
        """Read *env_file* beside *environ*.

        Args:
            environ: the process's environment.
            env_file: None for none; the default `.env` may be missing, any other may not.
        """
        self.faults: list[ConfigurationFault] = []
        self.warnings: list[str] = []
        self.files: list[Path] = []
        """Every file that was looked for, whether or not it could be read."""
        self.is_complete = True
        """False when the settings file could not be read: what seems to be missing may stand there."""
        self._environ = {name: text.strip() for name, text in environ.items() if text.strip()}
        self._env_file: dict[str, Found] = {}
        if env_file is not None:
            self._read_env_file(env_file)

    def names(self) -> dict[str, str]:
        """Return every name that is set, with its origin."""
        return {name: found.origin for name, found in self._env_file.items()} | dict.fromkeys(
            self._environ, "environment"
        )

    def find(self, name: str) -> Found | None:
        """Return the text of the variable *name*, or None when it is not set."""
        if name in self._environ:
            return Found(self._environ[name], "environment")
        return self._env_file.get(name)

    def find_secret(self, name: str) -> Found | None:
        """Return the text of the secret *name*, from itself or from the file that `<name>_FILE` names."""
        direct, named = self.find(name), self.find(f"{name}_FILE")
        if named is None:
            return direct
        if direct is not None:
            self._fault(f"{name}_FILE", f"and {name} are both set", "Keep one of them.", named)
            return direct
        return self._read_secret_file(name, named)

    def _read_env_file(self, path: Path) -> None:
        self.files.append(path)
        if path == DEFAULT_ENV_FILE and not path.exists():
            return
        text = self._read_text("--env-file", path, Found(str(path), "command line"))
        if text is None:
            self.is_complete = False
            return
        for binding in parse_stream(io.StringIO(text)):
            line = binding.original.line + binding.original.string[: _leading(binding.original.string)].count("\n")
            if binding.error:
                self._fault(f"{path} line {line}", "cannot be read", "Write NAME=value, quotes in pairs.", None)
            if binding.key is None or binding.value is None:
                continue
            if binding.key in self._env_file:
                self.warnings.append(f"{binding.key} stands twice in {path}; line {line} counts.")
            if binding.value.strip():
                self._env_file[binding.key] = Found(binding.value.strip(), f"{path} line {line}")
            else:
                self._env_file.pop(binding.key, None)

    def _read_secret_file(self, name: str, named: Found) -> Found | None:
        try:
            path = parse_path(named.raw_value)
        except Misfit as misfit:
            self._fault(f"{name}_FILE", misfit.rule, misfit.remedy, named)
            return None
        self.files.append(path)
        text = self._read_text(f"{name}_FILE", path, named)
        if text is None:
            return None
        if not text.strip():
            self._fault(f"{name}_FILE", "names an empty file", "Write the secret into it.", named)
            return None
        return Found(text.strip(), f"file {path}")

    def _read_text(self, variable: str, path: Path, named: Found) -> str | None:
        try:
            with path.open("rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
                mode = path.stat().st_mode
            text = content.decode()
        except OSError as error:
            reason = (error.strerror or "cannot be read").lower()
            self._fault(variable, f"names a file that cannot be read: {reason}", "Check its path and mode.", named)
            return None
        except UnicodeDecodeError:
            self._fault(variable, "names a file that is not UTF-8 text", "Write it as text.", named)
            return None
        if len(content) > MAX_FILE_BYTES:
            self._fault(variable, f"names a file above {MAX_FILE_BYTES} bytes", "Name the right file.", named)
            return None
        if mode & _READABLE_BY_OTHERS:
            self.warnings.append(f"{path} can be read by every user of this machine: `chmod 600 {path}`.")
        return text

    def _fault(self, variable: str, rule: str, remedy: str, named: Found | None) -> None:
        self.faults.append(
            ConfigurationFault(
                variable=variable,
                rule=rule,
                remedy=remedy,
                shown_value=None if named is None else named.raw_value,
                origin=None if named is None else named.origin,
            )
        )


def _leading(text: str) -> int:
    return len(text) - len(text.lstrip())
