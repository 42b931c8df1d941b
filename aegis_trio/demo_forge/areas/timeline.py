"""Timeline: comments, reviews and all other events of an issue, in the order in which they came.

Law: without a page everything comes at once, and the total counts what is shown, not what there is.

Source: gitea services/convert/issue_comment.go ToTimelineComment; the order of the keys is the struct's.
"""

from __future__ import annotations

from typing import Final

from aegis_trio.demo_forge.answers import Answer, json_answer
from aegis_trio.demo_forge.areas.issue_json import comment_json, issue_json, label_json, milestone_json, page_of
from aegis_trio.demo_forge.areas.issues import may_read, time_asked
from aegis_trio.demo_forge.areas.team_json import team_json
from aegis_trio.demo_forge.areas.users import account_json
from aegis_trio.demo_forge.call import Call, int_of
from aegis_trio.demo_forge.discussions import Event
from aegis_trio.demo_forge.issues import Comment, Issue
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.times import as_gitea
from aegis_trio.model.json import JsonObject, JsonValue


def list_timeline(call: Call) -> Answer:
    """Show the timeline of an issue or pull request; nothing in it is no list."""
    issue = call.repository.tracker.issues.get(int_of(call.params["index"]))
    if issue is None:
        # So Gitea answers, to everybody but administrators without a word.
        raise call.refused(500, "")
    if not may_read(call, issue):
        raise call.missing()
    since, before = time_asked(call, "since"), time_asked(call, "before")
    entries = sorted((*issue.events, *(_as_event(comment) for comment in issue.comments)), key=lambda each: each.id)
    found = [
        entry
        for entry in entries
        if (since is None or entry.created >= since) and (before is None or entry.created <= before)
    ][call.asked_page()]
    shown: list[JsonValue] = [_entry(call, issue, entry) for entry in found]
    return json_answer(shown or None, headers=(("X-Total-Count", str(len(found))),))


def _as_event(comment: Comment) -> Event:
    return Event(id=comment.id, kind="comment", author_id=comment.author_id, body=comment.body, created=comment.created)


def _entry(call: Call, issue: Issue, event: Event) -> JsonObject:
    world, repository = call.world, call.repository
    page = page_of(world, repository, issue)
    label = None if event.label_id is None else repository.tracker.labels[event.label_id]
    team = None if event.team_id is None else world.team(event.team_id)
    about = _about(call, event)
    is_dependency = event.kind in {"add_dependency", "remove_dependency"}
    return {
        "id": event.id,
        "type": event.kind,
        "html_url": f"{page}#issuecomment-{event.id}",
        "pull_request_url": "" if issue.pull is None else page,
        "issue_url": page if issue.pull is None else "",
        "user": _account(call, event.author_id),
        "body": event.body,
        "created_at": as_gitea(event.created),
        "updated_at": as_gitea(event.created),
        "old_project_id": 0,
        "project_id": 0,
        "old_milestone": milestone_json(repository, event.old_milestone_id),
        "milestone": milestone_json(repository, event.milestone_id),
        "tracked_time": None,
        "old_title": event.old_title,
        "new_title": event.new_title,
        "old_ref": event.old_ref,
        "new_ref": event.new_ref,
        "ref_issue": None if is_dependency else about,
        "ref_comment": _came_from(call, event),
        "ref_action": "none",
        "ref_commit_sha": event.commit,
        "review_id": event.review_id,
        "label": None if label is None else label_json(world, repository, label),
        "assignee": None if event.assignee_id is None else _account(call, event.assignee_id),
        "assignee_team": None if team is None else team_json(world, team, with_organisation=False),
        "removed_assignee": event.removed,
        "resolve_doer": None,
        "dependent_issue": about if is_dependency else None,
    }


def _account(call: Call, number: int) -> JsonObject:
    return account_json(call.world, call.world.accounts[number], signed_in=False, private=False)


def _about(call: Call, event: Event) -> JsonObject | None:
    if event.issue is None:
        return None
    repository = call.world.repositories[event.issue[0]]
    return issue_json(call.world, repository, repository.tracker.issues[event.issue[1]], call.viewer)


def _came_from(call: Call, event: Event) -> JsonObject | None:
    if event.issue is None or event.comment_id is None:
        return None
    repository = call.world.repositories[event.issue[0]]
    issue = repository.tracker.issues[event.issue[1]]
    comment = next(each for each in issue.comments if each.id == event.comment_id)
    return comment_json(call.world, repository, issue, comment)


ROUTES: Final = (Route(method="GET", template="/repos/{owner}/{repo}/issues/{index}/timeline", handler=list_timeline),)
