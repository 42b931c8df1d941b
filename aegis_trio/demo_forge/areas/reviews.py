"""Reviews: what people said of a pull request, whether it was merged, and the commits that it brings.

Law: a review that was not sent yet exists for its author alone; the total counts it for everybody.

Source: gitea services/convert/pull_review.go; the order of the keys is the structs'.
"""

from __future__ import annotations

from typing import Final

from aegis_trio.demo_forge.answers import Answer, json_answer
from aegis_trio.demo_forge.areas.commits import commit_json
from aegis_trio.demo_forge.areas.issue_json import page_of
from aegis_trio.demo_forge.areas.pull_json import PullHead, head_of
from aegis_trio.demo_forge.areas.pulls import find_pull, more_headers, pull_answer
from aegis_trio.demo_forge.areas.users import account_json_for
from aegis_trio.demo_forge.call import Call, int_of
from aegis_trio.demo_forge.discussions import Remark, Review
from aegis_trio.demo_forge.git_history import commits_between
from aegis_trio.demo_forge.issues import Issue
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.times import as_gitea
from aegis_trio.model.json import JsonObject, JsonValue

_PULL: Final = "/repos/{owner}/{repo}/pulls/{index}"


def _is_shown(call: Call, review: Review) -> bool:
    return review.state != "PENDING" or (call.viewer is not None and call.viewer.id == review.author_id)


def list_reviews(call: Call) -> Answer:
    """List the reviews of a pull request, the oldest first."""
    issue, head = find_pull(call)
    reviews = head.pull.review_list
    shown: list[JsonValue] = [
        _review(call, issue, review) for review in reviews[call.page().slice()] if _is_shown(call, review)
    ]
    return json_answer(shown, headers=(("X-Total-Count", str(len(reviews))),))


def _find(call: Call) -> tuple[Issue, Review]:
    issue, head = find_pull(call)
    number = int_of(call.params["id"])
    review = next((each for each in head.pull.review_list if each.id == number), None)
    if review is None:
        raise call.missing("GetReviewByID", f"review does not exist [id: {number}]")
    if not _is_shown(call, review):
        raise call.missing("GetReviewByID")
    return issue, review


def get_review(call: Call) -> Answer:
    """Show one review."""
    return json_answer(_review(call, *_find(call)))


def _review(call: Call, issue: Issue, review: Review) -> JsonObject:
    page = page_of(call.world, call.repository, issue)
    return {
        "id": review.id,
        "user": _account(call, review.author_id),
        "team": None,
        "state": review.state,
        "body": review.body,
        "commit_id": review.commit,
        "stale": review.is_stale,
        "official": review.is_official,
        "dismissed": review.is_dismissed,
        "comments_count": len(review.remarks),
        "submitted_at": as_gitea(review.created),
        "updated_at": as_gitea(review.updated),
        "html_url": f"{page}#issuecomment-{review.event_id}",
        "pull_request_url": page,
    }


def _account(call: Call, number: int) -> JsonObject:
    return account_json_for(call.world, call.world.accounts[number], call.viewer)


def list_remarks(call: Call) -> Answer:
    """List the comments on lines that came with one review, all at once."""
    issue, review = _find(call)
    page = page_of(call.world, call.repository, issue)
    shown: list[JsonValue] = [_remark(call, page, review, remark) for remark in review.remarks]
    return json_answer(shown)


def _remark(call: Call, page: str, review: Review, remark: Remark) -> JsonObject:
    # What was not sent yet is shown beside the changed files.
    place = f"{page}/files" if review.state == "PENDING" else page
    return {
        "id": remark.id,
        "body": remark.body,
        "user": _account(call, remark.author_id),
        "resolver": None if remark.resolver_id is None else _account(call, remark.resolver_id),
        "pull_request_review_id": review.id,
        "created_at": as_gitea(remark.created),
        "updated_at": as_gitea(remark.updated),
        "path": remark.path,
        "commit_id": remark.commit,
        "original_commit_id": "",
        "diff_hunk": remark.hunk,
        "position": remark.line,
        "original_position": remark.old_line,
        "html_url": f"{place}#issuecomment-{remark.id}",
        "pull_request_url": page,
    }


def check_merged(call: Call) -> Answer:
    """Tell by the status alone whether a pull request was merged."""
    _, head = find_pull(call)
    if head.pull.merged is None:
        raise call.missing()
    return Answer(status=204)


def list_commits(call: Call) -> Answer:
    """List the commits that a pull request brings, the newest first."""
    _, head = find_pull(call)
    git = call.repository.git
    found = commits_between(git, head.merge_base or None, head.sha)
    page = call.page()
    shown: list[JsonValue] = [commit_json(call, git.commit(sha)) for sha in found[page.slice()]]
    headers = (*call.page_headers(page, len(found)), *more_headers(page, len(found)))
    return json_answer(shown, headers=headers)


def get_pull_by_branches(call: Call) -> Answer:
    """Show the open pull request from one branch into another; the second may hold slashes."""
    base, source = call.params["base"], call.params["*"]
    for issue, pull in call.repository.tracker.pulls():
        if issue.closed is None and (pull.base, pull.head) == (base, source):
            head: PullHead = head_of(call.world, call.repository, issue.number, pull)
            return pull_answer(call, issue, head)
    raise call.missing()


ROUTES: Final = (
    Route(method="GET", template=f"{_PULL}/reviews", handler=list_reviews),
    Route(method="GET", template=f"{_PULL}/reviews/{{id}}", handler=get_review),
    Route(method="GET", template=f"{_PULL}/reviews/{{id}}/comments", handler=list_remarks),
    Route(method="GET", template=f"{_PULL}/merge", handler=check_merged),
    Route(method="GET", template=f"{_PULL}/commits", handler=list_commits),
    Route(method="GET", template="/repos/{owner}/{repo}/pulls/{base}/*", handler=get_pull_by_branches),
)
