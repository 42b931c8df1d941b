"""What is wrong with a configuration: every fault at once, each with its way out.

Law: a fault never holds a secret's value. A URL's user part and query count as one, and so does whatever looks like a
key or token, wherever it stands: people put a secret into the variable beside the right one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from aegis_trio.model.secret import MASK

MAX_SHOWN_CHARS: Final = 80
_USER_PART: Final = re.compile(r"//[^/?#]*@")
_QUERY: Final = re.compile(r"(://[^?#]*[?#]).+")
# Our shortest key has 32 characters, Gitea's tokens 40; a word or a folder of that length has no digit in it.
_LIKE_A_SECRET: Final = re.compile(r"(?=[A-Za-z]*[0-9])[0-9A-Za-z]{32,}", re.ASCII)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationFault:
    """One thing that is wrong."""

    variable: str
    rule: str
    remedy: str
    shown_value: str | None = None
    """The value as it may be seen; None where there is none."""
    origin: str | None = None

    def __str__(self) -> str:
        value = "" if self.shown_value is None else f"={self.shown_value}"
        origin = "" if self.origin is None else f" (from {self.origin})"
        return f"{self.variable}{value}{origin}: {self.rule}. {self.remedy}"

    def __post_init__(self) -> None:
        # Threat: GITEA_URL and GITEA_TOKEN exchanged, or a key in MCP_API_KEYS_FILE, end in everybody's log.
        object.__setattr__(self, "rule", _LIKE_A_SECRET.sub(MASK, self.rule))
        if self.shown_value is not None:
            object.__setattr__(self, "shown_value", show_value(self.shown_value, secret=False))


@final
class ConfigurationFaults(Exception):
    """A configuration that cannot be used; `faults` has at least one."""

    def __init__(self, faults: Sequence[ConfigurationFault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = tuple(faults)


@final
class Misfit(ValueError):
    """A text that a variable cannot take; raised by parsers, never seen outside of this package."""

    def __init__(self, rule: str, remedy: str) -> None:
        super().__init__(f"{rule}. {remedy}")
        self.rule = rule
        self.remedy = remedy


def show_value(raw_value: str, *, secret: bool) -> str:
    """Return *raw_value* as it may be seen: masked, or on one line and at most `MAX_SHOWN_CHARS` long."""
    if secret:
        return MASK
    plain = _QUERY.sub(rf"\1{MASK}", _USER_PART.sub(f"//{MASK}@", raw_value))
    plain = _LIKE_A_SECRET.sub(MASK, plain)
    one_line = "".join(character if character.isprintable() else "?" for character in plain)
    return one_line if len(one_line) <= MAX_SHOWN_CHARS else f"{one_line[: MAX_SHOWN_CHARS - 1]}…"
