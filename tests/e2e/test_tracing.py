"""Spans of a running gate, as a collector gets them over HTTP; without one nothing of OpenTelemetry is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.e2e.gates import GateProcess, open_gate, settings
from tests.e2e.messages import call, modern, use_tool
from tests.e2e.sinks import Sink, open_sink
from tests.forge import open_forge

pytestmark = pytest.mark.e2e

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CLIENT_SPAN = "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{CLIENT_SPAN}-01"
TELL_LOADED = """
import atexit, sys
def tell():
    print("loaded", sorted(name for name in sys.modules if name.startswith("opentelemetry"))[:1], file=sys.stderr)
atexit.register(tell)
"""


def spans_of(sink: Sink) -> Iterator[Span]:
    """Yield every span that arrived."""
    for headers, body in sink.posts:
        assert "application/x-protobuf" == headers["content-type"]
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            named = {one.key: one.value.string_value for one in resource.resource.attributes}
            assert "aegis-trio" == named["service.name"]
            for scope in resource.scope_spans:
                yield from scope.spans


def facts_of(span: Span) -> dict[str, str | int]:
    """Return the attributes of a span."""
    return {one.key: one.value.string_value or one.value.int_value for one in span.attributes}


async def read_file(gate: GateProcess, path: str, **headers: str) -> int:
    """Call a tool with arguments that must not be seen."""
    arguments = {"owner": "tidewater", "repo": "harbor", "path": path}
    async with gate.client() as client:
        client.headers.update(headers)
        return (await use_tool(client, "get_file_contents", **arguments)).status_code


async def test_a_call_and_its_requests_are_spans_below_the_clients(tmp_path: Path) -> None:
    """By header and by `_meta`; a call without a trace has its own, one that the client does not sample has none.

    Nothing of arguments or secrets is in them.
    """
    async with open_forge() as forge, open_sink(200) as sink:
        given = settings(forge.url, forge.world.bot_token, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=sink.base)
        async with open_gate(given) as gate:
            assert 200 == await read_file(gate, "README.md", traceparent=TRACEPARENT)
            assert 404 == await read_file(gate, "no/such/file")
            async with gate.client() as client:
                body, headers = modern(call("get_me"))
                for traceparent in (TRACEPARENT, TRACEPARENT.replace("-01", "-00")):
                    body["params"]["_meta"]["traceparent"] = traceparent
                    assert 200 == (await client.post("/mcp", json=body, headers=headers)).status_code
        # A clean stop sends what is left.
        assert 0 == gate.process.returncode

    spans = list(spans_of(sink))
    calls = [span for span in spans if span.kind == Span.SPAN_KIND_SERVER]
    assert ["tools/call get_file_contents"] * 2 + ["tools/call get_me"] == sorted(span.name for span in calls)
    first, lost = (span for span in calls if span.name.endswith("contents"))
    for span in calls:
        if span is not lost:
            assert (TRACE, CLIENT_SPAN) == (span.trace_id.hex(), span.parent_span_id.hex())
    assert (b"", Status.STATUS_CODE_ERROR) == (lost.parent_span_id, lost.status.code)
    assert TRACE != lost.trace_id.hex()
    facts = facts_of(first)
    correlation_ids = {record["correlation_id"] for record in gate.audit_records("tool_intent")}
    assert ("tools/call", "get_file_contents") == (facts["mcp.method.name"], facts["gen_ai.tool.name"])
    assert facts["aegis.correlation_id"] in correlation_ids
    asked_below = [span for span in spans if span.parent_span_id == first.span_id]
    assert asked_below
    for span in asked_below:
        told = facts_of(span)
        assert (Span.SPAN_KIND_CLIENT, TRACE) == (span.kind, span.trace_id.hex())
        assert ("GET", 200, "127.0.0.1") == (
            told["http.request.method"],
            told["http.response.status_code"],
            told["server.address"],
        )
        assert str(told["url.template"]).startswith("/repos/{}/{}")
    sent = b"".join(body for _, body in sink.posts)
    for hidden in ("tidewater", "harbor", "README", "no/such", gate.key, forge.world.bot_token, gate.key[:8]):
        assert hidden.encode() not in sent


@pytest.mark.parametrize("way", ["refused", "silent"])
async def test_a_collector_that_is_dead_or_slow_costs_no_call_and_no_shutdown(tmp_path: Path, way: str) -> None:
    """Its thread waits alone; the end takes no longer than the last resort allows."""
    async with open_forge() as forge, open_sink(None) as silent:
        collector = silent.base if way == "silent" else "http://127.0.0.1:1"
        given = settings(
            forge.url,
            forge.world.bot_token,
            tmp_path,
            OTEL_EXPORTER_OTLP_ENDPOINT=collector,
            OTEL_BSP_SCHEDULE_DELAY="50",
            SHUTDOWN_GRACE_S="2",
        )
        async with open_gate(given) as gate:
            with trio.fail_after(60):
                assert [200] * 20 == [await read_file(gate, "README.md") for _ in range(20)]
        assert 0 == gate.process.returncode


async def test_without_a_collector_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    """Memory and code within reach that nobody asked for."""
    async with open_forge() as forge:
        given = settings(forge.url, forge.world.bot_token, tmp_path)
        async with open_gate(given, before=TELL_LOADED) as gate:
            assert 200 == await read_file(gate, "README.md", traceparent=TRACEPARENT)
        assert "loaded []" in gate.log
