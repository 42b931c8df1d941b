"""Alerts of a running gate: they arrive, signed; a target that is dead holds up nobody."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.e2e.gates import open_gate, run_command, settings
from tests.e2e.messages import use_tool
from tests.e2e.sinks import open_sink
from tests.forge import open_forge

pytestmark = pytest.mark.e2e

SECRET = "s" * 32
DEADLINE_S = 60


async def test_a_blocked_address_is_told_and_a_dead_target_holds_up_nobody(tmp_path: Path) -> None:
    """The webhook's signature is right, and calls go on while Slack's place never answers."""
    async with open_forge() as forge, open_sink(204) as good, open_sink(None) as dead:
        given = settings(
            forge.url,
            forge.world.bot_token,
            tmp_path,
            ALERT_WEBHOOK_URL=good.url,
            ALERT_WEBHOOK_SECRET=SECRET,
            ALERT_SLACK_URL=dead.url,
        )
        async with open_gate(given) as gate:
            async with gate.client(secrets.token_hex(32)) as stranger:
                for _ in range(5):
                    assert 401 == (await use_tool(stranger, "get_me")).status_code
            with trio.fail_after(DEADLINE_S):
                await good.arrived.wait()
                await dead.arrived.wait()
            async with gate.client() as client:
                assert 200 == (await use_tool(client, "get_me")).status_code
            metrics = await gate.metrics()
        log = "\n".join(gate.log)

    headers, body = good.posts[0]
    told: Any = json.loads(body)
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
    assert f"v1,{expected}" == headers["webhook-signature"]
    assert ("auth_rate_limit_exceeded", "127.0.0.1") == (told["kind"], told["subject"])
    assert 0 == metrics['aegis_alerts_sent_total{target="slack-1"}']
    assert 0 == metrics["aegis_alerts_deaths_total"]
    assert (0, 0) == (gate.process.returncode, log.count(dead.url))


async def test_a_log_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """While calls are refused with 503, people hear of it, and of its end."""
    async with open_forge() as forge, open_sink(204) as sink:
        given = settings(
            forge.url, forge.world.bot_token, tmp_path, ALERT_WEBHOOK_URL=sink.url, ALERT_WEBHOOK_SECRET=SECRET
        )
        async with open_gate(given) as gate:
            with gate.audit_path.open("ab") as log:
                log.write(b"somebody else writes here\n")
            async with gate.client() as client:
                assert 503 == (await use_tool(client, "get_me")).status_code
            with trio.fail_after(DEADLINE_S):
                await sink.arrived.wait()

    told: Any = json.loads(sink.posts[0][1])
    assert ("audit_unavailable", "high") == (told["kind"], told["severity"])


async def test_a_gate_that_does_not_start_because_its_log_was_changed_says_so(tmp_path: Path) -> None:
    """Nobody may be looking at its standard error, and a container restarts it for ever."""
    (tmp_path / "audit.log").write_bytes(b"this is no record\n" * 3)
    async with open_sink(204) as sink, open_sink(None) as dead:
        given = settings(
            "http://127.0.0.1:9",
            "t" * 40,
            tmp_path,
            ALERT_WEBHOOK_URL=sink.url,
            ALERT_WEBHOOK_SECRET=SECRET,
            ALERT_SLACK_URL=dead.url,
        )
        ended = await run_command(["serve", "--env-file", "/dev/null"], given)

    told: Any = json.loads(sink.posts[0][1])
    assert (74, 1) == (ended.returncode, len(sink.posts))
    assert ("audit_lost", "high") == (told["kind"], told["severity"])
    assert "AUDIT_LOG_PATH" in told["fields"]["detail"]


async def test_the_doctor_sends_a_test_alert_when_asked_to(tmp_path: Path) -> None:
    """To every target, and says which of them took it; without the flag, to none."""
    async with open_forge() as forge, open_sink(204) as good, open_sink(404) as bad:
        given = settings(
            forge.url, forge.world.bot_token, tmp_path, ALERT_SLACK_URL=good.url, ALERT_DISCORD_URL=bad.url
        )
        quiet = await run_command(["doctor", "--json", "--env-file", "/dev/null"], given)
        assert ([], []) == (good.posts, bad.posts)
        sent = await run_command(["doctor", "--json", "--send-test-alert", "--env-file", "/dev/null"], given)

    checks = [check for check in json.loads(sent.stdout)["checks"] if check["check"] == "alerts"]
    assert ["failure", "ok"] == [check["status"] for check in checks]
    assert "discord-1 (127.0.0.1): it answered 404." == checks[0]["message"]
    assert (0, 78) == (quiet.returncode, sent.returncode)
    assert (1, 1) == (len(good.posts), len(bad.posts))
    assert "test alert" in json.loads(good.posts[0][1])["text"]
