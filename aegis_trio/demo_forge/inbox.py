"""Inboxes, packages, hooks and keys as facts.

Law: only facts are stored; titles, states and links are looked up when they are shown.

Not here: how all this becomes JSON (areas/notifications.py, areas/packages.py, areas/hooks.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import final


@final
@dataclass(slots=True, kw_only=True)
class Notification:
    """What one person is told of one issue or pull request, with the comment that was the last to tell."""

    id: int
    account_id: int
    repository_id: int
    number: int
    comment_id: int | None = None
    is_unread: bool = True
    is_pinned: bool = False
    updated: datetime


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PackageFile:
    """One file of a package."""

    id: int
    name: str
    content: bytes


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One version of a package."""

    id: int
    owner_id: int
    creator_id: int
    kind: str
    name: str
    version: str
    repository_id: int | None = None
    files: tuple[PackageFile, ...] = ()
    created: datetime


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A webhook; the address is shown, and the header with which it authorises itself, too."""

    id: int
    url: str
    events: tuple[str, ...]
    kind: str = "gitea"
    branch_filter: str = ""
    authorization: str = ""
    is_active: bool = True
    created: datetime
    updated: datetime


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class DeployKey:
    """A key with which machines fetch, or push."""

    id: int
    title: str
    key: str
    fingerprint: str
    is_read_only: bool = True
    created: datetime
