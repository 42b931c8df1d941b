"""Key bounds: from a row of the key store, or from a command's flags, to how far the key reaches, and back.

Law: what is not understood is a fault, never a key without that bound.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from ipaddress import ip_network
from typing import Final, TypeVar

from aegis_trio.config.faults import Misfit
from aegis_trio.model.bounds import KeyBounds, Network
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.policy.access import READ_SCOPES

PartT = TypeVar("PartT")

MAX_PARTS: Final = 1000  # of one bound
MEMBERS: Final = frozenset({"scopes", "tools", "repositories", "addresses", "read_only", "rate_class"})
# A tool, or a method of one (`issue_read.comments`); operations of call_read_operation have Gitea's own names.
_TOOL: Final = re.compile(r"[a-z0-9_*?]{1,64}(?:\.[A-Za-z0-9_*?]{1,64})?", re.ASCII)
_REPOSITORY: Final = re.compile(r"[-._0-9A-Za-z*?]{1,40}/[-._0-9A-Za-z*?]{1,100}", re.ASCII)
_RATE_CLASS: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}", re.ASCII)
_SCOPES: Final = READ_SCOPES | {scope.replace("read:", "write:") for scope in READ_SCOPES}


def parse_scope(raw_scope: str) -> str:
    """Make a scope."""
    if raw_scope not in _SCOPES:
        raise Misfit("is not a scope", "Write scopes such as read:repository.")
    return raw_scope


def parse_tool(raw_pattern: str) -> str:
    """Make a pattern for names of tools."""
    if not _TOOL.fullmatch(raw_pattern):
        raise Misfit("is not the name of a tool", "Write names such as get_file_contents, or get_*.")
    return raw_pattern


def parse_repository_pattern(raw_pattern: str) -> str:
    """Make a pattern for repositories."""
    if not _REPOSITORY.fullmatch(raw_pattern):
        raise Misfit("is not owner/name", "Write repositories such as acme/backend, or acme/*.")
    return raw_pattern


def parse_network(raw_network: str) -> Network:
    """Make a network of an address or of a network with its length."""
    try:
        return ip_network(raw_network)
    except ValueError:
        raise Misfit("is not an address or network", "Write 203.0.113.7, or 203.0.113.0/24.") from None


def parse_rate_class(raw_name: str) -> str:
    """Make the name of a class of limits."""
    if not _RATE_CLASS.fullmatch(raw_name):
        raise Misfit("is not a name", "Write at most 32 lower-case letters, digits, - and _.")
    return raw_name


def parse_parts(raw_parts: Sequence[str], parse: Callable[[str], PartT]) -> tuple[PartT, ...]:
    """Make a bound of its parts.

    Raises:
        Misfit: one is none, or there are more than `MAX_PARTS`.
    """
    if len(raw_parts) > MAX_PARTS:
        raise Misfit(f"has more than {MAX_PARTS} entries", "Use patterns, or several keys.")
    made: list[PartT] = []
    for raw_part in raw_parts:
        try:
            made.append(parse(raw_part))
        except Misfit as misfit:
            raise Misfit(f"holds {raw_part[:64]!r}, which {misfit.rule}", misfit.remedy) from None
    return tuple(made)


def parse_bounds(document: JsonObject) -> KeyBounds:
    """Make bounds of the members of a row.

    Raises:
        Misfit: a member that is not what it should be.
    """
    scopes = _parts(document, "scopes", parse_scope)
    rate_class = document.get("rate_class")
    read_only = document.get("read_only")
    if not isinstance(read_only, bool | None):
        raise Misfit("has a read_only that is neither true nor false", "Write true or false.")
    if not isinstance(rate_class, str | None):
        raise Misfit("has a rate_class that is not text", "Write a name.")
    try:
        rate_class = None if rate_class is None else parse_rate_class(rate_class)
    except Misfit as misfit:
        raise Misfit(f"has a rate_class that {misfit.rule}", misfit.remedy) from None
    return KeyBounds(
        scopes=None if scopes is None else frozenset(scopes),
        tools=_parts(document, "tools", parse_tool),
        repositories=_parts(document, "repositories", parse_repository_pattern),
        addresses=_parts(document, "addresses", parse_network),
        read_only=bool(read_only),
        rate_class=rate_class,
    )


def render_bounds(bounds: KeyBounds) -> JsonObject:
    """Return the members of a row for *bounds*; what is not bounded is left out."""
    document: JsonObject = {}
    if bounds.scopes is not None:
        document["scopes"] = _listed(sorted(bounds.scopes))
    if bounds.tools is not None:
        document["tools"] = _listed(bounds.tools)
    if bounds.repositories is not None:
        document["repositories"] = _listed(bounds.repositories)
    if bounds.addresses is not None:
        document["addresses"] = _listed([str(network) for network in bounds.addresses])
    if bounds.read_only:
        document["read_only"] = True
    if bounds.rate_class is not None:
        document["rate_class"] = bounds.rate_class
    return document


def _parts(document: JsonObject, name: str, parse: Callable[[str], PartT]) -> tuple[PartT, ...] | None:
    listed = document.get(name)
    if listed is None:
        return None
    texts = [part for part in listed if isinstance(part, str)] if isinstance(listed, list) else None
    if texts is None or not isinstance(listed, list) or len(texts) != len(listed):
        raise Misfit(f"has {name} that are not a list of texts", f'Write "{name}": ["…", "…"].')
    try:
        return parse_parts(texts, parse)
    except Misfit as misfit:
        raise Misfit(f"has {name} whose list {misfit.rule}", misfit.remedy) from None


def _listed(parts: Sequence[str]) -> list[JsonValue]:
    return [*parts]
