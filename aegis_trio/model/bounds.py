"""Bounds: how far one API key reaches, below what its Gitea identity may do.

Laws:
    1. A bound only takes away; None is "not bounded", an empty set is "nothing".
    2. A `KeyBounds` holds no secret; logs, tools and the audit trail may see it.

Not here: the decisions (policy/reach.py, policy/access.py), and reading them (config/key_bounds.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Final, TypeAlias, final

Network: TypeAlias = IPv4Network | IPv6Network


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyBounds:
    """What the operator allows one key."""

    scopes: frozenset[str] | None = None
    """As our metadata spells them, such as `read:repository`; None for every one that reads."""
    tools: tuple[str, ...] | None = None
    """Names of tools, prompts and other operations, `*` and `?` allowed, such as `get_*`."""
    repositories: tuple[str, ...] | None = None
    """`owner/name` with `*` and `?` within a part, such as `acme/*`; compared without regard to case."""
    addresses: tuple[Network, ...] | None = None
    """Networks that requests may come from."""
    read_only: bool = False
    """Whether nothing may be changed, whatever the scopes say."""
    rate_class: str | None = None
    """Which limits count; None for the usual ones. Only carried here."""


UNBOUNDED: Final = KeyBounds()
