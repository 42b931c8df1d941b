"""The server that a client is told about, and what a client is told.

Laws:
    1. Without a key of the caller's nothing here holds one: each client is given its own way to ask for it.
    2. Nothing is validated here; whatever name, URL or key comes in, the forms of each client are escaped right.

Not here: the words of each client (claude.py, editors.py, terminals.py, chatgpt.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias, final
from urllib.parse import urlsplit

from aegis_trio.config.parsing import is_loopback
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.model.secret import Secret

PROGRAM: Final = "aegis-trio"
SERVER_NAME: Final = "gitea"
KEY_VARIABLE: Final = "AEGIS_KEY"
KEY_PLACEHOLDER: Final = "YOUR_KEY"
TOKEN_PLACEHOLDER: Final = "YOUR_GITEA_TOKEN"  # noqa: S105 -- what the settings refuse as a placeholder, no token
URL_PLACEHOLDER: Final = "https://git.example.com"
ENDPOINT: Final = "/mcp"
SIGN_IN: Final = (
    "No key: a page of the gate opens in the browser and says who asks and for what; Allow leads to Gitea's own login. "
    "Each person acts with their own rights, and ends it at /oauth/connected of the gate."
)


class Transport(StrEnum):
    """How a client speaks to the server."""

    HTTP = "http"
    SSE = "sse"
    STDIO = "stdio"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """The gate, at its URL."""

    url: str
    """Its MCP endpoint, such as `https://mcp.example.com/mcp`."""
    key: Secret | None = None
    """What to write into the configuration; None writes a reference in its place."""
    sse: bool = False
    """Whether the client speaks HTTP+SSE of MCP 2024-11-05."""
    signs_in: bool = False
    """Whether people sign in with Gitea, so that the URL is all that a client is told, unless a key is given."""

    @property
    def is_keyless(self) -> bool:
        """Whether the client is told no key, and no place where one could stand."""
        return self.signs_in and self.key is None

    @property
    def is_public(self) -> bool:
        """Whether a service on the internet could reach it, as far as the URL tells."""
        parts = urlsplit(self.url)
        return parts.scheme == "https" and not is_loopback(parts.hostname or "")

    @property
    def endpoint(self) -> str:
        """Where this transport begins."""
        return f"{self.url}/sse" if self.sse and not self.url.endswith("/sse") else self.url

    @property
    def type(self) -> str:
        """What most clients call this transport."""
        return (Transport.SSE if self.sse else Transport.HTTP).value

    def bearer(self, reference: str) -> str:
        """Return the value of `Authorization`, with *reference* where no key may be written."""
        return f"Bearer {reference if self.key is None else self.key.reveal()}"

    def as_object(self, reference: str) -> JsonObject:
        """Return the URL and the header, as most clients want them; the URL alone where people sign in."""
        if self.is_keyless:
            return {"url": self.endpoint}
        return {"url": self.endpoint, "headers": {"Authorization": self.bearer(reference)}}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """The program that serves the one client which started it, over its pipes; it needs Gitea's URL and a token."""

    program: str = PROGRAM
    gitea_url: str | None = None
    """None where it is not known here: a reference stands in its place."""

    def environment(self, url_reference: str, token_reference: str) -> dict[str, str]:
        """Return the variables that the program needs, in the client's own words."""
        return {"GITEA_URL": self.gitea_url or url_reference, "GITEA_TOKEN": token_reference}

    def as_object(self, environment: dict[str, str]) -> JsonObject:
        """Return the command and its environment, as most clients want them."""
        variables: dict[str, JsonValue] = dict(environment)
        return {"command": self.program, "args": ["stdio"], "env": variables}


Server: TypeAlias = Remote | Local


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Instructions:
    """What one client is told about one server."""

    file: str | None = None
    """Where the snippet belongs."""
    snippet: str | None = None
    """What the file holds, or holds besides other servers."""
    command: str | None = None
    """A line for a POSIX shell that does the same."""
    link: str | None = None
    """A link whose opening does the same."""
    notes: tuple[str, ...] = ()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One program that speaks MCP, and how it is told."""

    name: str
    title: str
    transports: tuple[Transport, ...]
    """What it can be told to speak, the best first."""
    instruct: Callable[[str, Server], Instructions]
    """Takes the name under which the client will know the server."""
