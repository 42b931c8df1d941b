"""Comparing two answers as JSON: where they differ, and in what.

Laws:
    1. The order of members does not count; that of lists does.
    2. Numbers are equal when their values are; true is not 1.
    3. By shape alone: members and types count; values and the length of lists do not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, final

from aegis_trio.cli.console.visible import visible_line
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.policy.untrusted import shorten

MAX_DIFFERENCES: Final = 50  # a person sees with the first few what is wrong
_MAX_SHOWN_CHARS: Final = 120
_KEPT_CHARS: Final = 20  # of what is the same before a difference
_NOTHING: Final = "nothing"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One place in which an answer is not what was recorded."""

    where: str
    was: str
    now: str

    def as_document(self) -> JsonObject:
        """Return it for programs."""
        return {"where": self.where, "was": self.was, "now": self.now}

    def __str__(self) -> str:
        return f"{self.where}: was {self.was}, is {self.now}"


def compare(was: JsonValue, now: JsonValue, *, where: str, shape: bool) -> tuple[Difference, ...]:
    """Return the first differences between *was* and *now*, at most `MAX_DIFFERENCES`.

    Args:
        was: what was recorded.
        now: what came.
        where: what the two are called.
        shape: compare members and types alone.
    """
    return tuple(islice(_differences(was, now, where, shape=shape), MAX_DIFFERENCES))


def _differences(was: JsonValue, now: JsonValue, where: str, *, shape: bool) -> Iterator[Difference]:
    if isinstance(was, dict) and isinstance(now, dict):
        for name in [*was, *(name for name in now if name not in was)]:
            place = f"{where}.{name}"
            if name in was and name in now:
                yield from _differences(was[name], now[name], place, shape=shape)
            else:
                yield Difference(where=place, was=_member(was, name), now=_member(now, name))
    elif isinstance(was, list) and isinstance(now, list):
        for position, (one, other) in enumerate(zip(was, now, strict=False)):
            yield from _differences(one, other, f"{where}[{position}]", shape=shape)
        if len(was) != len(now) and not shape:
            yield Difference(where=where, was=f"{len(was)} items", now=f"{len(now)} items")
    elif _kind(was) != _kind(now) or (was != now and not shape):
        beginning = _shared_beginning(was, now)
        yield Difference(where=where, was=_shown(was, beginning), now=_shown(now, beginning))


def _shared_beginning(was: JsonValue, now: JsonValue) -> int:
    """Return how many characters two texts may lose in front, so that where they differ can be seen."""
    if not isinstance(was, str) or not isinstance(now, str):
        return 0
    pairs = enumerate(zip(was, now, strict=False))
    same = next((place for place, (one, other) in pairs if one != other), min(len(was), len(now)))
    return max(0, same - _KEPT_CHARS)


def _kind(value: JsonValue) -> type:
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)


def _member(container: JsonObject, name: str) -> str:
    return _shown(container[name]) if name in container else _NOTHING


def _shown(value: JsonValue, beginning: int = 0) -> str:
    if isinstance(value, str) and beginning:
        value = f"…{value[beginning:]}"
    return shorten(visible_line(json.dumps(value, ensure_ascii=False)), _MAX_SHOWN_CHARS)
