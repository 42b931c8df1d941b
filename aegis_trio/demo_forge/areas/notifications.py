"""Notifications: what a person has not read yet, and what they have.

Laws (each is recorded behaviour of Gitea 1.25.4):
    1. Without a word unread and pinned ones come; a status that is none asks for all.
    2. A token for public things is told of private ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from aegis_trio.demo_forge.answers import Answer, json_answer
from aegis_trio.demo_forge.areas.issue_json import page_of
from aegis_trio.demo_forge.areas.issues import time_asked
from aegis_trio.demo_forge.areas.repositories import repository_json
from aegis_trio.demo_forge.call import Call, int_of
from aegis_trio.demo_forge.inbox import Notification
from aegis_trio.demo_forge.lookups import the_viewer
from aegis_trio.demo_forge.permissions import rights_of
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.times import as_gitea
from aegis_trio.model.json import JsonObject, JsonValue

_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})  # Source: strconv.ParseBool
_SUBJECTS: Final = {"issue": "Issue", "pull": "Pull", "commit": "Commit", "repository": "Repository"}


def _mine(call: Call) -> list[Notification]:
    viewer = the_viewer(call)
    found = [each for each in call.world.notifications if each.account_id == viewer.id]
    return sorted(found, key=lambda each: (each.updated, each.id), reverse=True)


def _status(notification: Notification) -> str:
    if notification.is_pinned:
        return "pinned"
    return "unread" if notification.is_unread else "read"


def _wanted(call: Call, notifications: Iterable[Notification]) -> list[Notification]:
    since, before = time_asked(call, "since"), time_asked(call, "before")
    asked = [value.lower() for name, value in call.query.pairs if name == "status-types"]
    statuses = {"unread", "pinned"} if not asked else {"unread", "read", "pinned"} & set(asked)
    if call.query.first("all") in _TRUE or not statuses:
        statuses = {"unread", "read", "pinned"}
    kinds = {_SUBJECTS.get(value.lower(), "") for name, value in call.query.pairs if name == "subject-type"} - {""}
    return [
        each
        for each in notifications
        if _status(each) in statuses
        and (not kinds or _kind(call, each) in kinds)
        and (since is None or each.updated >= since)
        and (before is None or each.updated <= before)
    ]


def _kind(call: Call, notification: Notification) -> str:
    issue = call.world.repositories[notification.repository_id].tracker.issues[notification.number]
    return "Issue" if issue.pull is None else "Pull"


def _answer(call: Call, found: list[Notification]) -> Answer:
    shown: list[JsonValue] = [_thread(call, each) for each in found[call.page().slice()]]
    return json_answer(shown, headers=(("X-Total-Count", str(len(found))),))


def list_notifications(call: Call) -> Answer:
    """List what the one who asks is told, the newest first."""
    return _answer(call, _wanted(call, _mine(call)))


def list_repository_notifications(call: Call) -> Answer:
    """List what the one who asks is told of one repository."""
    return _answer(call, [each for each in _wanted(call, _mine(call)) if each.repository_id == call.repository.id])


def count_new(call: Call) -> Answer:
    """Count what the one who asks has not read."""
    return json_answer({"new": sum(each.is_unread for each in _mine(call))})


def get_thread(call: Call) -> Answer:
    """Show one notification, to whom it was sent and to administrators."""
    viewer, number = the_viewer(call), int_of(call.params["id"])
    found = next((each for each in call.world.notifications if each.id == number), None)
    if found is None:
        raise call.refused(404, f"notification does not exist [id: {number}]")
    if found.account_id != viewer.id and not viewer.is_admin:
        raise call.refused(403, f"only user itself and admin are allowed to read/change this thread {number}")
    return json_answer(_thread(call, found))


def _thread(call: Call, notification: Notification) -> JsonObject:
    """Source: gitea services/convert/notification.go ToNotificationThread."""
    world = call.world
    repository = world.repositories[notification.repository_id]
    issue = repository.tracker.issues[notification.number]
    shown = repository_json(world, repository, rights_of(world, call.viewer, repository), language=False)
    del shown["permissions"]  # which are not looked up here
    page, api = page_of(world, repository, issue), f"{call.root}api/v1/repos/{world.full_name(repository)}"
    comment = notification.comment_id
    merged = issue.pull is not None and issue.pull.merged is not None
    return {
        "id": notification.id,
        "repository": shown,
        "subject": {
            "title": issue.title,
            "url": f"{api}/issues/{issue.number}",
            "latest_comment_url": "" if comment is None else f"{api}/issues/comments/{comment}",
            "html_url": page,
            "latest_comment_html_url": "" if comment is None else f"{page}#issuecomment-{comment}",
            "type": _kind(call, notification),
            "state": "merged" if merged else issue.state,
        },
        "unread": notification.is_unread,
        "pinned": notification.is_pinned,
        "updated_at": as_gitea(notification.updated),
        "url": f"{call.root}api/v1/notifications/threads/{notification.id}",
    }


ROUTES: Final = (
    Route(method="GET", template="/notifications", handler=list_notifications, signed_in=True),
    Route(method="GET", template="/notifications/new", handler=count_new, signed_in=True),
    Route(method="GET", template="/notifications/threads/{id}", handler=get_thread, signed_in=True),
    Route(
        method="GET",
        template="/repos/{owner}/{repo}/notifications",
        handler=list_repository_notifications,
        signed_in=True,
    ),
)
