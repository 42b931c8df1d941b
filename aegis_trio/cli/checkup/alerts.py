"""Checks of alerts: what is configured, and, when asked to, whether a test alert arrives."""

from __future__ import annotations

import uuid

from aegis_trio.cli.checkup.finding import Finding, failure, warning, well
from aegis_trio.config.settings import Settings
from aegis_trio.model.clock import WallClock
from aegis_trio.model.errors import Severity
from aegis_trio.supervisor.alerting import deliver, make_post
from aegis_trio.telemetry.alerts.alert import Alert, Notice
from aegis_trio.telemetry.alerts.posting import NotDelivered


async def check_alerts(settings: Settings, clock: WallClock, *, send: bool) -> list[Finding]:
    """Return where alerts go; with *send*, send each target one and tell whether it was taken."""
    targets = settings.alerts.targets
    if not targets:
        if send:
            return [warning("alerts", "There is no target to send a test alert to.", "See docs/alerts.md.")]
        return [well("alerts", "Nobody is told; docs/alerts.md says how.")]
    if not send:
        names = ", ".join(f"{target.name} ({target.host})" for target in targets)
        return [well("alerts", f"Told to {names}; --send-test-alert tries them.")]
    notice = Notice(
        Alert(
            kind="test",
            severity=Severity.LOW,
            summary="A test alert: `aegis-trio doctor` was asked to send it.",
            at_ns=clock.now_ns(),
        )
    )
    post = make_post(settings.alerts)
    findings: list[Finding] = []
    for target in targets:
        try:
            await deliver(post, clock, target, notice, f"msg_{uuid.uuid4().hex}")
        except NotDelivered as fault:
            remedy = "Check the address, and that this machine may reach it."
            findings.append(failure("alerts", f"{target.name} ({target.host}): {fault}.", remedy))
        else:
            findings.append(well("alerts", f"{target.name} ({target.host}) took a test alert."))
    return findings
