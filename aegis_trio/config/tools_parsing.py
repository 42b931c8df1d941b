"""Parsers of what is served: names of groups of operations."""

from __future__ import annotations

from aegis_trio.config.faults import Misfit
from aegis_trio.config.parsing import split_list
from aegis_trio.toolsets.operations.exposure import Sensitive


def parse_sensitive(raw_value: str) -> frozenset[Sensitive]:
    """Make groups of sensitive operations of their names; there is no word for all of them."""
    known = {group.value: group for group in Sensitive}
    words = {word.lower() for word in split_list(raw_value)}
    unknown = sorted(words - set(known))
    if unknown:
        raise Misfit(f'"{unknown[0][:64]}" is not a group of operations', f"Write some of {', '.join(known)}.")
    return frozenset(known[word] for word in words)
