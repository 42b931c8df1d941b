"""Outcomes: what came of a command, for people and for programs.

Law: the text may hold anything the server sent; the printer makes it visible (printer.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, final

from aegis_trio.cli.console.catalogue import Argument, Entry
from aegis_trio.cli.console.comparison import Difference
from aegis_trio.cli.console.visible import json_line, json_text, visible_line
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.protocol.json_reader import read_json
from aegis_trio.protocol.jsonrpc import Response

_NAME_WIDTH: Final = 28


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one command."""

    command: str
    is_ok: bool
    text: str
    """For people."""
    body: JsonObject
    """For programs; stands behind `command` and `ok`."""

    def as_document(self) -> JsonObject:
        """Return it for programs."""
        return {"command": self.command, "ok": self.is_ok, **self.body}


def done(command: str, text: str, body: JsonObject | None = None) -> Outcome:
    """Return the outcome of what went well."""
    return Outcome(command=command, is_ok=True, text=text, body=body or {})


def failed(command: str, sentence: str) -> Outcome:
    """Return the outcome of what this side could not do, or gave up."""
    return Outcome(command=command, is_ok=False, text=sentence, body={"fault": sentence})


def answered(command: str, response: Response, took_ms: int) -> Outcome:
    """Return the outcome of a request that the server answered."""
    times: JsonObject = {"duration_ms": took_ms}
    if response.error is not None:
        return Outcome(
            command=command, is_ok=False, text=_error_text(response.error), body={**times, "error": response.error}
        )
    result = response.result or {}
    has_failed = result.get("isError") is True
    head = "the tool failed" if has_failed else "ok"
    return Outcome(
        command=command,
        is_ok=not has_failed,
        text="\n".join((*_result_lines(result), f"({head}, {took_ms} ms)")),
        body={**times, "result": result},
    )


def listed(command: str, items: Sequence[JsonValue]) -> Outcome:
    """Return the outcome of a list."""
    lines = [_item_line(item) for item in items]
    return done(command, "\n".join(lines) or "(none)", {"items": list(items)})


def described(entry: Entry) -> Outcome:
    """Return a tool with its arguments."""
    lines = [entry.name + (f" — {entry.title}" if entry.title else ""), "", entry.description, ""]
    lines += [line for argument in entry.arguments for line in _argument_lines(argument)] or ["(no arguments)"]
    arguments: list[JsonValue] = [
        {
            "name": argument.name,
            "required": argument.is_required,
            "type": argument.type,
            "choices": list(argument.choices),
            "description": argument.description,
        }
        for argument in entry.arguments
    ]
    body: JsonObject = {"name": entry.name, "title": entry.title, "description": entry.description}
    return done("describe", "\n".join(lines), {**body, "arguments": arguments})


def replayed(answers: int, differences: Sequence[Difference]) -> Outcome:
    """Return what a replay found."""
    body: JsonObject = {"answers": answers, "differences": [difference.as_document() for difference in differences]}
    lines = [str(difference) for difference in differences]
    lines.append(f"(answers compared: {answers}, differences: {len(differences)})")
    return Outcome(command="replay", is_ok=not differences, text="\n".join(lines), body=body)


def _error_text(error: JsonObject) -> str:
    message = error.get("message")
    text = f"error {json_line(error.get('code'))}: {message if isinstance(message, str) else '(no message)'}"
    return text if "data" not in error else f"{text}\n{json_text(error['data'])}"


def _result_lines(result: JsonObject) -> Iterator[str]:
    blocks = result.get("content")
    if not isinstance(blocks, list):
        yield json_text({name: value for name, value in result.items() if name != "_meta"})
        return
    texts = [_block_text(block) for block in blocks]
    # Source: MCP 2025-11-25 server/tools#structured-content: the text is the same JSON again, for older clients.
    structured = result.get("structuredContent")
    if structured is not None and (
        not texts or [structured] == [read_json(text.encode("utf-8", "replace")) for text in texts]
    ):
        texts = [json_text(structured)]
    yield from texts


def _block_text(block: JsonValue) -> str:
    if not isinstance(block, dict):
        return json_line(block)
    text = block.get("text")
    if block.get("type") == "text" and isinstance(text, str):
        return text
    data = block.get("data")
    if isinstance(data, str):
        return json_line({**block, "data": f"({len(data)} characters of base64)"})
    return json_text(block)


def _item_line(item: JsonValue) -> str:
    if not isinstance(item, dict):
        return json_line(item)
    name = next((found for key in ("uri", "uriTemplate", "name") if isinstance(found := item.get(key), str)), "?")
    meanings = (found for key in ("title", "description", "name") if isinstance(found := item.get(key), str))
    meaning = next((found for found in meanings if found and found != name), "")
    return f"{visible_line(name):<{_NAME_WIDTH}}  {visible_line(meaning.splitlines()[0]) if meaning else ''}".rstrip()


def _argument_lines(argument: Argument) -> Iterator[str]:
    kind = argument.type
    if argument.choices:
        kind = " | ".join(json_line(choice) for choice in argument.choices)
    yield f"  {visible_line(argument.name)} ({visible_line(kind)}{'' if argument.is_required else ', optional'})"
    if argument.description:
        yield f"      {visible_line(argument.description)}"
