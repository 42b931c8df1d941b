"""What the gateway counts, while it grows; others read the frozen value (statistics.py).

Law: labels are bounded by the number of tools and fault classes; a name that a stranger made up is `unknown`.
"""

from __future__ import annotations

from collections import Counter
from types import MappingProxyType
from typing import Final, final

import structlog

from aegis_trio.gateway.statistics import GatewayStatistics
from aegis_trio.model.call import Failure, Pending, Success, ToolOutcome, ToolRequest
from aegis_trio.model.toolspec import ToolSpec
from aegis_trio.telemetry.histogram import BYTES, SECONDS, Histogram
from aegis_trio.toolsets.context import ToolContext

UNKNOWN: Final = "unknown"

log = structlog.get_logger(__name__)


@final
class CallTally:
    """Counts calls."""

    __slots__ = ("_allowed", "_calls", "_denied", "_durations", "_refusals", "_replies", "_seconds", "running")

    def __init__(self) -> None:
        self.running = 0
        """Calls inside the door now."""
        self._calls: Counter[tuple[str, str]] = Counter()
        self._allowed: Counter[str] = Counter()
        self._denied: Counter[str] = Counter()
        self._refusals: Counter[tuple[str]] = Counter()
        self._seconds: dict[tuple[str], float] = {}
        self._durations: dict[tuple[str], Histogram] = {}
        self._replies = Histogram(BYTES)

    def note_intent(self, spec: ToolSpec[ToolContext]) -> None:
        """Count a call that was let through: its intent is durable."""
        self._allowed[spec.operation] += 1

    def note_refusal(self, spec: ToolSpec[ToolContext] | None, code: str) -> None:
        """Count a call that was refused before it ran."""
        self._denied[_label(spec)] += 1
        self._refusals[(code,)] += 1

    def note_outcome(self, request: ToolRequest, spec: ToolSpec[ToolContext] | None, outcome: ToolOutcome) -> None:
        """Count what came of a call, and say it in the log."""
        label, result = _label(spec), outcome_word(outcome)
        self._calls[label, result] += 1
        if isinstance(outcome, Success) and outcome.reply_bytes:
            self._replies.observe(outcome.reply_bytes)
        log.info("call", tool=label, result=result, correlation_id=request.correlation_id, trace=request.trace)

    def note_duration(self, spec: ToolSpec[ToolContext] | None, duration_s: float) -> None:
        """Count how long a call took."""
        key = (_label(spec),)
        self._seconds[key] = self._seconds.get(key, 0.0) + duration_s
        histogram = self._durations.get(key)
        if histogram is None:
            histogram = self._durations[key] = Histogram(SECONDS)
        histogram.observe(duration_s)

    def statistics(self) -> GatewayStatistics:
        """Return what passed so far."""
        decisions = {(tool, "allow"): calls for tool, calls in self._allowed.items()}
        decisions |= {(tool, "deny"): calls for tool, calls in self._denied.items()}
        return GatewayStatistics(
            calls_running=self.running,
            calls_total=MappingProxyType(dict(self._calls)),
            decisions_total=MappingProxyType(decisions),
            refusals_total=MappingProxyType(dict(self._refusals)),
            call_seconds_total=MappingProxyType(dict(self._seconds)),
            call_duration_seconds=MappingProxyType({key: one.snapshot() for key, one in self._durations.items()}),
            reply_bytes=self._replies.snapshot(),
        )


def outcome_word(outcome: ToolOutcome) -> str:
    """Return what came of a call in one word: `success`, `input_required` or the fault's code."""
    match outcome:
        case Success():
            return "success"
        case Pending():
            return "input_required"
        case Failure(fault=fault):
            return fault.code


def _label(spec: ToolSpec[ToolContext] | None) -> str:
    return UNKNOWN if spec is None else spec.operation
