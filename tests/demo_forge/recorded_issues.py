"""The recorded world's issues and pull requests: as they stood after the seed, and as the recordings changed them.

`recordings/issues.json` holds what the recorded answers tell of them, by repository.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from aegis_trio.demo_forge.issues import Attachment, Comment, Issue, Label, Milestone, PullRequest
from aegis_trio.demo_forge.world import Repository, World

_FILE = Path(__file__).parent / "recordings" / "issues.json"


def add_issues(world: World) -> None:
    """Put the seed's issues, labels and milestones into their repositories."""
    for full_name, document in json.loads(_FILE.read_text("utf-8")).items():
        tracker = _repository(world, full_name).tracker
        for label in document["labels"]:
            tracker.labels[label["id"]] = Label(of_organisation=label.pop("organisation"), **label)
        for milestone in document["milestones"]:
            times = {key: _moment(milestone.pop(key)) for key in ("created", "updated", "closed", "due")}
            tracker.milestones[milestone["id"]] = Milestone(**milestone, **times)  # type: ignore[arg-type]  # as written
        for issue in document["issues"]:
            tracker.add(_issue(world, issue))


def _repository(world: World, full_name: str) -> Repository:
    return next(one for one in world.repositories.values() if world.full_name(one) == full_name)


def _account(world: World, login: str) -> int:
    account = world.account_named(login)
    assert account is not None
    return account.id


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _issue(world: World, fields: dict[str, Any]) -> Issue:
    pull = fields.get("pull")
    return Issue(
        id=fields["id"],
        number=fields["number"],
        author_id=_account(world, fields["author"]),
        title=fields["title"],
        body=fields["body"],
        label_ids=tuple(fields.get("labels", ())),
        milestone_id=fields.get("milestone"),
        assignees=tuple(_account(world, login) for login in fields.get("assignees", ())),
        is_locked=fields.get("locked", False),
        pin_order=fields.get("pin", 0),
        created=datetime.fromisoformat(fields["created"]),
        updated=datetime.fromisoformat(fields["updated"]),
        closed=_moment(fields.get("closed")),
        due=_moment(fields.get("due")),
        attachments=_attachments(fields),
        comments=[_comment(world, comment) for comment in fields.get("comments", ())],
        pull=None if pull is None else _pull(world, pull),
    )


def _comment(world: World, fields: dict[str, Any]) -> Comment:
    return Comment(
        id=fields["id"],
        author_id=_account(world, fields["author"]),
        body=fields["body"],
        created=datetime.fromisoformat(fields["created"]),
        updated=datetime.fromisoformat(fields["updated"]),
        attachments=_attachments(fields),
    )


def _attachments(fields: dict[str, Any]) -> tuple[Attachment, ...]:
    return tuple(
        Attachment(**{**each, "created": datetime.fromisoformat(each["created"])})
        for each in fields.get("attachments", ())
    )


def _pull(world: World, fields: dict[str, Any]) -> PullRequest:
    merger = fields.get("merged_by")
    return PullRequest(
        id=fields["id"],
        base=fields["base"],
        head=fields["head"],
        head_repository_id=_repository(world, fields["head_repository"]).id,
        merge_base=fields.get("merge_base"),
        merged=_moment(fields.get("merged")),
        merged_by=None if merger is None else _account(world, merger),
        merge_commit=fields.get("merge_commit"),
        conflicting=fields.get("conflicting", False),
        reviewers=tuple(_account(world, login) for login in fields.get("reviewers", ())),
        review_teams=tuple(fields.get("review_teams", ())),
        reviews=fields.get("reviews", 0),
        remarks=fields.get("remarks", 0),
    )


# -------------------------------------------------------------------------------------------- changes
def make_issue_by_form(world: World) -> None:
    """Add the issue that a form made while the first things were recorded."""
    moment = datetime.fromisoformat("2026-11-21T07:42:53Z")
    issue = Issue(id=82, number=78, author_id=2, title="Made with a form", created=moment, updated=moment)
    world.repositories[1].tracker.add(issue)


def comment_on_pull(world: World) -> None:
    """Add the comment that proved which scope is needed for it."""
    moment = datetime.fromisoformat("2026-11-21T07:42:54Z")
    body = "Comments of pull requests need the issue scope only."
    issue = world.repositories[1].tracker.issues[65]
    issue.comments.append(Comment(id=237, author_id=2, body=body, created=moment, updated=moment))


def edit_pull_as_issue(world: World) -> None:
    """Change a pull request as an issue was changed to prove the same."""
    world.repositories[1].tracker.issues[66].body = "Edited through the issue endpoint with write:issue."


def detach_trace(world: World) -> None:
    """Remove the file that hung at the first issue."""
    world.repositories[1].tracker.issues[1].attachments = ()


def fill_up(world: World, *, pulls: bool, to: int) -> None:
    """Bring the count of what is open to a recorded number, with entries that nobody looks at."""
    tracker = world.repositories[1].tracker
    moment = datetime.fromisoformat("2026-11-21T07:43:00Z")
    while tracker.open_count(pulls=pulls) < to:
        number = max(tracker.issues) + 1
        pull = PullRequest(id=number, base="main", head="develop", head_repository_id=1) if pulls else None
        title = "Came in between"
        tracker.add(
            Issue(id=number + 1000, number=number, author_id=2, title=title, created=moment, updated=moment, pull=pull)
        )
