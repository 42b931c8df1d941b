"""Pull requests: one by its number, the list of a repository's, and the files that one changes.

Not here: their comments (issues.py), reviews, commits, and their difference as text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aegis_trio.demo_forge.answers import TEXT_TYPE, Answer, Headers, Refusal, json_answer, not_proven
from aegis_trio.demo_forge.areas.entries import path_escaped
from aegis_trio.demo_forge.areas.issues import newest_first, of_state
from aegis_trio.demo_forge.areas.pull_json import PullHead, head_of, pull_json
from aegis_trio.demo_forge.call import Call, Page, int_of
from aegis_trio.demo_forge.git_diff import FileChange, compare
from aegis_trio.demo_forge.git_history import commits_between
from aegis_trio.demo_forge.git_lines import TooDifferent
from aegis_trio.demo_forge.git_patch import diff_text, mailbox
from aegis_trio.demo_forge.issues import Issue, PullRequest
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.world import Access, Unit
from aegis_trio.model.json import JsonObject, JsonValue

_LIST: Final = "/repos/{owner}/{repo}/pulls"
_FILES: Final = "/repos/{owner}/{repo}/pulls/{index}/files"
# Any other word counts as `newest`.
_UNPROVEN_ORDERS: Final = frozenset(
    {"recentupdate", "recentclose", "leastupdate", "mostcomment", "leastcomment", "priority"}
)


def find_pull(call: Call) -> tuple[Issue, PullHead]:
    """Return the pull request that the path names, and where it stands.

    Raises:
        Refusal: 404, there is none that the one who asks may read.
    """
    _must_read_pulls(call)
    number = int_of(call.params["index"])
    found = next((pair for pair in call.repository.tracker.pulls() if pair[0].number == number), None)
    if found is None:
        raise call.missing()
    return found[0], head_of(call.world, call.repository, number, found[1])


def _must_read_pulls(call: Call) -> None:
    # Source: gitea models/repo/repo.go CanEnablePulls: a repository without commits has none.
    if call.rights.to(Unit.PULLS) < Access.READ or call.repository.git.is_empty():
        raise call.missing()


def get_pull(call: Call) -> Answer:
    """Show one pull request."""
    number, dot, kind = call.params["index"].rpartition(".")
    if dot and kind in {"diff", "patch"}:
        call.params["index"] = number
        return _as_text(call, kind)
    return pull_answer(call, *find_pull(call))


def _as_text(call: Call, kind: str) -> Answer:
    """Show what a pull request changes, as git prints it or as mails."""
    _, head = find_pull(call)
    git = call.repository.git
    try:
        if kind == "diff":
            text = diff_text(git, head.merge_base or None, head.sha)
        else:
            oldest_first = commits_between(git, head.merge_base or None, head.sha)[::-1]
            text = mailbox(git, [sha for sha in oldest_first if len(git.commit(sha).parents) < 2])
    except TooDifferent:
        raise Refusal(not_proven("GET", "/repos/{owner}/{repo}/pulls/{index}.diff of a large file")) from None
    return Answer(status=200, body=text, content_type=TEXT_TYPE)


def pull_answer(call: Call, issue: Issue, head: PullHead) -> Answer:
    """Return the answer that shows one pull request whole."""
    changes = _changes(call, head, "/repos/{owner}/{repo}/pulls/{index}")
    return json_answer(pull_json(call, issue, head, changes))


def list_pulls(call: Call) -> Answer:
    """List pull requests, the newest first.

    Source: gitea routers/api/v1/repo/pull.go ListPullRequests.
    """
    _must_read_pulls(call)
    order = call.query.first("sort")
    if order in _UNPROVEN_ORDERS:
        raise Refusal(not_proven("GET", f"{_LIST}?sort={order}"))
    is_wanted = _filter_of(call)
    pulls = {issue.number: pull for issue, pull in call.repository.tracker.pulls() if is_wanted(issue, pull)}
    issues = [call.repository.tracker.issues[number] for number in pulls]
    found = newest_first(of_state(call.query.first("state"), issues, unknown="all"))
    if order == "oldest":
        found.reverse()
    page = call.page()
    shown: list[JsonValue] = [
        pull_json(call, issue, head_of(call.world, call.repository, issue.number, pulls[issue.number]), None)
        for issue in found[page.slice()]
    ]
    return json_answer(shown, headers=call.page_headers(page, len(found)))


def _filter_of(call: Call) -> Callable[[Issue, PullRequest], bool]:
    base, milestone = call.query.first("base_branch"), int_of(call.query.first("milestone"))
    poster, label = call.query.first("poster"), call.query.first("labels")
    author = call.world.account_named(poster) if poster else None
    if poster and author is None:
        raise call.refused(400, f"user does not exist [uid: 0, name: {poster}]")
    if label and not label.isdecimal():
        # By number only, and so Gitea says it.
        raise call.refused(500, "")

    def is_wanted(issue: Issue, pull: PullRequest) -> bool:
        return (
            base in {"", pull.base}
            and milestone in {0, issue.milestone_id}
            and (author is None or issue.author_id == author.id)
            and (not label or int(label) in issue.label_ids)
        )

    return is_wanted


def list_files(call: Call) -> Answer:
    """List the files that a pull request changes, by path.

    Source: gitea routers/api/v1/repo/pull.go GetPullRequestFiles.
    """
    _, head = find_pull(call)
    if call.query.first("whitespace"):
        raise Refusal(not_proven("GET", f"{_FILES}?whitespace="))
    changes = _changes(call, head, _FILES)
    first, page = call.query.first("skip-to"), call.page()
    names = [change.path for change in changes]
    # Totals and links know nothing of what is skipped.
    rest = changes[names.index(first) :] if first in names else changes
    shown: list[JsonValue] = [_file(call, head, change) for change in rest[page.slice()]]
    return json_answer(shown, headers=(*call.page_headers(page, len(changes)), *more_headers(page, len(changes))))


def more_headers(page: Page, total: int) -> Headers:
    """Return the headers that count pages, which commits and files have besides the usual ones."""
    pages = -(-total // page.items)
    return (
        ("X-Page", str(page.number)),
        ("X-PerPage", str(page.items)),
        ("X-PageCount", str(pages)),
        ("X-HasMore", "true" if page.number < pages else "false"),
    )


def _changes(call: Call, head: PullHead, template: str) -> list[FileChange]:
    try:
        return compare(call.repository.git, head.merge_base or None, head.sha)
    except TooDifferent:
        raise Refusal(not_proven("GET", f"{template} with large files")) from None


def list_pinned_pulls(call: Call) -> Answer:
    """List the pinned pull requests, in the order in which they hang there."""
    _must_read_pulls(call)
    pinned = [(issue, pull) for issue, pull in call.repository.tracker.pulls() if issue.pin_order > 0]
    pinned.sort(key=lambda pair: pair[0].pin_order)
    shown: list[JsonValue] = [
        pull_json(call, issue, head_of(call.world, call.repository, issue.number, pull), None) for issue, pull in pinned
    ]
    return json_answer(shown)


def _file(call: Call, head: PullHead, change: FileChange) -> JsonObject:
    """Source: gitea services/convert/convert.go ToChangedFile."""
    full_name = call.world.full_name(call.repository)
    status = "unchanged" if change.added == change.removed == 0 else "changed"
    if change.is_new or change.is_gone:
        status = "added" if change.is_new else "deleted"
    elif change.is_renamed:
        status = "renamed"
    path = path_escaped(change.path)
    before: JsonObject = {"previous_filename": change.old_path} if change.is_renamed else {}
    return {
        "filename": change.path,
        **before,
        "status": status,
        "additions": change.added,
        "deletions": change.removed,
        "changes": change.added + change.removed,
        "html_url": f"{call.root}{full_name}/src/commit/{head.sha}/{path}",
        "contents_url": f"{call.root}api/v1/repos/{full_name}/contents/{path}?ref={head.sha}",
        "raw_url": f"{call.root}{full_name}/raw/commit/{head.sha}/{path}",
    }


ROUTES: Final = (
    Route(method="GET", template=_LIST, handler=list_pulls),
    Route(method="GET", template="/repos/{owner}/{repo}/pulls/pinned", handler=list_pinned_pulls),
    Route(method="GET", template="/repos/{owner}/{repo}/pulls/{index}", handler=get_pull),
    Route(method="GET", template=_FILES, handler=list_files),
)
