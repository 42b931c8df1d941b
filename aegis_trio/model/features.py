"""Resources, prompts and completions as values, beside the tools.

Laws:
    1. Each carries an operation (a `ToolSpec` that no tool list shows), so that rights, limits, deadline and audit are
       those of a tool.
    2. What a client sees of it stands in the value; nothing is found by name outside the catalogue.

Not here: what they do (toolsets), who may use them (policy/access.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, final

from aegis_trio.model.json import JsonObject
from aegis_trio.model.toolspec import ContextT, ToolSpec


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceSpec(Generic[ContextT]):
    """One resource, or one family of them.

    Source: MCP 2026-07-28 server/resources#data-types; RFC 6570 for templates.
    """

    definition: JsonObject
    """Its entry in `resources/templates/list`, or in `resources/list` when it is a single one."""
    is_template: bool
    matches: Callable[[str], bool]
    """Whether a URI is of this family; pure, and false for whatever is not well formed."""
    operation: ToolSpec[ContextT]
    """Reads one: its arguments are `{"uri": …}`, its reply's `content` are the contents."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSpec(Generic[ContextT]):
    """One prompt.

    Source: MCP 2026-07-28 server/prompts#data-types.
    """

    definition: JsonObject
    """Its entry in `prompts/list`; `name` is the operation's."""
    operation: ToolSpec[ContextT]
    """Makes its messages: its reply's `structured` is the result of `prompts/get`."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue(Generic[ContextT]):
    """Everything that a gate serves."""

    tools: tuple[ToolSpec[ContextT], ...] = ()
    resources: tuple[ResourceSpec[ContextT], ...] = ()
    prompts: tuple[PromptSpec[ContextT], ...] = ()
    completions: Mapping[str, ToolSpec[ContextT]] = field(default_factory=dict[str, "ToolSpec[ContextT]"])
    """By the name of the argument that is completed: its arguments are `value` and what was chosen before; its
    reply's `structured` is the `completion` object."""
    list_resources: ToolSpec[ContextT] | None = None
    """Lists what cannot be listed without the forge: its argument is `page`, its reply's `structured` has
    `resources` and perhaps `next` (the page after it)."""

    def __post_init__(self) -> None:
        for specs in (self.tools, tuple(prompt.operation for prompt in self.prompts)):
            if len({spec.name for spec in specs}) != len(specs):
                raise ValueError("two of one name stand in the catalogue")
