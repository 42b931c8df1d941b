"""Parsers of the variables of signing in: from text to values, or a `Misfit` that says what to write instead."""

from __future__ import annotations

import re
from typing import Final

from aegis_trio.auth.clients.client import is_valid_redirect
from aegis_trio.auth.signin_settings import StaticClient
from aegis_trio.config.faults import Misfit
from aegis_trio.config.parsing import split_entries, split_list
from aegis_trio.model.secret import Secret

MIN_SECRET_CHARS: Final = 32  # 128 bits, were they hexadecimal
_KEY: Final = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_DOMAIN: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+", re.ASCII)
_CLIENT_ID: Final = re.compile(r"[\x21-\x7e]{1,256}", re.ASCII)
_PUBLIC: Final = "-"  # stands where a client has no secret


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


def parse_static_clients(raw_value: str) -> tuple[StaticClient, ...]:
    """Make clients of a list of `id secret redirect-uri …`."""
    clients = tuple(_client(entry) for entry in split_entries(raw_value))
    if len({client.id for client in clients}) != len(clients):
        raise Misfit("names one client twice", "Give each client one entry, with all of its redirect URIs.")
    return clients


def _client(entry: str) -> StaticClient:
    words = entry.split()
    remedy = "Write `id secret redirect-uri`, with - for a client without a secret."
    if len(words) < 3 or not _CLIENT_ID.fullmatch(words[0]):
        raise Misfit("has an entry that is no client", remedy)
    client_id, secret, *uris = words
    if secret != _PUBLIC and len(secret) < MIN_SECRET_CHARS:
        raise Misfit(
            f"has a secret of fewer than {MIN_SECRET_CHARS} characters", "Make one with `openssl rand -hex 32`."
        )
    for uri in uris:
        _check_redirect(uri)
    return StaticClient(id=client_id, secret=None if secret == _PUBLIC else Secret(secret), redirect_uris=tuple(uris))


def _check_redirect(uri: str) -> None:
    if not is_valid_redirect(uri):
        raise Misfit(
            f'"{uri[:64]}" is not a redirect URI', "Write https addresses, or http ones on localhost, in full."
        )
