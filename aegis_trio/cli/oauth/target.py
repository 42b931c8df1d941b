"""What is to be set up: which Gitea, for a gate at which address, under which name; from flags and settings.

Law: every fault names the flag or the setting, the rule and the way out, before anybody is asked for a credential.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar, final
from urllib.parse import urlsplit

from aegis_trio.cli.usage import Usage
from aegis_trio.config.faults import ConfigurationFaults, Misfit
from aegis_trio.config.listening import read_public_url
from aegis_trio.config.load import read_gitea
from aegis_trio.config.parsing import is_loopback, parse_gitea_url, parse_url
from aegis_trio.config.reader import Reader
from aegis_trio.config.variables import access, listening, signin
from aegis_trio.gitea.applications import MAX_NAME_CHARACTERS
from aegis_trio.gitea.settings import GiteaSettings
from aegis_trio.model.secret import Secret

ParsedT = TypeVar("ParsedT")

DEFAULT_NAME: Final = "aegis-trio"
CALLBACK: Final = "/oauth/callback"
_NO_GITEA: Final = "no Gitea: give --gitea-url, or set GITEA_URL, such as https://git.example.com."
_NO_PUBLIC: Final = (
    "no public address: give --public-url, or set PUBLIC_URL, such as https://mcp.example.com. It is what people type, "
    "and Gitea sends them back to it."
)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What was asked for, checked."""

    gitea: GiteaSettings
    public_url: str
    name: str
    known: tuple[str, Secret] | None = field(repr=False)
    """Id and secret of the application that the settings name already."""
    port: int | None
    """What PORT has to be for PUBLIC_URL to lead to the gate itself; None where it is that, or a proxy's business."""
    warnings: tuple[str, ...]

    @property
    def redirect_uri(self) -> str:
        """Where Gitea sends people back."""
        return f"{self.public_url}{CALLBACK}"


def find_target(arguments: argparse.Namespace, reader: Reader) -> Target:
    """Return what is to be set up.

    Raises:
        Usage: a flag is wrong, or something is missing.
        ConfigurationFaults: a setting is wrong.
    """
    gitea_url = _flag("--gitea-url", parse_gitea_url, arguments.gitea_url) or reader.read(access.GITEA_URL)
    port = reader.read(listening.PORT)
    public_url = _flag("--public-url", parse_url, arguments.public_url) or read_public_url(reader, port)
    is_public_set = arguments.public_url or reader.is_set(listening.PUBLIC_URL) or reader.is_set(listening.MCP_DOMAIN)
    settings = read_gitea(reader) if reader.is_set(access.GITEA_URL) else None
    ca_file = settings.ca_file if settings is not None else reader.read(access.GITEA_CA_FILE)
    client_id, secret = reader.read(signin.GITEA_OAUTH_CLIENT_ID), _known_secret(reader)
    faults = [*reader.sources.faults, *reader.faults]
    if faults:
        raise ConfigurationFaults(faults)
    if gitea_url is None:
        raise Usage(_NO_GITEA)
    if not is_public_set:
        raise Usage(_NO_PUBLIC)
    name = arguments.name.strip()
    if not name.isprintable() or not 0 < len(name) <= MAX_NAME_CHARACTERS:
        raise Usage(f"--name has 1 to {MAX_NAME_CHARACTERS} visible characters.")
    parts = urlsplit(public_url)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        # Source: OAuth 2.1 section 1.5: every endpoint of an authorization server uses TLS.
        raise Usage(
            f"PUBLIC_URL {public_url}: must be https, or http on this machine alone (127.0.0.1), as codes travel over "
            "it. Give the https address of the proxy before the gate."
        )
    gate_port = parts.port or 80 if parts.scheme == "http" else None
    return Target(
        gitea=GiteaSettings(url=gitea_url, ca_file=ca_file),
        public_url=public_url,
        name=name,
        known=None if client_id is None or secret is None else (client_id, secret),
        port=gate_port if gate_port != port and not reader.is_set(listening.PORT) else None,
        warnings=tuple(_warnings(gitea_url, reader, gate_port, port)),
    )


def _flag(flag: str, parse: Callable[[str], ParsedT], raw_value: str | None) -> ParsedT | None:
    if raw_value is None:
        return None
    try:
        return parse(raw_value)
    except Misfit as misfit:
        raise Usage(f"{flag} {misfit}") from None


def _known_secret(reader: Reader) -> Secret | None:
    named = reader.sources.find(f"{signin.GITEA_OAUTH_CLIENT_SECRET.name}_FILE")
    if named is not None:
        # Its file may be the one that this command makes; what is wrong with it otherwise, `serve` says.
        before = len(reader.sources.faults)
        found = reader.sources.find_secret(signin.GITEA_OAUTH_CLIENT_SECRET.name)
        del reader.sources.faults[before:]
        return None if found is None else Secret(found.raw_value)
    return reader.read(signin.GITEA_OAUTH_CLIENT_SECRET)


def _warnings(gitea_url: str, reader: Reader, gate_port: int | None, port: int) -> list[str]:
    found: list[str] = []
    gitea = urlsplit(gitea_url)
    if gitea.scheme == "http" and not is_loopback(gitea.hostname or ""):
        found.append(f"GITEA_URL {gitea_url} is http: the credential, and everybody's tokens, travel in the clear.")
    if gate_port is not None and reader.is_set(listening.PORT) and port not in {0, gate_port}:
        found.append(f"PUBLIC_URL says port {gate_port}, and PORT is {port}: nobody is at that address.")
    return found
