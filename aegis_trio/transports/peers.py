"""The two ways of speaking to the client of a running call.

Laws:
    1. Nothing is said after the call has ended, progress only grows, and a chatty tool is thinned out.
    2. A client is asked only what it declared that it can be asked, and only what may be asked of anybody.
    3. In a session the answer comes as a message of its own; a modern call ends with its questions, and is made again
       with the answers: from its beginning, so what was answered before stands in its sealed state.

Not here: sealing that state (desk.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol, final

import trio

from aegis_trio.model.errors import MissingCapability, NotAnswered
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.model.peer import LogLevel, NeedsInput, Peer, Question, reaches
from aegis_trio.protocol.answers import fault_of_answer, fault_of_question, needed_capability
from aegis_trio.protocol.revisions import Revision
from aegis_trio.protocol.steps import RequestMeta
from aegis_trio.transports.ports import ReplySink
from aegis_trio.transports.session import SessionBody

MIN_PROGRESS_GAP_S: Final = 0.05  # twenty reports a second are more than anybody reads
FREE_REPORTS: Final = 16  # a short call may report every step of it


class ClosablePeer(Peer, Protocol):
    """A peer that its call can take leave of."""

    def close(self) -> None:
        """Say nothing any more."""
        ...


@final
class _Voice:
    """Progress and log messages on the stream of one request."""

    __slots__ = ("_reports", "_sink", "_token", "_told", "_told_at", "closed")

    def __init__(self, sink: ReplySink, meta: RequestMeta) -> None:
        self._sink = sink
        self._token = meta.progress_token
        self._told: float | None = None
        self._told_at = 0.0
        self._reports = 0
        self.closed = False

    def report(self, progress: float, total: float | None, message: str | None) -> None:
        """Send one report of progress.

        Source: MCP 2026-07-28 basic/patterns/progress.
        """
        if self.closed or self._token is None or (self._told is not None and progress <= self._told):
            return
        now = trio.current_time()
        is_last = total is not None and progress >= total
        if self._reports >= FREE_REPORTS and not is_last and now - self._told_at < MIN_PROGRESS_GAP_S:
            return
        self._told, self._told_at, self._reports = progress, now, self._reports + 1
        params: JsonObject = {"progressToken": self._token, "progress": progress}
        if total is not None:
            params["total"] = total
        if message is not None:
            params["message"] = message
        self._sink.notify({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})

    def log(self, level: LogLevel, threshold: LogLevel | None, data: JsonValue, logger: str | None) -> None:
        """Send one log message, if it is severe enough; None as threshold wants nothing.

        Source: MCP 2025-11-25 server/utilities/logging; 2026-07-28 the same (only where the request asks for it).
        """
        if self.closed or threshold is None or not reaches(level, threshold):
            return
        params: JsonObject = {"level": level.value, "data": data}
        if logger is not None:
            params["logger"] = logger
        self._sink.notify({"jsonrpc": "2.0", "method": "notifications/message", "params": params})


class _Speaker:
    """What every peer says in one way, whatever its era."""

    __slots__ = ("_voice",)

    def __init__(self, voice: _Voice) -> None:
        self._voice = voice

    def close(self) -> None:
        """Say nothing any more."""
        self._voice.closed = True

    async def report(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        """Say how far the call has come."""
        self._voice.report(progress, total, message)
        await trio.lowlevel.checkpoint()


@final
class SessionPeer(_Speaker):
    """The client of a call in a session (up to 2025-11-25)."""

    __slots__ = ("_revision", "_session", "_sink", "answers")

    def __init__(self, session: SessionBody, sink: ReplySink, meta: RequestMeta, revision: Revision) -> None:
        self._session = session
        self._sink = sink
        self._revision = revision
        super().__init__(_Voice(sink, meta))
        self.answers: dict[str, JsonValue] = {}
        """Nothing: answers go straight to the call that asked."""

    async def log(self, level: LogLevel, data: JsonValue, logger: str | None = None) -> None:
        """Send one log message."""
        self._voice.log(level, self._session.log_level, data, logger)
        await trio.lowlevel.checkpoint()

    async def ask(self, questions: Mapping[str, Question]) -> Mapping[str, JsonObject]:
        """Ask the client, one question after the other: a person reads one form at a time.

        Raises:
            MissingCapability: it did not declare that it can be asked this.
            NotAnswered: it refused, hears nothing, or its answer is not of the form that the question asks for.
            ValueError: a question that must not be asked of anybody; our bug.
        """
        _check_questions(questions, self._session.capabilities)
        answers: dict[str, JsonObject] = {}
        for key, question in questions.items():
            answer = await self._session.dialogue.ask(question, self._sink)
            fault = fault_of_answer(question, answer, self._revision)
            if fault is not None:
                raise NotAnswered(f"The answer to {question.method} cannot be used: {fault}.", "Call again.")
            answers[key] = answer
        return answers


@final
class RequestPeer(_Speaker):
    """The client of a call that belongs to its request (from 2026-07-28 on)."""

    __slots__ = ("_capabilities", "_given", "_level", "_may_ask", "_revision", "answers")

    def __init__(
        self,
        sink: ReplySink,
        meta: RequestMeta,
        revision: Revision,
        *,
        answers: Mapping[str, JsonValue],
        given: Mapping[str, JsonValue],
        may_ask: bool,
    ) -> None:
        """Speak on *sink*.

        Args:
            answers: what was answered in earlier rounds, out of the sealed state.
            given: what the client answers in this round; used for what it was asked, and for nothing else.
            may_ask: whether the method's result may be a question.
        """
        super().__init__(_Voice(sink, meta))
        self._level = meta.log_level
        self._capabilities = meta.capabilities or {}
        self._revision = revision
        self._given = given
        self._may_ask = may_ask
        self.answers = dict(answers)
        """Everything that was answered with a usable form so far."""

    async def log(self, level: LogLevel, data: JsonValue, logger: str | None = None) -> None:
        """Send one log message, where the request asked for them."""
        self._voice.log(level, self._level, data, logger)
        await trio.lowlevel.checkpoint()

    async def ask(self, questions: Mapping[str, Question]) -> Mapping[str, JsonObject]:
        """Return the answers, or end this round with the questions that have none yet.

        Raises:
            MissingCapability: the client did not declare that it can be asked this.
            NeedsInput: something is not answered yet, or not usably.
            NotAnswered: the method of this request has no result that could ask.
            ValueError: a question that must not be asked of anybody; our bug.

        Source: MCP 2026-07-28 basic/patterns/mrtr (missing or wrong responses are asked again, extra ones ignored).
        """
        if not self._may_ask:
            raise NotAnswered("This method cannot ask through the client.", "Call a tool that asks.")
        _check_questions(questions, self._capabilities)
        await trio.lowlevel.checkpoint()
        for key, question in questions.items():
            given = self._given.get(key)
            if (
                key not in self.answers
                and isinstance(given, dict)
                and fault_of_answer(question, given, self._revision) is None
            ):
                self.answers[key] = given
        found = {key: answer for key in questions if isinstance(answer := self.answers.get(key), dict)}
        open_questions = {key: question for key, question in questions.items() if key not in found}
        if open_questions:
            raise NeedsInput(open_questions)
        return found


def _check_questions(questions: Mapping[str, Question], declared: JsonObject) -> None:
    required: JsonObject = {}
    for question in questions.values():
        required |= needed_capability(question, declared)
    if required:
        names = ", ".join(sorted(required))
        raise MissingCapability(
            f"This call has to ask through the client, which did not declare: {names}.",
            "Use a client that declares it, or leave out what has to be asked about.",
            required=required,
        )
    for key, question in questions.items():
        fault = fault_of_question(question)
        if fault is not None:
            raise ValueError(f"{question.method} {key!r} must not be asked: {fault}")
