"""What happened to the recorded world's issues besides comments: events, reviews, reactions, times, dependencies.

`recordings/discussions.json` holds what the recorded answers tell of it, by repository and number.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from aegis_trio.demo_forge.discussions import Event, Reaction, Remark, Review, TrackedTime
from aegis_trio.demo_forge.issues import Issue
from aegis_trio.demo_forge.world import World

_FILE = Path(__file__).parent / "recordings" / "discussions.json"
_TIMES = frozenset({"created", "updated", "started", "stopped"})
_Fact = TypeVar("_Fact")


def add_discussions(world: World) -> None:
    """Put them at the issues, which must be there."""
    for full_name, issues in json.loads(_FILE.read_text("utf-8")).items():
        repository = next(one for one in world.repositories.values() if world.full_name(one) == full_name)
        for number, fields in issues.items():
            _add(repository.tracker.issues[int(number)], fields)


def _add(issue: Issue, fields: dict[str, Any]) -> None:
    issue.events = made(Event, fields.get("events", ()))
    issue.reactions = tuple(made(Reaction, fields.get("reactions", ())))
    issue.times = made(TrackedTime, fields.get("times", ()))
    issue.stopwatches = {
        int(account): datetime.fromisoformat(since) for account, since in fields.get("stopwatches", {}).items()
    }
    issue.depends_on = tuple((repository, number) for repository, number in fields.get("depends_on", ()))
    for comment in issue.comments:
        comment.reactions = tuple(made(Reaction, fields.get("comment_reactions", {}).get(str(comment.id), ())))
    if issue.pull is not None:
        reviews = [{**each, "remarks": tuple(made(Remark, each["remarks"]))} for each in fields.get("reviews", ())]
        issue.pull.review_list = tuple(made(Review, reviews))


def made(kind: type[_Fact], lines: Iterable[dict[str, Any]]) -> list[_Fact]:
    """Return each line as a value: its times read, its pairs as tuples."""
    return [kind(**{name: _value(name, value) for name, value in line.items()}) for line in lines]


def _value(name: str, value: Any) -> Any:
    if name in _TIMES and value is not None:
        return datetime.fromisoformat(value)
    return tuple(value) if isinstance(value, list) else value
