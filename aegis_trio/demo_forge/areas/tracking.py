"""Tracking: the time that people spent on issues, and the stopwatches that still run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from aegis_trio.demo_forge.answers import Answer, json_answer
from aegis_trio.demo_forge.areas.issue_json import issue_json
from aegis_trio.demo_forge.areas.issues import find_issue, may_read, time_asked
from aegis_trio.demo_forge.call import Call
from aegis_trio.demo_forge.discussions import TrackedTime
from aegis_trio.demo_forge.issues import Issue
from aegis_trio.demo_forge.lookups import the_viewer
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.times import as_gitea
from aegis_trio.demo_forge.world import Account, Repository
from aegis_trio.model.json import JsonObject, JsonValue

_Spent = tuple[Repository, Issue, TrackedTime]
_UNITS: Final = (
    ("year", 31_536_000),
    ("month", 2_592_000),
    ("week", 604_800),
    ("day", 86_400),
    ("hour", 3600),
    ("minute", 60),
    ("second", 1),
)


def _spent(repositories: Iterable[Repository]) -> list[_Spent]:
    found = [
        (repository, issue, spent)
        for repository in repositories
        for issue in repository.tracker.issues.values()
        for spent in issue.times
    ]
    return sorted(found, key=lambda each: each[2].id)


def _answer(call: Call, found: list[_Spent]) -> Answer:
    since, before = time_asked(call, "since"), time_asked(call, "before")
    found = [
        each
        for each in found
        if (since is None or each[2].created >= since) and (before is None or each[2].created <= before)
    ]
    shown: list[JsonValue] = [_time(call, *each) for each in found[call.page().slice()]]
    return json_answer(shown, headers=(("X-Total-Count", str(len(found))),))


def _time(call: Call, repository: Repository, issue: Issue, spent: TrackedTime) -> JsonObject:
    """Source: gitea services/convert/issue.go ToTrackedTime."""
    return {
        "id": spent.id,
        "created": as_gitea(spent.created),
        "time": spent.seconds,
        "user_id": spent.author_id,
        "user_name": call.world.accounts[spent.author_id].login,
        "issue_id": issue.id,
        "issue": issue_json(call.world, repository, issue, call.viewer),
    }


def _person(call: Call, name: str) -> Account:
    account = call.world.account_named(name)
    if account is None:
        raise call.missing("not found", f"user does not exist [uid: 0, name: {name}]")
    return account


def list_issue_times(call: Call) -> Answer:
    """List the time spent on one issue."""
    issue, name = find_issue(call), call.query.first("user")
    person = _person(call, name) if name else None
    found = [each for each in _spent((call.repository,)) if each[1] is issue]
    return _answer(call, [each for each in found if person is None or each[2].author_id == person.id])


def list_repository_times(call: Call) -> Answer:
    """List the time spent on all issues of a repository."""
    name = call.query.first("user")
    person = _person(call, name) if name else None
    found = [each for each in _spent((call.repository,)) if may_read(call, each[1])]
    return _answer(call, [each for each in found if person is None or each[2].author_id == person.id])


def list_times_of(call: Call) -> Answer:
    """List the time that one person spent in a repository, without pages."""
    person = _person(call, call.params["user"])
    found = [each for each in _spent((call.repository,)) if each[2].author_id == person.id]
    return json_answer(list[JsonValue](_time(call, *each) for each in found))


def list_my_times(call: Call) -> Answer:
    """List the time that the one who asks spent."""
    viewer = the_viewer(call)
    found = [each for each in _spent(call.world.repositories.values()) if each[2].author_id == viewer.id]
    return _answer(call, found)


def list_my_stopwatches(call: Call) -> Answer:
    """List the stopwatches that the one who asks has running."""
    viewer, now = the_viewer(call), call.world.now()
    running = [
        (repository, issue)
        for repository in call.world.repositories.values()
        for issue in repository.tracker.issues.values()
        if viewer.id in issue.stopwatches
    ]
    shown: list[JsonValue] = []
    for repository, issue in running[call.page().slice()]:
        started = issue.stopwatches[viewer.id]
        seconds = max(int((now - started).total_seconds()), 0)
        shown.append(
            {
                "created": as_gitea(started),
                "seconds": seconds,
                "duration": _in_words(seconds),
                "issue_index": issue.number,
                "issue_title": issue.title,
                "repo_owner_name": call.world.owner_of(repository).login,
                "repo_name": repository.name,
            }
        )
    return json_answer(shown, headers=(("X-Total-Count", str(len(running))),))


def _in_words(seconds: int) -> str:
    """Source: gitea modules/util/sec_to_time.go, which names the two greatest units."""
    words: list[str] = []
    for name, size in _UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            words.append(f"{count} {name}{'' if count == 1 else 's'}")
    return " ".join(words[:2])


ROUTES: Final = (
    Route(method="GET", template="/repos/{owner}/{repo}/issues/{index}/times", handler=list_issue_times),
    Route(method="GET", template="/repos/{owner}/{repo}/times", handler=list_repository_times, signed_in=True),
    Route(method="GET", template="/repos/{owner}/{repo}/times/{user}", handler=list_times_of, signed_in=True),
    Route(method="GET", template="/user/times", handler=list_my_times, signed_in=True),
    Route(method="GET", template="/user/stopwatches", handler=list_my_stopwatches, signed_in=True),
)
