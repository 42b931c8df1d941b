"""Alerts: the rules between their variables."""

from __future__ import annotations

from aegis_trio.config.reader import Reader
from aegis_trio.config.variables import alerts
from aegis_trio.telemetry.alerts.settings import AlertSettings, AlertTarget, TargetKind


def read_alerts(reader: Reader) -> AlertSettings:
    """Return where alerts go; faults are noted in *reader*."""
    signing_key = reader.read(alerts.ALERT_WEBHOOK_SECRET)
    urls = {
        TargetKind.DISCORD: reader.read(alerts.ALERT_DISCORD_URL),
        TargetKind.SLACK: reader.read(alerts.ALERT_SLACK_URL),
        TargetKind.WEBHOOK: reader.read(alerts.ALERT_WEBHOOK_URL),
    }
    if urls[TargetKind.WEBHOOK] and not reader.is_set(alerts.ALERT_WEBHOOK_SECRET):
        reader.refuse(
            alerts.ALERT_WEBHOOK_SECRET,
            "is required with ALERT_WEBHOOK_URL",
            "Make one with `openssl rand -hex 32` and give it to the program that takes the alerts.",
        )
    return AlertSettings(
        targets=tuple(
            AlertTarget(
                kind=kind, number=number, url=url, signing_key=signing_key if kind is TargetKind.WEBHOOK else None
            )
            for kind, found in urls.items()
            for number, url in enumerate(found, 1)
        ),
        min_severity=reader.read(alerts.ALERT_MIN_SEVERITY),
        per_minute=reader.read(alerts.ALERT_PER_MINUTE),
        allow_private=reader.read(alerts.ALERT_ALLOW_PRIVATE),
    )
