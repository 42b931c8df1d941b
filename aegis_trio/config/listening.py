"""Listening: the rules between variables that say where the gate stands and what it is called."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from aegis_trio.config.parsing import is_loopback, is_readable_file
from aegis_trio.config.reader import Reader
from aegis_trio.config.supervision import SupervisorSettings
from aegis_trio.config.variables import listening, operation
from aegis_trio.web.settings import LOOPBACK_HOSTS, WebSettings

_ENDPOINTS: Final = ("/mcp", "/mcp/sse")


def read_web(reader: Reader) -> WebSettings:
    """Return where the public listener stands, and what it is called."""
    host, port = reader.read(listening.HOST), reader.read(listening.PORT)
    cert_file, key_file = reader.read(listening.TLS_CERT_FILE), reader.read(listening.TLS_KEY_FILE)
    public_url = read_public_url(reader, port)
    allowed_hosts = reader.read(listening.ALLOWED_HOSTS)
    allowed_origins = reader.read(listening.ALLOWED_ORIGINS)
    parts = urlsplit(public_url)
    name = parts.netloc.rpartition(":")[0] if parts.port is not None else parts.netloc
    for variable, other, path in (
        (listening.TLS_CERT_FILE, listening.TLS_KEY_FILE, cert_file),
        (listening.TLS_KEY_FILE, listening.TLS_CERT_FILE, key_file),
    ):
        if path is not None and not is_readable_file(path):
            reader.refuse(variable, "names no file that can be read", "Name a file in PEM form.")
        if path is not None and not reader.is_set(other):
            reader.refuse(variable, f"is set without {other.name}", "Set both, or neither.")
    if not is_loopback(host) and not reader.is_set(listening.PUBLIC_URL) and not reader.is_set(listening.MCP_DOMAIN):
        reader.warnings.append(
            "HOST is not loopback and PUBLIC_URL is not set: requests that ask for another name than localhost are "
            "refused."
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        reader.warnings.append("PUBLIC_URL is http: keys and code travel in the clear. Use https.")
    if parts.path.endswith(_ENDPOINTS):
        reader.warnings.append(
            f"PUBLIC_URL ends in {parts.path}: the endpoint is {public_url}/mcp then. Leave /mcp out, unless that is "
            "meant."
        )
    websocket_debug = reader.read(listening.WEBSOCKET_DEBUG)
    if websocket_debug:
        reader.warnings.append(
            "WEBSOCKET_DEBUG is true: `/mcp/ws` takes MCP over WebSocket from whoever has a key. Switch it off where "
            "nobody debugs."
        )
    return WebSettings(
        host=host,
        port=port,
        public_url=public_url,
        allowed_hosts=LOOPBACK_HOSTS | {name.lower()} if allowed_hosts is None else allowed_hosts,
        allowed_origins=(
            frozenset({f"{parts.scheme}://{parts.netloc}".lower()}) if allowed_origins is None else allowed_origins
        ),
        trusted_proxies=reader.read(listening.TRUSTED_PROXIES),
        tls_cert_file=cert_file,
        tls_key_file=key_file,
        websocket_debug=websocket_debug,
    )


def read_supervisor(reader: Reader, web: WebSettings) -> SupervisorSettings:
    """Return the farewell and the operator's listener."""
    settings = SupervisorSettings(
        shutdown_grace_s=reader.read(operation.SHUTDOWN_GRACE_S),
        admin_host=reader.read(listening.ADMIN_HOST),
        admin_port=reader.read(listening.ADMIN_PORT),
    )
    if web.port and web.port == settings.admin_port:
        reader.refuse(listening.ADMIN_PORT, "is the same as PORT", "Give the operator's listener a port of its own.")
    if not is_loopback(settings.admin_host):
        reader.warnings.append(
            "ADMIN_HOST is not loopback: whoever reaches that address sees metrics without a credential."
        )
    return settings


def read_public_url(reader: Reader, port: int) -> str:
    """Return the URL that users type, without a slash at its end; by *port* on loopback where none is set."""
    public_url, domain_url = reader.read(listening.PUBLIC_URL), reader.read(listening.MCP_DOMAIN)
    if public_url is not None and domain_url is not None and public_url != domain_url:
        reader.refuse(listening.MCP_DOMAIN, "says another URL than PUBLIC_URL", "Keep one of them.")
    return public_url or domain_url or f"http://127.0.0.1:{port}"
