"""A decision is `Allow` or `Deny` with its reason; it has no truth value, so it cannot be misread.

Threat: a dataclass is always true, so `if decide(…):` would admit a `Deny`. Both raise when asked for a
truth value; callers `match`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn, TypeAlias, final

from aegis_trio.model.errors import Fault


class _NoTruth:
    __slots__ = ()

    def __bool__(self) -> NoReturn:
        raise TypeError("a decision has no truth value: match it against Allow and Deny")


@final
@dataclass(frozen=True, slots=True)
class Allow(_NoTruth):
    """It may happen."""


@final
@dataclass(frozen=True, slots=True)
class Deny(_NoTruth):
    """It may not happen; `fault` is what the caller is told, `reason` what the audit log keeps."""

    reason: str
    fault: Fault


Decision: TypeAlias = Allow | Deny
