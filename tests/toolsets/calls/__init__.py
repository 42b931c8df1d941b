"""One right call of every operation against the demo forge, and the one template of its first request.

Each area of `toolsets/` has its file here; `samples` gathers them, by the operation's name (`issue_read.comments`).
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass

from aegis_trio.model.json import JsonObject

HARBOR: JsonObject = {"owner": "tidewater", "repo": "harbor"}


@dataclass(frozen=True)
class Sample:
    """How an operation is called, and what it asks Gitea first."""

    arguments: JsonObject
    """Without `method`; every person of the demo forge may make this call."""
    template: str
    """Path below `/api/v1/` with `*` for one segment and, only last, `**` for some, such as `repos/*/*/issues/*`."""
    query: frozenset[str] = frozenset()
    """Every name that its query may have."""


def samples() -> dict[str, Sample]:
    """Return the samples of every area."""
    found: dict[str, Sample] = {}
    for module in pkgutil.iter_modules(__path__):
        found |= importlib.import_module(f"{__name__}.{module.name}").SAMPLES
    return found
