"""Git's questions: what a name means, what stands at a path, and which commit last touched it.

Laws:
    1. `contents` knows branches, tags and full ids only; trees take revision expressions. Both are Gitea's ways.
    2. A commit that a merge brought in counts as git's own history simplification counts it.

Source: gitrevisions(7) and git-log(1), "History Simplification".
"""

from __future__ import annotations

import heapq
import re
from typing import Final

from aegis_trio.demo_forge.git_store import Entry, GitStore

_STEP: Final = re.compile(r"~(\d*)|\^(\d*)(?!\{)|\^\{(tree|commit)?\}")


class Missing(LookupError):
    """Nothing stands there.

    Attributes:
        sha: of the object that was no folder, where one stopped the way.
        path: the part of the path that is missing, where a folder lacked it.
    """

    def __init__(self, *, sha: str = "", path: str = "") -> None:
        super().__init__(sha or path)
        self.sha = sha
        self.path = path


def find_entry(git: GitStore, commit_sha: str, path: str) -> Entry:
    """Return what stands at *path* in a commit.

    Raises:
        Missing: nothing; it says how far the way led, as Gitea's message does.
    """
    tree_sha = git.tree_of(commit_sha)
    *folders, last = path.split("/")
    for name in folders:
        folder = next((e for e in git.entries(tree_sha) if e.name == name), None)
        if folder is None:
            raise Missing(path=name)
        if not folder.is_tree:
            raise Missing(sha=folder.sha)
        tree_sha = folder.sha
    entry = next((e for e in git.entries(tree_sha) if e.name == last), None)
    if entry is None:
        raise Missing(path=path)
    return entry


def object_at(git: GitStore, commit_sha: str, path: str) -> str | None:
    """Return the id of what stands at *path*, or nothing."""
    try:
        entry = find_entry(git, commit_sha, path)
    except Missing:
        return None
    return f"{entry.mode:o} {entry.sha}"


def last_change(git: GitStore, commit_sha: str, path: str) -> str:
    """Return the commit that last touched *path*, as `git log -1 -- path` finds it."""
    known = git.memory.get((commit_sha, path))
    if known is None:
        known = git.memory[commit_sha, path] = _walk_to_change(git, commit_sha, path)
    return known


def _walk_to_change(git: GitStore, commit_sha: str, path: str) -> str:
    current = commit_sha
    here = object_at(git, current, path)
    while True:
        parents = [parent.decode() for parent in git.commit(current).parents]
        same = next((parent for parent in parents if object_at(git, parent, path) == here), None)
        if same is None:
            return current
        current = same


def resolve_revision(git: GitStore, text: str) -> str | None:
    """Return the object that a revision expression names: refs, ids, `~n`, `^n`, `^{tree}` and `:path`."""
    base, colon, path = text.partition(":")
    sha = _resolve_steps(git, base) if base else None
    if sha is None or not colon:
        return sha
    try:
        return find_entry(git, sha, path).sha if path else git.tree_of(sha)
    except (Missing, KeyError):
        return None


def _resolve_steps(git: GitStore, text: str) -> str | None:
    first = re.search(r"[~^]", text)
    sha = _resolve_name(git, text if first is None else text[: first.start()])
    position = len(text) if first is None else first.start()
    while sha is not None and position < len(text):
        step = _STEP.match(text, position)
        if step is None:
            return None
        sha = _take_step(git, sha, step)
        position = step.end()
    return sha


def _take_step(git: GitStore, sha: str, step: re.Match[str]) -> str | None:
    whole = step.group(0)
    try:
        commit_sha = git.peel(sha)
        commit = git.commit(commit_sha)
    except KeyError:
        return None
    if whole.startswith("^{"):
        return commit.tree.decode() if step.group(3) == "tree" else commit_sha
    if whole.startswith("~"):
        for _ in range(int(step.group(1) or 1)):
            if not commit.parents:
                return None
            commit = git.commit(commit.parents[0].decode())
        return commit.id.decode()
    number = int(step.group(2) or 1)
    if number == 0:
        return commit_sha
    return commit.parents[number - 1].decode() if number <= len(commit.parents) else None


def _resolve_name(git: GitStore, name: str) -> str | None:
    if name == "HEAD":
        return git.refs.get(git.head)
    # Source: gitrevisions(7), the order in which a name is tried.
    for template in ("{}", "refs/{}", "refs/tags/{}", "refs/heads/{}"):
        sha = git.refs.get(template.format(name))
        if sha is not None:
            return sha
    return git.by_prefix(name)


def merge_base(git: GitStore, one: str, other: str) -> str | None:
    """Return the newest commit that both have behind them, or nothing where their histories never met.

    Source: git-merge-base(1); where several are best, git's choice may be another one.
    """
    shared = _history(git, one) & _history(git, other)
    # A commit is never older than what it builds on, so the newest shared one has no shared one after it.
    return max(shared, key=lambda sha: (git.commit(sha).commit_time, sha), default=None)


def _history(git: GitStore, sha: str) -> set[str]:
    seen: set[str] = set()
    waiting = [sha]
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            waiting += [parent.decode() for parent in git.commit(current).parents]
    return seen


def commits_between(git: GitStore, base: str | None, head: str) -> list[str]:
    """Return what *head* has behind it and *base* has not, the newest first.

    Source: git-log(1), base..head.
    """
    known: set[str] = set() if base is None else _history(git, base)
    fresh = _history(git, head) - known
    children = dict.fromkeys(fresh, 0)
    for sha in fresh:
        for parent in git.commit(sha).parents:
            if parent.decode() in children:
                children[parent.decode()] += 1
    # A commit waits for all that build on it; the newest of the others comes, of equals the first
    ready = [(-git.commit(head).commit_time, 0, head)] if head in fresh else []
    ordered: list[str] = []
    count = 0
    while ready:
        _, _, sha = heapq.heappop(ready)
        ordered.append(sha)
        for parent in git.commit(sha).parents:
            name = parent.decode()
            if name in children:
                children[name] -= 1
                if children[name] == 0:
                    count += 1
                    heapq.heappush(ready, (-git.commit(name).commit_time, count, name))
    return ordered


def commits_touching(git: GitStore, commits: list[str], path: str) -> list[str]:
    """Keep the commits that changed *path*, as git's history simplification keeps them.

    Source: git-log(1), "Default mode": a merge that equals one parent is followed there alone.
    """
    known, reached = set(commits), {commits[0]} if commits else set[str]()
    kept: list[str] = []
    for sha in commits:
        if sha not in reached:
            continue
        here = object_at(git, sha, path)
        parents = [parent.decode() for parent in git.commit(sha).parents]
        same = next((parent for parent in parents if object_at(git, parent, path) == here), None)
        if same is not None:
            reached |= {same} & known
            continue
        reached |= set(parents) & known
        if parents or here is not None:
            kept.append(sha)
    return kept
