"""The table: every operation of Gitea's API, as Gitea's own OpenAPI description names it.

It is read when somebody first asks for it, not at start: who never does pays neither time nor memory.

Laws:
    1. What stands here is data of the pinned description, made by tools/operations.py; nothing is added by hand.
    2. Operations of every method are described, so that a later version may write; what may be called is decided
       elsewhere (exposure.py).

Source: gitea templates/swagger/v1_json.tmpl at the version in the table's head.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, cast, final

from aegis_trio.model.json import JsonObject, JsonScalar

FILE: Final = "operations.jsonl"
_PACKAGE: Final = "aegis_trio.toolsets.operations"
_VARIABLE: Final = re.compile(r"\{([^{}]+)\}")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter as Gitea describes it; what it may be in a call of ours is said by kinds.py."""

    name: str
    place: str
    """`path`, `query` or `form`."""
    type: str
    """`string`, `integer`, `boolean`, `date-time`, `date` or `file`."""
    many: bool
    """Whether it may stand several times."""
    required: bool
    words: str
    choices: tuple[JsonScalar, ...]
    default: JsonScalar
    minimum: int | None


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Operation:
    """One operation of Gitea's API; there is one value of each."""

    id: str
    """Gitea's own name for it, such as `repoListTopics`."""
    method: str
    path: str
    """Its template below the API's prefix, such as `/repos/{owner}/{repo}/topics`."""
    tag: str
    summary: str
    parameters: tuple[Parameter, ...]
    body: Mapping[str, str]
    """Fields that a body takes, each with its type in words; a required one ends in `!`."""
    answer: str
    """The name of a shape (`[]` behind it for a list), a type, `file`, or empty."""
    under: str
    """The name under which a list's entries stand in the answer; empty when they stand alone."""
    asks: bool
    """Whether its statuses are its answers: 204 is yes, or done, and 404 no."""
    deprecated: bool

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.method == "GET"

    @cached_property
    def words_of_path(self) -> tuple[str, ...]:
        """The template's parts: `repos`, `{owner}`, …."""
        return tuple(self.path.removeprefix("/").split("/"))

    @cached_property
    def in_path(self) -> tuple[Parameter, ...]:
        """The parameters of the template, in its order."""
        by_name = {one.name: one for one in self.parameters if one.place == "path"}
        return tuple(by_name[name] for name in _VARIABLE.findall(self.path))

    @cached_property
    def in_query(self) -> tuple[Parameter, ...]:
        """The parameters of the query."""
        return tuple(one for one in self.parameters if one.place == "query")

    @property
    def lists(self) -> bool:
        """Whether pages of it can be asked for."""
        return any(one.name == "page" for one in self.in_query)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """All of them."""

    gitea: str
    """The version that is described."""
    operations: Mapping[str, Operation]
    """By name, in the order of names."""
    shapes: Mapping[str, tuple[str, ...]]
    """The names of the fields of what is answered, by the name of the shape."""

    def fields_of(self, operation: Operation) -> tuple[str, ...]:
        """Return the names of the fields of one entry of what *operation* answers; none where it has no shape."""
        return self.shapes.get(operation.answer.removesuffix("[]"), ())


@lru_cache(maxsize=1)
def operations_table() -> Table:
    """Return the table; read once in a process.

    Raises:
        ValueError: the file is not as tools/operations.py makes it — our bug.
    """
    # Trade: the first call of a process reads 160 KB where it stands, some milliseconds, instead of in a thread.
    lines = files(_PACKAGE).joinpath(FILE).read_text(encoding="utf-8").splitlines()
    head, shapes, usual, *rows = (cast("JsonObject", json.loads(line)) for line in lines)
    operations = tuple(_operation(row, usual) for row in rows)
    if head["operations"] != len(operations):
        raise ValueError("the table of operations is not whole")
    return Table(
        gitea=str(head["gitea"]),
        operations=MappingProxyType({one.id: one for one in operations}),
        shapes=MappingProxyType({name: tuple(cast("list[str]", names)) for name, names in shapes.items()}),
    )


def _operation(row: JsonObject, usual: JsonObject) -> Operation:
    path = str(row["path"])
    in_path = frozenset(_VARIABLE.findall(path))
    parameters = cast("list[JsonObject]", row["parameters"])
    body = row.get("body", {})
    return Operation(
        id=str(row["id"]),
        method=str(row["method"]),
        path=path,
        tag=str(row["tag"]),
        summary=str(row["summary"]),
        parameters=tuple(_parameter(one, in_path, usual) for one in parameters),
        body=MappingProxyType({name: str(kind) for name, kind in body.items()} if isinstance(body, dict) else {}),
        answer=str(row.get("answer", "")),
        under=str(row.get("under", "")),
        asks=row.get("asks") is True,
        deprecated=row.get("deprecated") is True,
    )


def _parameter(row: JsonObject, in_path: frozenset[str], usual: JsonObject) -> Parameter:
    name = str(row["name"])
    minimum = row.get("minimum")
    return Parameter(
        name=name,
        place="path" if name in in_path else str(row.get("in", "query")),
        type=str(row.get("type", "string")),
        many=row.get("many") is True,
        required=name in in_path or row.get("required") is True,
        words=str(row.get("words", usual.get(name, ""))),
        choices=tuple(cast("list[JsonScalar]", row.get("enum", []))),
        default=cast("JsonScalar", row.get("default")),
        minimum=minimum if isinstance(minimum, int) else None,
    )
