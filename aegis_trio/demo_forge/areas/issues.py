"""Issues: one by its number, the list of a repository's, and the comments under one.

Not here: search over all repositories, comments of a whole repository, and everything that writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from aegis_trio.demo_forge.answers import Answer, Refusal, json_answer, not_proven
from aegis_trio.demo_forge.areas.issue_json import comment_json, issue_json
from aegis_trio.demo_forge.call import Call, int_of
from aegis_trio.demo_forge.issues import Issue
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.world import Access, Account, Unit
from aegis_trio.model.json import JsonValue

_MENTION: Final = re.compile(r"(?<![\w/])@([\w.-]*\w)(?![\w/])")
_LIST: Final = "/repos/{owner}/{repo}/issues"
_COMMENTS: Final = "/repos/{owner}/{repo}/issues/{index}/comments"


def get_issue(call: Call) -> Answer:
    """Show one issue or pull request."""
    issue = find_issue(call)
    return json_answer(issue_json(call.world, call.repository, issue, call.viewer))


def find_issue(call: Call) -> Issue:
    """Return the issue that the path names, if its kind may be read."""
    issue = call.repository.tracker.issues.get(int_of(call.params["index"]))
    if issue is None or not may_read(call, issue):
        raise call.missing()
    return issue


def may_read(call: Call, issue: Issue) -> bool:
    """Tell whether issues, or pull requests, are open to the one who asks."""
    return call.rights.to(Unit.ISSUES if issue.pull is None else Unit.PULLS) >= Access.READ


def newest_first(issues: Iterable[Issue]) -> list[Issue]:
    """Return issues in the order of Gitea's lists."""
    return sorted(issues, key=lambda issue: (issue.created, issue.id), reverse=True)


def of_state(state: str, issues: Iterable[Issue], *, unknown: str) -> list[Issue]:
    """Keep the open, the closed or all; *unknown* is what any other word means."""
    wanted = state if state in {"open", "closed", "all"} else unknown
    return [issue for issue in issues if wanted in {"all", issue.state}]


def list_issues(call: Call) -> Answer:
    """List issues and pull requests, the newest first.

    Source: gitea routers/api/v1/repo/issue.go ListIssues.
    """
    if max(call.rights.to(Unit.ISSUES), call.rights.to(Unit.PULLS)) < Access.READ:
        raise call.missing()
    found = [issue for issue in call.repository.tracker.issues.values() if may_read(call, issue)]
    found = of_state(call.query.first("state"), found, unknown="open")
    kind = call.query.first("type")
    if kind in {"issues", "pulls"}:
        found = [issue for issue in found if (issue.pull is None) is (kind == "issues")]
    found = _by_time(call, _by_people(call, _by_milestone(call, _by_label(call, _by_words(call, found)))))
    page = call.page()
    shown: list[JsonValue] = [
        issue_json(call.world, call.repository, issue, call.viewer) for issue in newest_first(found)[page.slice()]
    ]
    return json_answer(shown, headers=call.page_headers(page, len(found)))


def _by_words(call: Call, issues: list[Issue]) -> list[Issue]:
    """Keep what holds the words; the index of a real Gitea cuts words another way, and finds them so soon as it can."""
    words = call.query.first("q").strip().lower()
    return [
        issue
        for issue in issues
        if any(words in text.lower() for text in (issue.title, issue.body, *(c.body for c in issue.comments)))
    ]


def _by_label(call: Call, issues: list[Issue]) -> list[Issue]:
    names = set(call.query.first("labels").split(","))
    # Labels of the organisation are unknown here, and what is unknown is dropped: without any, all issues come.
    labels = call.repository.tracker.labels.values()
    known = {label.id for label in labels if label.name in names and not label.of_organisation}
    return [issue for issue in issues if known <= set(issue.label_ids)]


def _by_milestone(call: Call, issues: list[Issue]) -> list[Issue]:
    names = set(call.query.first("milestones").split(","))
    milestones = call.repository.tracker.milestones.values()
    known = {milestone.id for milestone in milestones if names & {milestone.title, str(milestone.id)}}
    return [issue for issue in issues if not known or issue.milestone_id in known]


def _by_people(call: Call, issues: list[Issue]) -> list[Issue]:
    author, assignee = _person(call, "created_by"), _person(call, "assigned_by")
    mentioned = _person(call, "mentioned_by")
    return [
        issue
        for issue in issues
        if (author is None or issue.author_id == author.id)
        and (assignee is None or assignee.id in issue.assignees)
        and (mentioned is None or is_mentioned(issue, mentioned))
    ]


def is_mentioned(issue: Issue, account: Account) -> bool:
    """Tell whether an issue's own text names an account after an at sign; comments do not count."""
    return any(account.login.lower() == name.lower() for name in _MENTION.findall(issue.body))


def _person(call: Call, key: str) -> Account | None:
    name = call.query.first(key)
    if not name:
        return None
    account = call.world.account_named(name)
    if account is None:
        raise call.missing("not found", f"user does not exist [uid: 0, name: {name}]")
    return account


def _by_time(call: Call, issues: list[Issue]) -> list[Issue]:
    since, before = time_asked(call, "since"), time_asked(call, "before")
    return [
        issue
        for issue in issues
        if (since is None or issue.updated >= since) and (before is None or issue.updated <= before)
    ]


def time_asked(call: Call, key: str) -> datetime | None:
    """Read a time from the query.

    Raises:
        Refusal: 422, it is none.
    """
    raw = call.query.first(key)
    if not raw:
        return None
    try:
        moment = datetime.fromisoformat(raw)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        # Source: Go's time.ParseError; for a word that does not begin with a digit.
        layout = "2006-01-02T15:04:05Z07:00"
        raise call.refused(422, f'parsing time "{raw}" as "{layout}": cannot parse "{raw}" as "2006"')
    return moment


def list_comments(call: Call) -> Answer:
    """List all comments of an issue or pull request, the oldest first: there are no pages."""
    issue = call.repository.tracker.issues.get(int_of(call.params["index"]))
    if issue is None:
        # So Gitea answers, to everybody but administrators without a word.
        raise call.refused(500, "")
    if not may_read(call, issue):
        raise Refusal(not_proven("GET", f"{_COMMENTS} of what may not be read"))
    since, before = time_asked(call, "since"), time_asked(call, "before")
    found = [
        comment
        for comment in issue.comments
        if (since is None or comment.updated >= since) and (before is None or comment.updated <= before)
    ]
    shown: list[JsonValue] = [comment_json(call.world, call.repository, issue, comment) for comment in found]
    return json_answer(shown, headers=(("X-Total-Count", str(len(found))),))


ROUTES: Final = (
    Route(method="GET", template=_LIST, handler=list_issues),
    Route(method="GET", template="/repos/{owner}/{repo}/issues/{index}", handler=get_issue),
    Route(method="GET", template=_COMMENTS, handler=list_comments),
)
