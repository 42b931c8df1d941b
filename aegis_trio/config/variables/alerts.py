"""Variables of alerts: where they go, and which."""

from __future__ import annotations

from typing import Final

from aegis_trio.config.alerts_parsing import parse_alert_urls
from aegis_trio.config.parsing import choice, parse_long_secret, parse_switch, whole_number
from aegis_trio.config.variable import Feature, Variable
from aegis_trio.model.errors import Severity
from aegis_trio.model.secret import Secret

ALERT_DISCORD_URL: Final = Variable[tuple[Secret, ...]](
    name="ALERT_DISCORD_URL",
    feature=Feature.ALERTS,
    parse=parse_alert_urls,
    default=(),
    default_text="",
    secret=True,
    meaning="Webhook address of a Discord channel; several with commas between.",
)
ALERT_SLACK_URL: Final = Variable[tuple[Secret, ...]](
    name="ALERT_SLACK_URL",
    feature=Feature.ALERTS,
    parse=parse_alert_urls,
    default=(),
    default_text="",
    secret=True,
    meaning="Incoming webhook address of Slack; several with commas between.",
)
ALERT_WEBHOOK_URL: Final = Variable[tuple[Secret, ...]](
    name="ALERT_WEBHOOK_URL",
    feature=Feature.ALERTS,
    parse=parse_alert_urls,
    default=(),
    default_text="",
    secret=True,
    meaning="Address of any other program that takes alerts as JSON; several with commas between. Needs "
    "ALERT_WEBHOOK_SECRET.",
)
ALERT_WEBHOOK_SECRET: Final = Variable[Secret | None](
    name="ALERT_WEBHOOK_SECRET",
    feature=Feature.ALERTS,
    parse=parse_long_secret,
    default=None,
    default_text="",
    secret=True,
    meaning="Secret (at least 32 bytes) that signs what is posted to ALERT_WEBHOOK_URL.",
)
ALERT_MIN_SEVERITY: Final = Variable[Severity](
    name="ALERT_MIN_SEVERITY",
    feature=Feature.ALERTS,
    parse=choice(Severity),
    default=Severity.MEDIUM,
    default_text="medium",
    meaning="Least severe event that is told: low, medium or high.",
)
ALERT_PER_MINUTE: Final = Variable[int](
    name="ALERT_PER_MINUTE",
    feature=Feature.ALERTS,
    parse=whole_number(1, 60, such_as=10),
    default=10,
    default_text="10",
    meaning="Messages to one target in a minute; further ones wait.",
)
ALERT_ALLOW_PRIVATE: Final = Variable[bool](
    name="ALERT_ALLOW_PRIVATE",
    feature=Feature.ALERTS,
    parse=parse_switch,
    default=False,
    default_text="false",
    meaning="Let targets have private addresses; otherwise a name that leads to one is refused.",
)

VARIABLES: Final[tuple[Variable[object], ...]] = (
    ALERT_DISCORD_URL,
    ALERT_SLACK_URL,
    ALERT_WEBHOOK_URL,
    ALERT_WEBHOOK_SECRET,
    ALERT_MIN_SEVERITY,
    ALERT_PER_MINUTE,
    ALERT_ALLOW_PRIVATE,
)
