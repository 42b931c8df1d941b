"""Parsers of limits: numbers by tool, and names of limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from aegis_trio.config.faults import Misfit
from aegis_trio.config.parsing import split_list
from aegis_trio.policy.quotas import LimitName

_TOOL_LIMIT: Final = re.compile(
    r"(?P<name>[a-z][a-z0-9_]{0,47}(?:\.[A-Za-z][A-Za-z0-9_]{0,63})?)\s*=\s*(?P<calls>[0-9]{1,7})", re.ASCII
)
_CLASS_LIMIT: Final = re.compile(r"(?P<name>[a-z0-9_-]{1,32})\s*=\s*(?P<calls>[0-9]{1,7})", re.ASCII)
_ALL: Final = "all"


def parse_tool_limits(raw_value: str) -> Mapping[str, int]:
    """Make calls a minute by tool, or by method (`issue_read.comments`), of `<tool>=<calls>, …`; 0 is off."""
    return _numbers(raw_value, _TOOL_LIMIT, "the limit of a tool", "get_file_tree=60")


def parse_rate_classes(raw_value: str) -> Mapping[str, int]:
    """Make calls a minute by class of `<class>=<calls>, …`; 0 is off."""
    return _numbers(raw_value, _CLASS_LIMIT, "the limit of a class", "ci=6000")


def parse_limit_names(raw_value: str) -> frozenset[LimitName]:
    """Make limits of their names, `all` for all of them."""
    words = {word.lower() for word in split_list(raw_value)}
    if words == {_ALL}:
        return frozenset(LimitName)
    known = {name.value: name for name in LimitName}
    unknown = sorted(words - set(known))
    if unknown:
        raise Misfit(f'"{unknown[0][:64]}" is not the name of a limit', f"Write all, or some of {', '.join(known)}.")
    return frozenset(known[word] for word in words)


def _numbers(raw_value: str, form: re.Pattern[str], what: str, such_as: str) -> Mapping[str, int]:
    numbers: dict[str, int] = {}
    for part in split_list(raw_value):
        found = form.fullmatch(part)
        if found is None:
            raise Misfit(f'"{part[:64]}" is not {what}', f"Write limits such as {such_as}.")
        if found["name"] in numbers:
            raise Misfit(f"names {found['name']} twice", "Write one limit for each.")
        numbers[found["name"]] = int(found["calls"])
    return MappingProxyType(numbers)
