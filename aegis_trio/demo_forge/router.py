"""The router: which route a path means, as the router of Gitea reads it.

Laws:
    1. A fixed part wins over a parameter, and a parameter over the rest (`*`); a way that fails is walked back.
    2. Matching happens on escaped parts; a parameter is never empty.
    3. Every route of Gitea stands in the table (gitea_routes.txt), also those that the forge cannot answer.

Not here: guards and answers (forge.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Final, Protocol, final

from aegis_trio.demo_forge.accounts import Category
from aegis_trio.demo_forge.answers import Answer
from aegis_trio.demo_forge.call import Call
from aegis_trio.demo_forge.requests import unescape

_METHODS_SHOWN: Final = ("PATCH", "DELETE", "GET", "POST", "PUT")  # Gitea's `Allow` names one, whichever comes first


class Handler(Protocol):
    """Answers one call; all of them work in memory, so none awaits."""

    def __call__(self, call: Call, /) -> Answer:
        """Return the answer, or raise Refusal."""
        ...


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One line of a room's table.

    Attributes:
        template: below `/api/v1`; `{name}` is one part, `*` at the end the rest.
        signed_in: an anonymous caller is answered 401.
    """

    method: str
    template: str
    handler: Handler
    signed_in: bool = False


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What a path means: its template, the decoded parameters, and the handlers by method."""

    template: str
    params: dict[str, str]
    methods: frozenset[str]  # all that Gitea has there
    routes: dict[str, Route]  # those that the forge answers

    def allowed(self) -> str:
        """Return the one method that `Allow` names."""
        return next(method for method in _METHODS_SHOWN if method in self.methods)


@final
@dataclass(slots=True)
class _Node:
    fixed: dict[str, _Node] = field(default_factory=dict["str", "_Node"])
    parameter: _Node | None = None
    rest: _Node | None = None
    template: str | None = None
    names: tuple[str, ...] = ()
    methods: set[str] = field(default_factory=set[str])
    routes: dict[str, Route] = field(default_factory=dict[str, Route])


@final
class Router:
    """The table of all routes as a tree."""

    __slots__ = ("_root",)

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        for methods, template in gitea_routes():
            self._node(template).methods.update(methods)
        for route in routes:
            node = self._node(route.template)
            node.methods.add(route.method)
            node.routes[route.method] = route

    def _node(self, template: str) -> _Node:
        node = self._root
        names: list[str] = []
        for part in template.strip("/").split("/"):
            if part == "*":
                names.append("*")
                node.rest = node.rest or _Node()
                node = node.rest
            elif part.startswith("{"):
                names.append(part[1:-1])
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.fixed.setdefault(part, _Node())
        if node.template is None:
            node.template, node.names = template, tuple(names)
        return node

    def match(self, path: str) -> Match | None:
        """Return what the escaped *path* (below `/api/v1`) means, or nothing."""
        parts = path.strip("/").split("/")
        for node, raw_values in _ways(self._root, parts, ()):
            if node.template is not None:
                params = {name: unescape(raw) for name, raw in zip(node.names, raw_values, strict=True)}
                return Match(template=node.template, params=params, methods=frozenset(node.methods), routes=node.routes)
        return None


def _ways(node: _Node, parts: list[str], values: tuple[str, ...]) -> Iterator[tuple[_Node, tuple[str, ...]]]:
    if not parts:
        yield node, values
        return
    fixed = node.fixed.get(parts[0])
    if fixed is not None:
        yield from _ways(fixed, parts[1:], values)
    if node.parameter is not None and parts[0]:
        yield from _ways(node.parameter, parts[1:], (*values, parts[0]))
    if node.rest is not None:
        yield node.rest, (*values, "/".join(parts))


def gitea_routes() -> list[tuple[frozenset[str], str]]:
    """Return methods and template of every route that Gitea 1.25.4 has.

    Source: Gitea's own OpenAPI document, templates/swagger/v1_json.tmpl.
    """
    text = files("aegis_trio.demo_forge").joinpath("gitea_routes.txt").read_text("ascii")
    lines = (line.split(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return [(frozenset(methods.split(",")), template) for methods, template in lines]


_ISSUE_PARTS: Final = frozenset({"issues", "labels", "milestones"})


def categories_of(template: str) -> tuple[tuple[Category, ...], ...]:
    """Return the scopes that a template asks for: groups that are checked one after the other, each as a whole.

    Source: gitea routers/api/v1/api.go, the tokenRequiresScopes of each group.
    """
    parts = template.strip("/").split("/")
    match parts:
        case ["admin", *_]:
            return ((Category.ADMIN,),)
        case ["notifications", *_] | ["repos", _, _, "notifications", *_]:
            return ((Category.NOTIFICATION,),)
        case ["repos", "issues", "search"]:
            return ((Category.ISSUE,),)
        case ["repos", _, _, part, *_] if part in _ISSUE_PARTS:
            return ((Category.ISSUE,),)
        case ["repos", *_] | ["repositories", *_] | ["topics", *_]:
            return ((Category.REPOSITORY,),)
        case ["packages", *_]:
            return ((Category.PACKAGE,),)
        case ["user", "orgs"] | ["users", _, "orgs", *_]:
            return ((Category.USER, Category.ORGANISATION),)
        case ["user", "repos"] | ["user", "starred", *_] | ["users", _, "repos" | "starred"]:
            return ((Category.USER,), (Category.REPOSITORY,))
        case ["user", *_] | ["users", *_]:
            return ((Category.USER,),)
        case ["orgs", _, *_] | ["teams", *_]:
            return ((Category.ORGANISATION,),)
        case ["org", _, "repos"]:
            return ((Category.ORGANISATION,), (Category.REPOSITORY,))
        case _:
            return ()
