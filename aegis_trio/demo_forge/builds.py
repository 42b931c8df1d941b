"""Builds as facts: what machines said of commits, and what Gitea Actions ran.

Laws:
    1. Only facts are stored; what a run comes to is worked out from its jobs where it has any.
    2. The value of a secret is not here: the forge never shows one.

Not here: how all this becomes JSON (areas/*).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, final

_NOT_YET: Final = datetime(1970, 1, 1, tzinfo=UTC)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What one context said of a commit; a newer one of the same context takes its place.

    Attributes:
        state: `pending`, `success`, `warning`, `failure`, `error` or `skipped`.
        creator_id: nobody, where Gitea Actions said it.
    """

    id: int
    context: str
    state: str
    description: str = ""
    target_url: str = ""
    creator_id: int | None = None
    created: datetime


class Progress(StrEnum):
    """How far a run, a job or a step is, in Gitea's own words; the API has others."""

    WAITING = "waiting"
    BLOCKED = "blocked"
    RUNNING = "running"
    SUCCESS = "success"
    FAILURE = "failure"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


ENDED: Final = frozenset({Progress.SUCCESS, Progress.FAILURE, Progress.CANCELLED, Progress.SKIPPED})


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a job."""

    name: str
    progress: Progress
    started: datetime = _NOT_YET
    stopped: datetime = _NOT_YET


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job of a run.

    Attributes:
        task_id: of the attempt that a runner took; 0 before one did.
        log: as the runner sent it, with a time before each line.
    """

    id: int
    name: str
    progress: Progress
    labels: tuple[str, ...] = ()
    attempt: int = 0
    task_id: int = 0
    runner: str = ""
    steps: tuple[Step, ...] = ()
    log: bytes = b""
    created: datetime
    started: datetime = _NOT_YET
    stopped: datetime = _NOT_YET


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A file that a run left."""

    id: int
    name: str
    content: bytes
    created: datetime
    expires: datetime


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a workflow."""

    id: int
    number: int
    workflow: str
    title: str
    event: str
    ref: str
    sha: str
    actor_id: int
    progress: Progress
    attempt: int = 0
    jobs: tuple[Job, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    created: datetime = _NOT_YET
    started: datetime = _NOT_YET
    stopped: datetime = _NOT_YET


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A name and a value that workflows may read, or the name alone of a secret."""

    name: str
    data: str = ""
    description: str = ""
    created: datetime = _NOT_YET


@final
@dataclass(slots=True, kw_only=True)
class Builds:
    """What machines did in a repository, or for an account."""

    statuses: dict[str, list[Status]] = field(default_factory=dict[str, list[Status]])  # by commit
    runs: list[Run] = field(default_factory=list[Run])
    disabled_workflows: set[str] = field(default_factory=set[str])
    variables: tuple[Variable, ...] = ()
    secrets: tuple[Variable, ...] = ()
