"""Reach: which operations, repositories and addresses a bounded key reaches. Nothing but the values decides.

Laws:
    1. What a bound does not name is refused; a name that cannot be read is named by no bound.
    2. A refusal tells what the key would need, and repeats only what the caller said.
    3. Names of repositories are compared as Gitea compares them, without regard to case; `*` never crosses a `/`.

Not here: that every request to Gitea is held to it (gitea/reach.py), and who may use a tool at all (access.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from ipaddress import IPv6Address, ip_address

from aegis_trio.model.bounds import KeyBounds
from aegis_trio.model.decision import Allow, Decision, Deny
from aegis_trio.model.errors import BeyondKey
from aegis_trio.policy.untrusted import clean_line, shorten

_MAX_SHOWN_CHARACTERS = 140  # owner and name at their longest
_ASK = "Ask the operator to"


def names_tool(bounds: KeyBounds, name: str) -> bool:
    """Return whether *bounds* let a key use the operation *name*."""
    return bounds.tools is None or any(fnmatchcase(name, pattern) for pattern in bounds.tools)


def names_repository(bounds: KeyBounds, owner: str, name: str) -> bool:
    """Return whether *bounds* let a key reach the repository *owner*/*name*."""
    return bounds.repositories is None or any(_fits(pattern, owner, name) for pattern in bounds.repositories)


def names_address(bounds: KeyBounds, raw_address: str) -> bool:
    """Return whether *bounds* let a key be used from *raw_address*; what is no address is named by no network."""
    if bounds.addresses is None:
        return True
    try:
        address = ip_address(raw_address)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in bounds.addresses)


def decide_operation(bounds: KeyBounds, *names: str, changes: bool) -> Decision:
    """Decide whether a key within *bounds* may use the operation of *names*.

    Args:
        names: of ours, never a stranger's text, at least one: a method is reached by its tool's name and by its own
            (`issue_read`, `issue_read.get`), which stands last.
        changes: whether the operation changes anything.
    """
    name = names[-1]
    if changes and bounds.read_only:
        return Deny(
            "read_only_key",
            BeyondKey(
                f"{name} changes things, and this key only reads.",
                f"{_ASK} give you a key that may write.",
                bound="read_only",
                needs="read_only=false",
            ),
        )
    if not any(names_tool(bounds, one) for one in names):
        return Deny(
            "tool_beyond_key",
            BeyondKey(
                f"This key does not reach {name}.", f'{_ASK} add "{name}" to its tools.', bound="tools", needs=name
            ),
        )
    return Allow()


def decide_places(bounds: KeyBounds, places: Mapping[str, str | int]) -> Decision:
    """Decide whether a key within *bounds* may ask about *places*, as a prepared call names them.

    Places without a repository are everybody's: what comes back of them is held to the bounds one by one.
    """
    owner, name = places.get("owner"), places.get("repo")
    if not isinstance(owner, str) or not isinstance(name, str) or names_repository(bounds, owner, name):
        return Allow()
    return Deny("repository_beyond_key", beyond_repositories(f"{owner}/{name}"))


def decide_address(bounds: KeyBounds, raw_address: str) -> Decision:
    """Decide whether a key within *bounds* may be used from *raw_address*."""
    if names_address(bounds, raw_address):
        return Allow()
    shown = shorten(clean_line(raw_address), _MAX_SHOWN_CHARACTERS)
    return Deny(
        "address_beyond_key",
        BeyondKey(
            f"This key may not be used from {shown}.",
            f"{_ASK} add the address to its addresses.",
            bound="addresses",
            needs=shown,
        ),
    )


def beyond_repositories(raw_name: str) -> BeyondKey:
    """Return the fault for *raw_name* (`owner/name`, as the caller said it), which a key does not reach."""
    shown = shorten(clean_line(raw_name), _MAX_SHOWN_CHARACTERS)
    return BeyondKey(
        f"This key does not reach the repository {shown}.",
        f'{_ASK} add "{shown}" to its repositories.',
        bound="repositories",
        needs=shown,
    )


def _fits(pattern: str, owner: str, name: str) -> bool:
    owner_pattern, _, name_pattern = pattern.lower().partition("/")
    return fnmatchcase(owner.lower(), owner_pattern) and fnmatchcase(name.lower(), name_pattern)
