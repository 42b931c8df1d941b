"""The line parser: from what a person typed to a command.

Laws:
    1. Whatever the line is, the result is a command or a `BadLine` that says what to type instead.
    2. JSON is read strictly (protocol/json_reader.py): what is sent means one thing to every reader.

Not here: whether a tool of that name exists; the server knows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Final, final

from aegis_trio.cli.console import commands as c
from aegis_trio.config.names import nearest
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.protocol.json_reader import read_json
from aegis_trio.protocol.refusals import Refusal

MAX_LINE_CHARS: Final = 1_000_000  # a file's content fits into an argument; the server's own bound is 4 MiB
_KEY: Final = re.compile(r"([^\s=\"'{}\[\]]+)=")
_BARE: Final = re.compile(r"\S*")
_SCALAR: Final = re.compile(r"true|false|null|-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
_QUOTED: Final = re.compile(r"'([^']*)'")
_DECODER: Final = json.JSONDecoder()


@final
class BadLine(Exception):
    """The line is no command; the text says why, and what to type instead."""


def parse_line(raw_line: str) -> c.Command:
    """Make a command of one line.

    Raises:
        BadLine: it is none.
    """
    if len(raw_line) > MAX_LINE_CHARS:
        raise BadLine(f"The line is longer than {MAX_LINE_CHARS} characters.")
    try:
        raw_line.encode()
    except UnicodeEncodeError:
        raise BadLine("The line holds bytes that are not UTF-8 text.") from None
    line = raw_line.strip()
    if not line or line.startswith("#"):
        return c.Nothing()
    word, *more = line.split(maxsplit=1)
    parse = _PARSERS.get(word)
    if parse is None:
        near = nearest(word, [name.upper() for name in _PARSERS])
        hint = "" if near is None else f" Did you mean {near.lower()}?"
        raise BadLine(f"There is no command {_shown(word)}.{hint} `help` lists them.")
    return parse(more[0] if more else "")


def _shown(text: str) -> str:
    return f"“{text[:60]}{'…' if len(text) > 60 else ''}”"


def _usage(word: str, rule: str) -> BadLine:
    return BadLine(f"{word}: {rule}. Type {c.USAGE[word][0]}")


def _call(rest: str) -> c.Command:
    name, arguments = _named(rest, "call", _arguments)
    return c.CallTool(name, arguments)


def _prompt(rest: str) -> c.Command:
    name, arguments = _named(rest, "prompt", _texts)
    return c.GetPrompt(name, arguments)


def _complete(rest: str) -> c.Command:
    kind, _, more = rest.partition(" ")
    if kind not in {"prompt", "resource"}:
        raise _usage("complete", "what is completed is an argument of a prompt or of a resource template")
    name, pairs = _named(more.strip(), "complete", _texts)
    if not pairs:
        raise _usage("complete", "the argument is missing")
    argument, value = next(iter(pairs.items()))
    del pairs[argument]
    # Source: MCP 2025-11-25 server/utilities/completion#reference-types.
    reference: JsonObject = (
        {"type": "ref/prompt", "name": name} if kind == "prompt" else {"type": "ref/resource", "uri": name}
    )
    return c.Complete(reference=reference, argument=argument, value=value, context=pairs)


def _raw(rest: str) -> c.Command:
    message = _object(rest, "raw")
    return c.Raw(rest, message)


def _frames(rest: str) -> c.Command:
    if rest not in {"on", "off"}:
        raise _usage("frames", "it is on or off")
    return c.ShowFrames(rest == "on")


def _record(rest: str) -> c.Command:
    if not rest:
        raise _usage("record", "the file is missing")
    return c.Record(None if rest == "off" else _path(rest, "record"))


def _replay(rest: str) -> c.Command:
    path, _, last = rest.rpartition(" ")
    shape = last == "shape" and bool(path.strip())
    raw_path = path.strip() if shape else rest
    if not raw_path:
        raise _usage("replay", "the file is missing")
    return c.Replay(_path(raw_path, "replay"), shape)


def _path(rest: str, word: str) -> str:
    quoted = _QUOTED.fullmatch(rest)
    path = rest if quoted is None else quoted[1]
    if not path or "\0" in path:
        raise _usage(word, "that cannot be the name of a file")
    return path


def _log(rest: str) -> c.Command:
    if rest != "off" and rest not in c.LOG_LEVELS:
        raise BadLine(f"log: a level is one of {', '.join(c.LOG_LEVELS)}, or off.")
    return c.Log(None if rest == "off" else rest)


def _help(rest: str) -> c.Command:
    if rest and rest not in c.USAGE:
        raise BadLine(f"help: there is no command {_shown(rest)}. `help` lists them.")
    return c.Help(rest or None)


def _alone(command: c.Command) -> Callable[[str], c.Command]:
    def parse(rest: str) -> c.Command:
        if rest:
            raise BadLine(f"{_shown(rest)} is too much: this command stands alone.")
        return command

    return parse


def _one_word(word: str, make: Callable[[str], c.Command]) -> Callable[[str], c.Command]:
    def parse(rest: str) -> c.Command:
        if len(rest.split()) != 1:
            raise _usage(word, "one name is needed, and nothing behind it")
        return make(rest)

    return parse


def _named(rest: str, word: str, read: Callable[[str, str], JsonObject]) -> tuple[str, JsonObject]:
    parts = rest.split(maxsplit=1)
    if not parts:
        raise _usage(word, "the name is missing")
    return parts[0], read(parts[1].strip() if len(parts) > 1 else "", word)


def _arguments(text: str, word: str) -> JsonObject:
    return _object(text, word) if text.startswith("{") else _pairs(text, word)


def _texts(text: str, word: str) -> JsonObject:
    """Read pairs whose values are texts.

    Source: MCP 2025-11-25 schema#getpromptrequestparams: arguments of prompts are strings.
    """
    return _pairs(text, word, only_texts=True)


def _pairs(text: str, word: str, *, only_texts: bool = False) -> JsonObject:
    pairs: JsonObject = {}
    position = 0
    while position < len(text):
        key = _KEY.match(text, position)
        if key is None:
            raise _usage(word, f"{_shown(text[position:])} is not KEY=VALUE")
        value, position = _value(text, key.end(), key[1], only_texts=only_texts)
        if key[1] in pairs:
            raise BadLine(f"{word}: {_shown(key[1])} stands twice. Keep one.")
        pairs[key[1]] = value
        if position < len(text) and not text[position].isspace():
            raise BadLine(f"{key[1]}: {_shown(text[position:])} follows its value. Put a space between, or quote all.")
        while position < len(text) and text[position].isspace():
            position += 1
    return pairs


def _value(text: str, position: int, key: str, *, only_texts: bool) -> tuple[JsonValue, int]:
    quoted = _QUOTED.match(text, position)
    if quoted is not None:
        return quoted[1], quoted.end()
    opening = text[position : position + 1]
    if opening == "'":
        raise BadLine(f"{key}: the closing ' is missing.")
    if opening == '"' or (opening in {"[", "{"} and not only_texts):
        end = _end_of_json(text, position, key)
        return _strict(text[position:end], key), end
    bare = _BARE.match(text, position)
    word = "" if bare is None else bare[0]
    value: JsonValue = word
    if not only_texts and _SCALAR.fullmatch(word):
        value = _strict(word, key)
    return value, position + len(word)


def _end_of_json(text: str, position: int, key: str) -> int:
    try:
        end: int = _DECODER.raw_decode(text, position)[1]
    except (ValueError, RecursionError):
        raise BadLine(f"{key}: its value begins as JSON, but is none. Put other text in single quotes.") from None
    return end


def _strict(text: str, key: str) -> JsonValue:
    value = read_json(text.encode())
    if isinstance(value, Refusal):
        raise BadLine(f"{key}: {value.message}")
    return value


def _object(text: str, word: str) -> JsonObject:
    value = _strict(text, word)
    if not isinstance(value, dict):
        raise _usage(word, "a JSON object is needed")
    return value


_PARSERS: Final[dict[str, Callable[[str], c.Command]]] = {
    "call": _call,
    "tools": _alone(c.ListTools()),
    "describe": _one_word("describe", c.Describe),
    "resources": _alone(c.ListResources()),
    "read": _one_word("read", c.ReadResource),
    "prompts": _alone(c.ListPrompts()),
    "prompt": _prompt,
    "complete": _complete,
    "raw": _raw,
    "frames": _frames,
    "record": _record,
    "replay": _replay,
    "log": _log,
    "help": _help,
    "quit": _alone(c.Quit()),
    "exit": _alone(c.Quit()),
}
