"""Results in the shape of their revision.

Laws:
    1. A modern result says that it is complete and who answers; a cacheable one how long and for whom it holds.
    2. A legacy result carries none of that, and no content block of a type that its revision does not know.
    3. What `server/discover` lists is what the modern path serves, no more: clients compare.

Not here: what a tool's outcome says (gateway/render.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, final

from aegis_trio.model.call import CallKind
from aegis_trio.model.json import JsonObject, JsonValue, encode_json
from aegis_trio.model.peer import Question
from aegis_trio.protocol.jsonrpc import RequestId
from aegis_trio.protocol.revisions import MODERN_VERSIONS, Era, Revision

META_SERVER: Final = "io.modelcontextprotocol/serverInfo"
META_SUBSCRIPTION: Final = "io.modelcontextprotocol/subscriptionId"
MAX_INSTRUCTIONS_BYTES: Final = 2048  # clients put them into every conversation

DISCOVER_TTL_MS: Final = 300_000  # changes with a new release only
LIST_TTL_MS: Final = 60_000  # changes when the operator changes a key's rights
CONTENT_TTL_MS: Final = 5_000  # the forge may change at any time; a client need not ask twice in one breath
# Threat: a shared cache would show one caller's tools to another; nothing of ours is `public`.
_CACHE_SCOPE: Final = "private"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCard:
    """What this server says about itself."""

    name: str
    version: str
    title: str
    instructions: str
    """How a model should use this server, at most `MAX_INSTRUCTIONS_BYTES`."""

    def __post_init__(self) -> None:
        if len(self.instructions.encode()) > MAX_INSTRUCTIONS_BYTES:
            raise ValueError(f"instructions are longer than {MAX_INSTRUCTIONS_BYTES} bytes")

    def implementation(self) -> JsonObject:
        """Return the schema's `Implementation` object."""
        return {"name": self.name, "title": self.title, "version": self.version}


def initialize_result(revision: Revision, card: ServerCard) -> JsonObject:
    """Return the result of `initialize`.

    Source: MCP 2025-11-25 basic/lifecycle#initialization.
    """
    return {
        "protocolVersion": revision.version,
        "capabilities": _capabilities(),
        "serverInfo": card.implementation(),
        "instructions": card.instructions,
    }


def discover_result(revision: Revision, card: ServerCard) -> JsonObject:
    """Return the result of `server/discover`.

    Source: MCP 2026-07-28 server/discover#response.
    """
    result: JsonObject = {
        "supportedVersions": list(MODERN_VERSIONS),
        "capabilities": _capabilities(),
        "instructions": card.instructions,
    }
    return shape(result, revision, card, ttl_ms=DISCOVER_TTL_MS)


def empty_result(revision: Revision, card: ServerCard) -> JsonObject:
    """Return the result of a request that has nothing to say, such as `ping`."""
    return shape({}, revision, card)


def list_result(
    feature: str, definitions: Iterable[JsonObject], revision: Revision, card: ServerCard, *, may_grow: bool = False
) -> JsonObject:
    """Return the result of a list that stands on one page.

    Args:
        feature: the name of its member: `tools`, `prompts`, `resourceTemplates`.
        may_grow: whether its reader can come by more in the next moment, so that it must not be kept.

    Source: MCP 2026-07-28 server/tools#listing-tools, server/prompts, server/resources, server/utilities/caching.
    """
    return shape({feature: list(definitions)}, revision, card, ttl_ms=0 if may_grow else LIST_TTL_MS)


def input_required_result(
    questions: Mapping[str, Question], sealed_state: str, revision: Revision, card: ServerCard
) -> JsonObject:
    """Return the result that asks the client, who makes the request again with its answers.

    Source: MCP 2026-07-28 basic/patterns/mrtr.
    """
    requests: JsonObject = {key: {"method": asked.method, "params": asked.params} for key, asked in questions.items()}
    result: JsonObject = {
        "resultType": "input_required",
        "inputRequests": requests,
        "requestState": sealed_state,
    }
    return shape(result, revision, card)


def listen_result(request_id: RequestId, revision: Revision, card: ServerCard) -> JsonObject:
    """Return the result that ends a subscription in good order.

    Source: MCP 2026-07-28 basic/patterns/subscriptions.
    """
    return shape({"_meta": {META_SUBSCRIPTION: request_id}}, revision, card)


def performed_result(kind: CallKind, result: JsonObject, revision: Revision, card: ServerCard) -> JsonObject:
    """Return the result of a call as a client of *revision* can read it.

    Source: MCP 2026-07-28 server/tools#tool-result, server/prompts, server/utilities/caching.
    """
    match kind:
        case CallKind.TOOL:
            content = result.get("content")
            known = [_known_block(block, revision) for block in content] if isinstance(content, list) else []
            return shape({**result, "content": known}, revision, card)
        case CallKind.PROMPT:
            messages = result.get("messages")
            told = [_known_message(one, revision) for one in messages] if isinstance(messages, list) else []
            return shape({**result, "messages": told}, revision, card)
        case CallKind.RESOURCE | CallKind.RESOURCE_LIST:
            return shape(result, revision, card, ttl_ms=CONTENT_TTL_MS)
        case CallKind.COMPLETION:
            return shape(result, revision, card)


def shape(result: JsonObject, revision: Revision, card: ServerCard, *, ttl_ms: int | None = None) -> JsonObject:
    """Return *result* with what its revision adds.

    Args:
        ttl_ms: how long a cacheable result holds, milliseconds; None for a result that is not cacheable.

    Source: MCP 2026-07-28 basic/index#resulttype, basic/index#meta, server/utilities/caching.
    """
    if revision.era is Era.LEGACY:
        return result
    meta = result.get("_meta")
    shaped: JsonObject = {"resultType": "complete", **result}
    if ttl_ms is not None:
        shaped |= {"ttlMs": ttl_ms, "cacheScope": _CACHE_SCOPE}
    shaped["_meta"] = {**(meta if isinstance(meta, dict) else {}), META_SERVER: card.implementation()}
    return shaped


def _capabilities() -> JsonObject:
    return {
        "tools": {"listChanged": True},
        "prompts": {"listChanged": True},
        "resources": {"subscribe": True, "listChanged": True},
        "completions": {},
        "logging": {},
    }


def _known_message(message: JsonValue, revision: Revision) -> JsonValue:
    if not isinstance(message, dict):
        return message
    return {**message, "content": _known_block(message.get("content"), revision)}


def _known_block(block: JsonValue, revision: Revision) -> JsonValue:
    """Return *block*, or its text where the client's revision has no such type.

    Source: MCP 2025-03-26 changelog (audio), 2025-06-18 changelog (resource links).
    """
    kind = block.get("type") if isinstance(block, dict) else None
    if not isinstance(block, dict) or kind in revision.content_types:
        return block
    told = {name: value for name, value in block.items() if name != "data"}
    return {"type": "text", "text": encode_json(told).decode()}
