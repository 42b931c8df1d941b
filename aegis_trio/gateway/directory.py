"""The directory: what is served, found by what a request is of, and listed for those who may use it.

Law: what a caller may not use is not listed for it, and not named to it.
"""

from __future__ import annotations

import difflib
from typing import Final, final

from aegis_trio.model.call import CallKind, ToolRequest
from aegis_trio.model.decision import Allow, Deny
from aegis_trio.model.errors import BeyondKey, Fault, InsufficientScope, ResourceMissing, UnknownPrompt, UnknownTool
from aegis_trio.model.features import Catalogue, PromptSpec, ResourceSpec
from aegis_trio.model.identity import Caller
from aegis_trio.model.toolspec import ToolSpec
from aegis_trio.policy.access import decide_access
from aegis_trio.policy.untrusted import clean_line, shorten
from aegis_trio.toolsets.context import ToolContext

MAX_NAME_CHARACTERS: Final = 64  # of a name that a stranger made up; ours have at most 48
MAX_SHOWN_URI_CHARACTERS: Final = 512  # of a URI that a stranger made up, as it is repeated to them


@final
class Directory:
    """A catalogue, as callers see it."""

    def __init__(self, catalogue: Catalogue[ToolContext]) -> None:
        self._catalogue = catalogue
        self._tools = {spec.name: spec for spec in catalogue.tools}
        self._prompts = {prompt.operation.name: prompt for prompt in catalogue.prompts}
        self._everything = (
            *catalogue.tools,
            *(prompt.operation for prompt in catalogue.prompts),
            *(resource.operation for resource in catalogue.resources),
        )

    def tools_for(self, caller: Caller) -> tuple[ToolSpec[ToolContext], ...]:
        """Return the tools that *caller* may use, in the catalogue's order."""
        return tuple(spec for spec in self._tools.values() if _allows(caller, spec))

    def tool_for(self, caller: Caller, name: str) -> ToolSpec[ToolContext] | None:
        """Return the tool of that name if there is one that *caller* may use."""
        spec = self._tools.get(name)
        return spec if spec is not None and _allows(caller, spec) else None

    def public_tools(self) -> tuple[ToolSpec[ToolContext], ...]:
        """Return every tool, for `PUBLIC_TOOL_LIST`: names and schemas are no secret, results are."""
        return tuple(self._tools.values())

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
        """Return the operation that *request* is of, whoever may use it; None when there is none."""
        match request.kind:
            case CallKind.TOOL:
                return self._tools.get(request.tool)
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
