"""The books of signing in, as the commands read them: the store's file, and everything in it that people ask about.

Law: nothing is made here. A store that is not there is a fault, for an empty list would say that nobody has access.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import trio

from aegis_trio.auth.broker.rows import GrantRow, decode_grant
from aegis_trio.auth.clients.client import Client, decode_client
from aegis_trio.auth.signin_settings import Flow
from aegis_trio.cli.usage import Usage
from aegis_trio.config.faults import ConfigurationFault, ConfigurationFaults
from aegis_trio.config.reader import Reader
from aegis_trio.config.sources import DEFAULT_ENV_FILE, Sources
from aegis_trio.config.variables import signin
from aegis_trio.model.clock import NS_PER_S, WallClock, as_timestamp
from aegis_trio.store.interface import Row, Space, Store, StoreFailed
from aegis_trio.store.sqlite import SqliteStore

CLOSE_S: Final = 10.0  # a file is closed as fast as the disk is
_PAGE: Final = 500


def add_store_arguments(parser: argparse.ArgumentParser) -> None:
    """Add where the store is looked for to *parser*."""
    parser.add_argument("--env-file", type=Path, default=DEFAULT_ENV_FILE, help="settings file (default: .env)")


def find_store(arguments: argparse.Namespace) -> Path:
    """Return where the store is.

    Raises:
        ConfigurationFaults: the settings cannot be read, or nothing is there.
        Usage: grants are kept by Gitea alone.
    """
    reader = Reader(Sources(os.environ, arguments.env_file))
    path, flow = reader.read(signin.STORE_PATH), reader.read(signin.OAUTH_FLOW)
    faults = [*reader.sources.faults, *reader.faults]
    if faults:
        raise ConfigurationFaults(faults)
    if flow is Flow.GITEA:
        raise Usage(
            "OAUTH_FLOW is gitea: clients hold Gitea's own tokens, and nothing is kept here. People end them in Gitea, "
            "under Settings, Applications."
        )
    if not path.is_file():
        raise ConfigurationFaults(
            [
                ConfigurationFault(
                    variable=signin.STORE_PATH.name,
                    rule=f"{path} is not there, or not visible to this account",
                    remedy="Run this with the gate's own settings and as the gate's own account; the gate makes the "
                    "file at its first start.",
                )
            ]
        )
    return path


@asynccontextmanager
async def open_books(path: Path, clock: WallClock) -> AsyncGenerator[Store]:
    """Open the store beside a gate that may be running.

    Raises:
        OSError: it cannot be opened, read or written; the text is for the operator.
    """
    store = SqliteStore(path, clock)
    try:
        await store.open()
        yield store
    except StoreFailed as failed:
        raise OSError(f"{failed} Run this as the gate's own account.") from failed
    finally:
        with trio.move_on_after(CLOSE_S, shield=True):
            await store.close()


async def all_grants(store: Store) -> tuple[GrantRow, ...]:
    """Return every grant, oldest first."""
    grants = [decode_grant(row.value) async for row in _rows(store, Space.GRANT)]
    return tuple(sorted(grants, key=lambda grant: (grant.created_at, grant.id)))


async def all_clients(store: Store) -> tuple[Client, ...]:
    """Return every client that registered itself, oldest first."""
    clients = [decode_client(row.value) async for row in _rows(store, Space.CLIENT)]
    return tuple(sorted(clients, key=lambda client: (client.created_at, client.id)))


def is_of_user(grant: GrantRow, raw_user: str) -> bool:
    """Return whether *grant* is that person's, who is named by login or as `person:<number>`."""
    return raw_user.lower() in {grant.login.lower(), f"person:{grant.uid}"}


def minute(at_s: int) -> str:
    """Return a time for people, UTC."""
    return f"{as_timestamp(at_s * NS_PER_S)[:16].replace('T', ' ')}Z"


async def _rows(store: Store, space: Space) -> AsyncIterator[Row]:
    after = ""
    while page := await store.rows(space, after=after, limit=_PAGE):
        for row in page:
            yield row
        after = page[-1].key
