"""Releases and rules as facts: what was published, and what protects branches and tags.

Not here: tags themselves (git_store.py) and how all this becomes JSON (areas/releases.py, areas/protections.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, final

from aegis_trio.demo_forge.issues import Attachment

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release: words about a tag, with files."""

    id: int
    tag: str
    target: str = ""
    name: str
    body: str = ""
    author_id: int
    is_draft: bool = False
    is_prerelease: bool = False
    created: datetime
    assets: tuple[Attachment, ...] = ()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """A rule for branches: its pattern, and what it demands.

    Attributes:
        pushers: the accounts that may push although others may not; nothing without such a list.
        status_checks: the contexts that must be good; nothing where none is looked at.
        kept_files: patterns of files that nobody may change, separated by `;`.
    """

    pattern: str
    can_push: bool = True
    pushers: tuple[int, ...] | None = None
    required_approvals: int = 0
    status_checks: tuple[str, ...] | None = None
    blocks_on_rejection: bool = False
    kept_files: str = ""
    created: datetime = _EPOCH


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TagProtection:
    """A rule for tags: only these accounts make one that fits the pattern."""

    id: int
    pattern: str
    account_ids: tuple[int, ...] = ()
    created: datetime
