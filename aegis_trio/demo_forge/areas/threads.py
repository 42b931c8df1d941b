"""Threads: the comments of a whole repository, and everything that hangs at an issue or a comment.

That is reactions, files, dependencies, pins and subscriptions. Not here: an issue's own comments (issues.py), its
timeline (timeline.py), time spent on it (tracking.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from aegis_trio.demo_forge.answers import Answer, go_json, json_answer
from aegis_trio.demo_forge.areas.issue_json import attachments_json, comment_json, issue_json
from aegis_trio.demo_forge.areas.issues import find_issue, may_read, time_asked
from aegis_trio.demo_forge.areas.users import account_json_for
from aegis_trio.demo_forge.call import Call, int_of
from aegis_trio.demo_forge.discussions import Reaction
from aegis_trio.demo_forge.issues import Attachment, Comment, Issue
from aegis_trio.demo_forge.permissions import rights_of
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.times import as_gitea
from aegis_trio.demo_forge.world import Access, Repository, Unit
from aegis_trio.model.json import JsonValue

_ISSUES: Final = "/repos/{owner}/{repo}/issues"


def list_repository_comments(call: Call) -> Answer:
    """List the comments of all issues and pull requests, the oldest first, without pages until one is asked for."""
    since, before = time_asked(call, "since"), time_asked(call, "before")
    found = [
        (issue, comment)
        for issue in call.repository.tracker.issues.values()
        for comment in issue.comments
        if may_read(call, issue)
        and (since is None or comment.updated >= since)
        and (before is None or comment.updated <= before)
    ]
    found.sort(key=lambda pair: (pair[1].created, pair[1].id))
    shown: list[JsonValue] = [
        comment_json(call.world, call.repository, issue, comment) for issue, comment in found[call.asked_page()]
    ]
    return json_answer(shown, headers=(("X-Total-Count", str(len(found))),))


def get_comment(call: Call) -> Answer:
    """Show one comment by its number.

    What is no comment but an event has the same numbers, and is answered with nothing at all.
    """
    number = int_of(call.params["id"])
    for repository in call.world.repositories.values():
        for issue in repository.tracker.issues.values():
            if any(event.id == number for event in issue.events):
                return Answer(status=204)
            comment = next((each for each in issue.comments if each.id == number), None)
            if comment is not None:
                if repository is not call.repository:
                    return Answer(status=404)
                return json_answer(comment_json(call.world, repository, issue, comment))
    raise call.missing("not found", f"comment does not exist [id: {number}, issue_id: 0]")


def _comment(call: Call) -> tuple[Issue, Comment]:
    number = int_of(call.params["id"])
    for issue in call.repository.tracker.issues.values():
        for comment in issue.comments:
            if comment.id == number and may_read(call, issue):
                return issue, comment
    raise call.missing("not found", f"comment does not exist [id: {number}, issue_id: 0]")


def _reactions(call: Call, reactions: Iterable[Reaction]) -> list[JsonValue]:
    world = call.world
    return [
        {
            "user": account_json_for(world, world.accounts[each.author_id], call.viewer),
            "content": each.content,
            "created_at": as_gitea(each.created),
        }
        for each in reactions
    ]


def list_issue_reactions(call: Call) -> Answer:
    """List the reactions to an issue; no reaction is no list."""
    reactions = find_issue(call).reactions
    shown = _reactions(call, reactions[call.asked_page()])
    return json_answer(shown or None, headers=(("X-Total-Count", str(len(reactions))),))


def list_comment_reactions(call: Call) -> Answer:
    """List the reactions to a comment."""
    _, comment = _comment(call)
    return json_answer(_reactions(call, comment.reactions) or None)


def list_issue_attachments(call: Call) -> Answer:
    """List the files that hang at an issue."""
    return json_answer(attachments_json(call.world, find_issue(call).attachments))


def get_issue_attachment(call: Call) -> Answer:
    """Show what is told of one file at an issue."""
    issue = find_issue(call)
    return _attachment(call, issue.attachments, "no such attachment in issue")


def list_comment_attachments(call: Call) -> Answer:
    """List the files that hang at a comment."""
    _, comment = _comment(call)
    return json_answer(attachments_json(call.world, comment.attachments))


def get_comment_attachment(call: Call) -> Answer:
    """Show what is told of one file at a comment."""
    _, comment = _comment(call)
    return _attachment(call, comment.attachments, "no such attachment in comment")


def _attachment(call: Call, attachments: tuple[Attachment, ...], elsewhere: str) -> Answer:
    number = int_of(call.params["attachment_id"])
    found = tuple(each for each in attachments if each.id == number)
    if found:
        return json_answer(attachments_json(call.world, found)[0])
    issues = [issue for one in call.world.repositories.values() for issue in one.tracker.issues.values()]
    everywhere = [issue.attachments for issue in issues]
    everywhere += [comment.attachments for issue in issues for comment in issue.comments]
    if any(each.id == number for files in everywhere for each in files):
        raise call.missing(elsewhere)
    # A number that no file has is answered with Go's empty pointer.
    return Answer(status=404, body=go_json(None), content_type="application/json;charset=utf-8")


def _shown(call: Call, places: Iterable[tuple[int, int]]) -> list[JsonValue]:
    """Return issues of any repository, those that the one who asks may read."""
    shown: list[JsonValue] = []
    for number, index in places:
        repository = call.world.repositories[number]
        issue = repository.tracker.issues[index]
        rights = rights_of(call.world, call.viewer, repository)
        if rights.to(Unit.ISSUES if issue.pull is None else Unit.PULLS) >= Access.READ:
            shown.append(issue_json(call.world, repository, issue, call.viewer))
    return shown


def list_dependencies(call: Call) -> Answer:
    """List the issues that must be closed before this one."""
    return json_answer(_shown(call, find_issue(call).depends_on[call.page().slice()]))


def list_blocks(call: Call) -> Answer:
    """List the issues that wait for this one."""
    here = (call.repository.id, find_issue(call).number)
    waiting = [
        (repository.id, issue.number)
        for repository in call.world.repositories.values()
        for issue in repository.tracker.issues.values()
        if here in issue.depends_on
    ]
    return json_answer(_shown(call, waiting[call.page().slice()]))


def list_pinned_issues(call: Call) -> Answer:
    """List the pinned issues, in the order in which they hang there."""
    return json_answer(_shown(call, _pinned(call.repository, pulls=False)))


def _pinned(repository: Repository, *, pulls: bool) -> list[tuple[int, int]]:
    pinned = [
        issue
        for issue in repository.tracker.issues.values()
        if issue.pin_order > 0 and (issue.pull is not None) is pulls
    ]
    return [(repository.id, issue.number) for issue in sorted(pinned, key=lambda issue: issue.pin_order)]


def get_new_pin_allowed(call: Call) -> Answer:
    """Tell whether one more may be pinned.

    Source: gitea [repository.issue] MAX_PINNED, 3.
    """
    counts = {pulls: len(_pinned(call.repository, pulls=pulls)) for pulls in (False, True)}
    return json_answer({"issues": counts[False] < 3, "pull_requests": counts[True] < 3})


def list_subscriptions(call: Call) -> Answer:
    """List who asked to be told of this issue; who watches the repository or took part is not listed."""
    find_issue(call)
    return json_answer([], headers=(("X-Total-Count", "0"),))


def check_subscription(call: Call) -> Answer:
    """Tell whether the one who asks is told of this issue."""
    issue, viewer = find_issue(call), call.viewer
    if viewer is None:
        raise call.refused(401, "token is required")
    takes_part = viewer.id in {issue.author_id, *issue.assignees, *(each.author_id for each in issue.comments)}
    subscribed = viewer.id in call.repository.watchers or takes_part
    place = f"{call.root}api/v1/repos/{call.world.full_name(call.repository)}"
    return json_answer(
        {
            "subscribed": subscribed,
            "ignored": not subscribed,
            "reason": None,
            "created_at": as_gitea(issue.created),
            "url": f"{place}/issues/{issue.number}/subscriptions",
            "repository_url": place,
        }
    )


ROUTES: Final = (
    Route(method="GET", template=f"{_ISSUES}/comments", handler=list_repository_comments),
    Route(method="GET", template=f"{_ISSUES}/comments/{{id}}", handler=get_comment),
    Route(method="GET", template=f"{_ISSUES}/comments/{{id}}/reactions", handler=list_comment_reactions),
    Route(method="GET", template=f"{_ISSUES}/comments/{{id}}/assets", handler=list_comment_attachments),
    Route(method="GET", template=f"{_ISSUES}/comments/{{id}}/assets/{{attachment_id}}", handler=get_comment_attachment),
    Route(method="GET", template=f"{_ISSUES}/pinned", handler=list_pinned_issues),
    Route(method="GET", template=f"{_ISSUES}/{{index}}/reactions", handler=list_issue_reactions),
    Route(method="GET", template=f"{_ISSUES}/{{index}}/assets", handler=list_issue_attachments),
    Route(method="GET", template=f"{_ISSUES}/{{index}}/assets/{{attachment_id}}", handler=get_issue_attachment),
    Route(method="GET", template=f"{_ISSUES}/{{index}}/dependencies", handler=list_dependencies),
    Route(method="GET", template=f"{_ISSUES}/{{index}}/blocks", handler=list_blocks),
    Route(method="GET", template=f"{_ISSUES}/{{index}}/subscriptions", handler=list_subscriptions),
    Route(
        method="GET", template=f"{_ISSUES}/{{index}}/subscriptions/check", handler=check_subscription, signed_in=True
    ),
    Route(method="GET", template="/repos/{owner}/{repo}/new_pin_allowed", handler=get_new_pin_allowed),
)
