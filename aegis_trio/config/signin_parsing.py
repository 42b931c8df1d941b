"""Parsers of the variables of signing in: from text to values, or a `Misfit` that says what to write instead."""

from __future__ import annotations

import re
from typing import Final

from aegis_trio.auth.clients.client import Client
from aegis_trio.auth.clients.static import StaticClients, check_redirects, parse_static_client
from aegis_trio.config.faults import Misfit
from aegis_trio.config.parsing import split_entries, split_list
from aegis_trio.gitea.provider import APPLICATION_WORD
from aegis_trio.model.secret import Secret

_KEY: Final = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_DOMAIN: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+", re.ASCII)


def parse_encryption_keys(raw_value: str) -> tuple[bytes, ...]:
    """Make keys of 32 bytes of a list, newest first."""
    keys = split_entries(raw_value)
    if not keys or not all(_KEY.fullmatch(key) for key in keys):
        raise Misfit("is not a list of keys of 64 hexadecimal digits", "Make one with `openssl rand -hex 32`.")
    return tuple(bytes.fromhex(key) for key in keys)


def parse_client_domains(raw_value: str) -> tuple[str, ...]:
    """Make domains of a comma-separated list."""
    domains = tuple(part.lower().removeprefix("*.") for part in split_list(raw_value))
    for domain in domains:
        if not _DOMAIN.fullmatch(domain):
            raise Misfit(f'"{domain[:64]}" is not a domain', "Write domains such as claude.ai, without https://.")
    return domains


def parse_redirect_uris(raw_value: str) -> tuple[str, ...]:
    """Make redirect URIs of a comma-separated list."""
    try:
        return check_redirects(split_list(raw_value))
    except ValueError as error:
        raise Misfit(f"holds what is no redirect URI: {error}", "Write each address in full.") from None


def parse_static_clients(raw_value: str) -> tuple[Client, ...]:
    """Make clients of a list of `id:secret:redirect-uri …`."""
    try:
        clients = tuple(parse_static_client(entry) for entry in split_entries(raw_value))
        StaticClients(clients)
    except ValueError as error:
        raise Misfit(
            f"has an entry that is no client: {error}", "Write `id:secret:redirect-uri`, commas between clients."
        ) from None
    return clients


def parse_application_id(raw_value: str) -> str:
    """Take the id of our application in Gitea."""
    if not APPLICATION_WORD.fullmatch(raw_value):
        raise Misfit("is no id that Gitea gives", "Write the client id that Gitea shows for the application.")
    return raw_value


def parse_application_secret(raw_value: str) -> Secret:
    """Take the secret of our application in Gitea."""
    if not APPLICATION_WORD.fullmatch(raw_value):
        raise Misfit("is no secret that Gitea gives", "Write the client secret that Gitea showed once; it begins gto_.")
    return Secret(raw_value)
