"""`aegis-trio keys`: which of its commands is meant.

keys list      every key: where it stands, its state, and how far it reaches
keys revoke    end one now
keys import    take one over that somebody else made
keys pepper    make the secret that keys in the store are remembered with
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

from aegis_trio.cli.api_keys import importing, listing, pepper, revoking
from aegis_trio.cli.usage import Usage


@final
@dataclass(frozen=True, slots=True)
class _Leaf:
    meaning: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


_LEAVES: Final = {
    "list": _Leaf("list every key, and none of their texts", listing.add_arguments, listing.run),
    "revoke": _Leaf("end a key now", revoking.add_arguments, revoking.run),
    "import": _Leaf("take over a key that somebody else made", importing.add_arguments, importing.run),
    "pepper": _Leaf("make the secret that keys in the store are remembered with", pepper.add_arguments, pepper.run),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `keys` understands to *parser*."""
    # Not `required`: argparse would complain of that alone, whatever else is wrong.
    commands = parser.add_subparsers(metavar="COMMAND")
    parser.set_defaults(run_leaf=_ask_which)
    for name, leaf in _LEAVES.items():
        under = commands.add_parser(
            name, help=leaf.meaning, description=f"{leaf.meaning[0].upper()}{leaf.meaning[1:]}."
        )
        leaf.add_arguments(under)
        under.set_defaults(run_leaf=leaf.run)


def run(arguments: argparse.Namespace) -> int:
    """Run the chosen one; return its exit code."""
    chosen: Callable[[argparse.Namespace], int] = arguments.run_leaf
    return chosen(arguments)


def _ask_which(arguments: argparse.Namespace) -> int:  # noqa: ARG001 -- the form that every leaf has
    raise Usage(f"keys: which command? {','.join(_LEAVES)}; each has --help.")
