"""Strangers: what becomes of requests without a valid credential. They are counted, recorded, refused, and blocked.

Laws:
    1. Only a credential that was judged and is wrong counts towards a block; a missing or expired one never does.
    2. Every request that was refused counts towards the requests of its address; beyond those it is told to wait.
    3. What is counted is counted before it is recorded, so that a full disk does not make guessing free.
    4. For an address that is blocked, or has used its requests up, Gitea is never asked.
    5. A block of the operator's holds for everybody at the address; one for failures only for strangers.

Not here: who is no stranger (authenticator.py), the state behind the counting (limits/).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final, final

import structlog

from aegis_trio.audit.entry import AuthenticationStatus, access_denied, api_authentication, security_event
from aegis_trio.auth.attempts import AttemptLedger, Sum
from aegis_trio.auth.judge import AttemptTrail
from aegis_trio.auth.key_callers import REFUSED_KINDS, refused_detail
from aegis_trio.auth.keytable import Verdict
from aegis_trio.limits.addresses import AddressRates
from aegis_trio.limits.anomalies import Denied, Sighting
from aegis_trio.limits.failures import FailureStatistics, FailureWindow
from aegis_trio.model.errors import AddressBlocked, AuditUnavailable, Fault, RateLimited, Severity, Unauthenticated
from aegis_trio.model.identity import Origin, Principal
from aegis_trio.policy.quotas import LimitName

INVALID_KEY: Final = "Invalid API key"
NOT_GOOD: Final = "The access token is not valid"
BLOCKED: Final = "Too many failed authentication attempts"
BLOCKED_BY_OPERATOR: Final = "This address is blocked"
TOO_OFTEN: Final = "Too many requests without a valid credential came from this address."
BLOCK_KIND: Final = "auth_rate_limit_exceeded"

log: Final = structlog.get_logger(__name__)


def _ignore(_sighting: Sighting) -> None:
    """Tell nobody."""


@final
class Strangers:
    """Refuses everybody without a valid credential."""

    def __init__(
        self,
        *,
        audit: AttemptTrail,
        failures: FailureWindow,
        ledger: AttemptLedger,
        rates: AddressRates,
        report: Callable[[Sighting], None] = _ignore,
    ) -> None:
        """Start with nobody seen.

        Args:
            audit: takes the record of every attempt.
            failures: counts guesses per address, and blocks.
            ledger: bounds the noise of refused attempts.
            rates: counts requests per address.
            report: told of every refusal; must not block.
        """
        self._audit = audit
        self._failures = failures
        self._ledger = ledger
        self._rates = rates
        self._report = report
        self.totals: Counter[str] = Counter()
        """Refusals by what was wrong: missing, conflicting, invalid, expired, revoked, beyond, blocked, too_often."""

    def may_ask(self, origin: Origin) -> bool:
        """Return whether Gitea may be asked about a credential from there; takes nothing."""
        return self._failures.blocked_for_s(origin.address) is None and not self._rates.is_spent(origin.address)

    def refuse_blocked(self, origin: Origin) -> None:
        """Refuse a blocked address whatever it sends: the operator chose strict blocking.

        Raises:
            AddressBlocked: it is blocked.
            AuditUnavailable: the refusal cannot be recorded.
        """
        blocked_for_s = self._failures.blocked_for_s(origin.address)
        if blocked_for_s is not None:
            self.totals["blocked"] += 1
            self._record_denied(BLOCK_KIND, origin)
            raise _blocked(BLOCKED, blocked_for_s)

    def refusal_by_operator(self, origin: Origin) -> Fault | None:
        """Return why nothing at all is served to an address that the operator blocked, or None; recorded, too."""
        blocked_for_s = self._failures.blocks.operator_blocked_for_s(origin.address)
        if blocked_for_s is None:
            return None
        self.totals["blocked"] += 1
        try:
            self._record_denied("address_blocked_by_operator", origin)
        except AuditUnavailable as unavailable:
            return unavailable
        return _blocked(BLOCKED_BY_OPERATOR, blocked_for_s)

    def denied(self, what: str, reason: str, origin: Origin, fault: Fault) -> Fault:
        """Return the refusal of a request whose credential could not be judged: none, or two of them."""
        self.totals[what] += 1
        late = self._too_often(origin)
        self._record_denied(reason, origin)
        return late or fault

    def beyond(self, reason: str, origin: Origin, fault: Fault, principal: Principal) -> Fault:
        """Return the refusal of a key that is valid and does not reach its caller's address; it is no guess."""
        self.totals["beyond"] += 1
        self._record_denied(reason, origin, principal=principal)
        return fault

    def dead_token(self, origin: Origin) -> Fault:
        """Return the refusal of a person's token that is not good.

        Source: RFC 6750 section 3.1. Tokens expire all the time, so a dead one is no guess (D7).
        """
        self.totals["expired"] += 1
        late = self._too_often(origin)
        if self._ledger.admit(origin.address, records=2):
            self._audit.append_nowait(api_authentication(AuthenticationStatus.FAILURE, origin, reason="invalid_token"))
            self._audit.append_nowait(access_denied("invalid_token", origin))
        self._tell("invalid_token", origin)
        return late or Unauthenticated(NOT_GOOD, "Sign in again, or refresh the token.", token_sent=True)

    def invalid_key(self, verdict: Verdict, origin: Origin) -> Fault:
        """Return the one answer to every key that is not valid, after counting and recording it."""
        detail, known = refused_detail(verdict), verdict.entry is not None
        self.totals[detail if known else "invalid"] += 1
        blocked_for_s = self._failures.blocked_for_s(origin.address)
        late = self._too_often(origin)
        block_s = None
        if blocked_for_s is None and not known:
            block_s = self._failures.note_failure(origin.address)
        if self._ledger.admit(origin.address, records=3):
            self._record_invalid(verdict, detail, origin, blocked=blocked_for_s is not None)
        self._tell("invalid_api_key", origin)
        if block_s is not None:
            self._record_block(origin, block_s)
        if blocked_for_s is not None:
            self.totals["blocked"] += 1
            return _blocked(BLOCKED, blocked_for_s)
        return late or Unauthenticated(INVALID_KEY, token_sent=True)

    def record_sums(self) -> None:
        """Record the sums of refused attempts that are due; raises AuditUnavailable when they cannot be."""
        self._record(self._ledger.collect())

    def close(self) -> None:
        """Record what is still owed of refused attempts; for the end, before the trail drains."""
        self._record(self._ledger.close())

    def statistics(self) -> FailureStatistics:
        """Return how the counting of failures stands."""
        return self._failures.statistics()

    def _too_often(self, origin: Origin) -> RateLimited | None:
        wait_s = self._rates.refused_for_s(origin.address)
        if wait_s is None:
            return None
        self.totals["too_often"] += 1
        return RateLimited(TOO_OFTEN, f"Try again in {wait_s} s.", retry_after_s=wait_s, limit=LimitName.ADDRESS.value)

    def _record_denied(self, reason: str, origin: Origin, *, principal: Principal | None = None) -> None:
        if self._ledger.admit(origin.address):
            self._audit.append_nowait(access_denied(reason, origin, principal=principal))
        self._tell(reason, origin)

    def _record_block(self, origin: Origin, block_s: int) -> None:
        log.warning("address_blocked", client_ip=origin.address, block_s=block_s)
        if self._ledger.admit_event():
            self._audit.append_nowait(
                security_event(BLOCK_KIND, Severity.HIGH, client_ip=origin.address, blocked_for_s=block_s)
            )

    def _record_invalid(self, verdict: Verdict, detail: str, origin: Origin, *, blocked: bool) -> None:
        # The hint of a key that is ours helps its owner; that of a stranger's text would be part of a secret.
        hint = verdict.text.hint if verdict.entry is not None else None
        self._audit.append_nowait(
            api_authentication(AuthenticationStatus.FAILURE, origin, key_hint=hint, reason="invalid_api_key")
        )
        reason = BLOCK_KIND if blocked else "invalid_api_key"
        self._audit.append_nowait(access_denied(reason, origin, detail=detail))
        # Invariant: as many records whatever is wrong, so that time does not tell what.
        self._audit.append_nowait(security_event(REFUSED_KINDS[detail], Severity.LOW, client_ip=origin.address))

    def _record(self, sums: list[Sum]) -> None:
        for found in sums:
            self._audit.append_nowait(
                security_event(
                    "authentication_failures_summed",
                    Severity.MEDIUM,
                    client_ip=found.address,
                    attempts=found.attempts,
                )
            )

    def _tell(self, reason: str, origin: Origin) -> None:
        self._report(Denied(subject=origin.address, reason=reason, address=origin.address))


def _blocked(words: str, blocked_for_s: int) -> AddressBlocked:
    return AddressBlocked(words, f"Try again in {blocked_for_s} s.", retry_after_s=blocked_for_s)
