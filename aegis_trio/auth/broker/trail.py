"""The trail of signing in: what it records goes to the audit trail, and is counted by kind for metrics.

Laws:
    1. Every word that is counted is ours: a step, a reason, an error of the RFCs. No client, person or address is one.
    2. What clients are refused is recorded as refused attempts with keys are, one by one within the same bounds, and
       summed up beyond them; whoever may be refused without bound must not be able to fill the audit log.
    3. A refusal stands, whether or not it can be recorded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import structlog

from aegis_trio.audit.entry import AuditEntry, access_denied
from aegis_trio.auth.attempts import AttemptLedger
from aegis_trio.auth.broker.ports import OAuthTrail
from aegis_trio.model.errors import AuditUnavailable
from aegis_trio.model.identity import Origin

_KINDS: Final = ("step", "reason", "what")
"""The fields that say which kind of an event it was, where there are several."""

log: Final = structlog.get_logger(__name__)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SignInStatistics:
    """How signing in goes; totals since start."""

    events_total: Mapping[tuple[str, str], int]
    """By event, such as `oauth_authorize`, and its step or reason, such as `agreed`; empty where it has none."""
    refused_total: Mapping[tuple[str, str], int]
    """What clients were refused, by endpoint, such as `/oauth/token`, and error, such as `invalid_grant`."""


@final
class SignInTrail:
    """Records, counts and bounds; an `OAuthTrail`."""

    def __init__(self, audit: OAuthTrail, ledger: AttemptLedger) -> None:
        """Record in *audit*.

        Args:
            ledger: the one that counts refused attempts with keys too; whoever owns it records its sums.
        """
        self._audit = audit
        self._ledger = ledger
        self._events: Counter[tuple[str, str]] = Counter()
        self._refused: Counter[tuple[str, str]] = Counter()

    def append_nowait(self, entry: AuditEntry) -> None:
        """Hand in a record; counted once it is taken.

        Raises:
            AuditUnavailable: it would not become durable.
        """
        self._audit.append_nowait(entry)
        fields = entry.fields
        name = fields["kind"] if entry.event == "security_event" else entry.event
        kind = next((fields[field] for field in _KINDS if field in fields), "")
        self._events[str(name), str(kind)] += 1

    def note_refusal(self, endpoint: str, error: str, detail: str, origin: Origin) -> None:
        """Note that a client was refused.

        Args:
            endpoint: its path.
            error: of the RFCs, or the code of a fault.
            detail: why, in our own words.
            origin: whence it came.
        """
        self._refused[endpoint, error] += 1
        if not self._ledger.admit(origin.address):
            return
        try:
            self._audit.append_nowait(access_denied(error, origin, endpoint=endpoint, detail=detail))
        except AuditUnavailable:
            log.warning("refusal_not_recorded", endpoint=endpoint, error=error)

    def statistics(self) -> SignInStatistics:
        """Return how signing in goes."""
        return SignInStatistics(events_total=dict(self._events), refused_total=dict(self._refused))
