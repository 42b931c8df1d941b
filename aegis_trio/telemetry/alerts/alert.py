"""An alert, and the notice that is sent of it.

Laws:
    1. Every text is bounded here; it may hold what a stranger wrote, and is escaped where it is printed (forms.py).
    2. No secret, and no content of a repository: who makes an alert takes its words from a record of the audit trail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from aegis_trio.model.errors import Severity

MAX_FIELDS: Final = 10
MAX_CHARACTERS: Final = 200


def bounded(raw_text: str) -> str:
    """Return *raw_text* on one line and cut to `MAX_CHARACTERS`, with a mark where it was cut."""
    line = "".join(character if character.isprintable() else " " for character in raw_text[: MAX_CHARACTERS + 1])
    return line if len(line) <= MAX_CHARACTERS else f"{line[: MAX_CHARACTERS - 1]}…"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One thing that happened."""

    kind: str
    """Stable word, such as `auth_rate_limit_exceeded`."""
    severity: Severity
    summary: str
    """One sentence of ours."""
    subject: str = ""
    """Whom or what it is about, such as an address or a key's hint: same kind and subject are told once."""
    fields: tuple[tuple[str, str], ...] = ()
    at_ns: int
    """UTC nanoseconds."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "subject", bounded(self.subject))
        fields = tuple((bounded(name), bounded(text)) for name, text in self.fields[:MAX_FIELDS])
        object.__setattr__(self, "fields", fields)


@final
@dataclass(frozen=True, slots=True)
class Notice:
    """What is sent: an alert, and how many more of its kind and subject there were since the last notice."""

    alert: Alert
    repeated: int = 0
    """0 for a first one; else this notice stands for so many repetitions."""
