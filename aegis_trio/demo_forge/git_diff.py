"""Differences: the files that two commits differ in, and the number of lines that came and went.

Source: git-diff-tree(1); the shortest edit script after Myers, "An O(ND) Difference Algorithm" (1986).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

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


def _parent(commit: Commit) -> str | None:
    return commit.parents[0].decode() if commit.parents else None


def changed_files(git: GitStore, commit: Commit) -> list[tuple[str, str]]:
    """Return path and status of every file that differs from the first parent: added, removed, modified, in turn."""
    before, after = _blobs(git, _parent(commit)), _blobs(git, commit.id.decode())
    added = [(path, "added") for path in after if path not in before]
    removed = [(path, "removed") for path in before if path not in after]
    modified = [(path, "modified") for path in after if path in before and before[path] != after[path]]
    return [*sorted(added), *sorted(removed), *sorted(modified)]


def changed_lines(git: GitStore, commit: Commit) -> tuple[int, int]:
    """Count the lines that a commit added and removed against its first parent; binary files count nothing.

    Raises:
        TooDifferent: a file was changed almost everywhere.
    """
    changes = compare(git, _parent(commit), commit.id.decode())
    return sum(change.added for change in changes), sum(change.removed for change in changes)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """What became of one file, and the lines that came and went."""

    path: str
    is_new: bool
    is_gone: bool
    added: int
    removed: int


def compare(git: GitStore, before_sha: str | None, after_sha: str) -> list[FileChange]:
    """Return what differs between two commits, by path; a renamed file counts as one that went and one that came.

    Raises:
        TooDifferent: a file was changed almost everywhere.
    """
    before, after = _blobs(git, before_sha), _blobs(git, after_sha)
    return [
        _change(git, path, before.get(path), after.get(path))
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    ]


def _change(git: GitStore, path: str, old: tuple[int, str] | None, new: tuple[int, str] | None) -> FileChange:
    same_content = old is not None and new is not None and old[1] == new[1]
    added, removed = (0, 0) if same_content else _lines(_content(git, old), _content(git, new))
    return FileChange(path=path, is_new=old is None, is_gone=new is None, added=added, removed=removed)


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
