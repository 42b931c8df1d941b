"""Statuses: what machines said of a commit, one by one and put together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from aegis_trio.demo_forge.answers import Answer, json_answer
from aegis_trio.demo_forge.areas.entries import missing_text
from aegis_trio.demo_forge.areas.repositories import repository_json
from aegis_trio.demo_forge.areas.users import account_json_for
from aegis_trio.demo_forge.builds import Status
from aegis_trio.demo_forge.call import Call
from aegis_trio.demo_forge.git_history import resolve_revision
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.times import as_gitea
from aegis_trio.demo_forge.world import Unit
from aegis_trio.model.json import JsonObject, JsonValue

# Source: gitea modules/commitstatus/commit_status.go: the worst speaks for all.
_WORST_FIRST: Final = ("error", "failure", "pending", "warning", "success", "skipped")


def _commit(call: Call) -> str:
    call.must_read(Unit.CODE)
    text, git = call.params.get("ref") or call.params["sha"], call.repository.git
    sha = resolve_revision(git, text)
    if sha is None:
        raise call.missing("not found", missing_text(sha=text))
    return git.peel(sha)


def get_combined_status(call: Call) -> Answer:
    """Show the last word of every context, and what they come to together."""
    sha = _commit(call)
    found = _last_words(call.repository.builds.statuses.get(sha, ()))
    page = call.page()
    shown: list[JsonValue] = [_status(call, sha, status) for status in found[page.slice()]]
    states = {status.state for status in found}
    place = f"{call.root}api/v1/repos/{call.world.full_name(call.repository)}/commits/{sha}"
    body: JsonObject = {
        "state": next((state for state in _WORST_FIRST if state in states), ""),
        "sha": sha,
        "total_count": len(found),
        "statuses": shown or None,
        "repository": repository_json(call.world, call.repository, call.rights, language=False),
        "commit_url": place,
        "url": f"{place}/status",
    }
    return json_answer(body, headers=call.page_headers(page, len(found)))


def _last_words(statuses: Iterable[Status]) -> list[Status]:
    last = {status.context: status for status in sorted(statuses, key=lambda each: each.id)}
    return sorted(last.values(), key=lambda each: each.id)


def list_statuses(call: Call) -> Answer:
    """List everything that was said of a commit, the newest second first."""
    sha = _commit(call)
    state, order = call.query.first("state"), call.query.first("sort")
    found = [each for each in call.repository.builds.statuses.get(sha, ()) if state in {"", each.state}]
    # Source: gitea models/git/commit_status.go CommitStatusOptions.ToOrders; the index names are mixed up there.
    found.sort(key=lambda each: each.id, reverse=order == "leastindex")
    if order not in {"leastindex", "highestindex"}:
        found.sort(key=lambda each: each.created, reverse=order != "oldest")
    page = call.page()
    shown: list[JsonValue] = [_status(call, sha, status) for status in found[call.asked_page()]]
    return json_answer(shown, headers=call.page_headers(page, len(found)))


def _status(call: Call, sha: str, status: Status) -> JsonObject:
    world = call.world
    creator = None if status.creator_id is None else account_json_for(world, world.accounts[status.creator_id], None)
    return {
        "id": status.id,
        "status": status.state,
        "target_url": status.target_url,
        "description": status.description,
        "url": f"{call.root}api/v1/repos/{world.full_name(call.repository)}/statuses/{sha}",
        "context": status.context,
        "creator": creator,
        "created_at": as_gitea(status.created),
        "updated_at": as_gitea(status.created),
    }


_REPOSITORY: Final = "/repos/{owner}/{repo}"

ROUTES: Final = (
    Route(method="GET", template=f"{_REPOSITORY}/commits/{{ref}}/status", handler=get_combined_status),
    Route(method="GET", template=f"{_REPOSITORY}/commits/{{ref}}/statuses", handler=list_statuses),
    Route(method="GET", template=f"{_REPOSITORY}/statuses/{{sha}}", handler=list_statuses),
)
