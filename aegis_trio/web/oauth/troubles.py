"""Why a request is not served, as a page for a person.

Laws:
    1. A page says what happened, whose doing it is, and what to do now.
    2. "Try again" leads to where trying again can work; where nothing can, it is not offered.
"""

from __future__ import annotations

from typing import Final

from aegis_trio.auth.broker.errors import OAuthRefused
from aegis_trio.gateway.render import RETRY_SOON_S
from aegis_trio.model.errors import (
    AuditUnavailable,
    NotReady,
    TooMany,
    UpstreamBusy,
    UpstreamFault,
    UpstreamPaused,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from aegis_trio.protocol.refusals import Refusal
from aegis_trio.store.interface import StoreFailed
from aegis_trio.web.errors import HttpAnswer, fault_answer
from aegis_trio.web.oauth.answers import page_answer
from aegis_trio.web.oauth.endpoint import Asked, Trouble
from aegis_trio.web.oauth.pages import Message, PagePrinter, Way

_BEGIN_AGAIN: Final = "Go back to your assistant and connect it again."
_AWAY: Final = (UpstreamUnreachable, UpstreamTimeout, UpstreamBusy, UpstreamPaused)


def trouble_page(printer: PagePrinter, trouble: Trouble, _asked: Asked) -> HttpAnswer:
    """Return the page for what no page handled itself."""
    match trouble:
        case OAuthRefused():
            return refusal_page(printer, trouble.description)
        case Refusal():
            message = Message(title="That was too much", paragraphs=(trouble.message, _BEGIN_AGAIN))
            return page_answer(trouble.http_status, printer.message(message))
        case StoreFailed():
            return _later(printer, "This server cannot read or write its store just now.")
        case AuditUnavailable() | NotReady():
            return _later(printer, "This server cannot do this just now.")
        case TooMany():
            words = f"{trouble.message} Wait {trouble.retry_after_s} seconds, then reload this page."
            message = Message(title="Too many requests", paragraphs=(words,))
            return page_answer(429, printer.message(message), _retry_after(trouble.retry_after_s))
        case UpstreamFault():
            return gitea_page(printer, trouble, ())
        case _:
            return fault_answer(trouble)


def refusal_page(printer: PagePrinter, reason: str) -> HttpAnswer:
    """Return the page for a request that nobody may be redirected for."""
    message = Message(
        title="This request cannot be served",
        paragraphs=(
            "The assistant sent you here with a request that this server does not accept. Nothing was granted.",
            f"The reason: {reason}.",
            f"{_BEGIN_AGAIN} If that does not help, show this page to whoever made the assistant.",
        ),
    )
    return page_answer(400, printer.message(message))


def unknown_client_page(printer: PagePrinter, reason: str | None) -> HttpAnswer:
    """Return the page for a client that nobody knows.

    Args:
        reason: why its document cannot be had, where its id is the address of one.
    """
    why = "It may have been forgotten because nobody used it." if reason is None else f"The reason: {reason}."
    message = Message(
        title="This assistant is not known here",
        paragraphs=(
            (
                "The assistant that sent you here is not known to this server, so nothing was granted and you are not "
                "sent back to it."
            ),
            why,
            "Remove the connection in your assistant and add it again; it introduces itself anew then.",
        ),
    )
    return page_answer(400, printer.message(message))


def other_site_page(printer: PagePrinter, public_url: str) -> HttpAnswer:
    """Return the page for a form that did not come from a page of ours."""
    message = Message(
        title="This form came from somewhere else",
        paragraphs=(
            "What you sent did not come from a page of this server, or from one that is too old. Nothing was granted.",
            f"This server's address is {public_url}. {_BEGIN_AGAIN}",
        ),
    )
    return page_answer(403, printer.message(message))


def lost_page(printer: PagePrinter) -> HttpAnswer:
    """Return the page for a sign-in that is not (any more) this browser's."""
    message = Message(
        title="This sign-in is not here any more",
        paragraphs=(
            (
                "It was answered already, or it is more than ten minutes old, or it was begun in another browser. "
                "Nothing was granted just now."
            ),
            f"{_BEGIN_AGAIN} Do it in one browser, and let it keep cookies of this site.",
        ),
    )
    return page_answer(400, printer.message(message))


def other_grant_page(printer: PagePrinter, *, gitea_url: str, person: str, again: str) -> HttpAnswer:
    """Return the page for an older grant at Gitea that holds other rights than we ask for.

    Source: gitea.md fact 6: Gitea keeps a grant's first scope whatever is asked later.
    """
    message = Message(
        title="Gitea still holds an older permission",
        paragraphs=(
            f"Gitea signed you in as {person}. It still holds a permission that you gave to this server earlier.",
            "Its rights are not those that this server asks for, and Gitea never changes them. Nothing was granted.",
            "Open your settings at Gitea, revoke this server under “Authorized OAuth2 Applications”; then try again.",
        ),
        ways=(Way("Open the settings in Gitea", f"{gitea_url}/user/settings/applications"), Way("Try again", again)),
    )
    return page_answer(409, printer.message(message))


def gitea_page(printer: PagePrinter, fault: UpstreamFault, ways: tuple[Way, ...]) -> HttpAnswer:
    """Return the page for a Gitea that did not do its part."""
    if isinstance(fault, _AWAY):
        status, what = 503, "Gitea cannot be reached just now, or has too much to do."
    else:
        status, what = 502, "Gitea gave an answer that this server cannot use."
    message = Message(
        title="Gitea does not answer",
        paragraphs=(
            f"{what} Nothing was granted.",
            "Try again in a moment. If it lasts, tell whoever operates Gitea.",
            *(() if ways else (_BEGIN_AGAIN,)),
        ),
        ways=ways,
    )
    return page_answer(status, printer.message(message), _retry_after(RETRY_SOON_S))


def _later(printer: PagePrinter, what: str) -> HttpAnswer:
    message = Message(
        title="Not just now",
        paragraphs=(f"{what} Nothing was granted.", "Reload this page in a moment. If it lasts, tell its operator."),
    )
    return page_answer(503, printer.message(message), _retry_after(RETRY_SOON_S))


def _retry_after(seconds: int) -> tuple[bytes, bytes]:
    return (b"retry-after", str(seconds).encode())
