"""What the operator may choose about limits of calls and requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

from aegis_trio.limits.bulkhead import MAX_WAITING
from aegis_trio.model.kept import KEPT_MAX_BYTES
from aegis_trio.policy.quotas import LimitName

BLOCKS_FILE: Final = "blocks.sqlite3"
"""The name of the blocks' own file, beside the audit log."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class BlockSettings:
    """Where blocks are kept, and which."""

    path: Path
    """The file of the store that has them."""
    keeps: bool = False
    """Whether blocks by failures outlive the process, and grow; the operator's always do."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """How much may be asked of the gate; 0 switches a limit off."""

    max_concurrent_calls: int = 32
    """Calls of one principal that run at the same time. Precedent: GitHub's secondary limit, 100."""
    calls_per_minute: int = 1200
    """Cells (policy/costs.py) of one principal in a minute; all of them may come at once."""
    client_calls_per_minute: int = 0
    """Cells of one client of a principal in a minute, so that one assistant leaves something for the others."""
    tool_calls_per_minute: Mapping[str, int] = field(default_factory=dict[str, int])
    """Calls of one principal in a minute, by tool; a tool that is not named has no limit of its own."""
    repository_writes_per_day: int = 500
    """Calls that write to one repository in a day, whoever makes them."""
    address_requests_per_minute: int = 600
    """Requests of one address without a valid credential. Hosted assistants share a few addresses."""
    shadow: frozenset[LimitName] = frozenset()
    """Limits that are counted and logged, and refuse nothing."""

    max_waiting_requests: int = MAX_WAITING
    """Requests of calls that wait for a place at Gitea, all principals together."""
    breaker_failures: int = 5
    """Failures in a row after which Gitea is left alone for a moment; 0 never. Precedent: Envoy's outlier detection."""
    breaker_max_pause_s: float = 8.0
    """The longest of those moments. The upstream watch asks every 2 s while something is wrong."""

    kept_max_bytes: int = KEPT_MAX_BYTES
    """Bytes of replies that are longer than one answer and wait to be read on; 0 keeps none, so they are refused."""

    rate_classes: Mapping[str, int] = field(default_factory=dict[str, int])
    """Cells in a minute of keys of a class, in place of `calls_per_minute`; 0 is off."""

    @property
    def fixed(self) -> tuple[int, int, float, int]:
        """What holds until the process ends."""
        return self.max_waiting_requests, self.breaker_failures, self.breaker_max_pause_s, self.kept_max_bytes

    def __post_init__(self) -> None:
        for name, value in (
            ("max_concurrent_calls", self.max_concurrent_calls),
            ("calls_per_minute", self.calls_per_minute),
            ("client_calls_per_minute", self.client_calls_per_minute),
            ("repository_writes_per_day", self.repository_writes_per_day),
            ("address_requests_per_minute", self.address_requests_per_minute),
            ("breaker_failures", self.breaker_failures),
            *((f"rate_classes[{name}]", calls) for name, calls in self.rate_classes.items()),
            *((f"tool_calls_per_minute[{tool}]", calls) for tool, calls in self.tool_calls_per_minute.items()),
        ):
            if value < 0:
                raise ValueError(f"{name}: must be 0 (off) or more, not {value}.")
