"""Variables about the listeners: where the gate stands, what it is called, and whom it believes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from aegis_trio.config.parsing import (
    Network,
    parse_domain,
    parse_host,
    parse_hosts,
    parse_networks,
    parse_origins,
    parse_path,
    parse_public_url,
    parse_switch,
    whole_number,
)
from aegis_trio.config.variable import Feature, Variable

HOST: Final = Variable[str](
    name="HOST",
    feature=Feature.LISTENER,
    parse=parse_host,
    default="127.0.0.1",
    default_text="127.0.0.1",
    meaning="Address that the gate listens on; `0.0.0.0` inside a container.",
)
PORT: Final = Variable[int](
    name="PORT",
    feature=Feature.LISTENER,
    parse=whole_number(0, 65535, such_as=8080),
    default=8080,
    default_text="8080",
    meaning="Port that the gate listens on; 0 takes any free one.",
)
TLS_CERT_FILE: Final = Variable[Path | None](
    name="TLS_CERT_FILE",
    feature=Feature.LISTENER,
    parse=parse_path,
    default=None,
    default_text="",
    meaning="Certificate chain (PEM), when the gate speaks TLS itself instead of a proxy before it.",
)
TLS_KEY_FILE: Final = Variable[Path | None](
    name="TLS_KEY_FILE",
    feature=Feature.LISTENER,
    parse=parse_path,
    default=None,
    default_text="",
    meaning="Private key (PEM) of TLS_CERT_FILE.",
)
WEBSOCKET_DEBUG: Final = Variable[bool](
    name="WEBSOCKET_DEBUG",
    feature=Feature.LISTENER,
    parse=parse_switch,
    default=False,
    default_text="false",
    meaning="Whether `/mcp/ws` is there: MCP over WebSocket, for debugging.",
)
ADMIN_HOST: Final = Variable[str](
    name="ADMIN_HOST",
    feature=Feature.LISTENER,
    parse=parse_host,
    default="127.0.0.1",
    default_text="127.0.0.1",
    meaning="Address of the operator's listener: metrics and the detail of readiness.",
)
ADMIN_PORT: Final = Variable[int](
    name="ADMIN_PORT",
    feature=Feature.LISTENER,
    parse=whole_number(0, 65535, such_as=9464),
    default=9464,
    default_text="9464",
    meaning="Port of the operator's listener; 0 takes any free one.",
)
PUBLIC_URL: Final = Variable[str | None](
    name="PUBLIC_URL",
    feature=Feature.PROXIES,
    parse=parse_public_url,
    default=None,
    default_text="<http://127.0.0.1:PORT>",
    meaning="The URL that users type.",
)
MCP_DOMAIN: Final = Variable[str | None](
    name="MCP_DOMAIN",
    feature=Feature.PROXIES,
    parse=parse_domain,
    default=None,
    default_text="",
    meaning="Another way to say PUBLIC_URL: its domain alone, taken as https.",
)
TRUSTED_PROXIES: Final = Variable[tuple[Network, ...]](
    name="TRUSTED_PROXIES",
    feature=Feature.PROXIES,
    parse=parse_networks,
    default=(),
    default_text="",
    meaning="Addresses or networks, with commas between, whose forwarded headers count; such an address is never "
    "blocked.",
)
ALLOWED_HOSTS: Final = Variable[frozenset[str] | None](
    name="ALLOWED_HOSTS",
    feature=Feature.PROXIES,
    parse=parse_hosts,
    default=None,
    default_text="<loopback names and PUBLIC_URL's>",
    meaning="Names that a request may ask for, with commas between; anything else is refused, except on health paths.",
)
ALLOWED_ORIGINS: Final = Variable[frozenset[str] | None](
    name="ALLOWED_ORIGINS",
    feature=Feature.PROXIES,
    parse=parse_origins,
    default=None,
    default_text="<loopback names and PUBLIC_URL's>",
    meaning="Origins, with commas between, whose pages may call from a browser (CORS).",
)

VARIABLES: Final[tuple[Variable[object], ...]] = (
    HOST,
    PORT,
    TLS_CERT_FILE,
    TLS_KEY_FILE,
    WEBSOCKET_DEBUG,
    ADMIN_HOST,
    ADMIN_PORT,
    PUBLIC_URL,
    MCP_DOMAIN,
    TRUSTED_PROXIES,
    ALLOWED_HOSTS,
    ALLOWED_ORIGINS,
)
