"""One call while it runs: its deadline, and what becomes of whatever it raises.

Laws:
    1. What comes back is an outcome; only cancellation escapes.
    2. A call that its deadline ended says after how many seconds, and how far it had come.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, final

import structlog
import trio

from aegis_trio.gateway.render import ENVELOPE_BYTES, max_bytes_of, rendered_bytes
from aegis_trio.model.bounds import KeyBounds
from aegis_trio.model.call import CallKind, Failure, Pending, Success, ToolOutcome, ToolReply, ToolRequest
from aegis_trio.model.decision import Allow, Deny
from aegis_trio.model.errors import Bug, DeadlineExceeded, Fault, InvalidArgument, ReplyTooLarge
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.model.peer import LogLevel, NeedsInput, Peer, Question
from aegis_trio.model.toolspec import PreparedCall, ToolSpec
from aegis_trio.policy.reach import decide_places
from aegis_trio.toolsets.context import ToolContext

log: Final = structlog.get_logger(__name__)


@final
class ProgressNote:
    """A peer that also remembers how far its call has come."""

    __slots__ = ("_peer", "_said")

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._said = ""

    def words(self) -> str:
        """Return what the call last reported, to stand behind a number of seconds."""
        return f" ({self._said})" if self._said else ""

    async def report(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        """Note and pass on."""
        self._said = message or (f"at {progress:g}" if total is None else f"at {progress:g} of {total:g}")
        await self._peer.report(progress, total, message)

    async def log(self, level: LogLevel, data: JsonValue, logger: str | None = None) -> None:
        """Pass on."""
        await self._peer.log(level, data, logger)

    async def ask(self, questions: Mapping[str, Question]) -> Mapping[str, JsonObject]:
        """Pass on; raises what the peer raises."""
        return await self._peer.ask(questions)


def prepare(spec: ToolSpec[ToolContext], request: ToolRequest, bounds: KeyBounds) -> PreparedCall[ToolContext]:
    """Return the typed call.

    Raises:
        InvalidArgument: an argument is wrong; it shows some that would have been right.
        BeyondKey: it names a repository that *bounds* do not.
    """
    try:
        prepared = spec.prepare(request.raw_arguments)
    except InvalidArgument as invalid:
        raise invalid.with_example(spec.example) from None
    match decide_places(bounds, prepared.places):
        case Deny(fault=beyond):
            raise beyond
        case Allow():
            return prepared


async def contained(
    request: ToolRequest,
    spec: ToolSpec[ToolContext],
    run: Callable[[Peer], Awaitable[ToolReply]],
    keep: Callable[[JsonObject], ToolReply | None] = lambda _document: None,
) -> ToolOutcome:
    """Run a call within its deadline; turn whatever it raises into an outcome.

    Args:
        keep: keeps a reply that is too long, and returns its beginning; None when it cannot be kept.
    """
    await trio.lowlevel.checkpoint_if_cancelled()
    progress = ProgressNote(request.peer)
    try:
        with trio.fail_after(spec.timeout_s):
            reply = await run(progress)
    except trio.TooSlowError:
        return Failure(
            request.correlation_id,
            DeadlineExceeded(
                f"{spec.operation} was ended after {spec.timeout_s:g} seconds{progress.words()}; it only reads, so "
                "nothing was changed.",
                "Ask for less at once, or try again later.",
            ),
        )
    except NeedsInput as needs:
        return Pending(request.correlation_id, needs.questions)
    except Fault as fault:
        return Failure(request.correlation_id, fault)
    except Exception:  # the one place where a tool's bug becomes an answer
        incident = str(uuid.uuid4())
        log.exception("tool_failed", tool=spec.operation, incident=incident, correlation_id=request.correlation_id)
        return Failure(request.correlation_id, Bug(incident))
    reply_bytes = rendered_bytes(reply, request.kind)
    if reply_bytes + ENVELOPE_BYTES > max_bytes_of(request.kind):
        whole = reply.structured if request.kind is CallKind.TOOL and not reply.content else None
        beginning = None if whole is None else keep(whole)
        if beginning is not None:
            return Success(request.correlation_id, beginning, rendered_bytes(beginning, request.kind))
        # Threat: a reply cut by the client loses its end without a word.
        return Failure(
            request.correlation_id,
            ReplyTooLarge("The answer is larger than one reply may be.", "Ask for a smaller part."),
        )
    return Success(request.correlation_id, reply, reply_bytes)
