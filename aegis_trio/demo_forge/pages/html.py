"""HTML: one small page for everything, without a script, a picture or an address elsewhere.

Law: every text is escaped here; whoever builds a page hands in texts, never markup.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, final

from aegis_trio.demo_forge.answers import Answer, Headers, text_answer
from aegis_trio.demo_forge.sign_ins import BrowserSession
from aegis_trio.demo_forge.world import World

HTML_TYPE: Final = "text/html; charset=utf-8"
_STYLE: Final = (
    "body{font:16px/1.5 sans-serif;max-width:36rem;margin:3rem auto;padding:0 1rem;color:#222}"
    "label{display:block;margin:.6rem 0}input[type=text],input[type=password]{display:block;width:100%;padding:.4rem}"
    "button{padding:.5rem 1rem;margin:.6rem .6rem 0 0}.flash-message{padding:.6rem;background:#eef;margin:1rem 0}"
    ".flash-error{background:#fdd}code{background:#f4f4f4;padding:.1rem .3rem}"
)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One input of a form; hidden without a label."""

    name: str
    value: str = ""
    label: str = ""
    kind: str = "hidden"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """What sends a form; a `name` goes along with it."""

    text: str
    id: str
    name: str = ""
    value: str = ""


def form(action: str, fields: Iterable[Field], buttons: Iterable[Button]) -> str:
    """Return a form that is sent by POST."""
    inputs = "".join(_input(field) for field in fields)
    sends = "".join(
        f'<button type="submit" id="{_q(button.id)}"'
        + (f' name="{_q(button.name)}" value="{_q(button.value)}"' if button.name else "")
        + f">{_q(button.text)}</button>"
        for button in buttons
    )
    return f'<form action="{_q(action)}" method="post">{inputs}{sends}</form>'


def _input(field: Field) -> str:
    element = f'<input type="{field.kind}" name="{_q(field.name)}" value="{_q(field.value)}"'
    if not field.label:
        return f"{element}>"
    return f'<label>{_q(field.label)} {element} id="{_q(field.name)}"></label>'


def paragraph(*words: str) -> str:
    """Return a paragraph; every second of the *words* stands as code."""
    parts = [_q(word) if index % 2 == 0 else f"<code>{_q(word)}</code>" for index, word in enumerate(words)]
    return f"<p>{''.join(parts)}</p>"


def page(
    world: World,
    session: BrowserSession | None,
    title: str,
    *parts: str,
    status: int = 200,
    headers: Headers = (),
) -> Answer:
    """Answer with a page; a message that waits in *session* is shown once.

    Args:
        title: empty for a page that has only the forge's own name.
        parts: of this room's other functions.
    """
    flash = ""
    if session is not None and session.flash:
        kind = "flash-message flash-error" if session.flash_is_error else "flash-message"
        flash = f'<div class="{kind}">{_q(session.flash)}</div>'
        session.flash = ""
    whole = f"{title} - {world.title}" if title else world.title
    text = (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{_q(whole)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{_q(title or world.title)}</h1>"
        f"{flash}{''.join(parts)}</body></html>\n"
    )
    return text_answer(status, text, headers=headers, content_type=HTML_TYPE)


def _q(text: str) -> str:
    return html.escape(text.encode("utf-8", "replace").decode(), quote=True)
