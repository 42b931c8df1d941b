"""Parsers of the variables of signing in: from text to values, or a `Misfit` that says what to write instead."""

from __future__ import annotations

import re
from typing import Final

from aegis_trio.auth.clients.client import Client, is_valid_redirect
from aegis_trio.auth.clients.static import StaticClients, parse_static_client
from aegis_trio.config.faults import Misfit
from aegis_trio.config.parsing import split_entries, split_list

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
    uris = split_list(raw_value)
    for uri in uris:
        _check_redirect(uri)
    return uris


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


def _check_redirect(uri: str) -> None:
    if not is_valid_redirect(uri):
        raise Misfit(
            f'"{uri[:64]}" is not a redirect URI', "Write https addresses, or http ones on localhost, in full."
        )
