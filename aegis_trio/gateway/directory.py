"""The directory: what is served, found by what a request is of, and listed for those who may use it.

Laws:
    1. What a caller may not use is not listed for it, and not named to it; so are the methods of a tool.
    2. What this Gitea cannot do is not there at all: neither listed nor found.
"""

from __future__ import annotations

import difflib
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, TypeAlias, final

from aegis_trio.model.call import CallKind, ToolRequest
from aegis_trio.model.decision import Allow, Deny
from aegis_trio.model.errors import BeyondKey, Fault, InsufficientScope, ResourceMissing, UnknownPrompt, UnknownTool
from aegis_trio.model.features import Catalogue, PromptSpec, ResourceSpec
from aegis_trio.model.identity import Caller
from aegis_trio.model.toolspec import ToolSpec
from aegis_trio.policy.access import decide_access
from aegis_trio.policy.untrusted import clean_line, shorten
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.toolsets.methods import method_of, offering, wrong_method

MAX_NAME_CHARACTERS: Final = 64  # of a name that a stranger made up; ours have at most 48
MAX_SHOWN_URI_CHARACTERS: Final = 512  # of a URI that a stranger made up, as it is repeated to them
_MAX_VARIANTS: Final = 256  # of tools with some of their methods: a few scopes make a few of each

GiteaReaches: TypeAlias = Callable[[tuple[int, int]], bool]
"""Whether the Gitea behind the gate is of that version (major, minor) or newer; false while nobody knows."""


def any_gitea(_version: tuple[int, int], /) -> bool:
    """Take every version for reached: where no Gitea is behind a directory, as in tests of lists."""
    return True


