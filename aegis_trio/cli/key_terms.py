"""Flags that say what a new key is for, whose it is, and how far it reaches; shared by what makes keys."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from aegis_trio.cli.new_key import KeyTerms, parse_description
from aegis_trio.cli.usage import Usage
from aegis_trio.config.faults import Misfit
from aegis_trio.config.key_bounds import (
    parse_network,
    parse_parts,
    parse_rate_class,
    parse_repository_pattern,
    parse_scope,
    parse_tool,
)
from aegis_trio.config.parsing import split_list
from aegis_trio.model.bounds import KeyBounds

PartT = TypeVar("PartT")


def add_terms_arguments(parser: argparse.ArgumentParser) -> None:
    """Add every bound and the owner to *parser*."""
    parser.add_argument("--owner", default="", help="who answers for the key")
    group = parser.add_argument_group("how far the key reaches (left out: as far as its Gitea identity)")
    group.add_argument("--scopes", metavar="LIST", help="such as read:repository,read:issue")
    group.add_argument("--tools", metavar="LIST", help="names of tools and prompts, such as get_*,list_repositories")
    group.add_argument("--repositories", metavar="LIST", help="such as acme/backend,acme/docs-*")
    group.add_argument("--addresses", metavar="LIST", help="where it may be used from, such as 203.0.113.0/24")
    group.add_argument("--read-only", action="store_true", help="nothing may be changed with it")
    group.add_argument("--gitea-token-file", type=Path, help="file with the Gitea token of this key alone")
    group.add_argument("--rate-class", metavar="NAME", help="which limits count")


def terms_from(arguments: argparse.Namespace, description: str) -> KeyTerms:
    """Return what the flags say.

    Raises:
        Usage: one of them makes no sense.
    """
    scopes = _listed(arguments.scopes, parse_scope, "--scopes")
    rate_class: str | None = arguments.rate_class
    bounds = KeyBounds(
        scopes=None if scopes is None else frozenset(scopes),
        tools=_listed(arguments.tools, parse_tool, "--tools"),
        repositories=_listed(arguments.repositories, parse_repository_pattern, "--repositories"),
        addresses=_listed(arguments.addresses, parse_network, "--addresses"),
        read_only=arguments.read_only,
        rate_class=None if rate_class is None else _parsed(parse_rate_class, rate_class, "--rate-class"),
    )
    return KeyTerms(
        description=description,
        owner=_parsed(parse_description, arguments.owner, "--owner"),
        bounds=bounds,
        # The gate looks from its keys' folder, wherever this command ran.
        gitea_token_file=None if arguments.gitea_token_file is None else arguments.gitea_token_file.absolute(),
    )


def _listed(raw_list: str | None, parse: Callable[[str], PartT], flag: str) -> tuple[PartT, ...] | None:
    if raw_list is None:
        return None
    raw_parts = split_list(raw_list)
    if not raw_parts:
        raise Usage(f"{flag} names nothing; leave it out, or name something.")
    return _parsed(lambda _: parse_parts(raw_parts, parse), raw_list, flag)


def _parsed(parse: Callable[[str], PartT], raw_value: str, flag: str) -> PartT:
    try:
        return parse(raw_value)
    except Misfit as misfit:
        raise Usage(f"{flag} {misfit}") from None
