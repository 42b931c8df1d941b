"""One variable of the configuration, as a value: what it is called, how it is read, what it means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar, final

T_co = TypeVar("T_co", covariant=True)


class Feature(StrEnum):
    """Headings of the reference, in its order."""

    GITEA = "Gitea"
    KEYS = "API keys"
    FAILURES = "Failed authentications"
    LISTENER = "Listening"
    PROXIES = "Names, proxies and browsers"
    TOOLS = "Tools"
    LIMITS = "Limits"
    AUDIT = "Audit"
    OPERATION = "Operation"
    ALERTS = "Alerts"
    OAUTH = "Signing in with Gitea"
    WRITING = "Writing (not in this version)"


@final
@dataclass(frozen=True, kw_only=True)  # no slots: `Variable[int](…)` of a slotted frozen class fails in typing
class Variable(Generic[T_co]):
    """One name that operators set."""

    name: str
    feature: Feature
    parse: Callable[[str], T_co]
    """Make the value of a stripped, non-empty text; raises Misfit."""
    default: T_co
    default_text: str
    """The default as operators read it; `parse` gives `default` for it, unless it is empty or in angle brackets."""
    meaning: str
    unit: str = ""
    secret: bool = False
    """Masked wherever it is shown, and readable from a file named by `<name>_FILE`."""
    absent: bool = False
    """Belongs to a feature that this version does not have."""

    @property
    def file_name(self) -> str | None:
        """The name of the variable that names a file with the value, for secrets."""
        return f"{self.name}_FILE" if self.secret else None