@final
class Directory:
    """A catalogue, as callers see it."""

    def __init__(self, catalogue: Catalogue[ToolContext], reaches: GiteaReaches = any_gitea) -> None:
        """Open *catalogue* to callers, as far as the Gitea behind it *reaches*; asked anew for every list and call."""
        self._catalogue = catalogue
        self._reaches = reaches
        self._variants: OrderedDict[tuple[str | None, ...], ToolSpec[ToolContext]] = OrderedDict()
        self._tools = {spec.name: spec for spec in catalogue.tools}
        self._prompts = {prompt.operation.name: prompt for prompt in catalogue.prompts}
        self._everything = (
            *(operation for tool in catalogue.tools for operation in tool.operations),
            *(prompt.operation for prompt in catalogue.prompts),
            *(resource.operation for resource in catalogue.resources),
        )

    def tools_for(self, caller: Caller) -> tuple[ToolSpec[ToolContext], ...]:
        """Return the tools that *caller* may use, in the catalogue's order."""
        offered = (self._offered(caller, spec) for spec in self._tools.values())
        return tuple(spec for spec in offered if spec is not None)

    def tool_for(self, caller: Caller, name: str) -> ToolSpec[ToolContext] | None:
        """Return the tool of that name if there is one that *caller* may use."""
        spec = self._tools.get(name)
        return None if spec is None else self._offered(caller, spec)

    def public_tools(self) -> tuple[ToolSpec[ToolContext], ...]:
        """Return every tool, for `PUBLIC_TOOL_LIST`: names and schemas are no secret, results are."""
        present = (self._present(spec) for spec in self._tools.values())
        return tuple(spec for spec in present if spec is not None)

    def prompts_for(self, caller: Caller) -> tuple[PromptSpec[ToolContext], ...]:
        """Return the prompts that *caller* may use, in the catalogue's order."""
        return tuple(prompt for prompt in self._catalogue.prompts if _allows(caller, prompt.operation))

    def resources_for(self, caller: Caller) -> tuple[ResourceSpec[ToolContext], ...]:
        """Return the resources and families of resources that *caller* may read, in the catalogue's order."""
        return tuple(resource for resource in self._catalogue.resources if _allows(caller, resource.operation))

    def is_narrow_for(self, caller: Caller) -> bool:
        """Return whether *caller* would be shown more with more scopes, or with a key that reaches further."""
        return any(_may_be_opened(caller, spec) for spec in self._everything)

    def find(self, request: ToolRequest) -> ToolSpec[ToolContext] | None:
        """Return the operation that *request* is of, whoever may use it; None when there is none.

        Of a tool with methods it is the method; the tool itself when the request names none of them.
        """
        match request.kind:
            case CallKind.TOOL:
                tool = self._tools.get(request.tool)
                present = None if tool is None else self._present(tool)
                if present is None:
                    return None
                return method_of(present, request.raw_arguments) or present
            case CallKind.PROMPT:
                prompt = self._prompts.get(request.tool)
                return None if prompt is None else prompt.operation
            case CallKind.RESOURCE:
                found = (one for one in self._catalogue.resources if one.matches(request.tool))
                resource = next(found, None)
                return None if resource is None else resource.operation
            case CallKind.RESOURCE_LIST:
                return self._catalogue.list_resources
            case CallKind.COMPLETION:
                return self._catalogue.completions.get(request.tool)

    def wrong_method(self, caller: Caller, tool: ToolSpec[ToolContext], request: ToolRequest) -> Fault:
        """Return the fault of a request that names no method of *tool*; it names those that *caller* may use."""
        return wrong_method(self._offered(caller, tool) or tool, request.raw_arguments)

    def unknown(self, caller: Caller, request: ToolRequest) -> Fault:
        """Return the fault of a request for what does not exist; it names the nearest that *caller* may use."""
        match request.kind:
            case CallKind.RESOURCE:
                remedy = "Use a URI as resources/list shows it, or one of a template of resources/templates/list."
                shown = shorten(clean_line(request.tool), MAX_SHOWN_URI_CHARACTERS)
                return ResourceMissing("There is no such resource.", remedy, uri=shown)
            case CallKind.PROMPT:
                names = [prompt.operation.name for prompt in self.prompts_for(caller)]
                return UnknownPrompt("There is no such prompt.", _nearest(request.tool, names, "prompts"))
            case CallKind.TOOL | CallKind.RESOURCE_LIST | CallKind.COMPLETION:
                names = [spec.name for spec in self.tools_for(caller)]
                return UnknownTool("There is no such tool.", _nearest(request.tool, names, "tools"))

    def _present(self, tool: ToolSpec[ToolContext]) -> ToolSpec[ToolContext] | None:
        """Return *tool* as far as this Gitea can do it."""
        return self._narrowed(tool, lambda one: one.min_gitea is None or self._reaches(one.min_gitea))

    def _offered(self, caller: Caller, tool: ToolSpec[ToolContext]) -> ToolSpec[ToolContext] | None:
        """Return *tool* as far as this Gitea can do it and *caller* may."""
        present = self._present(tool)
        return None if present is None else self._narrowed(present, lambda one: _allows(caller, one))

    def _narrowed(
        self, tool: ToolSpec[ToolContext], holds: Callable[[ToolSpec[ToolContext]], bool]
    ) -> ToolSpec[ToolContext] | None:
        kept = tuple(one for one in tool.operations if holds(one))
        if not kept or len(kept) == len(tool.operations):
            return tool if kept else None
        key = (tool.name, *(one.method for one in kept))
        variant = self._variants.get(key)
        if variant is None:
            variant = self._variants[key] = offering(tool, kept)
            if len(self._variants) > _MAX_VARIANTS:
                self._variants.popitem(last=False)
        return variant


def _allows(caller: Caller, spec: ToolSpec[ToolContext]) -> bool:
    match decide_access(caller.principal, spec):
        case Allow():
            return True
        case Deny():
            return False


def _may_be_opened(caller: Caller, spec: ToolSpec[ToolContext]) -> bool:
    match decide_access(caller.principal, spec):
        case Deny(fault=InsufficientScope() | BeyondKey()):
            return True
        case _:
            return False


def _nearest(raw_name: str, names: list[str], kind: str) -> str:
    near = difflib.get_close_matches(raw_name[:MAX_NAME_CHARACTERS], names, n=1)
    return f"Did you mean {near[0]}?" if near else f"List the {kind} and use one of their names."
