"""Which build this is, as a metric: a series that is always 1 and whose label tells the version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from aegis_trio import __version__


@final
@dataclass(frozen=True, slots=True)
class BuildStatistics:
    """The version."""

    info: Mapping[tuple[str], int]


def build_statistics() -> BuildStatistics:
    """Return the version of this package."""
    return BuildStatistics({(__version__,): 1})
