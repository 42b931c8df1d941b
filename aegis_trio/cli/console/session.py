"""The session: runs one command after the other on one connection.

Laws:
    1. One command runs at a time; `interrupt` ends it, and the server is told.
    2. Lists are followed over their pages, up to a bound.
    3. The end of the connection is raised (`HungUp`); everything else that goes wrong is an outcome.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Final, TypeAlias, assert_never, final

import trio

from aegis_trio.cli.console import commands as c
from aegis_trio.cli.console.catalogue import Catalogue, read_prompts, read_tools, read_uris
from aegis_trio.cli.console.client import Client, HungUp
from aegis_trio.cli.console.connecting import Unreachable
from aegis_trio.cli.console.exchange import Exchange, GaveUp
from aegis_trio.cli.console.messages import Messages, notification
from aegis_trio.cli.console.outcomes import Outcome, answered, described, done, failed, listed, replayed
from aegis_trio.cli.console.recording import read_recording
from aegis_trio.cli.console.replayer import Replayer, begins_with_handshake
from aegis_trio.cli.console.watch import Watch
from aegis_trio.config.faults import Misfit
from aegis_trio.config.parsing import parse_path
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.protocol.jsonrpc import Request, classify
from aegis_trio.protocol.results import META_SERVER
from aegis_trio.protocol.revisions import Era

Connect: TypeAlias = Callable[[], AbstractAsyncContextManager[Client]]

MAX_PAGES: Final = 50
_LISTS: Final = {
    "tools": (("tools/list", "tools"),),
    "prompts": (("prompts/list", "prompts"),),
    "resources": (("resources/list", "resources"), ("resources/templates/list", "resourceTemplates")),
}


@final
class _Refused(Exception):
    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.text)
        self.outcome = outcome


@final
class Session:
    """Runs commands."""

    def __init__(
        self, client: Client, exchange: Exchange, watch: Watch, connect: Connect, *, version: str, patience_s: float
    ) -> None:
        """Run commands on *client*.

        Args:
            connect: opens another connection to the same server, for a replay.
            version: of this console, as the server is told.
            patience_s: seconds that an answer may take.
        """
        self._client = client
        self._exchange = exchange
        self._watch = watch
        self._connect = connect
        self._version = version
        self._patience_s = patience_s
        self._running: trio.CancelScope | None = None
        self.catalogue = Catalogue()
        """What was listed so far; replaced, never changed."""

    async def open(self) -> Outcome:
        """Shake hands (legacy), or ask what the server serves (modern); return who it is."""
        method, params = self._exchange.messages.opening()
        outcome = await self.run_request("open", method, params)
        if outcome.is_ok and self._exchange.messages.era is Era.LEGACY:
            with trio.move_on_after(self._patience_s):
                await self._client.send(notification("notifications/initialized"))
        return outcome if not outcome.is_ok else replace(outcome, text=_greeting(outcome, self._exchange.messages))

    def interrupt(self) -> bool:
        """End the command that runs; return whether one did."""
        if self._running is None:
            return False
        self._running.cancel()
        return True

    async def run(self, command: c.Action) -> Outcome:
        """Run *command*; return what came of it.

        Raises:
            HungUp: the connection ended.
        """
        word = _word(command)
        outcome = failed(word, "interrupted; the server was told")
        with trio.CancelScope() as self._running:
            try:
                outcome = await self._run(command, word)
            except GaveUp as gave_up:
                outcome = failed(word, str(gave_up))
            except _Refused as refused:
                outcome = refused.outcome
            except Misfit as misfit:
                outcome = failed(word, f"The file {misfit}")
            except OSError as fault:
                outcome = failed(word, f"{fault.filename or 'The file'}: {fault.strerror or fault}.")
        self._running = None
        return outcome

    async def run_request(self, word: str, method: str, params: JsonObject) -> Outcome:
        """Ask one thing; return the answer."""
        began_s = trio.current_time()
        try:
            response = await self._exchange.ask(method, params)
        except GaveUp as gave_up:
            return failed(word, str(gave_up))
        return answered(word, response, round((trio.current_time() - began_s) * 1000))

    async def _run(self, command: c.Action, word: str) -> Outcome:
        match command:
            case c.CallTool(name, arguments):
                return await self.run_request(word, "tools/call", {"name": name, "arguments": arguments})
            case c.ListTools() | c.ListPrompts() | c.ListResources():
                return listed(word, await self._list(word))
            case c.Describe(name):
                return await self._describe(name)
            case c.ReadResource(uri):
                return await self.run_request(word, "resources/read", {"uri": uri})
            case c.GetPrompt(name, arguments):
                return await self.run_request(word, "prompts/get", {"name": name, "arguments": arguments})
            case c.Complete():
                return await self.run_request(word, "completion/complete", _completion_params(command))
            case c.Raw():
                return await self._send_raw(command)
            case c.Log(level):
                return await self._log(level)
            case c.Replay():
                return await self._replay(command)
            case c.ShowFrames() | c.Record() | c.Help():
                return self._do_here(command)

    def _do_here(self, command: c.ShowFrames | c.Record | c.Help) -> Outcome:
        match command:
            case c.ShowFrames(is_on):
                self._watch.shows_frames = is_on
                return done("frames", f"frames are {'shown' if is_on else 'not shown'}")
            case c.Help(word):
                text = c.help_text(word)
                return done("help", text, {"text": text})
            case c.Record(name):
                return self._record(name)
            case _:
                assert_never(command)

    def _record(self, name: str | None) -> Outcome:
        if name is None:
            ended = self._watch.end_recording()
            return done("record", "nothing was recorded" if ended is None else f"recorded to {ended}")
        path = parse_path(name)
        self._watch.begin_recording(path, self._exchange.messages.era)
        return done("record", f"recording to {path}", {"file": str(path)})

    async def _list(self, word: str) -> list[JsonValue]:
        found: list[JsonValue] = []
        for method, member in _LISTS[word]:
            found += await self._pages(word, method, member)
        match word:
            case "tools":
                self.catalogue = replace(self.catalogue, tools=read_tools(found))
            case "prompts":
                self.catalogue = replace(self.catalogue, prompts=read_prompts(found))
            case _:
                self.catalogue = replace(self.catalogue, uris=read_uris(found))
        return found

    async def _pages(self, word: str, method: str, member: str) -> list[JsonValue]:
        items: list[JsonValue] = []
        params: JsonObject = {}
        for _ in range(MAX_PAGES):
            outcome = await self.run_request(word, method, params)
            result = outcome.body.get("result")
            if not outcome.is_ok or not isinstance(result, dict):
                raise _Refused(outcome)
            page = result.get(member)
            items += page if isinstance(page, list) else []
            cursor = result.get("nextCursor")
            if not isinstance(cursor, str):  # an empty one is a cursor
                return items
            params = {"cursor": cursor}
        raise _Refused(failed(word, f"The server has more than {MAX_PAGES} pages; the list was given up."))

    async def _describe(self, name: str) -> Outcome:
        if name not in self.catalogue.tools:
            await self._list("tools")
        entry = self.catalogue.tools.get(name)
        if entry is None:
            return failed("describe", f"There is no tool {name}. `tools` lists them.")
        return described(entry)

    async def _send_raw(self, command: c.Raw) -> Outcome:
        message = classify(command.message)
        if isinstance(message, Request):
            began_s = trio.current_time()
            response = await self._exchange.ask_raw(message.id, command.text)
            return answered("raw", response, round((trio.current_time() - began_s) * 1000))
        with trio.move_on_after(self._patience_s) as scope:
            await self._client.send_text(command.text)
        return done("raw", "sent") if not scope.cancelled_caught else failed("raw", "The server takes nothing.")

    async def _log(self, level: str | None) -> Outcome:
        messages = self._exchange.messages
        if messages.era is Era.MODERN:
            # Source: MCP 2026-07-28 server/utilities/logging: each request says what it wants to hear.
            messages.log_level = level
            return done("log", "no log messages" if level is None else f"log messages from {level} on")
        if level is None:
            return failed("log", "This era has no off; take a high level such as emergency.")
        return await self.run_request("log", "logging/setLevel", {"level": level})

    async def _replay(self, command: c.Replay) -> Outcome:
        recording = read_recording(command.path)
        replayer: Replayer | None = None
        opened: Outcome | None = None
        try:
            async with self._connect() as client:
                try:
                    if recording.era is Era.LEGACY and not begins_with_handshake(recording):
                        opened = await self._open_for_replay(client)
                    if opened is None or opened.is_ok:
                        replayer = Replayer(client, patience_s=self._patience_s, shape=command.shape)
                        await replayer.run(recording)
                except HungUp as hung_up:
                    opened = failed("replay", str(hung_up))
        except Unreachable as unreachable:
            return failed("replay", str(unreachable))
        if replayer is None:
            return failed("replay", "The handshake failed." if opened is None else opened.text)
        return replayed(replayer.answers, replayer.differences)

    async def _open_for_replay(self, client: Client) -> Outcome:
        """Shake hands for a recording that began later, under an id that no recording has."""
        messages = Messages(Era.LEGACY, self._version, first_id=_REPLAY_ID)
        exchange = Exchange(client, messages, None, patience_s=self._patience_s)
        other = Session(
            client, exchange, self._watch, self._connect, version=self._version, patience_s=self._patience_s
        )
        return await other.open()


_REPLAY_ID: Final = 2**40


def _word(command: c.Action) -> str:
    match command:
        case c.CallTool():
            return "call"
        case c.ListTools():
            return "tools"
        case c.ListResources():
            return "resources"
        case c.ReadResource():
            return "read"
        case c.ListPrompts():
            return "prompts"
        case c.GetPrompt():
            return "prompt"
        case c.ShowFrames():
            return "frames"
        case _:
            return type(command).__name__.lower()


def _completion_params(command: c.Complete) -> JsonObject:
    params: JsonObject = {
        "ref": command.reference,
        "argument": {"name": command.argument, "value": command.value},
    }
    if command.context:
        params["context"] = {"arguments": command.context}
    return params


def _greeting(outcome: Outcome, messages: Messages) -> str:
    result = outcome.body.get("result")
    members: JsonObject = result if isinstance(result, dict) else {}
    meta = members.get("_meta")
    info = members.get("serverInfo", meta.get(META_SERVER) if isinstance(meta, dict) else None)
    named = [info.get(key) for key in ("name", "version")] if isinstance(info, dict) else []
    who = " ".join(word for word in named if isinstance(word, str)) or "a server without a name"
    agreed = members.get("protocolVersion")
    return f"{who}, MCP {agreed if isinstance(agreed, str) else messages.version}"
