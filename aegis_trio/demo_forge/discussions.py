"""Discussions as facts: what happened to an issue besides its comments, reviews, reactions and time spent.

Law: only facts are stored; a timeline is put together from events and comments when it is asked for.

Not here: issues and comments themselves (issues.py) and how all this becomes JSON (areas/*).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import final


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """One person's reaction to an issue or comment; `content` is one of those that the settings list."""

    author_id: int
    content: str
    created: datetime


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedTime:
    """Time that somebody spent on an issue."""

    id: int
    author_id: int
    seconds: int
    created: datetime


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry of a timeline that is no comment.

    Attributes:
        id: shares its numbers with comments.
        kind: as the API spells it, such as `label`, `close` or `review`.
        body: what the kind keeps there: `1` for a label that came, a date, a page's link.
        issue: repository and number of the issue that it came from, or that it is about.
        comment_id: the comment in *issue* that it came from.
    """

    id: int
    kind: str
    author_id: int
    body: str = ""
    created: datetime
    old_milestone_id: int | None = None
    milestone_id: int | None = None
    old_title: str = ""
    new_title: str = ""
    old_ref: str = ""
    new_ref: str = ""
    label_id: int | None = None
    assignee_id: int | None = None
    team_id: int | None = None
    removed: bool = False
    review_id: int = 0
    commit: str = ""
    issue: tuple[int, int] | None = None
    comment_id: int | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """A comment on a line of code; the line counts in the new file, or in the old one."""

    id: int
    author_id: int
    body: str
    path: str
    commit: str
    line: int = 0
    old_line: int = 0
    hunk: str = ""
    resolver_id: int | None = None
    created: datetime
    updated: datetime


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One review of a pull request, or the request for one.

    Attributes:
        state: `COMMENT`, `APPROVED`, `REQUEST_CHANGES`, `PENDING` or `REQUEST_REVIEW`.
        event_id: of the timeline's entry that its page leads to.
    """

    id: int
    author_id: int
    state: str
    body: str = ""
    commit: str = ""
    event_id: int = 0
    is_stale: bool = False
    is_official: bool = False
    is_dismissed: bool = False
    remarks: tuple[Remark, ...] = ()
    created: datetime
    updated: datetime
