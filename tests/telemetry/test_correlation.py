"""A request's names are on every line that is logged under it, and on no other."""

from __future__ import annotations

import trio
from structlog.contextvars import get_contextvars

from aegis_trio.model.call import TraceParent
from aegis_trio.telemetry.correlation import bound_parent, bound_trace, under_call, under_request

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01".encode()


def test_a_traceparent_is_bound_while_its_request_runs() -> None:
    """And forgotten with it."""
    with under_request([(b"host", b"x"), (b"traceparent", PARENT)]):
        assert TRACE == bound_trace()
    assert bound_trace() is None


def test_what_is_no_trace_binds_nothing() -> None:
    """A header that stands twice, or that would forge a line of the log."""
    for headers in ([], [(b"traceparent", b"x\ny")], [(b"traceparent", PARENT), (b"traceparent", PARENT)]):
        with under_request(headers):
            assert bound_trace() is None


async def test_the_next_request_on_a_connection_has_nothing_of_the_one_before() -> None:
    """The server starts it in a task that the one before it made, and a task begins with its maker's names."""
    seen: list[dict[str, object]] = []
    parents: list[TraceParent | None] = []

    async def following() -> None:
        with under_request([(b"host", b"x")]):
            seen.append(dict(get_contextvars()))
            parents.append(bound_parent())
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as connection:
        with under_request([(b"traceparent", PARENT)]), under_call("id", TRACE):
            connection.start_soon(following)
            # Invariant: the maker's names are copied where a task is started, not where it first runs.
            assert TRACE == bound_trace()
            parent = bound_parent()

    assert [{}] == seen
    assert (TRACE, [None], None) == (parent and parent.trace_id, parents, bound_parent())


async def test_tasks_of_a_call_have_its_names_and_its_neighbours_have_not() -> None:
    """A nursery hands a task's context to the tasks that it starts."""
    seen: dict[str, object] = {}

    async def look(name: str) -> None:
        seen[name] = get_contextvars().get("correlation_id")
        await trio.lowlevel.checkpoint()

    async def call(name: str) -> None:
        with under_call(f"id-{name}", None):
            async with trio.open_nursery() as inner:
                inner.start_soon(look, name)
                inner.start_soon(look, f"{name}'s other")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(call, "a")
        nursery.start_soon(call, "b")
        nursery.start_soon(look, "c")

    assert {"a": "id-a", "a's other": "id-a", "b": "id-b", "b's other": "id-b", "c": None} == seen
