"""History: lists of commits, comparisons, notes, tag objects, and the pull request behind a commit.

Laws (each is recorded behaviour of Gitea 1.25.4):
    1. Totals know of `not` and `path`, and nothing of `since` and `until`.
    2. With `path` the page is always of 50, whatever the headers say.
    3. A comparison has no pages.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from dulwich.objects import Tag

from aegis_trio.demo_forge.answers import Answer, Refusal, go_json, json_answer, not_proven
from aegis_trio.demo_forge.areas.commits import NOT_SIGNED, commit_json, person
from aegis_trio.demo_forge.areas.entries import missing_text
from aegis_trio.demo_forge.areas.pull_json import head_of
from aegis_trio.demo_forge.areas.pulls import more_headers, pull_answer
from aegis_trio.demo_forge.areas.statuses import get_combined_status, list_statuses
from aegis_trio.demo_forge.call import MAX_PAGE_ITEMS, Call
from aegis_trio.demo_forge.git_history import commits_between, commits_touching, resolve_revision
from aegis_trio.demo_forge.git_store import GitStore
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.times import as_gitea, of_git
from aegis_trio.demo_forge.world import Unit
from aegis_trio.model.json import JsonObject, JsonValue

_REPOSITORY: Final = "/repos/{owner}/{repo}"


def _commit_named(git: GitStore, text: str) -> str | None:
    sha = resolve_revision(git, text)
    try:
        return None if sha is None else git.commit(git.peel(sha)).id.decode()
    except KeyError:
        return None


def list_commits(call: Call) -> Answer:
    """List the commits behind a branch, tag or expression, or those that touched a path, the newest first.

    Source: gitea routers/api/v1/repo/commits.go GetAllCommits.
    """
    call.must_read(Unit.CODE)
    git = call.repository.git
    if git.is_empty():
        raise call.refused(409, "Git Repository is empty.")
    since, until = (_moment(call, key) for key in ("since", "until"))
    start = _commit_named(git, call.query.first("sha") or call.repository.default_branch)
    if start is None:
        raise Refusal(Answer(status=404, body=go_json(None), content_type="application/json;charset=utf-8"))
    left_out = call.query.first("not")
    base = _commit_named(git, left_out) if left_out else None
    if left_out and base is None:
        raise call.refused(500, "")
    path, page = call.query.first("path"), call.page()
    found = commits_between(git, base, start)
    items = page.items
    if path:
        found, items = commits_touching(git, found, path), MAX_PAGE_ITEMS
        if not found:
            raise call.missing("FileCommitsCount")
    total = len(found)
    found = [sha for sha in found if _is_within(git, sha, since, until)]
    offset = (page.number - 1) * items
    shown: list[JsonValue] = [commit_json(call, git.commit(sha)) for sha in found[offset : offset + items]]
    headers = (*call.page_headers(page, total), *more_headers(page, total), ("X-Total", str(total)))
    return json_answer(shown, headers=headers)


def _moment(call: Call, key: str) -> datetime | None:
    raw = call.query.first(key)
    try:
        moment = datetime.fromisoformat(raw) if raw else None
    except ValueError:
        moment = None
    if raw and (moment is None or moment.tzinfo is None):
        raise call.refused(422, f"invalid '{key}' format, expected ISO 8601 (RFC3339)")
    return moment


def _is_within(git: GitStore, sha: str, since: datetime | None, until: datetime | None) -> bool:
    time = git.commit(sha).commit_time
    return (since is None or time >= since.timestamp()) and (until is None or time <= until.timestamp())


def get_comparison(call: Call) -> Answer:
    """Show the commits that one ref has and another has not; one name alone is compared with the default branch."""
    call.must_read(Unit.CODE)
    git, text = call.repository.git, call.params["*"]
    base_name, dots, head_name = text.partition("...")
    if not dots:
        base_name, dots, head_name = text.partition("..")
    if not dots:
        base_name, head_name = call.repository.default_branch, text
    if ":" in head_name:
        raise _refusal_of_fork(call, head_name)
    base, head = (_commit_named(git, name) if name else None for name in (base_name, head_name))
    if base is None or head is None:
        raise call.missing()
    found = commits_between(git, base, head)
    return json_answer(
        {"total_commits": len(found), "commits": list[JsonValue](commit_json(call, git.commit(sha)) for sha in found)}
    )


def _refusal_of_fork(call: Call, name: str) -> Refusal:
    owner = call.world.account_named(name.partition(":")[0])
    forks = [each for each in call.world.repositories.values() if each.fork_of == call.repository.id]
    fork = next((each for each in forks if owner is not None and each.owner_id == owner.id), None)
    if fork is None:
        return call.missing()
    if fork.private:
        return call.missing("Can't read headRepo UnitTypeCode")
    return Refusal(not_proven("GET", f"{_REPOSITORY}/compare/{{base}}...{{owner}}:{{branch}} of a fork that is open"))


def get_note(call: Call) -> Answer:
    """Show the note at a commit; the demo's repositories have none."""
    call.must_read(Unit.CODE)
    git, text = call.repository.git, call.params["sha"]
    sha = _commit_named(git, text)
    if sha is None:
        raise call.missing("not found", missing_text(sha=text))
    if "refs/notes/commits" in git.refs:
        raise Refusal(not_proven("GET", f"{_REPOSITORY}/git/notes/{{sha}} of a repository with notes"))
    raise call.missing(f"commit doesn't exist: {sha}")


