"""Pull requests as JSON, with the two branches and the teams that were asked for a review.

Source: gitea services/convert/pull.go ToAPIPullRequest, convert.go ToTeams; the order of the keys is the structs'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from aegis_trio.demo_forge.areas.issue_json import labels_json, milestone_json, moment, page_of, people_json
from aegis_trio.demo_forge.areas.repositories import repository_json
from aegis_trio.demo_forge.areas.team_json import team_json
from aegis_trio.demo_forge.areas.users import account_json, account_json_for
from aegis_trio.demo_forge.call import Call
from aegis_trio.demo_forge.git_diff import FileChange
from aegis_trio.demo_forge.git_history import merge_base
from aegis_trio.demo_forge.issues import Issue, PullRequest
from aegis_trio.demo_forge.permissions import rights_of
from aegis_trio.demo_forge.times import as_gitea
from aegis_trio.demo_forge.world import Repository, World
from aegis_trio.model.json import JsonObject, JsonValue


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PullHead:
    """Where a pull request stands now."""

    pull: PullRequest
    repository: Repository | None
    ref: str
    sha: str
    base_sha: str
    merge_base: str

    @property
    def has_branch(self) -> bool:
        """Tell whether the branch is still there."""
        return self.ref == self.pull.head


def head_of(world: World, repository: Repository, number: int, pull: PullRequest) -> PullHead:
    """Work out where a pull request stands: its branch, or what Gitea kept of it.

    Raises:
        ValueError: the world has a pull request whose commits it does not have.
    """
    source = world.repositories.get(pull.head_repository_id)
    ref = pull.head
    sha = None if source is None else source.git.branch(ref)
    if sha is None:
        ref = f"refs/pull/{number}/head"
        sha = repository.git.refs.get(ref)
    base_sha = repository.git.branch(pull.base)
    if sha is None or base_sha is None or not repository.git.has(sha):
        raise ValueError(f"pull request {number} has no commits in its own repository")
    base = pull.merge_base or merge_base(repository.git, base_sha, sha) or ""
    return PullHead(pull=pull, repository=source, ref=ref, sha=sha, base_sha=base_sha, merge_base=base)


def pull_json(call: Call, issue: Issue, head: PullHead, changes: Sequence[FileChange] | None) -> JsonObject:
    """Return a pull request as Gitea shows it.

    Args:
        changes: what it changes; None in a list, which is leaner and writes null for what is empty.
    """
    world, repository, pull = call.world, call.repository, head.pull
    page = page_of(world, repository, issue)
    empty: list[JsonValue] | None = None if changes is None else []
    assignees = people_json(world, issue.assignees)
    teams: list[JsonValue] = [team_json(world, world.team(each), with_organisation=True) for each in pull.review_teams]
    result: JsonObject = {
        "id": pull.id,
        "url": page,
        "number": issue.number,
        "user": account_json_for(world, world.accounts[issue.author_id], call.viewer),
        "title": issue.title,
        "body": issue.body,
        "labels": labels_json(world, repository, issue),
        "milestone": milestone_json(repository, issue.milestone_id),
        "assignee": assignees[0] if assignees else None,
        "assignees": assignees or empty,
        "requested_reviewers": people_json(world, pull.reviewers) or empty,
        "requested_reviewers_teams": empty if changes is None else teams,
        "state": issue.state,
        "draft": issue.is_draft,
        "is_locked": issue.is_locked,
        "comments": issue.comment_count,
    }
    if pull.remarks:
        result["review_comments"] = pull.remarks
    if changes is not None:
        result["additions"] = sum(change.added for change in changes)
        result["deletions"] = sum(change.removed for change in changes)
        result["changed_files"] = len(changes)
    merger = None if pull.merged_by is None else world.accounts[pull.merged_by]
    result |= {
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "mergeable": head.has_branch and not issue.is_draft and not pull.conflicting,
        "merged": pull.merged is not None,
        "merged_at": moment(pull.merged),
        "merge_commit_sha": pull.merge_commit,
        "merged_by": None if merger is None else account_json(world, merger, signed_in=False, private=False),
        "allow_maintainer_edit": False,
        "base": _side(call, repository, label=pull.base, ref=pull.base, sha=head.base_sha),
        "head": _side(call, head.repository, label=pull.head, ref=head.ref, sha=head.sha),
        "merge_base": head.merge_base,
        "due_date": moment(issue.due),
        "created_at": as_gitea(issue.created),
        "updated_at": as_gitea(issue.updated),
        "closed_at": moment(issue.closed),
        "pin_order": issue.pin_order,
    }
    return result


def _side(call: Call, repository: Repository | None, *, label: str, ref: str, sha: str) -> JsonObject:
    shown: JsonObject | None = None
    if repository is not None:
        rights = rights_of(call.world, call.viewer, repository)
        shown = repository_json(call.world, repository, rights, language=False)
    number = -1 if repository is None else repository.id
    return {"label": label, "ref": ref, "sha": sha, "repo_id": number, "repo": shown}
