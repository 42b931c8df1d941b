"""Differences: the files that a commit touched and the number of lines it added and removed.

Source: git-diff-tree(1); the shortest edit script after Myers, "An O(ND) Difference Algorithm" (1986).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dulwich.objects import Commit

from aegis_trio.demo_forge.git_store import GitStore

MAX_EDITS: Final = 1500  # about a second of work
_SNIFFED_BYTES: Final = 8000  # Source: git xdiff-interface.c buffer_is_binary


class TooDifferent(Exception):
    """Two versions of a file have so little in common that counting their differences would take too long."""


def _blobs(git: GitStore, commit_sha: str | None) -> dict[str, tuple[int, str]]:
    if commit_sha is None:
        return {}
    tree = git.tree_of(commit_sha)
    return {path: (entry.mode, entry.sha) for path, entry in git.walk(tree) if not entry.is_tree}


def _sides(git: GitStore, commit: Commit) -> tuple[dict[str, tuple[int, str]], dict[str, tuple[int, str]]]:
    parent = commit.parents[0].decode() if commit.parents else None
    return _blobs(git, parent), _blobs(git, commit.id.decode())


def changed_files(git: GitStore, commit: Commit) -> list[tuple[str, str]]:
    """Return path and status of every file that differs from the first parent: added, removed, modified, in turn."""
    before, after = _sides(git, commit)
    added = [(path, "added") for path in after if path not in before]
    removed = [(path, "removed") for path in before if path not in after]
    modified = [(path, "modified") for path in after if path in before and before[path] != after[path]]
    return [*sorted(added), *sorted(removed), *sorted(modified)]


def changed_lines(git: GitStore, commit: Commit) -> tuple[int, int]:
    """Count the lines that a commit added and removed against its first parent; binary files count nothing.

    Raises:
        TooDifferent: a file was changed almost everywhere.
    """
    before, after = _sides(git, commit)
    added = removed = 0
    for path in before.keys() | after.keys():
        old, new = before.get(path), after.get(path)
        if old != new and not (old is not None and new is not None and old[1] == new[1]):
            more, fewer = _lines(_content(git, old), _content(git, new))
            added, removed = added + more, removed + fewer
    return added, removed


def _content(git: GitStore, blob: tuple[int, str] | None) -> bytes:
    if blob is None:
        return b""
    # A submodule's line counts as one line of text, as git prints it.
    return git.data(blob[1]) if git.has(blob[1]) else f"Subproject commit {blob[1]}\n".encode()


def _lines(old: bytes, new: bytes) -> tuple[int, int]:
    if b"\0" in old[:_SNIFFED_BYTES] or b"\0" in new[:_SNIFFED_BYTES]:
        return 0, 0
    before, after = old.split(b"\n"), new.split(b"\n")
    for lines in (before, after):
        if lines[-1] == b"":
            lines.pop()
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    old_middle, new_middle = before[start : len(before) - end], after[start : len(after) - end]
    edits = _shortest_edit(old_middle, new_middle)
    added = (edits + len(new_middle) - len(old_middle)) // 2
    return added, edits - added


def _shortest_edit(before: Sequence[bytes], after: Sequence[bytes]) -> int:
    """Return how many lines must go or come, at least.

    Raises:
        TooDifferent: more than `MAX_EDITS`, which would keep the forge busy for seconds.
    """
    if not before or not after:
        return len(before) + len(after)
    furthest = {1: 0}
    for edits in range(MAX_EDITS + 1):
        for diagonal in range(-edits, edits + 1, 2):
            down = diagonal == -edits or (diagonal != edits and furthest[diagonal - 1] < furthest[diagonal + 1])
            x = furthest[diagonal + 1] if down else furthest[diagonal - 1] + 1
            y = x - diagonal
            while x < len(before) and y < len(after) and before[x] == after[y]:
                x, y = x + 1, y + 1
            furthest[diagonal] = x
            if x >= len(before) and y >= len(after):
                return edits
    raise TooDifferent
