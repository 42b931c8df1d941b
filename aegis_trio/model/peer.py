"""The peer: the client of a running call, as a tool may speak to it.

Laws:
    1. What the peer says is data of a stranger: its answers prove nothing about who a person is.
    2. Speaking is always allowed and may reach nobody; asking either returns answers or raises.
    3. A call that asks may be run again from its beginning with the answers (MCP 2026-07-28 has no requests from
       server to client), so a tool asks before it changes anything.

Not here: how words reach the client (transports/peers.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol, final

from aegis_trio.model.errors import NotAnswered
from aegis_trio.model.json import JsonObject, JsonValue


class LogLevel(StrEnum):
    """Severities of log messages, mildest first.

    Source: MCP 2025-11-25 server/utilities/logging#log-levels; RFC 5424 section 6.2.1.
    """

    DEBUG = "debug"
    INFO = "info"
    NOTICE = "notice"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"
    ALERT = "alert"
    EMERGENCY = "emergency"


_RANK: Final = {level: rank for rank, level in enumerate(LogLevel)}


def reaches(level: LogLevel, threshold: LogLevel) -> bool:
    """Return whether a message of *level* is at least as severe as *threshold*."""
    return _RANK[level] >= _RANK[threshold]


@final
@dataclass(frozen=True, slots=True)
class Question:
    """One thing that a call asks its client: a method of MCP's client features, and its parameters."""

    method: str
    params: JsonObject


@final
class NeedsInput(Exception):
    """The call has to be made again with answers to these questions."""

    def __init__(self, questions: Mapping[str, Question]) -> None:
        super().__init__(", ".join(sorted(questions)))
        self.questions = questions


class Peer(Protocol):
    """The client of one call."""

    async def report(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        """Say how far the call has come; dropped when the client did not ask for it, or it does not grow."""
        ...

    async def log(self, level: LogLevel, data: JsonValue, logger: str | None = None) -> None:
        """Send one log message; dropped when the client wants none of that level. Never a secret."""
        ...

    async def ask(self, questions: Mapping[str, Question]) -> Mapping[str, JsonObject]:
        """Return the client's answer to each question.

        Raises:
            MissingCapability: the client did not declare that it can be asked this.
            NotAnswered: it cannot be asked here, or its answer is no answer.
            NeedsInput: the call ends here and is made again; not to be caught by a tool.
        """
        ...


@final
class SilentPeer:
    """Nobody listens: plain REST, and tests."""

    async def report(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        """Tell nobody."""

    async def log(self, level: LogLevel, data: JsonValue, logger: str | None = None) -> None:
        """Tell nobody."""

    async def ask(self, questions: Mapping[str, Question]) -> Mapping[str, JsonObject]:
        """Refuse to ask.

        Raises:
            NotAnswered: always.
        """
        asked = ", ".join(sorted(questions))
        raise NotAnswered(f"This way in cannot ask anybody ({asked}).", "Use an MCP client that can be asked.")


SILENT_PEER: Final = SilentPeer()
