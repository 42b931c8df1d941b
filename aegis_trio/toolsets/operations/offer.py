"""The offer: which operations this gate has for whom, each as an operation of ours with its rights and its cost.

Laws:
    1. An operation that is not offered is not there: it has no spec, and no name of it is ever told.
    2. What a typed tool shows is open here exactly to whoever may use that tool; where the tool is not served, neither
       is the operation.

Not here: what is sensitive (exposure.py), and what a call does (call_read_operation.py).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias, final

from aegis_trio.model.decision import Allow
from aegis_trio.model.errors import InvalidArgument
from aegis_trio.model.identity import Principal
from aegis_trio.model.json import JsonValue
from aegis_trio.model.toolspec import ToolSpec
from aegis_trio.policy.access import decide_access
from aegis_trio.policy.untrusted import clean_line, shorten
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.toolsets.operations.exposure import Sensitive, is_offered
from aegis_trio.toolsets.operations.table import Operation, operations_table
from aegis_trio.toolsets.operations.typed import TYPED

MAX_NAME_CHARACTERS: Final = 64
Spec: TypeAlias = ToolSpec[ToolContext]
Make: TypeAlias = Callable[[Operation, tuple[Spec, ...]], Spec]
"""Makes the spec of an operation, given the typed ones that show the same."""


@final
class Offer:
    """What one deployment offers; the table is read when somebody first asks."""

    def __init__(self, typed: Iterable[Spec], opened: frozenset[Sensitive], make: Make) -> None:
        """Offer what *opened* allows, beside the *typed* tools."""
        self._typed = {one.operation: one for tool in typed for one in tool.operations}
        self._opened = opened
        self._make = make
        self._specs: dict[str, Spec] = {}

    def operation(self, raw_name: JsonValue) -> Operation | None:
        """Return the operation called *raw_name*; None when none that is offered is."""
        found = operations_table().operations.get(raw_name) if isinstance(raw_name, str) else None
        return found if found is not None and self._offers(found) else None

    def named(self, raw_name: JsonValue) -> Operation:
        """Return the operation called *raw_name*.

        Raises:
            InvalidArgument: there is none; it names the nearest that is offered.
        """
        found = self.operation(raw_name)
        if found is not None:
            return found
        remedy = "Find one by words with find_operation."
        match raw_name:
            case None:
                raise InvalidArgument("operation", "is required", remedy)
            case str():
                names = [one.id for one in self.operations()]
                near = difflib.get_close_matches(raw_name[:MAX_NAME_CHARACTERS], names, n=1)
                shown = shorten(clean_line(raw_name), MAX_NAME_CHARACTERS)
                rule = f"{shown!r} is no operation that this gate offers"
                raise InvalidArgument("operation", rule, f"Did you mean {near[0]}? {remedy}" if near else remedy)
            case _:
                raise InvalidArgument("operation", "must be a string", f"Give it in quotes. {remedy}")

    def operations(self) -> list[Operation]:
        """Return every operation that is offered."""
        return [one for one in operations_table().operations.values() if self._offers(one)]

    def open_to(self, principal: Principal) -> list[Operation]:
        """Return the operations that *principal* may call."""
        return [one for one in self.operations() if isinstance(decide_access(principal, self.spec_of(one)), Allow)]

    def spec_of(self, operation: Operation) -> Spec:
        """Return *operation*, which is offered, as one of ours."""
        spec = self._specs.get(operation.id)
        if spec is None:
            spec = self._specs[operation.id] = self._make(operation, self.typed_for(operation))
        return spec

    def typed_for(self, operation: Operation) -> tuple[Spec, ...]:
        """Return the typed tools, or methods of them, that show what *operation* does."""
        return tuple(self._typed[name] for name in TYPED.get(operation.id, ()) if name in self._typed)

    def _offers(self, operation: Operation) -> bool:
        return is_offered(operation, self._opened) and (operation.id not in TYPED or bool(self.typed_for(operation)))
