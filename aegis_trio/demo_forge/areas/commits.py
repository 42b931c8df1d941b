"""Commits: their JSON, with the accounts behind the addresses, the files they touch and the lines they change.

Not here: lists of commits.
"""

from __future__ import annotations

import re
from typing import Final

from dulwich.objects import Commit

from aegis_trio.demo_forge.answers import Refusal, not_proven
from aegis_trio.demo_forge.areas.users import account_json
from aegis_trio.demo_forge.call import Call
from aegis_trio.demo_forge.git_diff import changed_files, changed_lines
from aegis_trio.demo_forge.git_lines import TooDifferent
from aegis_trio.demo_forge.git_store import GitStore
from aegis_trio.demo_forge.times import as_gitea, of_git
from aegis_trio.demo_forge.world import NEVER, Account, World
from aegis_trio.model.json import JsonObject, JsonValue

_PERSON: Final = re.compile(r"(.*?) ?<(.*)>", re.DOTALL)
_FALSE: Final = frozenset({"0", "f", "F", "FALSE", "false", "False"})
NOT_SIGNED: Final[JsonObject] = {
    "verified": False,
    "reason": "gpg.error.not_signed_commit",
    "signature": "",
    "signer": None,
    "payload": "",
}


def person(raw_person: bytes) -> tuple[str, str]:
    """Split `Name <address>`."""
    text = raw_person.decode("utf-8", "surrogateescape")
    found = _PERSON.fullmatch(text)
    return (text, "") if found is None else (found.group(1), found.group(2))


def account_of(world: World, email: str) -> Account | None:
    """Return the account behind a commit's address."""
    folded = email.lower()
    if not folded:
        return None
    return next((a for a in world.accounts.values() if a.email.lower() == folded), None)


def commit_json(call: Call, commit: Commit) -> JsonObject:
    """Return a commit as Gitea shows it; `stat`, `files` and `verification` can be switched off.

    Source: gitea services/convert/git_commit.go ToCommit.
    """
    world, sha = call.world, commit.id.decode()
    name = world.full_name(call.repository)
    api = f"{call.root}api/v1/repos/{name}"
    url = f"{api}/git/commits/{sha}"
    author, committer = person(commit.author), person(commit.committer)
    committed = as_gitea(of_git(commit.commit_time, commit.commit_timezone))
    authored = as_gitea(of_git(commit.author_time, commit.author_timezone))
    wanted = {key: call.query.first(key) not in _FALSE for key in ("stat", "files", "verification")}
    inner: JsonObject = {
        "url": url,
        "author": {"name": author[0], "email": author[1], "date": authored},
        "committer": {"name": committer[0], "email": committer[1], "date": committed},
        "message": commit.message.decode("utf-8", "surrogateescape"),
        # Gitea writes the commit's own id here, not the tree's.
        "tree": {"url": f"{api}/git/trees/{sha}", "sha": sha, "created": committed},
        "verification": dict(NOT_SIGNED) if wanted["verification"] else None,
    }
    parents: list[JsonValue] = [
        {"url": f"{api}/git/commits/{parent.decode()}", "sha": parent.decode(), "created": as_gitea(NEVER)}
        for parent in commit.parents
    ]
    listed: list[JsonValue] | None = None
    if wanted["files"]:
        listed = [{"filename": path, "status": status} for path, status in changed_files(call.repository.git, commit)]
    stats: JsonObject | None = None
    if wanted["stat"]:
        stats = _stats(call.repository.git, commit)
    return {
        "url": url,
        "sha": sha,
        "created": committed,
        "html_url": f"{call.root}{name}/commit/{sha}",
        "commit": inner,
        "author": _account(world, author[1]),
        "committer": _account(world, committer[1]),
        "parents": parents,
        "files": listed,
        "stats": stats,
    }


def _stats(git: GitStore, commit: Commit) -> JsonObject:
    try:
        added, removed = changed_lines(git, commit)
    except TooDifferent:
        # git would look harder; no recording shows what it finds.
        template = "/repos/{owner}/{repo}/git/commits/{sha} with counts of a large file"
        raise Refusal(not_proven("GET", template)) from None
    return {"total": added + removed, "additions": added, "deletions": removed}


def _account(world: World, email: str) -> JsonObject | None:
    account = account_of(world, email)
    return None if account is None else account_json(world, account, signed_in=False, private=False)


def payload_commit_json(call: Call, commit: Commit) -> JsonObject:
    """Return a commit in the smaller shape in which branches carry it.

    Source: gitea services/convert/git_commit.go ToPayloadCommit.
    """
    sha = commit.id.decode()
    return {
        "id": sha,
        "message": commit.message.decode("utf-8", "surrogateescape"),
        "url": f"{call.root}{call.world.full_name(call.repository)}/commit/{sha}",
        "author": _payload_person(call.world, commit.author),
        "committer": _payload_person(call.world, commit.committer),
        "verification": dict(NOT_SIGNED),
        "timestamp": as_gitea(of_git(commit.author_time, commit.author_timezone)),
        "added": None,
        "removed": None,
        "modified": None,
    }


def _payload_person(world: World, raw_person: bytes) -> JsonObject:
    name, email = person(raw_person)
    account = account_of(world, email)
    return {"name": name, "email": email, "username": "" if account is None else account.login}
