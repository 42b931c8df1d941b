"""Pages for people: what they say, and how it becomes HTML. Made here, whole, without a script.

Laws:
    1. Every value is escaped by the template engine; nothing is marked as safe.
    2. What a client calls itself stands apart from our own words, and is said to be its own.
    3. A page has one language, one main part with one heading, and every control says what it does.

Source: HTML standard; WCAG 2.2 (1.3.1, 1.4.3, 2.4.6, 2.5.8, 3.1.1).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, final
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined

from aegis_trio.policy.scopes import SCOPES, ScopeRow, offered_scopes
from aegis_trio.web.oauth.settings import OAuthFlow, OAuthSettings

_LOADER: Final = PackageLoader("aegis_trio.web.oauth", "templates")
# Threat: a client's name, state or redirect URI with markup in it.
_ENVIRONMENT: Final = Environment(
    loader=_LOADER, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, auto_reload=False
)
STYLE: Final = _LOADER.get_source(_ENVIRONMENT, "style.css")[0].encode()
_STYLE_MARK: Final = hashlib.sha256(STYLE).hexdigest()[:12]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What every page knows of the place it stands at."""

    name: str
    base: str
    gitea: str
    gitea_host: str
    style: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentPage:
    """The question whether a client may act for a person."""

    client_name: str
    verified_host: str | None
    """The host whose document the client is; None where nothing is proved."""
    is_configured: bool
    """Whether the operator made it."""
    redirect_host: str
    is_local: bool
    """Whether the answer goes to the person's own machine."""
    readings: tuple[str, ...]
    changes: tuple[str, ...]
    login: str | None
    """Who is signed in; None where Gitea's login comes next."""
    login_id: str
    form_token: str


@final
@dataclass(frozen=True, slots=True)
class Way:
    """Somewhere to go from a message."""

    words: str
    address: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What went wrong, or what happened, and what to do."""

    title: str
    paragraphs: tuple[str, ...]
    ways: tuple[Way, ...] = ()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectedClient:
    """One grant, for the person who gave it."""

    id: str
    client_name: str
    host: str | None
    """The host whose document it is; None where it has none."""
    is_registered: bool
    """Whether it registered itself; otherwise, without a host, the operator set it up."""
    rights: tuple[str, ...]
    created: str
    """UTC, such as `2026-02-13T10:00Z`."""
    used: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectedPage:
    """A person's grants."""

    login: str
    grants: tuple[ConnectedClient, ...]
    form_token: str
    note: str
    """What has just happened; may be empty."""


@final
class PagePrinter:
    """Makes the pages of one site."""

    def __init__(self, settings: OAuthSettings) -> None:
        self._settings = settings
        self._site = Site(
            name=settings.resource_name,
            base=settings.base,
            gitea=settings.gitea_url,
            gitea_host=host_of(settings.gitea_url),
            style=f"{settings.base}/oauth/style.css?v={_STYLE_MARK}",
        )

    def consent(self, page: ConsentPage) -> bytes:
        """Return the consent page."""
        return self._print("consent.html", title="Allow this assistant?", page=page)

    def onward(self, address: str, words: str) -> bytes:
        """Return a page that goes on to *address* by itself, and offers it as a link where browsers do not.

        Source: WCAG technique H76 (a refresh at once is no surprise).
        """
        return self._print("onward.html", title="One moment", address=address, host=host_of(address), words=words)

    def message(self, page: Message) -> bytes:
        """Return a page that says something."""
        return self._print("message.html", title=page.title, page=page)

    def connected(self, page: ConnectedPage) -> bytes:
        """Return the page of a person's grants."""
        return self._print("connected.html", title="Connected assistants", page=page)

    def sign_in(self, form_token: str, note: str = "") -> bytes:
        """Return the page before that one."""
        return self._print("signin.html", title="Connected assistants", form_token=form_token, note=note)

    def about(self) -> bytes:
        """Return what people and developers may want to know of this server."""
        offered = offered_scopes(write_mode=self._settings.write_mode)
        rows: tuple[ScopeRow, ...] = tuple(row for row in SCOPES if row.scope in offered)
        is_broker = self._settings.flow is OAuthFlow.BROKER
        endpoint = self._settings.resources.urls[0]
        return self._print("about.html", title="About this server", endpoint=endpoint, rows=rows, is_broker=is_broker)

    def _print(self, template: str, **values: object) -> bytes:
        return _ENVIRONMENT.get_template(template).render(site=self._site, **values).encode()


def host_of(address: str) -> str:
    """Return host and port of an address, for people; ours to show, not to compare."""
    parts = urlsplit(address)
    return parts.netloc if parts.scheme in {"https", "http"} else f"{parts.scheme}://{parts.netloc}"
