"""Resources, prompts and completions, run as the gateway runs them."""

from __future__ import annotations

import json
from typing import Any

from aegis_trio.gateway.directory import Directory
from aegis_trio.gateway.render import performed
from aegis_trio.gitea.request import Forge
from aegis_trio.model.call import CallKind, ToolRequest, Transport
from aegis_trio.model.json import JsonObject
from aegis_trio.toolsets.catalogue import CATALOGUE
from tests.toolsets.canned import context_for

DIRECTORY = Directory(CATALOGUE)


async def perform(kind: CallKind, subject: str, arguments: JsonObject, forge: Forge) -> JsonObject:
    """Return the result of one call as a client gets it, without what its revision adds."""
    request = ToolRequest(tool=subject, raw_arguments=arguments, transport=Transport.REST, kind=kind)
    spec = DIRECTORY.find(request)
    assert spec is not None, f"nothing is called {subject}"
    return performed(await spec.prepare(arguments).run(context_for(forge)), kind)


async def read(uri: str, forge: Forge) -> dict[str, Any]:
    """Return the one content of the resource at *uri*."""
    result: Any = await perform(CallKind.RESOURCE, uri, {"uri": uri}, forge)
    [content] = result["contents"]
    assert isinstance(content, dict)
    return content


async def document(uri: str, forge: Forge) -> dict[str, Any]:
    """Return the JSON document that the resource at *uri* holds."""
    content = await read(uri, forge)
    assert "application/json" == content["mimeType"]
    found = json.loads(content["text"])
    assert isinstance(found, dict)
    return found


async def make_prompt(name: str, arguments: JsonObject, forge: Forge) -> dict[str, Any]:
    """Return the result of `prompts/get`."""
    return await perform(CallKind.PROMPT, name, arguments, forge)


async def complete(argument: str, value: str, forge: Forge, **chosen: str) -> dict[str, Any]:
    """Return the completion of *argument*."""
    result: Any = await perform(CallKind.COMPLETION, argument, {**chosen, "value": value}, forge)
    completion = result["completion"]
    assert isinstance(completion, dict)
    return completion
