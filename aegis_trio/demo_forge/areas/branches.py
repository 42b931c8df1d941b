"""Branches and tags, with what protections mean for the one who asks."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from dulwich.objects import Tag

from aegis_trio.demo_forge.answers import Answer, json_answer
from aegis_trio.demo_forge.areas.commits import payload_commit_json
from aegis_trio.demo_forge.call import Call, int_of
from aegis_trio.demo_forge.git_store import GitStore
from aegis_trio.demo_forge.releases import Protection
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.times import as_gitea, of_git
from aegis_trio.demo_forge.world import Access, Unit
from aegis_trio.model.json import JsonObject, JsonValue


def list_branches(call: Call) -> Answer:
    """List the branches, the one with the newest commit first."""
    call.must_read(Unit.CODE)
    git = call.repository.git
    named = [(name, git.refs[f"refs/heads/{name}"]) for name in git.branches()]
    named.sort(key=lambda pair: -git.commit(pair[1]).commit_time)
    page = call.page()
    shown: list[JsonValue] = [_branch(call, name, sha) for name, sha in named[page.slice()]]
    # An empty repository has no list at all.
    return json_answer(shown if named else None, headers=call.page_headers(page, len(named)))


def get_branch(call: Call) -> Answer:
    """Show one branch."""
    call.must_read(Unit.CODE)
    name = call.params["*"]
    sha = call.repository.git.branch(name)
    if sha is None:
        raise call.missing()
    return json_answer(_branch(call, name, sha))


def _branch(call: Call, name: str, sha: str) -> JsonObject:
    """Source: gitea services/convert/convert.go ToBranch."""
    commit = payload_commit_json(call, call.repository.git.commit(sha))
    may_write = call.rights.to(Unit.CODE) >= Access.WRITE
    rule = _protection(call, name)
    result: JsonObject = {"name": name, "commit": commit, "protected": rule is not None}
    if rule is None:
        result |= {
            "required_approvals": 0,
            "enable_status_check": False,
            "status_check_contexts": [],
            "user_can_push": may_write,
            "user_can_merge": may_write,
            "effective_branch_protection_name": "",
        }
        return result
    checks: list[JsonValue] | None = None if rule.status_checks is None else list(rule.status_checks)
    result |= {
        "required_approvals": rule.required_approvals,
        "enable_status_check": rule.status_checks is not None,
        "status_check_contexts": checks,
        "user_can_push": may_write and rule.can_push,
        "user_can_merge": may_write,
        "effective_branch_protection_name": rule.pattern if call.rights.is_admin() else "",
    }
    return result


def _protection(call: Call, name: str) -> Protection | None:
    return next((rule for rule in call.repository.protections if _covers(rule.pattern, name)), None)


def _covers(pattern: str, name: str) -> bool:
    """Tell whether a rule is for a branch: `*` stays within one part of the name, `**` does not.

    Source: github.com/gobwas/glob with the separator `/`, as gitea models/git/protected_branch.go compiles it.
    """
    parts = (re.escape(part) for part in re.split(r"\*\*", pattern))
    return re.fullmatch(".*".join(part.replace(r"\*", "[^/]*") for part in parts), name) is not None


def list_tags(call: Call) -> Answer:
    """List the tags, the newest first: an annotated one counts from its own date."""
    call.must_read(Unit.CODE)
    git = call.repository.git
    named = [(name, git.refs[f"refs/tags/{name}"]) for name in git.tags()]
    named.sort(key=lambda pair: -_made(git, pair[1]).timestamp())
    # Without a page there is no paging at all.
    wanted = call.page().slice() if int_of(call.query.first("page")) > 0 else slice(None)
    shown: list[JsonValue] = [_tag(call, name, sha) for name, sha in named[wanted]]
    return json_answer(shown, headers=(("X-Total-Count", str(len(named))),))


def get_tag(call: Call) -> Answer:
    """Show one tag."""
    call.must_read(Unit.CODE)
    name = call.params["*"]
    sha = call.repository.git.refs.get(f"refs/tags/{name}")
    if sha is None:
        raise call.missing(f"tag doesn't exist: {name}")
    return json_answer(_tag(call, name, sha))


def _made(git: GitStore, sha: str) -> datetime:
    found = git.get(sha)
    if isinstance(found, Tag):
        return of_git(found.tag_time or 0, found.tag_timezone or 0)
    commit = git.commit(git.peel(sha))
    return of_git(commit.author_time, commit.author_timezone)


def _tag(call: Call, name: str, sha: str) -> JsonObject:
    """Source: gitea services/convert/convert.go ToTag."""
    git, full_name = call.repository.git, call.world.full_name(call.repository)
    found, commit = git.get(sha), git.commit(git.peel(sha))
    message = (found.message or b"") if isinstance(found, Tag) else commit.message
    return {
        "name": name,
        "message": message.decode("utf-8", "surrogateescape").strip(),
        "id": sha,
        "commit": {
            "url": f"{call.root}api/v1/repos/{full_name}/git/commits/{sha}",
            "sha": commit.id.decode(),
            "created": as_gitea(_made(git, sha)),
        },
        "zipball_url": f"{call.root}{full_name}/archive/{name}.zip",
        "tarball_url": f"{call.root}{full_name}/archive/{name}.tar.gz",
    }


ROUTES: Final = (
    Route(method="GET", template="/repos/{owner}/{repo}/branches", handler=list_branches),
    Route(method="GET", template="/repos/{owner}/{repo}/branches/*", handler=get_branch),
    Route(method="GET", template="/repos/{owner}/{repo}/tags", handler=list_tags),
    Route(method="GET", template="/repos/{owner}/{repo}/tags/*", handler=get_tag),
)
