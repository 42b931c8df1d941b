"""The completer: how the word that is being typed may go on.

Laws:
    1. A candidate stands for the whole last word; words end at white space.
    2. A name of the server that is not what it seems, or no single word, is not offered.
    3. Nothing is raised, whatever was typed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from aegis_trio.cli.console.catalogue import Argument, Catalogue, Entry, is_typeable
from aegis_trio.cli.console.commands import LOG_LEVELS, USAGE
from aegis_trio.cli.console.visible import json_line
from aegis_trio.model.json import JsonValue

MAX_CANDIDATES: Final = 500  # a person looks at fewer

_NO_KEY: Final = frozenset("=\"'{}[]")  # with these in it, a name needs the JSON form
_WORDS: Final = {
    "frames": ("on", "off"),
    "record": ("off",),
    "log": (*LOG_LEVELS, "off"),
    "help": tuple(USAGE),
    "complete": ("prompt ", "resource "),
}


def complete_line(before: str, catalogue: Catalogue) -> tuple[str, ...]:
    """Return what the last word of *before* may become, in the server's order.

    Args:
        before: the line up to the cursor.
        catalogue: what the server offers, as far as it is known.
    """
    words = before.split()
    last = "" if not words or before[-1:].isspace() else words.pop()
    found = (candidate for candidate in _candidates(words, last, catalogue) if candidate.startswith(last))
    return tuple(candidate for candidate, _ in zip(found, range(MAX_CANDIDATES), strict=False))


def _candidates(words: list[str], last: str, catalogue: Catalogue) -> Iterator[str]:
    match words:
        case []:
            yield from (f"{word} " if " " in usage else word for word, (usage, _) in USAGE.items())
        case ["call"]:
            yield from _names(catalogue.tools, behind=" ")
        case ["describe"]:
            yield from _names(catalogue.tools)
        case ["prompt"] | ["complete", "prompt"]:
            yield from _names(catalogue.prompts, behind=" ")
        case ["read"] | ["complete", "resource"]:
            yield from _names(catalogue.uris)
        case ["call", name, *given]:
            yield from _arguments(catalogue.tools.get(name), given, last)
        case ["prompt", name, *given] | ["complete", "prompt", name, *given]:
            yield from _arguments(catalogue.prompts.get(name), given, last)
        case [word]:
            yield from _WORDS.get(word, ())
        case _:
            pass


def _names(names: Iterable[str], *, behind: str = "") -> Iterator[str]:
    return (f"{name}{behind}" for name in names if is_typeable(name))


def _arguments(entry: Entry | None, given: list[str], last: str) -> Iterator[str]:
    if entry is None:
        return
    key, has_value, _ = last.partition("=")
    taken = {word.partition("=")[0] for word in given}
    offered = [each for each in entry.arguments if is_typeable(each.name) and not _NO_KEY & set(each.name)]
    if has_value:
        yield from (value for argument in offered if argument.name == key for value in _values(argument))
        return
    for argument in sorted(offered, key=lambda argument: not argument.is_required):
        if argument.name not in taken:
            yield f"{argument.name}="


def _values(argument: Argument) -> Iterator[str]:
    for choice in argument.choices:
        text = _typed(choice)
        if is_typeable(text):
            yield f"{argument.name}={text} "


def _typed(choice: JsonValue) -> str:
    """Return how *choice* is typed: a text bare where it stays a text, else JSON."""
    is_bare = isinstance(choice, str) and choice.isidentifier() and choice not in {"true", "false", "null"}
    return choice if is_bare and isinstance(choice, str) else json_line(choice)
