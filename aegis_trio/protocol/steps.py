"""Steps: what one message asks of the server, as values that every transport can do.

Not here: how a message becomes a step (dispatch.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias, final

from aegis_trio.model.call import CallKind
from aegis_trio.model.json import JsonObject
from aegis_trio.model.peer import LogLevel
from aegis_trio.protocol.jsonrpc import Reply, RequestId, Response
from aegis_trio.protocol.revisions import Revision
from aegis_trio.protocol.trace_context import TraceContext

ProgressToken: TypeAlias = str | int


class Feature(StrEnum):
    """What a client can have listed at once."""

    TOOLS = "tools"
    PROMPTS = "prompts"
    RESOURCE_TEMPLATES = "resourceTemplates"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RequestMeta:
    """What a request says about itself in `_meta`; what is None was not said there."""

    progress_token: ProgressToken | None = None
    client: str | None = None
    """What a modern client calls itself in this request; a legacy one said so in its handshake."""
    capabilities: JsonObject | None = None
    """What a modern client can be asked; a legacy one said so in its handshake."""
    log_level: LogLevel | None = None
    """From which severity on a modern client wants log messages of this request."""
    trace: TraceContext | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Of which changes a subscription tells."""

    tools: bool = False
    prompts: bool = False
    resources: bool = False
    uris: tuple[str, ...] = ()
    """Resources whose content is watched."""


@final
@dataclass(frozen=True, slots=True)
class Answer:
    """Send this; nothing else is to be done."""

    reply: Reply


@final
@dataclass(frozen=True, slots=True)
class Accepted:
    """Nothing is owed, nothing is to be done."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    """A client shakes hands: open a session of `revision` and send `reply`, or refuse."""

    id: RequestId
    revision: Revision
    client: str | None
    capabilities: JsonObject
    """What the client can be asked."""
    reply: Reply


@final
@dataclass(frozen=True, slots=True)
class ListFeature:
    """Answer with what the caller may use of a feature."""

    id: RequestId
    feature: Feature


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Perform:
    """Make one call through the gateway; the arguments are JSON, not yet validated."""

    id: RequestId
    method: str
    kind: CallKind
    subject: str
    """The name of the tool or prompt, the URI, or the argument that is completed."""
    arguments: JsonObject
    params: JsonObject
    """The whole parameters: what a sealed state is bound to, and the answers that come with it."""
    meta: RequestMeta


@final
@dataclass(frozen=True, slots=True)
class Subscribe:
    """Watch a resource for this session."""

    id: RequestId
    uri: str


@final
@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Watch a resource no more."""

    id: RequestId
    uri: str


@final
@dataclass(frozen=True, slots=True)
class SetLogLevel:
    """Send this session log messages from this severity on."""

    id: RequestId
    level: LogLevel


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """Open a stream of changes; it is this request's answer and lasts as long."""

    id: RequestId
    wanted: Wanted
    meta: RequestMeta


@final
@dataclass(frozen=True, slots=True)
class ClientAnswer:
    """A client answers a request of this server."""

    response: Response


@final
@dataclass(frozen=True, slots=True)
class Cancel:
    """End the call of this id, if it still runs, and send nothing more for it."""

    request_id: RequestId


Step: TypeAlias = (
    Answer
    | Accepted
    | OpenSession
    | ListFeature
    | Perform
    | Subscribe
    | Unsubscribe
    | SetLogLevel
    | Listen
    | ClientAnswer
    | Cancel
)
