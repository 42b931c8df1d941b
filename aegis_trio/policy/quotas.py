"""Limits by their names, and what is left of one, in the words of the IETF's fields for rate limits.

Not here: where the state of a limit is kept (limits/), and headers (web/quota_fields.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import final

from aegis_trio.model.clock import NS_PER_S
from aegis_trio.policy.rate import Limit, remaining


class LimitName(StrEnum):
    """Every limit of requests and calls, as settings, answers, logs and metrics name it."""

    PRINCIPAL = "principal"  # cells of one key or person in a minute
    CLIENT = "client"  # cells of one client of a principal in a minute
    TOOL = "tool"  # calls of one tool by a principal in a minute
    REPOSITORY = "repository"  # writes to one repository in a day
    CONCURRENCY = "concurrency"  # calls of a principal at the same time
    ADDRESS = "address"  # requests of one address without a valid credential in a minute


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What is left of one limit.

    Source: draft-ietf-httpapi-ratelimit-headers-11 sections 3 and 4 (q, w, r, t).
    """

    name: LimitName
    quota: int
    """Cells in one window."""
    window_s: int
    remaining: int
    """Cells that may be taken at once."""
    reset_s: int
    """Whole seconds until all of them are back, rounded up; 0 when none was taken."""


def quota_of(name: LimitName, limit: Limit, tat_ns: int, now_ns: int) -> Quota:
    """Return what is left of *limit*, whose bucket stands at *tat_ns*."""
    return Quota(
        name=name,
        quota=limit.burst,
        window_s=-(-limit.period_ns // NS_PER_S),
        remaining=remaining(limit, tat_ns, now_ns),
        reset_s=max(0, -(-(tat_ns - now_ns) // NS_PER_S)),
    )
