"""A tool is a value: what it is called, what it may, what it costs, and how its arguments become a call.

Laws:
    1. Everything that policy, limits, audit and the tool list need stands in the value; nothing is looked up by name.
    2. `prepare` is pure: hostile arguments in, a typed call out, or an `InvalidArgument`. It runs before anything else.
    3. The handler behind a prepared call sees its context and its typed arguments; no header, socket or token.
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
    """Areas of the forge; one folder of `toolsets/` each."""

    SERVER = "server"
    REPOSITORIES = "repositories"
    FILES = "files"
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


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec(Generic[ContextT]):
    """One tool; the name is at most 48 characters of `[a-z0-9_]`."""

    name: str
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

    @property
    def read_only(self) -> bool:
        """Whether the tool changes nothing."""
        return self.risk is Risk.READ

    @property
    def destructive(self) -> bool:
        """Whether the tool can destroy what was there."""
        return self.risk is Risk.DESTRUCTIVE
