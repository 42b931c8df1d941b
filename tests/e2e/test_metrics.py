"""A running gate prints the metrics of the table and no other, and tells one request's story under one trace."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest

from aegis_trio.telemetry.metric_table import GROUPS, Kind
from tests.e2e.gates import open_gate, settings
from tests.e2e.messages import use_tool
from tests.forge import open_forge

pytestmark = pytest.mark.e2e

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


async def test_a_gate_prints_what_the_table_says(tmp_path: Path) -> None:
    """Dashboard, alert rules and reference are made after the table, so each row has to be there, and nothing else."""
    async with open_forge() as forge, open_gate(settings(forge.url, forge.world.bot_token, tmp_path)) as gate:
        async with gate.client() as client:
            assert 200 == (await use_tool(client, "get_me")).status_code
        async with gate.client("0" * 64) as stranger:
            assert 401 == (await use_tool(stranger, "get_me")).status_code
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            text = (await client.get(f"{gate.admin_url}/metrics")).text

    printed = dict(re.findall(r"^# TYPE (aegis_\w+) (\w+)$", text, re.MULTILINE))
    always = [metric for group in GROUPS if not group.condition for metric in group.metrics]
    assert {metric.name: metric.kind.value for metric in always} == printed
    for metric in always:
        for labels in re.findall(rf"^{metric.name}(?:_bucket)?{{(.*)}} ", text, re.MULTILINE):
            names = re.findall(r'(\w+)="', labels)
            assert sorted([*metric.labels, *(["le"] if metric.kind is Kind.HISTOGRAM else [])]) == sorted(names)
    assert 'aegis_gateway_decisions_total{decision="allow",tool="get_me"} 1.0' in text
    assert 'aegis_gateway_call_duration_seconds_count{tool="get_me"} 1.0' in text
    assert "aegis_authentication_invalid_total 1.0" in text
    assert not re.search(r"^aegis_audit_append_duration_seconds_count 0\.0$", text, re.MULTILINE)


async def test_a_trace_is_in_the_log_and_in_the_audit_trail(tmp_path: Path) -> None:
    """Whoever has the client's trace finds what came of it here, by either of the ways a client can name it."""
    parent = f"00-{TRACE}-00f067aa0ba902b7-01"
    async with open_forge() as forge, open_gate(settings(forge.url, forge.world.bot_token, tmp_path)) as gate:
        async with gate.client() as client:
            rest = await client.post("/mcp/tool/call", json={"tool": "get_me"}, headers={"traceparent": parent})
            assert 200 == rest.status_code
            await use_tool(client, "get_server_version")
        await gate.wait_said('"call"', times=2)
        lines = [json.loads(line) for line in gate.log if '"call"' in line]
        records = [record for event in ("tool_intent", "tool_invocation") for record in gate.audit_records(event)]

    assert [TRACE, None] == [line["trace"] for line in lines]
    assert {("get_me", TRACE), ("get_server_version", None)} == {
        (record["tool"], record.get("trace")) for record in records
    }
    assert rest.json()["correlation_id"] == lines[0]["correlation_id"]