def get_tag_object(call: Call) -> Answer:
    """Show an annotated tag by the id of its object."""
    call.must_read(Unit.CODE)
    git, text = call.repository.git, call.params["sha"]
    found = git.get(text) if git.has(text) else None
    if not isinstance(found, Tag):
        raise call.refused(400, missing_text(sha=text))
    name, email = person(found.tagger or b"")
    target = found.object[1].decode()
    api = f"{call.root}api/v1/repos/{call.world.full_name(call.repository)}/git"
    tagger: JsonObject = {
        "name": name,
        "email": email,
        "date": as_gitea(of_git(found.tag_time or 0, found.tag_timezone or 0)),
    }
    return json_answer(
        {
            "tag": found.name.decode("utf-8", "surrogateescape"),
            "sha": text,
            "url": f"{api}/tags/{text}",
            "message": (found.message or b"").decode("utf-8", "surrogateescape"),
            "tagger": tagger,
            "object": {"type": "commit", "url": f"{api}/commits/{target}", "sha": target},
            "verification": dict(NOT_SIGNED),
        }
    )


def get_pull_of_commit(call: Call) -> Answer:
    """Show the pull request that was merged as this commit."""
    call.must_read(Unit.CODE)
    sha = call.params.get("sha", "")
    for issue, pull in call.repository.tracker.pulls():
        if pull.merge_commit == sha and pull.merged is not None:
            return pull_answer(call, issue, head_of(call.world, call.repository, issue.number, pull))
    words = "pull request does not exist [id: 0, issue_id: 0, head_repo_id: 0, base_repo_id: {}, head_branch: , {}"
    raise call.refused(404, words.format(call.repository.id, "base_branch: ]"))


def get_of_ref_with_slashes(call: Call) -> Answer:
    """Answer `commits/{ref}/status` and its like where the ref holds slashes."""
    ref, _, what = call.params["*"].rpartition("/")
    if what not in {"status", "statuses"}:
        raise Refusal(not_proven("GET", f"{_REPOSITORY}/commits/*"))
    call.params["ref"] = ref
    return get_combined_status(call) if what == "status" else list_statuses(call)


ROUTES: Final = (
    Route(method="GET", template=f"{_REPOSITORY}/commits", handler=list_commits),
    Route(method="GET", template=f"{_REPOSITORY}/commits/{{sha}}/pull", handler=get_pull_of_commit),
    Route(method="GET", template=f"{_REPOSITORY}/commits/*", handler=get_of_ref_with_slashes),
    Route(method="GET", template=f"{_REPOSITORY}/compare/*", handler=get_comparison),
    Route(method="GET", template=f"{_REPOSITORY}/git/notes/{{sha}}", handler=get_note),
    Route(method="GET", template=f"{_REPOSITORY}/git/tags/{{sha}}", handler=get_tag_object),
)
