"""Issues as facts: labels, milestones, comments, and pull requests, which are issues with two branches.

Laws:
    1. Only facts are stored. Counts, whether something is a draft, heads and differences are computed when asked for.
    2. The number is an issue's place in its repository, the id its place in the forge, as at Gitea.

Not here: how tests change them (changes.py) and how they become JSON (areas/issues.py, areas/pulls.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, final

from aegis_trio.demo_forge.discussions import Event, Reaction, Review, TrackedTime

# Source: gitea [repository.pull-request] WORK_IN_PROGRESS_PREFIXES; compared without regard to case.
_DRAFT_PREFIXES: Final = ("wip:", "[wip]")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A label of a repository, or of the organisation that owns it."""

    id: int
    name: str
    color: str = "888888"
    description: str = ""
    exclusive: bool = False
    of_organisation: bool = False


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Milestone:
    """A milestone; how many of its issues are open is counted."""

    id: int
    title: str
    description: str = ""
    created: datetime
    updated: datetime
    closed: datetime | None = None
    due: datetime | None = None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that hangs at an issue or a comment; only what is told of it."""

    id: int
    name: str
    size: int
    uuid: str
    created: datetime


@final
@dataclass(slots=True, kw_only=True)
class Comment:
    """One comment."""

    id: int
    author_id: int
    body: str
    created: datetime
    updated: datetime
    attachments: tuple[Attachment, ...] = ()
    reactions: tuple[Reaction, ...] = ()


@final
@dataclass(slots=True, kw_only=True)
class PullRequest:
    """What makes an issue a pull request."""

    id: int
    base: str
    head: str
    head_repository_id: int
    merge_base: str | None = None
    """As it was when the pull request was merged; an open one's is computed."""
    merged: datetime | None = None
    merged_by: int | None = None
    merge_commit: str | None = None
    conflicting: bool = False
    reviewers: tuple[int, ...] = ()
    review_teams: tuple[int, ...] = ()
    reviews: int = 0
    """Entries of reviews, which count among the comments and are not listed with them."""
    remarks: int = 0
    """Comments on lines of code."""
    review_list: tuple[Review, ...] = ()


@final
@dataclass(slots=True, kw_only=True)
class Issue:
    """One issue or pull request."""

    id: int
    number: int
    author_id: int
    title: str
    body: str = ""
    label_ids: tuple[int, ...] = ()
    milestone_id: int | None = None
    assignees: tuple[int, ...] = ()
    is_locked: bool = False
    pin_order: int = 0
    created: datetime
    updated: datetime
    closed: datetime | None = None
    due: datetime | None = None
    attachments: tuple[Attachment, ...] = ()
    comments: list[Comment] = field(default_factory=list[Comment])
    events: list[Event] = field(default_factory=list[Event])
    reactions: tuple[Reaction, ...] = ()
    times: list[TrackedTime] = field(default_factory=list[TrackedTime])
    stopwatches: dict[int, datetime] = field(default_factory=dict[int, datetime])  # account -> when it was started
    depends_on: tuple[tuple[int, int], ...] = ()  # repository and number
    pull: PullRequest | None = None

    @property
    def state(self) -> str:
        """`open` or `closed`."""
        return "open" if self.closed is None else "closed"

    @property
    def is_draft(self) -> bool:
        """Tell whether the title says that nothing is to be merged yet."""
        return self.pull is not None and self.title.lower().startswith(_DRAFT_PREFIXES)

    @property
    def comment_count(self) -> int:
        """Return the number that Gitea shows: reviews count, too."""
        return len(self.comments) + (0 if self.pull is None else self.pull.reviews)


@final
@dataclass(slots=True, kw_only=True)
class Tracker:
    """A repository's issues, labels and milestones."""

    issues: dict[int, Issue] = field(default_factory=dict[int, Issue])  # by number
    labels: dict[int, Label] = field(default_factory=dict[int, Label])
    milestones: dict[int, Milestone] = field(default_factory=dict[int, Milestone])

    def add(self, issue: Issue) -> Issue:
        """Add an issue or pull request."""
        self.issues[issue.number] = issue
        return issue

    def pulls(self) -> list[tuple[Issue, PullRequest]]:
        """Return the pull requests."""
        return [(issue, issue.pull) for issue in self.issues.values() if issue.pull is not None]

    def open_count(self, *, pulls: bool) -> int:
        """Count what is open of one kind."""
        return sum(issue.closed is None and (issue.pull is not None) is pulls for issue in self.issues.values())
