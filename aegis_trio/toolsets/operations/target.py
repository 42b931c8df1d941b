"""The target of an operation: its route for the path guard, and how arguments become path, query and places.

Laws:
    1. Every operation has a route of its own, made of its template; nothing else of it leaves.
    2. A path that Gitea's router would take for another operation is refused, though its template admits it: a runner
       called `registration-token` is none.
    3. `sudo`, `token` and `access_token` are parameters of nothing; the route refuses to be made with them.

Source: gitea routers/api/v1/api.go; go-chi matches a fixed part before a variable one.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final, final

from aegis_trio.model.errors import InvalidArgument
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.policy.pathguard import ONE, REST, Route
from aegis_trio.policy.untrusted import clean_line, shorten
from aegis_trio.toolsets.operations.kinds import MAX_MANY, Kind, kind_of, parse_value, segments_of
from aegis_trio.toolsets.operations.table import Operation, Parameter, operations_table

DEFAULT_LIMIT: Final = 30
_VARIABLE: Final = re.compile(r"\{([^{}]+)\}")
_SHOWN_CHARACTERS: Final = 40
# Gitea computes these for every commit unless told not to, at the price of a diff each.
_DEAR_BY_DEFAULT: Final = ("stat", "verification", "files")
# What the places of a call are called in the audit trail, where Gitea calls them otherwise.
_PLACES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "org": "owner",
        "filepath": "path",
        "index": "number",
        **dict.fromkeys(("branch", "sha", "tag", "basehead"), "ref"),
    }
)
_PLACES_IN_QUERY: Final = frozenset({"ref", "sha", "path"})


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What leaves for one call."""

    route: Route
    segments: tuple[str, ...]
    query: tuple[tuple[str, str], ...]
    places: Mapping[str, str | int]
    """What names a place, for the audit trail and a key's bounds: `owner` and `repo` where it is of a repository."""


@lru_cache(maxsize=1024)
def route_of(operation: Operation) -> Route:
    """Return the route of *operation*.

    Raises:
        ValueError: it has a parameter that no route takes — a new description's doing, seen by a test.
    """
    segments = tuple(ONE if "{" in word else word for word in operation.words_of_path)
    if operation.in_path and kind_of(operation, operation.in_path[-1]) is Kind.PATH:
        segments = (*segments[:-1], REST)
    return Route(
        segments=segments,
        query_keys=frozenset(one.name for one in operation.in_query),
        repeated_keys=frozenset(one.name for one in operation.in_query if one.many),
    )


def parse_target(operation: Operation, raw_arguments: JsonObject) -> Target:
    """Return where a call of *operation* with *raw_arguments* goes.

    Raises:
        InvalidArgument: one is missing, unknown or wrong, or they would reach another operation.
    """
    known = {one.name: one for one in operation.parameters}
    for name in raw_arguments:
        if name not in known:
            raise _unknown(operation, name)
    for parameter in operation.parameters:
        if parameter.required and parameter.name not in raw_arguments:
            raise InvalidArgument(parameter.name, "is required", f"Give it: {meaning_of(operation, parameter)}.")
    values = {one.name: parse_value(operation, one, raw_arguments[one.name]) for one in operation.in_path}
    segments = _segments(operation, values)
    _check_owner(values)
    _check_rivals(operation, segments)
    query = tuple(_query(operation, raw_arguments))
    return Target(route=route_of(operation), segments=segments, query=query, places=_places(operation, values, query))


def meaning_of(operation: Operation, parameter: Parameter) -> str:
    """Return in words what *parameter* is: its kind, and what Gitea says of it."""
    said = words_of(operation, parameter)
    return f"{what_of(operation, parameter)}: {said}" if said else what_of(operation, parameter)


def what_of(operation: Operation, parameter: Parameter) -> str:
    """Return in words what kind of value *parameter* takes."""
    kind = kind_of(operation, parameter)
    return "one of " + ", ".join(map(str, parameter.choices)) if kind is Kind.CHOICE else kind.value


def words_of(operation: Operation, parameter: Parameter) -> str:
    """Return what Gitea says of *parameter*, where that is more than its kind."""
    told = {Kind.OWNER, Kind.REPO, Kind.PATH} if parameter.place == "path" else {Kind.FILES}
    return "" if kind_of(operation, parameter) in told else parameter.words


def _segments(operation: Operation, values: Mapping[str, str]) -> tuple[str, ...]:
    segments: list[str] = []
    kinds = {one.name: kind_of(operation, one) for one in operation.in_path}
    for word in operation.words_of_path:
        names = _VARIABLE.findall(word)
        if len(names) == 1 and word == f"{{{names[0]}}}":
            segments.extend(segments_of(kinds[names[0]], values[names[0]]))
        else:  # such as {sha}.{diffType}
            segments.append(_VARIABLE.sub(lambda found: segments_of(kinds[found[1]], values[found[1]])[0], word))
    return tuple(segments)


