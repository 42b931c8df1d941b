"""What is posted cannot shout, format or lead anywhere, whatever a stranger wrote; and a webhook can check it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.model.errors import Severity
from aegis_trio.model.secret import Secret
from aegis_trio.telemetry.alerts.alert import MAX_CHARACTERS, MAX_FIELDS, Alert, Notice
from aegis_trio.telemetry.alerts.forms import DISCORD_MAX_CHARACTERS, SLACK_MAX_CHARACTERS, Delivery, make_delivery
from aegis_trio.telemetry.alerts.settings import AlertTarget, TargetKind

KEY = "k" * 32
NOW_NS = 1_770_976_800_000_000_000
HOSTILE = "<!channel> @everyone **bold** [a](http://evil.example) `x` <@123> https://evil.example"


def target(kind: TargetKind) -> AlertTarget:
    """Return a target of *kind*."""
    key = Secret(KEY) if kind is TargetKind.WEBHOOK else None
    return AlertTarget(kind=kind, number=1, url=Secret("https://chat.example/hook"), signing_key=key)


def notice(subject: str = "203.0.113.42", *, repeated: int = 0, fields: tuple[tuple[str, str], ...] = ()) -> Notice:
    """Return a notice about *subject*."""
    alert = Alert(
        kind="auth_rate_limit_exceeded",
        severity=Severity.HIGH,
        summary="An address was blocked after failed authentications.",
        subject=subject,
        fields=fields,
        at_ns=NOW_NS,
    )
    return Notice(alert, repeated)


def made(kind: TargetKind, what: Notice) -> tuple[Delivery, Any]:
    """Return what is posted, and its body read."""
    delivery = make_delivery(target(kind), what, message_id="msg_1", now_ns=NOW_NS)
    return delivery, json.loads(delivery.body)


def test_slack_is_told_in_plain_text_without_previews() -> None:
    """`<!channel>` would wake everybody, `<url|words>` hide an address."""
    _, body = made(TargetKind.SLACK, notice(HOSTILE))

    assert "&lt;!channel&gt;" in body["text"]
    assert not re.search("[<>]", body["text"])
    assert (False, False, False) == (body["mrkdwn"], body["unfurl_links"], body["unfurl_media"])


def test_discord_is_told_that_nobody_is_mentioned_and_nothing_is_formatted() -> None:
    """Both: what one of them lets through, the other holds."""
    _, body = made(TargetKind.DISCORD, notice(HOSTILE))

    assert {"parse": []} == body["allowed_mentions"]
    assert 4 == body["flags"]
    assert r"\@everyone \*\*bold\*\* \[a\]\(http\:\/\/evil" in body["content"]
    assert not re.search(r"(?<!\\)[@*`<\[\]]", body["content"])


@given(st.text(max_size=3000), st.lists(st.tuples(st.text(max_size=400), st.text(max_size=400)), max_size=30))
def test_every_form_is_bounded_whatever_it_is_about(subject: str, fields: list[tuple[str, str]]) -> None:
    """A body above its bound is refused by the chat, and nobody is told."""
    what = notice(subject, repeated=7, fields=tuple(fields))
    _, slack = made(TargetKind.SLACK, what)
    _, discord = made(TargetKind.DISCORD, what)
    _, webhook = made(TargetKind.WEBHOOK, what)

    assert len(slack["text"]) <= SLACK_MAX_CHARACTERS
    assert len(discord["content"]) <= DISCORD_MAX_CHARACTERS
    assert not re.search(r"(?<!\\)(?:\\\\)*@", discord["content"])
    assert len(webhook["fields"]) <= MAX_FIELDS
    assert all(len(text) <= MAX_CHARACTERS and text.isprintable() for text in webhook["fields"].values())


def test_repetitions_are_told_as_a_number() -> None:
    """One line says how bad it is."""
    _, body = made(TargetKind.SLACK, notice(repeated=7))

    assert "HIGH An address was blocked after failed authentications: 203.0.113.42 (7 more)" in body["text"]


def test_a_webhook_is_signed_with_its_time() -> None:
    """By the standard's own recipe, over the bytes that are sent."""
    delivery, body = made(TargetKind.WEBHOOK, notice(fields=(("blocked_for_s", "300"),)))
    headers = dict(delivery.headers)
    signed = b"msg_1.1770976800." + delivery.body
    expected = base64.b64encode(hmac.new(KEY.encode(), signed, hashlib.sha256).digest()).decode()

    assert {"webhook-id": "msg_1", "webhook-timestamp": "1770976800", "webhook-signature": f"v1,{expected}"} == headers
    assert ("auth_rate_limit_exceeded", "high", 0) == (body["kind"], body["severity"], body["repeated"])
    assert {"blocked_for_s": "300"} == body["fields"]


def test_a_webhook_without_a_key_is_a_bug() -> None:
    """Nothing goes out unsigned because a setting was lost on the way."""
    unsigned = AlertTarget(kind=TargetKind.WEBHOOK, number=1, url=Secret("https://x.example"))
    with pytest.raises(ValueError, match="signed"):
        make_delivery(unsigned, notice(), message_id="msg_1", now_ns=NOW_NS)
