"""A trace is read when it is well formed, and is not there when it is not."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.protocol.trace_context import MAX_BAGGAGE_CHARS, MAX_STATE_CHARS, TraceContext, read_trace_context
from tests.protocol.strategies import JSON_VALUES

TRACE: Final = "0af7651916cd43dd8448eb211c80319c"
SPAN: Final = "b7ad6b7169203331"
PARENT: Final = f"00-{TRACE}-{SPAN}-01"


def read(**members: JsonValue) -> TraceContext:
    """Return the trace of a good parent and *members*."""
    context = read_trace_context({"traceparent": PARENT, **members})
    assert context is not None
    return context


def test_a_whole_context_is_read() -> None:
    """MCP 2026-07-28 basic/index#meta: the three names, unprefixed; the examples of both W3C documents."""
    assert TraceContext(
        trace_id=TRACE,
        parent_id=SPAN,
        is_sampled=True,
        state=(("rojo", "00f067aa0ba902b7"), ("congo", "t61rcWkgMzE")),
        baggage=(("userId", "Am%C3%A9lie"), ("serverNode", "DF%2028"), ("isProduction", "false")),
    ) == read(
        tracestate="rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
        baggage="userId=Am%C3%A9lie, serverNode=DF%2028 ;p;q=1 , isProduction = false",
    )


@pytest.mark.parametrize(("flags", "is_sampled"), [("00", False), ("01", True), ("02", False), ("ff", True)])
def test_the_first_flag_says_whether_it_is_sampled(flags: str, is_sampled: bool) -> None:  # noqa: FBT001  # a case
    """W3C Trace Context section 3.2.2.5: the other flags are not ours to interpret."""
    context = read_trace_context({"traceparent": f"00-{TRACE}-{SPAN}-{flags}"})

    assert TraceContext(trace_id=TRACE, parent_id=SPAN, is_sampled=is_sampled) == context


@pytest.mark.parametrize(
    "raw_parent",
    [
        "",
        None,
        5,
        [PARENT],
        PARENT.upper(),
        f" {PARENT}",
        f"{PARENT}\n",
        f"{PARENT}-",
        f"{PARENT}-x",
        f"ff-{TRACE}-{SPAN}-01",
        f"0-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00_{TRACE}-{SPAN}-01",
        f"00-{TRACE[:-1]}\u0661-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01.what",
        f"cc-{TRACE}-{SPAN}-01-" + "x" * 300,
    ],
)
def test_a_malformed_parent_is_no_trace(raw_parent: JsonValue) -> None:
    """W3C Trace Context section 3.2: and then whatever else is said of the trace counts for nothing."""
    assert read_trace_context({"traceparent": raw_parent, "tracestate": "a=b", "baggage": "a=b"}) is None


@pytest.mark.parametrize("raw_parent", [f"cc-{TRACE}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-01-what-the-future-has"])
def test_a_parent_of_a_version_to_come_is_read_as_far_as_it_is_known(raw_parent: str) -> None:
    """W3C Trace Context section 4.3."""
    assert TraceContext(trace_id=TRACE, parent_id=SPAN, is_sampled=True) == read_trace_context(
        {"traceparent": raw_parent}
    )


@pytest.mark.parametrize(
    "raw_state",
    [
        5,
        None,
        "foo",
        "foo=",
        "=1",
        "FOO=1",
        "foo =1",
        "foo=1=2",
        "foo=1;bar=2",
        "foo=é",
        "foo=1\r\nlevel=error",
        "a@=1,$=2",
        "foo=" + "x" * 257,
        "k" * 257 + "=1",
        ",".join(f"k{number}=1" for number in range(33)),
        "a=" + "1" * MAX_STATE_CHARS,
    ],
)
def test_a_malformed_state_is_left_out_whole(raw_state: JsonValue) -> None:
    """W3C Trace Context section 3.3: a state that cannot be parsed is discarded, the parent is kept."""
    assert () == read(tracestate=raw_state).state


def test_white_space_and_empty_members_of_a_state_are_allowed() -> None:
    """W3C Trace Context section 3.3.1.1, and tenants in keys."""
    assert (("a@b", "1"), ("0c", "x y")) == read(tracestate=" a@b=1 ,,\t0c=x y\t, ").state


@pytest.mark.parametrize(
    "raw_baggage",
    [7, "a", "a b=1", "a=b c", 'a="b"', "a=b\\", "a=1,b", "ä=1", "a=ä", "a=1\n", "a=" + "1" * MAX_BAGGAGE_CHARS],
)
def test_malformed_baggage_is_left_out_whole(raw_baggage: JsonValue) -> None:
    """W3C Baggage section 3.3.1: and no control character reaches a log line."""
    assert () == read(baggage=raw_baggage).baggage


@given(st.dictionaries(st.sampled_from(["traceparent", "tracestate", "baggage"]), JSON_VALUES | st.text()))
def test_any_meta_is_read_or_ignored(meta: JsonObject) -> None:
    """Property: nothing is raised, and whatever comes out is printable ASCII."""
    context = read_trace_context({"traceparent": PARENT, **meta})

    for key, value in () if context is None else (*context.state, *context.baggage):
        assert (key + value).isascii()
        assert (key + value).isprintable()


HEX: Final = "0123456789abcdef"


@given(
    version=st.sampled_from(["00", "01", "fe", "ff", "0"]),
    trace_id=st.text(HEX, min_size=32, max_size=32) | st.just("0" * 32) | st.text(HEX + "G", max_size=33),
    span_id=st.text(HEX, min_size=16, max_size=16) | st.just("0" * 16),
    flags=st.text(HEX, min_size=2, max_size=2),
    more=st.sampled_from(["", "-", "-x", "x"]),
)
def test_opentelemetry_reads_the_same_parents(version: str, trace_id: str, span_id: str, flags: str, more: str) -> None:
    """Property: whoever looks for a trace in our log and in theirs finds the same one."""
    raw_parent = f"{version}-{trace_id}-{span_id}-{flags}{more}"
    span = trace.get_current_span(TraceContextTextMapPropagator().extract({"traceparent": raw_parent}))
    theirs = span.get_span_context()

    ours = read_trace_context({"traceparent": raw_parent})

    assert theirs.is_valid == (ours is not None)
    if ours is not None:
        assert (f"{theirs.trace_id:032x}", f"{theirs.span_id:016x}") == (ours.trace_id, ours.parent_id)
        assert theirs.trace_flags.sampled == ours.is_sampled
