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

from dataclasses import dataclass
from typing import Final, final

import structlog
import trio

from aegis_trio.audit.entry import (
    AuthenticationStatus,
    access_denied,
    api_authentication,
    security_event,
)
from aegis_trio.auth.attempts import AttemptLedger, Sum
from aegis_trio.auth.credentials import Absent, Conflicting, Presented, RawCredentials, classify_credentials
from aegis_trio.auth.judge import AttemptTrail, TokenJudge
from aegis_trio.auth.key_callers import LOCAL_ID, REFUSED_KINDS, key_caller, key_used, local_caller, refused_detail
from aegis_trio.auth.keytable import Admission, KeyTable, Verdict
from aegis_trio.auth.settings import AuthSettings
from aegis_trio.limits.failures import FailureStatistics, FailureWindow
from aegis_trio.model.clock import WallClock
from aegis_trio.model.decision import Allow, Deny
from aegis_trio.model.errors import AddressBlocked, Fault, Severity, Unauthenticated
from aegis_trio.model.identity import Caller, Origin, Principal, PrincipalId
from aegis_trio.model.secret import Secret
from aegis_trio.policy.reach import decide_address

INVALID_KEY: Final = "Invalid API key"
NOT_GOOD: Final = "The access token is not valid"
MISSING_KEY: Final = "Missing API key"
BLOCKED: Final = "Too many failed authentication attempts"
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
    failures: FailureStatistics


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
    ) -> None:
        """Start with the keys of *settings*; needs a running Trio for its clocks unless both are given.

        Args:
            settings: checked already.
            audit: takes the record of every attempt.
            clock: tells whether a key has expired.
            failures: counts guesses per address; made from *settings* when None.
            ledger: bounds the noise of refused attempts.
            people: judges tokens of people who signed in; None where nobody can.
        """
        self._settings = settings
        self._table = KeyTable(settings)
        self._audit = audit
        self._clock = clock
        self._failures = failures if failures is not None else _failure_window(settings)
        self._ledger = ledger if ledger is not None else AttemptLedger()
        self._people = people
        self._seen: dict[PrincipalId, Admission] = {}
        self._totals: dict[str, int] = dict.fromkeys(
            ("success", "missing", "invalid", "expired", "revoked", "beyond", "conflicting", "blocked"), 0
        )
        self._remember_known_keys()

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
        self._record_sums(self._ledger.collect())
        if not self._settings.enabled:
            return self._local_caller(origin)
        # 1. strict block  2. which credential  3. judged by the table  4. counted  5. answered
        if self._settings.block_strict:
            self._refuse_blocked(origin)
        match classify_credentials(raw):
            case Absent():
                self._count("missing")
                raise self._denied("missing_api_key", origin, Unauthenticated(MISSING_KEY, _HOW_TO_SEND))
            case Conflicting(rule):
                self._count("conflicting")
                raise self._denied("conflicting_credentials", origin, Unauthenticated("Conflicting credentials", rule))
            case Presented(raw_key):
                if self._people is not None and self._people.is_one(raw_key.reveal()):
                    return await self._judge_person(self._people, raw_key, origin)
                begun_s = trio.current_time()
                try:
                    return self._judge(raw_key, origin)
                except (Unauthenticated, AddressBlocked) as fault:
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
        self._record_sums(self._ledger.close())

    def statistics(self) -> AuthStatistics:
        """Return how authentication goes."""
        return AuthStatistics(
            keys=len(self._table),
            successes_total=self._totals["success"],
            missing_total=self._totals["missing"],
            invalid_total=self._totals["invalid"],
            expired_total=self._totals["expired"],
            revoked_total=self._totals["revoked"],
            beyond_total=self._totals["beyond"],
            conflicting_total=self._totals["conflicting"],
            refused_blocked_total=self._totals["blocked"],
            failures=self._failures.statistics(),
        )

    def _judge(self, raw_key: Secret, origin: Origin) -> Caller:
        verdict = self._table.look_up(raw_key, self._clock.now_ns())
        admission = verdict.admission
        if admission is None:
            raise self._invalid(verdict, origin)
        caller = key_caller(verdict, admission, origin)
        match decide_address(admission.bounds, origin.address):
            case Deny(reason=reason, fault=fault):
                # Whoever has the key is told, as its holder may have moved; it is no guess, so it blocks nobody.
                self._count("beyond")
                raise self._denied(reason, origin, fault, principal=caller.principal)
            case Allow():
                pass
        self._audit.append_nowait(key_used(verdict, caller))
        self._count("success")
        self._seen[caller.principal.id] = admission
        return caller

    async def _judge_person(self, people: TokenJudge, raw_token: Secret, origin: Origin) -> Caller:
        # A good credential passes a block (D7); what costs a question to Gitea does not.
        blocked_for_s = self._failures.blocked_for_s(origin.address)
        caller = await people.judge(raw_token, origin, may_ask=blocked_for_s is None)
        if caller is None:
            # Source: RFC 6750 section 3.1. Tokens expire all the time, so a dead one is no guess (D7).
            self._count("expired")
            if self._ledger.admit(origin.address):
                self._audit.append_nowait(
                    api_authentication(AuthenticationStatus.FAILURE, origin, reason="invalid_token")
                )
                self._audit.append_nowait(access_denied("invalid_token", origin))
            raise Unauthenticated(NOT_GOOD, "Sign in again, or refresh the token.", token_sent=True)
        self._audit.append_nowait(api_authentication(AuthenticationStatus.SUCCESS, origin, principal=caller.principal))
        self._count("success")
        return caller

    def _invalid(self, verdict: Verdict, origin: Origin) -> Fault:
        """Return the one answer to every credential that is not valid, after counting and recording it."""
        detail = refused_detail(verdict)
        known = verdict.entry is not None
        self._count(detail if known else "invalid")
        blocked_for_s = self._failures.blocked_for_s(origin.address)
        block_s = None
        if blocked_for_s is None and not known:
            # Invariant: counted before it is recorded, so that a full disk does not make guessing free.
            block_s = self._failures.note_failure(origin.address)
        if self._ledger.admit(origin.address):
            self._record_invalid(verdict, detail, origin, blocked=blocked_for_s is not None)
        if block_s is not None:
            self._record_block(origin, block_s)
        if blocked_for_s is not None:
            self._count("blocked")
            return AddressBlocked(BLOCKED, f"Try again in {blocked_for_s} s.", retry_after_s=blocked_for_s)
        return Unauthenticated(INVALID_KEY, token_sent=True)

    def _record_block(self, origin: Origin, block_s: int) -> None:
        log.warning("address_blocked", client_ip=origin.address, block_s=block_s)
        if self._ledger.admit_event():
            self._audit.append_nowait(
                security_event(
                    "auth_rate_limit_exceeded", Severity.HIGH, client_ip=origin.address, blocked_for_s=block_s
                )
            )

    def _record_invalid(self, verdict: Verdict, detail: str, origin: Origin, *, blocked: bool) -> None:
        # The hint of a key that is ours helps its owner; that of a stranger's text would be part of a secret.
        hint = verdict.text.hint if verdict.entry is not None else None
        self._audit.append_nowait(
            api_authentication(AuthenticationStatus.FAILURE, origin, key_hint=hint, reason="invalid_api_key")
        )
        reason = "auth_rate_limit_exceeded" if blocked else "invalid_api_key"
        self._audit.append_nowait(access_denied(reason, origin, detail=detail))
        # Invariant: as many records whatever is wrong, so that time does not tell what.
        self._audit.append_nowait(security_event(REFUSED_KINDS[detail], Severity.LOW, client_ip=origin.address))

    def _refuse_blocked(self, origin: Origin) -> None:
        blocked_for_s = self._failures.blocked_for_s(origin.address)
        if blocked_for_s is None:
            return
        self._count("blocked")
        fault = AddressBlocked(BLOCKED, f"Try again in {blocked_for_s} s.", retry_after_s=blocked_for_s)
        raise self._denied("auth_rate_limit_exceeded", origin, fault)

    def _denied(self, reason: str, origin: Origin, fault: Fault, *, principal: Principal | None = None) -> Fault:
        if self._ledger.admit(origin.address):
            self._audit.append_nowait(access_denied(reason, origin, principal=principal))
        return fault

    def _local_caller(self, origin: Origin) -> Caller:
        if self._settings.bot_token is None:
            raise RuntimeError("settings without authentication need a bot token; config checks it")
        self._count("success")
        return local_caller(self._settings.bot_token, origin)

    def _record_sums(self, sums: list[Sum]) -> None:
        for found in sums:
            self._audit.append_nowait(
                security_event(
                    "authentication_failures_summed",
                    Severity.MEDIUM,
                    client_ip=found.address,
                    attempts=found.attempts,
                )
            )

    def _remember_known_keys(self) -> None:
        for principal_id, admission in self._table.admissions(self._clock.now_ns()).items():
            self._seen.setdefault(principal_id, admission)

    def _count(self, what: str) -> None:
        self._totals[what] += 1


def _failure_window(settings: AuthSettings) -> FailureWindow:
    return FailureWindow(settings.max_failures, settings.failure_window_s, trusted_proxies=settings.trusted_proxies)
