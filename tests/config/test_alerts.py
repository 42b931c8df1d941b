"""Alert targets: https or loopback, signed webhooks, and addresses that no message shows."""

from __future__ import annotations

import pytest

from aegis_trio.config.load import gather
from aegis_trio.config.report import effective_document
from aegis_trio.model.errors import Severity
from tests.config.places import LEAST

SECRET = "s" * 32
SLACK = "https://hooks.slack.com/services/T0/B0/very-secret"


def test_targets_are_read_in_order() -> None:
    """Names for logs and metrics; addresses stay secrets."""
    gathered = gather(
        LEAST
        | {
            "ALERT_SLACK_URL": f"{SLACK}, https://hooks.slack.com/services/T1",
            "ALERT_WEBHOOK_URL": "http://127.0.0.1:9000/in",
            "ALERT_WEBHOOK_SECRET": SECRET,
            "ALERT_MIN_SEVERITY": "high",
        },
        None,
    )

    assert gathered.settings is not None
    alerts = gathered.settings.alerts
    assert ["slack-1", "slack-2", "webhook-1"] == [target.name for target in alerts.targets]
    assert [None, None, SECRET] == [
        None if target.signing_key is None else target.signing_key.reveal() for target in alerts.targets
    ]
    assert Severity.HIGH is alerts.min_severity
    assert "very-secret" not in str(effective_document(gathered)) + repr(gathered)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/x",
        "http://10.0.0.1/x",
        "ftp://hooks.example/x",
        "hooks.example/x",
        "https://user:very-secret@hooks.example/x",
        "https://hooks.example/x#very-secret",
        "https://hooks.example:0/x",
        "https://hooks.example:99999/x",
        "https://hooks.example/very secret",
        ",".join(f"https://hooks.example/{number}" for number in range(9)),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_showing_it(url: str) -> None:
    """It is a credential, and the message is pasted into questions."""
    gathered = gather(LEAST | {"ALERT_DISCORD_URL": url}, None)

    assert ["ALERT_DISCORD_URL"] == [fault.variable for fault in gathered.faults]
    assert "hooks.example" not in str(gathered.faults[0])


def test_a_webhook_needs_its_secret() -> None:
    """Nobody could tell our posts from others'."""
    gathered = gather(LEAST | {"ALERT_WEBHOOK_URL": "https://hooks.example/x"}, None)

    assert ["ALERT_WEBHOOK_SECRET"] == [fault.variable for fault in gathered.faults]
