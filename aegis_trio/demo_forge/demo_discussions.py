"""The demo world's discussions: reviews, events, reactions and time spent, at the issues that are there already.

Not here: the issues, their comments and labels (demo_issues.py).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from aegis_trio.demo_forge.discussions import Event, Reaction, Remark, Review, TrackedTime
from aegis_trio.demo_forge.issues import Issue
from aegis_trio.demo_forge.world import World

_ALICE, _BOB, _CAROL = 2, 3, 4
_HARBOR: Final = 1
_IDEA: Final = 2
_GRACE_PERIOD, _SPRING_TIDES, _REQUEST, _FEET = 13, 14, 12, 4


def add_demo_discussions(world: World) -> None:
    """Put them at the issues and pull requests of the harbour, which must be there."""
    repository = world.repositories[_HARBOR]
    issues = repository.tracker.issues
    request, feet, pull = issues[_REQUEST], issues[_FEET], issues[_GRACE_PERIOD]
    founded = world.accounts[1].created
    request.events = [
        _event(1, "label", _BOB, founded, 17, body="1", label_id=_IDEA),
        _event(2, "milestone", _ALICE, founded, 17, milestone_id=1),
        _event(3, "assignees", _ALICE, founded, 17, assignee_id=_BOB),
        _event(4, "pull_ref", _BOB, founded, 18, issue=(_HARBOR, _GRACE_PERIOD)),
    ]
    request.reactions = (Reaction(author_id=_CAROL, content="+1", created=_day(founded, 17)),)
    request.pin_order = 1
    request.times = [
        TrackedTime(id=1, author_id=_BOB, seconds=5400, created=_day(founded, 18)),
        TrackedTime(id=2, author_id=_ALICE, seconds=600, created=_day(founded, 19)),
    ]
    request.stopwatches = {_ALICE: _day(founded, 20)}
    feet.events = [_event(5, "close", _BOB, founded, 6)]
    issues[_SPRING_TIDES].depends_on = ((_HARBOR, _GRACE_PERIOD),)
    draft = issues[_SPRING_TIDES].pull
    if draft is not None:
        draft.reviewers = (_ALICE,)
    _review(pull, founded, repository.git.refs[f"refs/pull/{_GRACE_PERIOD}/head"])


def _review(pull: Issue, founded: datetime, head: str) -> None:
    if pull.pull is None:
        raise ValueError(f"issue {pull.number} is no pull request")
    remark = Remark(
        id=901,
        author_id=_ALICE,
        body="Where does `GRACE` come from? Please put it beside `KEEL_CLEARANCE_M`.",
        path="src/harbor/planner.py",
        commit=head,
        line=37,
        hunk="@@ -34,4 +34,4 @@",
        created=_day(founded, 19),
        updated=_day(founded, 19),
    )
    reviews = (
        (1, _ALICE, "REQUEST_CHANGES", "One constant is missing; the rest is fine.", 19, (remark,)),
        (2, _CAROL, "COMMENT", "Half an hour is right for the pilots.", 20, ()),
    )
    pull.pull.review_list = tuple(
        Review(
            id=number,
            author_id=author,
            state=state,
            body=body,
            commit=head,
            event_id=910 + number,
            is_official=state != "COMMENT",
            remarks=remarks,
            created=_day(founded, day),
            updated=_day(founded, day),
        )
        for number, author, state, body, day, remarks in reviews
    )
    pull.pull.reviews, pull.pull.remarks = len(reviews), 1
    pull.events = [
        _event(6, "review_request", _BOB, founded, 18, assignee_id=_ALICE),
        *(
            Event(
                id=review.event_id,
                kind="review",
                author_id=review.author_id,
                body=review.body,
                review_id=review.id,
                created=review.created,
            )
            for review in pull.pull.review_list
        ),
    ]


def _day(founded: datetime, day: int) -> datetime:
    return founded + timedelta(days=day, hours=2)


def _event(
    number: int,
    kind: str,
    author: int,
    founded: datetime,
    day: int,
    *,
    body: str = "",
    label_id: int | None = None,
    milestone_id: int | None = None,
    assignee_id: int | None = None,
    issue: tuple[int, int] | None = None,
) -> Event:
    return Event(
        id=number,
        kind=kind,
        author_id=author,
        body=body,
        created=_day(founded, day),
        label_id=label_id,
        milestone_id=milestone_id,
        assignee_id=assignee_id,
        issue=issue,
    )
