"""Issues as JSON: issues, comments, labels and milestones, which pull requests embed, too.

Source: gitea services/convert/issue.go, issue_comment.go; the order of the keys is the structs'.
"""

from __future__ import annotations

from datetime import datetime

from aegis_trio.demo_forge.areas.users import account_json, account_json_for
from aegis_trio.demo_forge.issues import Attachment, Comment, Issue, Label, Milestone
from aegis_trio.demo_forge.times import as_gitea
from aegis_trio.demo_forge.world import Account, Repository, World
from aegis_trio.model.json import JsonObject, JsonValue


def moment(when: datetime | None) -> str | None:
    """Return a time that may not be there."""
    return None if when is None else as_gitea(when)


def page_of(world: World, repository: Repository, issue: Issue) -> str:
    """Return the web address of an issue or pull request."""
    kind = "issues" if issue.pull is None else "pulls"
    return f"{world.root_url}{world.full_name(repository)}/{kind}/{issue.number}"


def people_json(world: World, ids: tuple[int, ...]) -> list[JsonValue]:
    """Return accounts as they are shown beside an issue: without addresses, whoever looks."""
    return [account_json(world, world.accounts[each], signed_in=False, private=False) for each in ids]


def issue_json(world: World, repository: Repository, issue: Issue, viewer: Account | None) -> JsonObject:
    """Return an issue, or a pull request as an issue, as *viewer* sees it."""
    full_name = world.full_name(repository)
    pull: JsonObject | None = None
    if issue.pull is not None:
        pull = {
            "merged": issue.pull.merged is not None,
            "merged_at": moment(issue.pull.merged),
            "draft": issue.is_draft,
            "html_url": page_of(world, repository, issue),
        }
    assignees = people_json(world, issue.assignees)
    return {
        "id": issue.id,
        "url": f"{world.root_url}api/v1/repos/{full_name}/issues/{issue.number}",
        "html_url": page_of(world, repository, issue),
        "number": issue.number,
        "user": account_json_for(world, world.accounts[issue.author_id], viewer),
        "original_author": "",
        "original_author_id": 0,
        "title": issue.title,
        "body": issue.body,
        "ref": "",
        "assets": attachments_json(world, issue.attachments),
        "labels": labels_json(world, repository, issue),
        "milestone": milestone_json(repository, issue.milestone_id),
        "assignee": assignees[0] if assignees else None,
        "assignees": assignees or None,
        "state": issue.state,
        "is_locked": issue.is_locked,
        "comments": issue.comment_count,
        "created_at": as_gitea(issue.created),
        "updated_at": as_gitea(issue.updated),
        "closed_at": moment(issue.closed),
        "due_date": moment(issue.due),
        "time_estimate": 0,
        "pull_request": pull,
        "repository": {
            "id": repository.id,
            "name": repository.name,
            "owner": world.owner_of(repository).login,
            "full_name": full_name,
        },
        "pin_order": issue.pin_order,
    }


def comment_json(world: World, repository: Repository, issue: Issue, comment: Comment) -> JsonObject:
    """Return a comment; its author's address is hidden, whoever looks."""
    page = page_of(world, repository, issue)
    author = world.accounts[comment.author_id]
    return {
        "id": comment.id,
        "html_url": f"{page}#issuecomment-{comment.id}",
        "pull_request_url": "" if issue.pull is None else page,
        "issue_url": page if issue.pull is None else "",
        "user": account_json(world, author, signed_in=False, private=False),
        "original_author": "",
        "original_author_id": 0,
        "body": comment.body,
        "assets": attachments_json(world, comment.attachments),
        "created_at": as_gitea(comment.created),
        "updated_at": as_gitea(comment.updated),
    }


def labels_json(world: World, repository: Repository, issue: Issue) -> list[JsonValue]:
    """Return an issue's labels, by name."""
    labels = sorted((repository.tracker.labels[each] for each in issue.label_ids), key=lambda label: label.name)
    return [label_json(world, repository, label) for label in labels]


def label_json(world: World, repository: Repository, label: Label) -> JsonObject:
    """Return one label of a repository, or of the organisation that owns it."""
    owner = world.owner_of(repository).login
    place = f"orgs/{owner}" if label.of_organisation else f"repos/{owner}/{repository.name}"
    return {
        "id": label.id,
        "name": label.name,
        "exclusive": label.exclusive,
        "is_archived": False,
        "color": label.color,
        "description": label.description,
        "url": f"{world.root_url}api/v1/{place}/labels/{label.id}",
    }


def milestone_json(repository: Repository, number: int | None) -> JsonObject | None:
    """Return a milestone with what is open and closed of it."""
    if number is None:
        return None
    milestone: Milestone = repository.tracker.milestones[number]
    states = [issue.state for issue in repository.tracker.issues.values() if issue.milestone_id == number]
    return {
        "id": milestone.id,
        "title": milestone.title,
        "description": milestone.description,
        "state": "open" if milestone.closed is None else "closed",
        "open_issues": states.count("open"),
        "closed_issues": states.count("closed"),
        "created_at": as_gitea(milestone.created),
        "updated_at": as_gitea(milestone.updated),
        "closed_at": moment(milestone.closed),
        "due_on": moment(milestone.due),
    }


def attachments_json(world: World, attachments: tuple[Attachment, ...]) -> list[JsonValue]:
    """Return what is told of files that hang at an issue or a comment."""
    return [
        {
            "id": each.id,
            "name": each.name,
            "size": each.size,
            "download_count": 0,
            "created_at": as_gitea(each.created),
            "uuid": each.uuid,
            "browser_download_url": f"{world.root_url}attachments/{each.uuid}",
        }
        for each in attachments
    ]
