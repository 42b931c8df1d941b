"""`aegis-trio oauth clients list` and `oauth grants list`: who has access, by which assistant, and since when.

Law: what a client calls itself is shown as text that no terminal obeys, beside the id, which is not its to choose.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final
from urllib.parse import urlsplit

import trio

from aegis_trio.auth.broker.rows import GrantRow
from aegis_trio.auth.clients.client import Client
from aegis_trio.auth.clients.documents import read_client_address
from aegis_trio.auth.clients.registry import ID_PREFIX
from aegis_trio.cli.console.visible import visible_line
from aegis_trio.cli.exit_codes import EXIT_OK
from aegis_trio.cli.oauth.books import (
    add_store_arguments,
    all_clients,
    all_grants,
    find_store,
    is_of_user,
    minute,
    open_books,
)
from aegis_trio.model.clock import NS_PER_S, WallClock, as_timestamp
from aegis_trio.model.json import JsonObject, JsonValue

_NEVER: Final = "never"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class KnownClient:
    """One client: registered here, or known by what people granted to it."""

    id: str
    kind: str
    """`registered` (named itself, unproven), `document` (its address proves its host), or `configured`."""
    name: str
    hosts: tuple[str, ...]
    grants: tuple[GrantRow, ...]
    created_at: int | None


def add_clients_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `oauth clients list` understands to *parser*."""
    add_store_arguments(parser)


def add_grants_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `oauth grants list` understands to *parser*."""
    parser.add_argument("--user", metavar="LOGIN", help="only this person's; a login of Gitea, or person:NUMBER")
    parser.add_argument("--client", metavar="ID", help="only those to this client; an id of `oauth clients list`")
    add_store_arguments(parser)


def run_clients(arguments: argparse.Namespace) -> int:
    """Print the clients; return 0."""
    clients, grants = trio.run(_read, arguments, arguments.clock)
    known = known_clients(clients, grants)
    if arguments.json:
        print(json.dumps([_client_document(client) for client in known], indent=2))
    elif not known:
        print("No client has registered, and nobody has granted anything.")
    else:
        print(_table(("CLIENT", "KIND", "NAME", "GRANTS", "LAST USED"), [_client_cells(client) for client in known]))
    return EXIT_OK


def run_grants(arguments: argparse.Namespace) -> int:
    """Print the grants that are asked for; return 0."""
    _, found = trio.run(_read, arguments, arguments.clock)
    grants = [
        grant
        for grant in found
        if (arguments.user is None or is_of_user(grant, arguments.user))
        and (arguments.client is None or grant.client_id == arguments.client)
    ]
    if arguments.json:
        print(json.dumps([grant_document(grant) for grant in grants], indent=2))
    elif not grants:
        print("Nobody has granted anything." if not found else f"None of {len(found)} grant(s) is one of these.")
    else:
        print(grants_table(grants))
    return EXIT_OK


def known_clients(clients: Sequence[Client], grants: Sequence[GrantRow]) -> list[KnownClient]:
    """Return every client that is registered or holds a grant; those that were used last stand first."""
    held: dict[str, list[GrantRow]] = {}
    for grant in grants:
        held.setdefault(grant.client_id, []).append(grant)
    registered = {client.id: client for client in clients}
    known = [_known(each, registered.get(each), held.get(each, ())) for each in {**registered, **held}]
    return sorted(known, key=lambda client: (-_last_used(client.grants), client.id))


def grant_document(grant: GrantRow) -> JsonObject:
    """Return a grant for programs; nothing in it opens a door."""
    return {
        "grant": grant.id,
        "user": grant.login,
        "principal": f"person:{grant.uid}",
        "client": grant.client_id,
        "client_name": grant.client_name,
        "scopes": list(grant.scopes),
        "resource": grant.resource,
        "created": as_timestamp(grant.created_at * NS_PER_S),
        "last_used": as_timestamp(grant.last_used_at * NS_PER_S),
    }


def grants_table(grants: Sequence[GrantRow]) -> str:
    """Return grants for people."""
    cells = [
        (
            grant.id,
            grant.login,
            grant.client_id,
            visible_line(grant.client_name),
            " ".join(grant.scopes),
            minute(grant.created_at),
            minute(grant.last_used_at),
        )
        for grant in grants
    ]
    return _table(("GRANT", "USER", "CLIENT", "NAME", "SCOPES", "GRANTED", "LAST USED"), cells)


async def _read(arguments: argparse.Namespace, clock: WallClock) -> tuple[tuple[Client, ...], tuple[GrantRow, ...]]:
    async with open_books(find_store(arguments), clock) as store:
        return await all_clients(store), await all_grants(store)


def _known(client_id: str, client: Client | None, grants: Sequence[GrantRow]) -> KnownClient:
    place = read_client_address(client_id)
    if client is not None:
        kind, hosts = "registered", sorted({urlsplit(uri).hostname or "" for uri in client.redirect_uris})
    elif place is not None:
        kind, hosts = "document", [place[0]]
    else:
        # One that registered and was forgotten since, while a grant to it still lives.
        kind, hosts = ("registered" if client_id.startswith(ID_PREFIX) else "configured"), []
    return KnownClient(
        id=client_id,
        kind=kind,
        name=grants[-1].client_name if client is None else client.name,
        hosts=tuple(hosts),
        grants=tuple(grants),
        created_at=None if client is None else client.created_at,
    )


def _last_used(grants: Sequence[GrantRow]) -> int:
    return max((grant.last_used_at for grant in grants), default=0)


def _client_document(client: KnownClient) -> JsonObject:
    hosts: list[JsonValue] = [*client.hosts]
    last_used = _last_used(client.grants)
    return {
        "client": client.id,
        "kind": client.kind,
        "name": client.name,
        "hosts": hosts,
        "grants": len(client.grants),
        "registered": None if client.created_at is None else as_timestamp(client.created_at * NS_PER_S),
        "last_used": as_timestamp(last_used * NS_PER_S) if last_used else None,
    }


def _client_cells(client: KnownClient) -> tuple[str, ...]:
    last_used = _last_used(client.grants)
    when = minute(last_used) if last_used else _NEVER
    return client.id, client.kind, visible_line(client.name), str(len(client.grants)), when


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [heads, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
