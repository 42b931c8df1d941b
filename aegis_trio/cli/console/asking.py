"""Asking the person: a form of the server is read out field by field, and what is answered is checked.

Laws:
    1. Nobody answers for the person: where nobody can be asked, and where no call runs, a form is declined.
    2. Only what the person typed, or a default that they were shown, is sent.
    3. The person may decline at the first question, and cancel at each.

Source: MCP 2025-11-25 client/elicitation#response-actions.
"""

from __future__ import annotations

from typing import Final, Protocol, final

from aegis_trio.cli.console.form import Field, Form, parse_answer, parse_form
from aegis_trio.cli.console.visible import json_line, visible_line, visible_text
from aegis_trio.config.faults import Misfit
from aegis_trio.model.json import JsonObject

_ATTEMPTS: Final = 3  # as sudo and login


class Asker(Protocol):
    """Somebody before the terminal."""

    async def ask(self, question: str) -> str | None:
        """Return what was answered to *question*; None when the person wants to leave."""
        ...

    def tell(self, text: str) -> None:
        """Show *text*."""
        ...


@final
class _Cancelled(Exception):
    pass


async def fill_in(params: JsonObject, asker: Asker | None) -> JsonObject:
    """Return the result of `elicitation/create`: accept with content, decline or cancel.

    Args:
        params: of the server's request.
        asker: None where nobody can be asked.
    """
    if asker is None:
        return {"action": "decline"}
    try:
        form = parse_form(params)
    except Misfit as misfit:
        asker.tell(f"The server asks what {misfit}")
        return {"action": "decline"}
    try:
        if not await _agrees(form, asker):
            return {"action": "decline"}
        content: JsonObject = {}
        for field in form.fields:
            await _fill_in(field, content, asker)
    except _Cancelled:
        return {"action": "cancel"}
    return {"action": "accept", "content": content}


async def _agrees(form: Form, asker: Asker) -> bool:
    # Threat: the server words the question; who asks, and what happens with the answer, is ours to say.
    asker.tell(f"The server asks (your answers are sent to it):\n{visible_text(form.message)}")
    answer = await asker.ask("Answer it? [yes | no]: ")
    if answer is None:
        raise _Cancelled
    return answer.strip().lower() in {"y", "yes"}


async def _fill_in(field: Field, content: JsonObject, asker: Asker) -> None:
    default = field.default
    if field.description:
        asker.tell(f"  {visible_line(field.description)}")
    shown = "" if default is None else f" [{json_line(default)}]"
    question = f"{visible_line(field.title)} ({visible_line(field.hint)}){shown}: "
    for _ in range(_ATTEMPTS):
        answer = await asker.ask(question)
        if answer is None:
            raise _Cancelled
        if not answer.strip() and default is not None:
            content[field.name] = default
            return
        if not answer.strip():
            if not field.is_required:
                return
            asker.tell("  That is needed.")
            continue
        try:
            content[field.name] = parse_answer(field, answer.strip())
        except Misfit as misfit:
            asker.tell(f"  That {visible_line(misfit.rule)}. {visible_line(misfit.remedy)}")
            continue
        return
    raise _Cancelled
