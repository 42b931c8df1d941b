"""The steps of sign-ins in the audit trail.

Laws:
    1. What is granted is always recorded, and so is every step at which it is known who the person is.
    2. Steps of strangers are recorded up to `RECORDED_AT_ONCE`, and `RECORDED_PER_MINUTE` for as long as it lasts;
       how many more there were stands in the next one.

Threat: anybody can begin a sign-in; a flood of them must not fill the disk, for a full audit log stops the gate.
"""

from __future__ import annotations

from typing import Final, final

import structlog

from aegis_trio.audit.entry import service_event
from aegis_trio.auth.broker.ports import OAuthTrail
from aegis_trio.auth.broker.rows import LoginRow
from aegis_trio.model.clock import WallClock
from aegis_trio.model.identity import Origin
from aegis_trio.model.json import JsonValue
from aegis_trio.policy.rate import NS_PER_MINUTE, Fits, Limit, spend

RECORDED_AT_ONCE: Final = 600  # of 400 bytes; a sign-in is three
RECORDED_PER_MINUTE: Final = 120  # 70 MB a day at worst
_BUDGET: Final = Limit(burst=RECORDED_AT_ONCE, period_ns=RECORDED_AT_ONCE * NS_PER_MINUTE // RECORDED_PER_MINUTE)

log: Final = structlog.get_logger(__name__)


@final
class SignInSteps:
    """Records the steps of sign-ins."""

    def __init__(self, audit: OAuthTrail, clock: WallClock) -> None:
        self._audit = audit
        self._clock = clock
        self._tat_ns = 0
        self._unrecorded = 0

    def record(self, event: str, asked: LoginRow, origin: Origin, **more: str) -> None:
        """Record one step.

        Args:
            event: `oauth_authorize` or `oauth_grant`.
            asked: what the client asked for.
            origin: where the browser is.
            more: further words; with `principal` among them it is no stranger's step.

        Raises:
            AuditUnavailable: it would not become durable.
        """
        fields: dict[str, JsonValue] = {
            "client": asked.client_id[:256],
            "scopes": list(asked.scopes),
            "client_ip": origin.address,
            **more,
        }
        if "principal" not in more:
            if not self._fits():
                return
            if self._unrecorded:
                fields["unrecorded"] = self._unrecorded
        self._audit.append_nowait(service_event(event, **fields))
        if "unrecorded" in fields:
            self._unrecorded = 0

    def _fits(self) -> bool:
        match spend(_BUDGET, self._tat_ns, self._clock.now_ns()):
            case Fits(tat_ns):
                self._tat_ns = tat_ns
                return True
            case _:
                if not self._unrecorded:
                    log.warning("sign_in_steps_not_recorded", per_minute=RECORDED_PER_MINUTE)
                self._unrecorded += 1
                return False
