"""A notice in the form of its target: what is posted, with every stranger's word made harmless.

Laws:
    1. Nothing in a notice can mention people, format text, hide an address behind words or load a picture.
    2. Every body is bounded.
    3. A webhook's body is signed with its time, so that nobody else can post there and nothing can be played back.

Threat: a subject or field may be what an attacker sent as a user agent or a name, to be read by whoever is on call.

Source: Slack, "Formatting text for app surfaces" (escape &, <, >); Discord, "Allowed Mentions Object" and "Message
Flags"; Standard Webhooks 1.0 (standardwebhooks.com), signatures.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final, assert_never, final

from aegis_trio.model.clock import NS_PER_S, as_timestamp
from aegis_trio.model.json import JsonObject, encode_json
from aegis_trio.telemetry.alerts.alert import Notice
from aegis_trio.telemetry.alerts.settings import AlertTarget, TargetKind

DISCORD_MAX_CHARACTERS: Final = 2000  # Source: Discord, "Execute Webhook", content
SLACK_MAX_CHARACTERS: Final = 3000  # Slack takes 40,000 and advises 4,000
_SUPPRESS_EMBEDS: Final = 1 << 2
_MARKDOWN: Final = re.compile(r"([\\*_~`|>#\[\]():<@\-+.!/])")


@final
@dataclass(frozen=True, slots=True)
class Delivery:
    """What is posted."""

    body: bytes
    headers: tuple[tuple[str, str], ...]


def make_delivery(target: AlertTarget, notice: Notice, *, message_id: str, now_ns: int) -> Delivery:
    """Return *notice* as *target* takes it.

    Args:
        message_id: the same for every attempt, so that a target can drop what came twice.
        now_ns: UTC nanoseconds of this attempt.

    Raises:
        ValueError: a webhook without a key to sign with — config refuses that.
    """
    match target.kind:
        case TargetKind.SLACK:
            return _unsigned(_slack(notice))
        case TargetKind.DISCORD:
            return _unsigned(_discord(notice))
        case TargetKind.WEBHOOK:
            if target.signing_key is None:
                raise ValueError("a webhook's body is always signed")
            body = encode_json(_webhook(notice))
            signature = sign(target.signing_key.reveal().encode(), message_id, now_ns // NS_PER_S, body)
            signed = (("webhook-id", message_id), ("webhook-timestamp", str(now_ns // NS_PER_S)))
            return Delivery(body, (*signed, ("webhook-signature", signature)))
        case _:
            assert_never(target.kind)


def sign(key: bytes, message_id: str, timestamp_s: int, body: bytes) -> str:
    """Return the signature of a webhook: `v1,` and the Base64 form of HMAC-SHA256 over id, time and body.

    Source: Standard Webhooks 1.0, "Signature scheme".
    """
    signed = f"{message_id}.{timestamp_s}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"


def escape_slack(raw_text: str) -> str:
    """Return *raw_text* as Slack shows it; `<!here>` and `<url|words>` need what is escaped here."""
    return raw_text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def escape_discord(raw_text: str) -> str:
    """Return *raw_text* as Discord shows it: no markdown, no mention, no address that becomes a link."""
    return _MARKDOWN.sub(r"\\\1", raw_text)


def _unsigned(document: JsonObject) -> Delivery:
    return Delivery(encode_json(document), ())


def _slack(notice: Notice) -> JsonObject:
    text = _cut([escape_slack(line) for line in _lines(notice)], SLACK_MAX_CHARACTERS)
    return {"text": text, "mrkdwn": False, "unfurl_links": False, "unfurl_media": False}


def _discord(notice: Notice) -> JsonObject:
    text = _cut([escape_discord(line) for line in _lines(notice)], DISCORD_MAX_CHARACTERS)
    return {"content": text, "allowed_mentions": {"parse": []}, "flags": _SUPPRESS_EMBEDS}


def _webhook(notice: Notice) -> JsonObject:
    alert = notice.alert
    return {
        "version": 1,
        "source": "aegis-trio",
        "kind": alert.kind,
        "severity": alert.severity.value,
        "summary": alert.summary,
        "subject": alert.subject,
        "at": as_timestamp(alert.at_ns),
        "repeated": notice.repeated,
        "fields": dict(alert.fields),
    }


def _lines(notice: Notice) -> list[str]:
    alert = notice.alert
    about = f": {alert.subject}" if alert.subject else ""
    again = f" ({notice.repeated} more)" if notice.repeated else ""
    lines = [f"{alert.severity.value.upper()} {alert.summary.rstrip('.')}{about}{again}"]
    lines.append(f"{alert.kind}, {as_timestamp(alert.at_ns)}")
    lines.extend(f"{name}: {text}" for name, text in alert.fields)
    return lines


def _cut(lines: list[str], max_characters: int) -> str:
    """Return as many whole lines as fit: half a line could end inside an escape."""
    text = lines[0][:max_characters]
    for line in lines[1:]:
        if len(text) + 1 + len(line) > max_characters:
            break
        text += f"\n{line}"
    return text
