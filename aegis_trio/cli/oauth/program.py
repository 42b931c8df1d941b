"""`aegis-trio oauth`: which of its commands is meant.

oauth setup            register the application in Gitea and write the settings
oauth clients list     the assistants that are known
oauth clients remove   forget one that registered itself
oauth grants list      who granted what to whom
oauth revoke           end grants: of a person, to a client, or one
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

from aegis_trio.cli.oauth import listing, revoking, setup
from aegis_trio.cli.usage import Usage


@final
@dataclass(frozen=True, slots=True)
class _Leaf:
    meaning: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


_TOP: Final = {
    "setup": _Leaf("register the application in Gitea and write the settings", setup.add_arguments, setup.run),
    "revoke": _Leaf("end grants, and what runs for them", revoking.add_revoke_arguments, revoking.run_revoke),
}
_CLIENTS: Final = {
    "list": _Leaf("list the assistants that are known", listing.add_clients_arguments, listing.run_clients),
    "remove": _Leaf(
        "forget one that registered itself, and end its grants",
        revoking.add_remove_arguments,
        revoking.run_remove,
    ),
}
_GRANTS: Final = {"list": _Leaf("list what people granted", listing.add_grants_arguments, listing.run_grants)}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `oauth` understands to *parser*."""
    # Not `required`: argparse would complain of that alone, whatever else is wrong.
    commands = parser.add_subparsers(metavar="COMMAND")
    parser.set_defaults(run_leaf=_ask_which)
    for name, leaf in _TOP.items():
        _fill(commands.add_parser(name, help=leaf.meaning), leaf)
    for group, meaning, leaves in (
        ("clients", "the assistants that are known", _CLIENTS),
        ("grants", "what people granted", _GRANTS),
    ):
        under = commands.add_parser(group, help=meaning).add_subparsers(metavar="COMMAND")
        for name, leaf in leaves.items():
            _fill(under.add_parser(name, help=leaf.meaning), leaf)


def run(arguments: argparse.Namespace) -> int:
    """Run the chosen one; return its exit code."""
    chosen: Callable[[argparse.Namespace], int] = arguments.run_leaf
    return chosen(arguments)


def _ask_which(arguments: argparse.Namespace) -> int:  # noqa: ARG001 -- the form that every leaf has
    raise Usage("oauth: which command? setup, revoke, clients list, clients remove or grants list; each has --help.")


def _fill(parser: argparse.ArgumentParser, leaf: _Leaf) -> None:
    parser.description = f"{leaf.meaning[0].upper()}{leaf.meaning[1:]}."
    leaf.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--traceback", action="store_true", help="show where a bug happened")
    parser.set_defaults(run_leaf=leaf.run)
