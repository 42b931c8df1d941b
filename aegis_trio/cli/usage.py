"""Usage: faults of the command line that only the command itself can see, and questions to the person before it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Final, TypeVar, final

from aegis_trio.config.faults import Misfit

AnswerT = TypeVar("AnswerT")

_ATTEMPTS: Final = 3  # as sudo and login


@final
class Usage(Exception):
    """The command cannot do what was asked for; the text says what to give instead."""


def can_ask() -> bool:
    """Return whether somebody sits before the terminal."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def ask(question: str, parse: Callable[[str], AnswerT], *, flag: str, default: str | None = None) -> AnswerT:
    """Return the answer to *question*.

    Args:
        question: a few words.
        parse: makes the value of an answer; raises Misfit.
        flag: what to give instead where nobody can be asked.
        default: what an empty answer means; None when it means nothing.

    Raises:
        Usage: nobody is there to ask, or no answer made sense.
    """
    if not can_ask():
        raise Usage(f"{flag} is needed where nobody can be asked.")
    hint = f" [{default}]:" if default else ""
    for _ in range(_ATTEMPTS):
        try:
            raw_answer = input(f"{question}{hint} ").strip()
        except EOFError:
            raise Usage(f"no answer; give {flag}.") from None
        if not raw_answer and default is not None:
            raw_answer = default
        try:
            return parse(raw_answer)
        except Misfit as misfit:
            print(f"  That {misfit.rule}. {misfit.remedy}")
    raise Usage(f"no answer that makes sense; give {flag}.")
