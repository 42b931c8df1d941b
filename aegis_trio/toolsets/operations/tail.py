"""The three tools of the long tail, made of what a deployment offers."""

from __future__ import annotations

from collections.abc import Iterable

from aegis_trio.toolsets.operations.call_read_operation import call_tool, operation_spec
from aegis_trio.toolsets.operations.describe_operation import describe_tool
from aegis_trio.toolsets.operations.exposure import Sensitive
from aegis_trio.toolsets.operations.find_operation import find_tool
from aegis_trio.toolsets.operations.offer import Offer, Spec


def long_tail(typed: Iterable[Spec], opened: frozenset[Sensitive] = frozenset()) -> tuple[Spec, ...]:
    """Return find_operation, describe_operation and call_read_operation.

    Args:
        typed: every other tool, so that what one of them shows is decided as there.
        opened: groups of sensitive operations that the operator allows.
    """
    offer = Offer(typed, opened, operation_spec)
    return find_tool(offer), describe_tool(offer), call_tool(offer)
