"""The conversation: a connection, a session on it, and somebody who gives commands, until one of them ends.

Laws:
    1. When the server hangs up, the conversation ends, whatever is waited for.
    2. Ctrl-C ends the command that runs; what it means between commands is said by who gives them.
    3. A demand to end (SIGTERM, SIGHUP) ends the conversation at once, with the terminal as it was.
"""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol, final

import trio

from aegis_trio.cli.console.address import Target
from aegis_trio.cli.console.asking import Asker
from aegis_trio.cli.console.client import HungUp, open_client
from aegis_trio.cli.console.connecting import Unreachable
from aegis_trio.cli.console.exchange import Exchange
from aegis_trio.cli.console.messages import Messages
from aegis_trio.cli.console.printer import Printer
from aegis_trio.cli.console.session import Session
from aegis_trio.cli.console.watch import Watch
from aegis_trio.cli.exit_codes import EXIT_INTERRUPTED, EXIT_UNAVAILABLE
from aegis_trio.model.secret import Secret
from aegis_trio.protocol.revisions import Era

_OTHER_ERA: Final = {Era.MODERN: Era.LEGACY, Era.LEGACY: Era.MODERN}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a conversation is held with."""

    target: Target
    key: Secret | None
    era: Era
    version: str
    patience_s: float
    shows_frames: bool


class Speaker(Protocol):
    """Gives the commands."""

    @property
    def asker(self) -> Asker | None:
        """Who fills in forms; None where nobody can be asked."""
        ...

    @property
    def greets(self) -> bool:
        """Whether the server is asked who it is, also where the protocol does not demand it."""
        ...

    async def speak(self, session: Session, printer: Printer) -> int:
        """Run commands to their end; return the exit code.

        Raises:
            HungUp: the connection ended.
        """
        ...

    def interrupted(self, session: Session) -> int | None:
        """Do what Ctrl-C means now; return the exit code when it means the end."""
        ...


@final
class Ending:
    """How a conversation ends: the first reason counts, unless everything was said before."""

    def __init__(self) -> None:
        self.scope = trio.CancelScope()
        self.code = EXIT_UNAVAILABLE
        self.sentence = ""
        self.on_interrupt: Callable[[], int | None] = _end_before_begin

    def end(self, code: int, sentence: str = "") -> None:
        """End it now."""
        if not self.scope.cancel_called:
            self.code, self.sentence = code, sentence
            self.scope.cancel()

    def settle(self, code: int) -> None:
        """Note that everything was said."""
        self.code, self.sentence = code, ""


async def run_conversation(settings: Settings, speaker: Speaker, printer: Printer) -> int:
    """Connect, let *speaker* speak, and return the exit code."""
    watch = Watch(printer, trio.current_time, settings.key, shows_frames=settings.shows_frames)
    ending = Ending()
    try:
        with ending.scope:
            async with trio.open_nursery() as nursery:
                await nursery.start(_watch_signals, ending)
                await _connect_and_speak(settings, speaker, printer, watch, ending)
                nursery.cancel_scope.cancel()
    finally:
        watch.end_recording()
    if ending.sentence:
        printer.notice(ending.sentence)
    return ending.code


async def _connect_and_speak(
    settings: Settings, speaker: Speaker, printer: Printer, watch: Watch, ending: Ending
) -> None:
    connect = partial(open_client, settings.target, settings.key, watch, patience_s=settings.patience_s)
    try:
        async with connect() as client:
            messages = Messages(settings.era, settings.version)
            exchange = Exchange(client, messages, speaker.asker, patience_s=settings.patience_s)
            session = Session(
                client, exchange, watch, connect, version=settings.version, patience_s=settings.patience_s
            )
            ending.on_interrupt = partial(speaker.interrupted, session)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(exchange.run_answerer)
                nursery.start_soon(_watch_end, client.wait_ended, ending)
                await _speak(settings, session, speaker, printer, ending)
                nursery.cancel_scope.cancel()
    except Unreachable as unreachable:
        ending.end(EXIT_UNAVAILABLE, str(unreachable))


async def _speak(settings: Settings, session: Session, speaker: Speaker, printer: Printer, ending: Ending) -> None:
    try:
        if speaker.greets or settings.era is Era.LEGACY:
            opened = await session.open()
            if not opened.is_ok:
                other = _OTHER_ERA[settings.era].value
                ending.end(
                    EXIT_UNAVAILABLE, f"The server does not begin: {opened.text}\nTry --era {other}, or a script."
                )
                return
            if speaker.greets:
                printer.notice(opened.text)
        ending.settle(await speaker.speak(session, printer))
    except HungUp as hung_up:
        ending.end(EXIT_UNAVAILABLE, str(hung_up))


async def _watch_end(wait_ended: Callable[[], Awaitable[str]], ending: Ending) -> None:
    ending.end(EXIT_UNAVAILABLE, await wait_ended())


async def _watch_signals(ending: Ending, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as arrivals:
        task_status.started()
        async for number in arrivals:
            code = ending.on_interrupt() if number == signal.SIGINT else EXIT_INTERRUPTED
            if code is not None:
                ending.end(code)


def _end_before_begin() -> int | None:
    return EXIT_INTERRUPTED
