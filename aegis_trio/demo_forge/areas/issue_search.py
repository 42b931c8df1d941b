"""Search for issues and pull requests over all repositories that the one who asks can see.

Laws:
    1. What is not known is dropped, as in a repository's own list: a label or milestone without issues filters nothing.
    2. A page holds 20 unless it is asked for more, whatever the settings of the API say.

Source: gitea routers/api/v1/repo/issue.go SearchIssues.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeAlias

from aegis_trio.demo_forge.answers import Answer, json_answer
from aegis_trio.demo_forge.areas.issue_json import issue_json
from aegis_trio.demo_forge.areas.issues import is_mentioned, of_state, time_asked
from aegis_trio.demo_forge.call import Call, int_of
from aegis_trio.demo_forge.issues import Issue
from aegis_trio.demo_forge.permissions import rights_of
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.world import Access, Account, Repository, Unit
from aegis_trio.model.json import JsonValue

ISSUES_PER_PAGE: Final = 20  # Source: gitea [ui] ISSUE_PAGING_NUM
_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})  # Source: strconv.ParseBool
_Found: TypeAlias = tuple[Repository, Issue]


def search_issues(call: Call) -> Answer:
    """List issues and pull requests of many repositories, the newest first."""
    repositories = _repositories(call)
    found = [
        (repository, issue)
        for repository, units in repositories
        for issue in repository.tracker.issues.values()
        if (Unit.ISSUES if issue.pull is None else Unit.PULLS) in units
    ]
    wanted = set(map(id, of_state(call.query.first("state"), [issue for _, issue in found], unknown="open")))
    kind = call.query.first("type")
    filters = (*_of_things(call), *_of_people(call), _of_words(call), _of_times(call))
    found = [
        (repository, issue)
        for repository, issue in found
        if id(issue) in wanted
        and (kind not in {"issues", "pulls"} or (issue.pull is None) is (kind == "issues"))
        and all(accepts((repository, issue)) for accepts in filters)
    ]
    found.sort(key=lambda each: (each[1].created, each[1].id), reverse=True)
    page = call.page()
    if int_of(call.query.first("limit")) <= 0:
        page = replace(page, items=ISSUES_PER_PAGE)
    shown: list[JsonValue] = [
        issue_json(call.world, repository, issue, call.viewer) for repository, issue in found[page.slice()]
    ]
    return json_answer(shown, headers=call.page_headers(page, len(found)))


def _repositories(call: Call) -> list[tuple[Repository, set[Unit]]]:
    owner, public_only = _owner(call), call.principal is not None and call.principal.public_only
    teams = _teams_repositories(call, owner)
    found: list[tuple[Repository, set[Unit]]] = []
    for repository in call.world.repositories.values():
        if (owner is not None and repository.owner_id != owner.id) or (public_only and repository.private):
            continue
        if teams is not None and repository.id not in teams:
            continue
        rights = rights_of(call.world, call.viewer, repository)
        units = {unit for unit in (Unit.ISSUES, Unit.PULLS) if rights.to(unit) >= Access.READ}
        found.append((repository, units))
    return found


def _owner(call: Call) -> Account | None:
    name = call.query.first("owner")
    owner = call.world.account_named(name) if name else None
    if name and owner is None:
        raise call.refused(400, f"user does not exist [uid: 0, name: {name}]")
    return owner


def _teams_repositories(call: Call, owner: Account | None) -> set[int] | None:
    name = call.query.first("team")
    if not name:
        return None
    if owner is None:
        raise call.refused(400, "Owner organisation is required for filtering on team")
    team = next((t for t in call.world.teams if t.organisation_id == owner.id and t.name.lower() == name.lower()), None)
    if team is None:
        raise call.refused(400, f"team does not exist [org_id {owner.id}, team_id 0, name: {name}]")
    if team.owners or team.all_repositories:
        return {each.id for each in call.world.repositories.values() if each.owner_id == owner.id}
    return team.repository_ids


def _of_things(call: Call) -> list[Callable[[_Found], bool]]:
    labels = {name.strip() for name in call.query.first("labels").split(",") if name.strip()}
    milestones = {name.strip() for name in call.query.first("milestones").split(",") if name.strip()}
    trackers = [repository.tracker for repository in call.world.repositories.values()]
    known = labels & {label.name for tracker in trackers for label in tracker.labels.values()}
    stones = milestones & {each.title for tracker in trackers for each in tracker.milestones.values()}

    def has_labels(found: _Found) -> bool:
        repository, issue = found
        return known <= {repository.tracker.labels[each].name for each in issue.label_ids}

    def has_milestone(found: _Found) -> bool:
        repository, issue = found
        number = issue.milestone_id
        return not stones or (number is not None and repository.tracker.milestones[number].title in stones)

    return [has_labels, has_milestone]


def _of_people(call: Call) -> list[Callable[[_Found], bool]]:
    viewer = call.viewer
    if viewer is None:
        return []
    return [_about(viewer, is_about) for key, is_about in _ABOUT.items() if call.query.first(key) in _TRUE]


def _about(viewer: Account, is_about: Callable[[Issue, Account], bool]) -> Callable[[_Found], bool]:
    return lambda found: is_about(found[1], viewer)


def _is_asked(issue: Issue, account: Account) -> bool:
    if issue.pull is None or account.id not in issue.pull.reviewers:
        return False
    return not _has_reviewed(issue, account)


def _has_reviewed(issue: Issue, account: Account) -> bool:
    reviews = () if issue.pull is None else issue.pull.review_list
    return any(review.author_id == account.id and review.state != "PENDING" for review in reviews)


_ABOUT: Final[dict[str, Callable[[Issue, Account], bool]]] = {
    "created": lambda issue, account: issue.author_id == account.id,
    "assigned": lambda issue, account: account.id in issue.assignees,
    "mentioned": is_mentioned,
    "review_requested": _is_asked,
    "reviewed": _has_reviewed,
}


def _of_words(call: Call) -> Callable[[_Found], bool]:
    words = call.query.first("q").strip().lower()

    def holds(found: _Found) -> bool:
        issue = found[1]
        texts = (issue.title, issue.body, *(comment.body for comment in issue.comments))
        return any(words in text.lower() for text in texts)

    return holds


def _of_times(call: Call) -> Callable[[_Found], bool]:
    since, before = time_asked(call, "since"), time_asked(call, "before")

    def is_within(found: _Found) -> bool:
        updated = found[1].updated
        return (since is None or updated >= since) and (before is None or updated <= before)

    return is_within


ROUTES: Final = (Route(method="GET", template="/repos/issues/search", handler=search_issues),)
