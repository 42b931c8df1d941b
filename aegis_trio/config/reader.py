"""The reader: from sources to values, one variable at a time, collecting what is wrong instead of stopping.

Law: a fault yields the default, so that reading goes on; whoever reads must look at `faults` before using anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar, final

from aegis_trio.config.faults import ConfigurationFault, Misfit, show_value
from aegis_trio.config.sources import Found, Sources
from aegis_trio.config.variable import Variable

T = TypeVar("T")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """One variable as it counts: what is shown of it, and where it came from."""

    name: str
    shown_value: str
    origin: str
    unit: str


@final
class Reader:
    """Reads variables from *sources*."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.faults: list[ConfigurationFault] = []
        self.warnings: list[str] = []
        self.effective: list[Effective] = []
        self._found: dict[str, Found | None] = {}

    def read(self, variable: Variable[T]) -> T:
        """Return the value of *variable*; its default when it is not set, or set to what it cannot be."""
        found = self._find(variable)
        self.effective.append(_effective(variable, found))
        if found is None:
            return variable.default
        try:
            value = variable.parse(found.raw_value)
        except Misfit as misfit:
            self.refuse(variable, misfit.rule, misfit.remedy)
            return variable.default
        if variable.absent and value != variable.default:
            self.warnings.append(f"{variable.name} has no effect: its feature is not in this version.")
        return value

    def refuse(self, variable: Variable[T], rule: str, remedy: str) -> None:
        """Note that the value of *variable* cannot be used."""
        found = self._find(variable)
        self.faults.append(
            ConfigurationFault(
                variable=variable.name,
                rule=rule,
                remedy=remedy,
                shown_value=None if found is None else show_value(found.raw_value, secret=variable.secret),
                origin=None if found is None else found.origin,
            )
        )

    def is_set(self, variable: Variable[T]) -> bool:
        """Return whether *variable* stands anywhere, be it in a file that cannot be read."""
        named = variable.file_name is not None and self.sources.find(variable.file_name) is not None
        return named or self._find(variable) is not None

    def _find(self, variable: Variable[T]) -> Found | None:
        # Invariant: every source is read once, so a file that changes in between cannot give two answers.
        if variable.name not in self._found:
            find = self.sources.find_secret if variable.secret else self.sources.find
            self._found[variable.name] = find(variable.name)
        return self._found[variable.name]


def _effective(variable: Variable[T], found: Found | None) -> Effective:
    if found is None:
        return Effective(name=variable.name, shown_value=variable.default_text, origin="default", unit=variable.unit)
    shown = show_value(found.raw_value, secret=variable.secret)
    return Effective(name=variable.name, shown_value=shown, origin=found.origin, unit=variable.unit)
