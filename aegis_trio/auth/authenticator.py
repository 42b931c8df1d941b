"""The authenticator: from the credentials of a request to its caller, or to a refusal that tells nothing.

Laws:
    1. Unknown, malformed, revoked and expired keys are answered alike: same text, same way through the code.
    2. Only a credential that was judged and is wrong counts against its address; a missing or expired one never does.
    3. A valid credential passes whatever others at its address did, unless the operator chose strict blocking.
    4. Every attempt is recorded before the answer; if it cannot be, the answer is a refusal.
    5. A stranger never causes a request to Gitea: keys are judged here, and tokens of people only after their form, and
       never for a blocked address.

Not here: whether the Gitea token works (the client finds out), and what the caller may do (policy/access.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

import structlog
import trio

from aegis_trio.audit.entry import (
    AuthenticationStatus,
    api_authentication,
    security_event,
)
from aegis_trio.auth.attempts import AttemptLedger
from aegis_trio.auth.credentials import Absent, Conflicting, Presented, RawCredentials, classify_credentials
from aegis_trio.auth.judge import AttemptTrail, TokenJudge
from aegis_trio.auth.key_callers import LOCAL_ID, key_caller, key_used, local_caller
from aegis_trio.auth.keytable import Admission, KeyTable
from aegis_trio.auth.settings import AuthSettings
from aegis_trio.auth.strangers import Strangers
from aegis_trio.limits.addresses import AddressRates
from aegis_trio.limits.anomalies import Seen, Sighting
from aegis_trio.limits.failures import FailureStatistics, FailureWindow
from aegis_trio.model.clock import WallClock
from aegis_trio.model.decision import Allow, Deny
from aegis_trio.model.errors import Severity, TooMany, Unauthenticated
from aegis_trio.model.identity import Caller, Origin, PrincipalId
from aegis_trio.model.secret import Secret
from aegis_trio.policy.reach import decide_address

MISSING_KEY: Final = "Missing API key"
REFUSED_AFTER_S: Final = 0.002  # a hundred times what judging takes: see tools/bench/key_timing.py
DISABLED: Final = "API key authentication DISABLED - server is open to all requests!"

_HOW_TO_SEND: Final = "Send it as `Authorization: Bearer <key>` or `X-API-Key: <key>`."

log = structlog.get_logger(__name__)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AuthStatistics:
    """How authentication goes; totals since start."""

    keys: int
    successes_total: int
    missing_total: int
    invalid_total: int
    expired_total: int
    revoked_total: int
    beyond_total: int
    """Valid keys from an address that they do not reach."""
    conflicting_total: int
    refused_blocked_total: int
    refused_too_often_total: int
    failures: FailureStatistics


def _ignore(_sighting: Sighting) -> None:
    """Tell nobody."""


@final
class Authenticator:
    """Knows the keys of the present settings and who guessed at them."""

    def __init__(
        self,
        settings: AuthSettings,
        *,
        audit: AttemptTrail,
        clock: WallClock,
        failures: FailureWindow | None = None,
        ledger: AttemptLedger | None = None,
        people: TokenJudge | None = None,
        rates: AddressRates | None = None,
        report: Callable[[Sighting], None] = _ignore,
    ) -> None:
        """Start with the keys of *settings*; needs a running Trio for its clocks unless both are given.

        Args:
            settings: checked already.
            audit: takes the record of every attempt.
            clock: tells whether a key has expired.
            failures: counts guesses per address; made from *settings* when None.
            ledger: bounds the noise of refused attempts.
            people: judges tokens of people who signed in; None where nobody can.
            rates: counts requests without a valid credential per address; None for no limit.
            report: told who came in and who did not; must not block.
        """
        self._settings = settings
        self._table = KeyTable(settings)
        self._audit = audit
        self._clock = clock
        self._strangers = Strangers(
            audit=audit,
            failures=failures if failures is not None else _failure_window(settings),
            ledger=ledger if ledger is not None else AttemptLedger(),
            rates=rates if rates is not None else AddressRates(0),
            report=report,
        )
        self._report = report
        self._people = people
        self._seen: dict[PrincipalId, Admission] = {}
        self._successes = 0
        self._remember_known_keys()

    @property
    def strangers(self) -> Strangers:
        """Who refuses those that have no valid credential."""
        return self._strangers

    def announce(self) -> None:
        """Say once, in log and audit trail, whether callers need a credential.

        Raises:
            AuditUnavailable: it cannot be recorded.
        """
        if self._settings.enabled:
            log.info("API key authentication ENABLED (%d key(s) configured)", len(self._table))
            event = security_event("authentication_enabled", Severity.LOW, keys=len(self._table))
        else:
            log.critical(DISABLED)
            event = security_event("authentication_disabled", Severity.HIGH)
        self._audit.append_nowait(event)

    async def authenticate(self, raw: RawCredentials, origin: Origin) -> Caller:
        """Return who is calling.

        Raises:
            Unauthenticated: no credential, two of them, or one that is not valid.
            AddressBlocked: too many invalid ones came from this address.
            AuditUnavailable: the attempt cannot be recorded, so it cannot succeed either.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        self._strangers.record_sums()
        if not self._settings.enabled:
            return self._local_caller(origin)
        # 1. strict block  2. which credential  3. judged by the table  4. counted  5. answered
        if self._settings.block_strict:
            self._strangers.refuse_blocked(origin)
        match classify_credentials(raw):
            case Absent():
                missing = Unauthenticated(MISSING_KEY, _HOW_TO_SEND)
                raise self._strangers.denied("missing", "missing_api_key", origin, missing)
            case Conflicting(rule):
                conflicting = Unauthenticated("Conflicting credentials", rule)
                raise self._strangers.denied("conflicting", "conflicting_credentials", origin, conflicting)
            case Presented(raw_key):
                if self._people is not None and self._people.is_one(raw_key.reveal()):
                    return await self._judge_person(self._people, raw_key, origin)
                begun_s = trio.current_time()
                try:
                    return self._judge(raw_key, origin)
                except (Unauthenticated, TooMany) as fault:
                    refusal = fault
                # Threat: microseconds tell a revoked key from an unknown one; whoever is refused waits for the clock.
                await trio.sleep_until(begun_s + REFUSED_AFTER_S)
                raise refusal

    def replace_keys(self, settings: AuthSettings) -> frozenset[PrincipalId]:
        """Use *settings* from the next attempt on; counted failures stay.

        Returns:
            frozenset: principals whose key is gone, expired or revoked, or has another identity or other bounds now;
                their streams must end.
        """
        before, self._settings = self._settings, settings
        self._table = KeyTable(settings)
        now_ns = self._clock.now_ns()
        ended = {
            principal_id
            for principal_id, seen in self._seen.items()
            if not (settings.enabled and self._table.holds(principal_id, seen, now_ns))
        }
        for principal_id in ended:
            del self._seen[principal_id]
        self._remember_known_keys()
        if not before.enabled and (settings.enabled or settings.bot_token != before.bot_token):
            ended.add(LOCAL_ID)
        return frozenset(ended)

    def expired_principals(self) -> frozenset[PrincipalId]:
        """Return principals that were let in and whose key has expired since; their streams must end."""
        now_ns = self._clock.now_ns()
        return frozenset(
            principal_id
            for principal_id, seen in self._seen.items()
            if not self._table.holds(principal_id, seen, now_ns)
        )

    def close(self) -> None:
        """Record what is still owed of refused attempts; for the end, before the trail drains."""
        self._strangers.close()

    def statistics(self) -> AuthStatistics:
        """Return how authentication goes."""
        totals = self._strangers.totals
        return AuthStatistics(
            keys=len(self._table),
            successes_total=self._successes,
            missing_total=totals["missing"],
            invalid_total=totals["invalid"],
            expired_total=totals["expired"],
            revoked_total=totals["revoked"],
            beyond_total=totals["beyond"],
            conflicting_total=totals["conflicting"],
            refused_blocked_total=totals["blocked"],
            refused_too_often_total=totals["too_often"],
            failures=self._strangers.statistics(),
        )

    def _judge(self, raw_key: Secret, origin: Origin) -> Caller:
        verdict = self._table.look_up(raw_key, self._clock.now_ns())
        admission = verdict.admission
        if admission is None:
            raise self._strangers.invalid_key(verdict, origin)
        caller = key_caller(verdict, admission, origin)
        match decide_address(admission.bounds, origin.address):
            case Deny(reason=reason, fault=fault):
                # Whoever has the key is told, as its holder may have moved; it is no guess, so it blocks nobody.
                raise self._strangers.beyond(reason, origin, fault, caller.principal)
            case Allow():
                pass
        self._audit.append_nowait(key_used(verdict, caller))
        self._note_success(caller)
        self._seen[caller.principal.id] = admission
        return caller

    async def _judge_person(self, people: TokenJudge, raw_token: Secret, origin: Origin) -> Caller:
        # A good credential passes a block (D7); what costs a question to Gitea does not.
        caller = await people.judge(raw_token, origin, may_ask=self._strangers.may_ask(origin))
        if caller is None:
            raise self._strangers.dead_token(origin)
        self._audit.append_nowait(api_authentication(AuthenticationStatus.SUCCESS, origin, principal=caller.principal))
        self._note_success(caller)
        return caller

    def _note_success(self, caller: Caller) -> None:
        self._successes += 1
        self._report(Seen(principal_id=caller.principal.id, address=caller.origin.address))

    def _local_caller(self, origin: Origin) -> Caller:
        if self._settings.bot_token is None:
            raise RuntimeError("settings without authentication need a bot token; config checks it")
        self._successes += 1
        return local_caller(self._settings.bot_token, origin)

    def _remember_known_keys(self) -> None:
        for principal_id, admission in self._table.admissions(self._clock.now_ns()).items():
            self._seen.setdefault(principal_id, admission)


def _failure_window(settings: AuthSettings) -> FailureWindow:
    return FailureWindow(settings.max_failures, settings.failure_window_s, trusted_proxies=settings.trusted_proxies)