def _query(operation: Operation, raw_arguments: JsonObject) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for parameter in operation.in_query:
        raw_value = raw_arguments.get(parameter.name)
        if parameter.name not in raw_arguments:
            pairs.extend(_by_default(parameter))
        elif not parameter.many:
            pairs.append((parameter.name, parse_value(operation, parameter, raw_value)))
        else:
            if not isinstance(raw_value, list) or not 1 <= len(raw_value) <= MAX_MANY:
                raise InvalidArgument(
                    parameter.name, "must be a list", f"Give 1 to {MAX_MANY}: {meaning_of(operation, parameter)}."
                )
            pairs.extend((parameter.name, parse_value(operation, parameter, one)) for one in raw_value)
    return pairs


def _by_default(parameter: Parameter) -> list[tuple[str, str]]:
    if parameter.type == "boolean" and parameter.name in _DEAR_BY_DEFAULT:
        return [(parameter.name, "false")]
    if parameter.name in {"limit", "per_page"}:
        return [(parameter.name, str(DEFAULT_LIMIT))]
    return []


def _places(
    operation: Operation, values: Mapping[str, str], query: tuple[tuple[str, str], ...]
) -> dict[str, str | int]:
    places: dict[str, str | int] = {}
    for name, value in values.items():
        number = kind_of(operation, next(one for one in operation.in_path if one.name == name)) is Kind.NUMBER
        places[_PLACES.get(name, name)] = int(value) if number else value
    for name, value in query:
        if name in _PLACES_IN_QUERY:
            places.setdefault(_PLACES.get(name, name), value)
    return places


def _check_owner(values: Mapping[str, str]) -> None:
    # Source: gitea models/user/user.go reservedUsernames; /repos/issues/search is another operation.
    if values.get("owner", values.get("org", "")).lower() == "issues":
        raise InvalidArgument("owner", "is a name that Gitea reserves", "Give a login as list_repositories shows it.")


def _check_rivals(operation: Operation, segments: tuple[str, ...]) -> None:
    for rival in _rivals(operation):
        if rival.pattern.fullmatch("/".join(segments)):
            raise InvalidArgument(rival.parameter, "is the name of another operation", "Give another value.")


@final
@dataclass(frozen=True, slots=True)
class _Rival:
    """Another operation that the router would choose, and the parameter by which one would get there."""

    pattern: re.Pattern[str]
    parameter: str


@lru_cache(maxsize=1024)
def _rivals(operation: Operation) -> tuple[_Rival, ...]:
    """Return the operations that a path of *operation*'s template could mean instead.

    At the first part in which the two differ the other is fixed and ours is not, so the router chooses the other.
    """
    found: list[_Rival] = []
    own = operation.words_of_path
    for other in operations_table().operations.values():
        words = other.words_of_path
        if other is operation or other.method != operation.method or len(words) != len(own):
            continue
        firmness = [(_firmness(theirs), _firmness(mine)) for mine, theirs in zip(own, words, strict=True)]
        different = next((index for index, (theirs, mine) in enumerate(firmness) if theirs != mine), None)
        if different is None or firmness[different][0] < firmness[different][1]:
            continue
        pattern = re.compile("/".join(_pattern(other, word) for word in words))
        found.append(_Rival(pattern, _VARIABLE.findall(own[different])[0]))
    return tuple(found)


def _firmness(word: str) -> int:
    """Return how firmly a part of a template is fixed: a word, a word with variables in it, a variable."""
    return 2 if "{" not in word else 1 if _VARIABLE.sub("", word) else 0


def _pattern(operation: Operation, word: str) -> str:
    choices = {one.name: "|".join(map(str, one.choices)) for one in operation.in_path}
    return "".join(
        re.escape(part) if number % 2 == 0 else f"(?:{choices[part] or '[^/]+'})"
        for number, part in enumerate(_VARIABLE.split(word))
    )


def _unknown(operation: Operation, raw_name: str) -> InvalidArgument:
    name = shorten(clean_line(raw_name), _SHOWN_CHARACTERS) or "(empty name)"
    names = [one.name for one in operation.parameters]
    near = difflib.get_close_matches(raw_name[:_SHOWN_CHARACTERS], names, n=1)
    remedy = f"Did you mean {near[0]}?" if near else f"Its arguments are: {', '.join(names) or 'none'}."
    return InvalidArgument(name, f"is not an argument of {operation.id}", remedy)


def as_object(raw_value: JsonValue, name: str) -> JsonObject:
    """Return *raw_value*, which must be an object of arguments.

    Raises:
        InvalidArgument: it is something else.
    """
    if not isinstance(raw_value, dict):
        raise InvalidArgument(name, "must be an object", 'Give the operation\'s own arguments, such as {"page": 1}.')
    return raw_value
