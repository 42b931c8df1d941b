"""A tool is a value: what it is called, what it may, what it costs, and how its arguments become a call.

Laws:
    1. Everything that policy, limits, audit and the tool list need stands in the value; nothing is looked up by name.
    2. `prepare` is pure: hostile arguments in, a typed call out, or an `InvalidArgument`. It runs before anything else.
    3. The handler behind a prepared call sees its context and its typed arguments; no header, socket or token.
    4. A tool with methods is a list of whole operations under one name: what may be called, what it costs and what is
       recorded is each method's own, and the tool by itself permits nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar, final

from aegis_trio.model.call import ToolReply
from aegis_trio.model.json import JsonObject

ContextT = TypeVar("ContextT")


class Toolset(StrEnum):
    """Areas of the forge, as operators and clients choose them; one folder of `toolsets/` each that has a tool."""

    SERVER = "server"
    REPOSITORIES = "repositories"
    FILES = "files"
    COMMITS = "commits"
    SEARCH = "search"
    ISSUES = "issues"
    LABELS = "labels"
    PULL_REQUESTS = "pull_requests"
    REVIEWS = "reviews"
    RELEASES = "releases"
    ACTIONS = "actions"
    WIKI = "wiki"
    PACKAGES = "packages"
    NOTIFICATIONS = "notifications"
    TIME = "time"
    USERS = "users"
    ORGANISATIONS = "organisations"
    HOOKS = "hooks"
    ADMIN = "admin"
    RESULTS = "results"  # reading on in long replies; there wherever a tool is
    OPERATIONS = "operations"  # the long tail, found by words
    RESOURCES = "resources"
    PROMPTS = "prompts"
    COMPLETIONS = "completions"


class Risk(StrEnum):
    """What a tool can do to the world."""

    READ = "read"
    WRITE = "write"
    DESTRUCTIVE = "destructive"


class CostClass(StrEnum):
    """How much of Gitea one call takes; the limiter charges by it."""

    CHEAP = "cheap"  # one indexed query
    NORMAL = "normal"  # starts git once
    HEAVY = "heavy"  # walks history or a whole tree


@final
@dataclass(frozen=True, slots=True)
class PreparedCall(Generic[ContextT]):
    """Typed arguments, waiting for a context."""

    places: Mapping[str, str | int]
    """Arguments that name a place (owner, repo, ref, path, number), in full, for the audit trail."""
    run: Callable[[ContextT], Awaitable[ToolReply]]
    continues: str | None = None
    """The handle of a kept reply that the call reads on in; the gateway opens it, and the call stands for its place."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec(Generic[ContextT]):
    """One tool, or one method of one; the name is at most 48 characters of `[a-z0-9_]`."""

    name: str
    """The tool's, also of its methods."""
    title: str
    description: str
    toolset: Toolset
    risk: Risk
    cost: CostClass
    timeout_s: float
    scopes: frozenset[str]
    """Scopes of ours that a principal needs, all of them."""
    gitea_scopes: frozenset[str]
    """Scopes that the Gitea token needs, all of them."""
    input_schema: JsonObject
    """JSON Schema 2020-12, root type object, no `$ref`, no top-level combinator."""
    output_schema: JsonObject | None = None
    """What `structured` of its reply follows; given only where it is small, as every client pays for it."""
    example: JsonObject
    """Arguments that are right; shown when arguments were wrong."""
    prepare: Callable[[JsonObject], PreparedCall[ContextT]]
    """Validate arguments; raises InvalidArgument."""
    idempotent: bool
    open_world: bool
    min_gitea: tuple[int, int] | None = None
    """First Gitea version (major, minor) that can serve it; None for every supported one."""
    audit_fields: tuple[str, ...] = field(default=())
    """Names of the arguments that stand in full in the audit trail; all others stand as length and keyed digest."""
    method: str | None = None
    """Which method of its tool this is: the value of the argument `method`; None for a tool."""
    methods: tuple[ToolSpec[ContextT], ...] = field(default=())
    """What a tool with an argument `method` can do, in the order of the schema; empty for every other."""
    resolve: Callable[[JsonObject], ToolSpec[ContextT] | None] | None = None
    """Finds the operation that arguments name, a method of this tool, where there are too many to stand in the schema;
    pure, and None for arguments that name none. None for every tool that is called as it stands."""
    stands_for: tuple[ToolSpec[ContextT], ...] = field(default=())
    """Operations that show the same: who may use none of them may not use this either. Empty for every other."""

    @property
    def operation(self) -> str:
        """The name by which metrics and limits know it: `get_me`, or with a method `issue_read.get`."""
        return self.name if self.method is None else f"{self.name}.{self.method}"

    @property
    def operations(self) -> tuple[ToolSpec[ContextT], ...]:
        """What can be called: its methods, or itself."""
        return self.methods or (self,)

    @property
    def read_only(self) -> bool:
        """Whether the tool changes nothing."""
        return self.risk is Risk.READ

    @property
    def destructive(self) -> bool:
        """Whether the tool can destroy what was there."""
        return self.risk is Risk.DESTRUCTIVE
