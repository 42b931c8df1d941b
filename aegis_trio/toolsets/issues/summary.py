"""Issues and comments in few words: the fields that help a model, and only those that say something."""

from __future__ import annotations

from typing import Final

from aegis_trio.gitea.issues import Comment, Issue
from aegis_trio.model.json import JsonObject
from aegis_trio.toolsets.answers import compact, line, link, moment, name, names, prose
from aegis_trio.toolsets.listing import Listing

ISSUES: Final = Listing(
    "issues",
    (
        *("number", "title", "state", "pull_request", "author", "labels", "assignees", "milestone", "locked"),
        *("comments", "created_at", "updated_at", "closed_at", "url"),
    ),
)
COMMENTS: Final = Listing("comments", ("id", "author", "created_at", "edited_at", "body", "url"))


def listed(issue: Issue) -> JsonObject:
    """Return the line of *issue* in a list: everything but its body."""
    return compact(
        {
            "number": issue.number,
            "title": line(issue.title),
            "state": name(issue.state),
            "pull_request": issue.is_pull,
            "author": name(issue.original_author or issue.author),
            "labels": names(issue.labels),
            "assignees": names(issue.assignees),
            "milestone": line(issue.milestone),
            "locked": issue.is_locked,
            "comments": issue.comment_count,
            "created_at": moment(issue.created_at),
            "updated_at": moment(issue.updated_at),
            "closed_at": moment(issue.closed_at),
            "url": link(issue.html_url),
        }
    )


def described(issue: Issue) -> JsonObject:
    """Return everything that is shown of one issue; its body stands last, as it is long."""
    return listed(issue) | compact({"body": prose(issue.body)})


def said(comment: Comment) -> JsonObject:
    """Return one comment."""
    edited_at = comment.updated_at if comment.updated_at != comment.created_at else ""
    return compact(
        {
            "id": comment.id,
            "author": name(comment.original_author or comment.author),
            "created_at": moment(comment.created_at),
            "edited_at": moment(edited_at),
            "body": prose(comment.body),
            "url": link(comment.html_url),
        }
    )
