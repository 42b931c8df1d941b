"""Noticing: what is unusual is written into the audit trail, and into the log; alerts are made of the trail's records.

Law: a notice that cannot be recorded is logged all the same, and changes nothing else.
"""

from __future__ import annotations

from typing import Final, final

import structlog

from aegis_trio.audit.entry import security_event
from aegis_trio.audit.trail import AuditTrail
from aegis_trio.limits.anomalies import AnomalyWatch, Notice
from aegis_trio.model.errors import AuditUnavailable
from aegis_trio.model.json import JsonValue

log: Final = structlog.get_logger(__name__)


@final
class Noticer:
    """Tells what the watch finds."""

    def __init__(self, watch: AnomalyWatch, audit: AuditTrail) -> None:
        self._watch = watch
        self._audit = audit

    async def run(self) -> None:
        """Tell until cancelled."""
        await self._watch.run(self._tell)

    def _tell(self, notice: Notice) -> None:
        facts: dict[str, JsonValue] = {}
        if notice.subject != notice.address:
            facts["principal"] = notice.subject
        if notice.reason is not None:
            facts["reason"] = notice.reason
        log.warning(notice.kind.value, severity=notice.severity.value, client_ip=notice.address, **facts)
        try:
            self._audit.append_nowait(
                security_event(notice.kind.value, notice.severity, client_ip=notice.address, **facts)
            )
        except AuditUnavailable:
            log.error("notice_not_recorded", kind=notice.kind.value)  # noqa: TRY400 -- the reason stands in the log
