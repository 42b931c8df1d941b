"""The commands of the console, as values, and what each is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias, final

from aegis_trio.model.json import JsonObject, JsonValue

LOG_LEVELS: Final = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
"""Source: MCP 2025-11-25 server/utilities/logging#log-levels."""


@final
@dataclass(frozen=True, slots=True)
class Nothing:
    """An empty line, or a comment."""


@final
@dataclass(frozen=True, slots=True)
class CallTool:
    """Call one tool."""

    name: str
    arguments: JsonObject


@final
@dataclass(frozen=True, slots=True)
class ListTools:
    """List the tools."""


@final
@dataclass(frozen=True, slots=True)
class Describe:
    """Show one tool with its arguments."""

    name: str


@final
@dataclass(frozen=True, slots=True)
class ListResources:
    """List resources and templates."""


@final
@dataclass(frozen=True, slots=True)
class ReadResource:
    """Read one resource."""

    uri: str


@final
@dataclass(frozen=True, slots=True)
class ListPrompts:
    """List the prompts."""


@final
@dataclass(frozen=True, slots=True)
class GetPrompt:
    """Get one prompt."""

    name: str
    arguments: JsonObject


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Complete:
    """Ask the server to complete an argument."""

    reference: JsonObject
    argument: str
    value: JsonValue
    context: JsonObject


@final
@dataclass(frozen=True, slots=True)
class Raw:
    """Send one message as it was typed; nothing is added."""

    text: str
    message: JsonObject


@final
@dataclass(frozen=True, slots=True)
class ShowFrames:
    """Show every frame, or no longer."""

    is_on: bool


@final
@dataclass(frozen=True, slots=True)
class Record:
    """Write every frame to a file; None: no longer."""

    path: str | None


@final
@dataclass(frozen=True, slots=True)
class Replay:
    """Send what a recording holds, and compare the answers: values, or only their shape."""

    path: str
    shape: bool


@final
@dataclass(frozen=True, slots=True)
class Log:
    """Ask the server for its log messages from this level on; None: no longer (modern era)."""

    level: str | None


@final
@dataclass(frozen=True, slots=True)
class Help:
    """Say what the commands are, or one of them."""

    word: str | None


@final
@dataclass(frozen=True, slots=True)
class Quit:
    """Leave."""


Action: TypeAlias = (
    CallTool
    | ListTools
    | Describe
    | ListResources
    | ReadResource
    | ListPrompts
    | GetPrompt
    | Complete
    | Raw
    | ShowFrames
    | Record
    | Replay
    | Log
    | Help
)
Command: TypeAlias = Nothing | Action | Quit

USAGE: Final = {
    "call": ("call NAME [KEY=VALUE …] | call NAME {JSON}", "call a tool"),
    "tools": ("tools", "list the tools"),
    "describe": ("describe NAME", "show a tool and its arguments"),
    "resources": ("resources", "list resources and templates"),
    "read": ("read URI", "read a resource"),
    "prompts": ("prompts", "list the prompts"),
    "prompt": ("prompt NAME [KEY=TEXT …]", "get a prompt"),
    "complete": (
        "complete prompt NAME ARGUMENT=TEXT [KEY=TEXT …] | complete resource URI ARGUMENT=TEXT [KEY=TEXT …]",
        "ask the server to complete an argument; further pairs are what is known already",
    ),
    "raw": ("raw {JSON}", "send one message exactly as typed"),
    "frames": ("frames on|off", "show every frame with its time"),
    "record": ("record FILE | record off", "write every frame to a new file"),
    "replay": ("replay FILE [shape]", "send a recording again and compare the answers (or only their shape)"),
    "log": ("log LEVEL | log off", "ask for the server's log messages"),
    "help": ("help [COMMAND]", "this"),
    "quit": ("quit", "leave; so do Ctrl-D and Ctrl-C twice"),
}
"""First word → how it is written, and what it does."""


def help_text(word: str | None) -> str:
    """Return the help of all commands, or of one."""
    chosen = USAGE if word is None else {word: USAGE[word]}
    lines = [line for usage, meaning in chosen.values() for line in (usage, f"    {meaning}")]
    if word in {None, "call"}:
        lines += ["", 'VALUE is JSON (5, true, "5", [1, 2]), text in single quotes, or a bare word, which is text.']
    return "\n".join(lines)
