"""`aegis-trio oauth revoke` and `oauth clients remove`: end what people granted, and what runs for it.

Laws:
    1. What will end is shown before it ends, and somebody says yes, at the terminal or by `--yes`.
    2. A gate that runs ends the open streams within a second, and records each end; one that does not run records
       them at its next start (auth/broker/ends.py).

Not here: Gitea's own consent. Gitea has no way to revoke for a program (RFC 7009); a person does it there.
"""

from __future__ import annotations

import argparse
import json
import os
import pwd
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import trio

from aegis_trio.auth.broker.ends import OperatorEnds
from aegis_trio.auth.broker.rows import GrantRow
from aegis_trio.auth.clients.client import Client
from aegis_trio.cli.console.visible import visible_line
from aegis_trio.cli.exit_codes import EXIT_OK
from aegis_trio.cli.oauth.books import (
    add_store_arguments,
    all_clients,
    all_grants,
    find_store,
    is_of_user,
    open_books,
)
from aegis_trio.cli.oauth.listing import grant_document, grants_table
from aegis_trio.cli.usage import Usage, ask, can_ask
from aegis_trio.config.faults import Misfit, show_value
from aegis_trio.model.clock import WallClock
from aegis_trio.model.json import JsonValue

_AT_GITEA: Final = (
    "Gitea keeps its own consent. A person ends it there, under Settings, Applications, Authorized OAuth2 applications."
)
_RECORDED: Final = "The gate records this in the audit log: at once while it runs, else at its next start."


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Doomed:
    """What a command is about to end."""

    grants: tuple[GrantRow, ...]
    people: tuple[int, ...] = ()
    """Whose tokens at Gitea are forgotten as well."""
    client: Client | None = None
    """Which registration goes as well."""


def add_revoke_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `oauth revoke` understands to *parser*."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--user", metavar="LOGIN", help="everything of this person: a login of Gitea, or person:NUMBER")
    what.add_argument("--client", metavar="ID", help="every grant to this client, an id of `oauth clients list`")
    what.add_argument("--grant", metavar="ID", help="one grant, an id of `oauth grants list`")
    _add_shared(parser)


def add_remove_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `oauth clients remove` understands to *parser*."""
    parser.add_argument("id", metavar="ID", help="an id of `oauth clients list`, of the kind registered")
    _add_shared(parser)


def run_revoke(arguments: argparse.Namespace) -> int:
    """End grants; return 0."""
    doomed = trio.run(_choose, arguments, arguments.clock)
    return _end(arguments, doomed)


def run_remove(arguments: argparse.Namespace) -> int:
    """Forget a client and end its grants; return 0."""
    doomed = trio.run(_choose_client, arguments, arguments.clock)
    return _end(arguments, doomed)


def operator_name() -> str:
    """Return the account that runs this command, which no variable of the environment can change."""
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # a container's account without a name
        return f"uid:{uid}"


def _add_shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask")
    add_store_arguments(parser)


async def _choose(arguments: argparse.Namespace, clock: WallClock) -> Doomed:
    async with open_books(find_store(arguments), clock) as store:
        grants = await all_grants(store)
    if arguments.user is not None:
        chosen = tuple(grant for grant in grants if is_of_user(grant, arguments.user))
        if not chosen:
            raise _nothing("--user", arguments.user, "nobody of this name has granted anything", "grants")
        return Doomed(grants=chosen, people=tuple(sorted({grant.uid for grant in chosen})))
    if arguments.client is not None:
        chosen = tuple(grant for grant in grants if grant.client_id == arguments.client)
        if not chosen:
            raise _nothing("--client", arguments.client, "no client of this id holds a grant", "clients")
        return Doomed(grants=chosen)
    chosen = tuple(grant for grant in grants if grant.id == arguments.grant)
    if not chosen:
        raise _nothing("--grant", arguments.grant, "there is no such grant, or it has ended", "grants")
    return Doomed(grants=chosen)


async def _choose_client(arguments: argparse.Namespace, clock: WallClock) -> Doomed:
    async with open_books(find_store(arguments), clock) as store:
        grants = await all_grants(store)
        client = next((client for client in await all_clients(store) if client.id == arguments.id), None)
    if client is None:
        raise _nothing("ID", arguments.id, "no client of this id registered itself", "clients")
    return Doomed(grants=tuple(grant for grant in grants if grant.client_id == client.id), client=client)


def _nothing(flag: str, raw_value: str, rule: str, what: str) -> Usage:
    shown = show_value(raw_value, secret=False)
    return Usage(f"{flag} {shown}: {rule}. `aegis-trio oauth {what} list` shows what there is.")


def _end(arguments: argparse.Namespace, doomed: Doomed) -> int:
    if not arguments.yes:
        if not can_ask():
            raise Usage("--yes is needed where nobody can be asked.")
        if doomed.grants:
            print(grants_table(doomed.grants))
        if not ask(_question(doomed), _parse_yes, flag="--yes", default="no"):
            print("Nothing was ended.")
            return EXIT_OK
    ended = trio.run(_carry_out, arguments, doomed, arguments.clock)
    if arguments.json:
        documents: list[JsonValue] = [grant_document(grant) for grant in ended]
        removed = None if doomed.client is None else doomed.client.id
        print(json.dumps({"ended": documents, "removed_client": removed}, indent=2))
    else:
        print("\n".join(_report(ended, doomed)))
    return EXIT_OK


async def _carry_out(arguments: argparse.Namespace, doomed: Doomed, clock: WallClock) -> list[GrantRow]:
    async with open_books(find_store(arguments), clock) as store:
        ends = OperatorEnds(store=store, clock=clock, operator=operator_name())
        if doomed.client is not None:
            # First, so that nobody signs in with it while its grants end.
            await ends.remove_client(doomed.client)
        ended = [await ends.end_grant(grant.id) for grant in doomed.grants]
        for uid in doomed.people:
            await ends.forget_person(uid)
    return [grant for grant in ended if grant is not None]


def _question(doomed: Doomed) -> str:
    grants = f"{len(doomed.grants)} grant(s), and what runs for them"
    if doomed.client is None:
        return f"End {grants}? [yes | no]"
    return f"Forget {visible_line(doomed.client.name)} ({doomed.client.id}) and end {grants}? [yes | no]"


def _parse_yes(raw_answer: str) -> bool:
    if raw_answer.lower() not in {"yes", "y", "no", "n"}:
        raise Misfit("is neither yes nor no", "Answer with one of these words.")
    return raw_answer.lower().startswith("y")


def _report(ended: Sequence[GrantRow], doomed: Doomed) -> list[str]:
    lines = [
        f"Ended: grant {grant.id} of {grant.login} to {visible_line(grant.client_name)} ({grant.client_id})."
        for grant in ended
    ]
    if doomed.client is not None:
        lines.append(f"Forgotten: client {doomed.client.id}.")
    missing = len(doomed.grants) - len(ended)
    if missing:
        lines.append(f"{missing} grant(s) had ended meanwhile.")
    return [*lines, _RECORDED, _AT_GITEA] if ended else [*lines, _RECORDED]
