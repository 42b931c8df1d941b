"""Changes: what people do at a forge while somebody watches, as calls of a test in the same process.

Laws:
    1. A change is always seen: its time is later than the last one of the same thing, though the clock stood still.
    2. A change leaves all traces that a real one leaves: a commit moves its branch, its repository and the pull
       requests from that branch.

Not here: rights (a test may do everything), and the API's own writes, which no recording proves yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from aegis_trio.demo_forge.git_store import Signature
from aegis_trio.demo_forge.issues import Comment, Issue
from aegis_trio.demo_forge.sign_ins import SigningKey
from aegis_trio.demo_forge.world import Account, Repository, World


def commit_files(
    world: World,
    repository: Repository,
    changes: Mapping[str, bytes | None],
    *,
    author: Account,
    message: str = "Change",
    branch: str | None = None,
) -> str:
    """Commit *changes* and return the commit's id.

    Args:
        changes: path -> new content; `None` removes the file.
        branch: the default branch, if none is given; a missing one begins where that stands.
    """
    git, name = repository.git, branch or repository.default_branch
    base = git.branch(repository.default_branch)
    if base is not None:
        git.refs.setdefault(f"refs/heads/{name}", base)
    when = _after(world, repository.updated)
    signature = Signature(name=author.full_name or author.login, email=author.email, when=when)
    sha = git.write_commit(branch=name, changes=changes, author=signature, message=f"{message}\n")
    repository.updated = when
    for issue in repository.tracker.issues.values():
        pull = issue.pull
        if pull is not None and issue.closed is None and (pull.head_repository_id, pull.head) == (repository.id, name):
            git.refs[f"refs/pull/{issue.number}/head"] = sha
            issue.updated = _after(world, issue.updated)
    return sha


def open_issue(world: World, repository: Repository, *, author: Account, title: str, body: str = "") -> Issue:
    """Open an issue with the next number."""
    when = _after(world, repository.updated)
    number = max(repository.tracker.issues, default=0) + 1
    return repository.tracker.add(
        Issue(
            id=_next_issue_id(world),
            number=number,
            author_id=author.id,
            title=title,
            body=body,
            created=when,
            updated=when,
        )
    )


def edit_issue(
    world: World,
    repository: Repository,
    number: int,
    *,
    title: str | None = None,
    body: str | None = None,
    is_open: bool | None = None,
) -> Issue:
    """Change what is given of an issue or pull request, and its time.

    Raises:
        KeyError: there is no such issue.
    """
    issue = repository.tracker.issues[number]
    issue.updated = _after(world, issue.updated)
    issue.title = issue.title if title is None else title
    issue.body = issue.body if body is None else body
    if is_open is not None:
        issue.closed = None if is_open else issue.updated
    return issue


def add_comment(world: World, repository: Repository, number: int, *, author: Account, body: str) -> Comment:
    """Comment on an issue or pull request, which changes its time, too.

    Raises:
        KeyError: there is no such issue.
    """
    issue = repository.tracker.issues[number]
    issue.updated = _after(world, issue.updated)
    comment = Comment(
        id=_next_comment_id(world), author_id=author.id, body=body, created=issue.updated, updated=issue.updated
    )
    issue.comments.append(comment)
    return comment


def block_account(account: Account) -> None:
    """Forbid an account to sign in: its tokens answer 403 from now on, and introspection still calls them active."""
    account.prohibit_login = True


def admit_account(account: Account) -> None:
    """Let an account sign in again."""
    account.prohibit_login, account.is_active = False, True


def revoke_grants(world: World, account: Account) -> int:
    """Take back every consent of a person, as the settings page does, and return how many there were."""
    mine = [grant for grant in world.sign_ins.grants.values() if grant.account_id == account.id]
    for grant in mine:
        world.sign_ins.revoke(grant)
    return len(mine)


def forget_sessions(world: World) -> None:
    """Forget every browser, as a restart of Gitea does that keeps sessions in memory, which is its default."""
    world.sign_ins.sessions.clear()


def change_signing_key(world: World) -> None:
    """Sign with another key from now on: every token that was signed before is worthless."""
    world.sign_ins.key = SigningKey()


def _after(world: World, last: datetime) -> datetime:
    return max(world.now(), last + timedelta(seconds=1))


def _issues(world: World) -> list[Issue]:
    return [issue for repository in world.repositories.values() for issue in repository.tracker.issues.values()]


def _next_issue_id(world: World) -> int:
    return max((issue.id for issue in _issues(world)), default=0) + 1


def _next_comment_id(world: World) -> int:
    return max((comment.id for issue in _issues(world) for comment in issue.comments), default=0) + 1
