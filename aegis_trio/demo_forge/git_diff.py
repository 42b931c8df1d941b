"""Differences: the files that two commits differ in, what was renamed, and the number of lines that came and went.

Source: git-diff-tree(1); for renames git diffcore-rename.c and diffcore-delta.c, with the usual 50 %.

Not here: which lines (git_lines.py) and how a difference reads as text (git_patch.py).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final, final

from dulwich.objects import Commit

from aegis_trio.demo_forge.git_lines import changed_marks, split_lines
from aegis_trio.demo_forge.git_store import GitStore

_SNIFFED_BYTES: Final = 8000  # Source: git xdiff-interface.c buffer_is_binary
_CHUNK_BYTES: Final = 64  # Source: git diffcore-delta.c: a line, or so much of it
_MAX_SCORE: Final = 60_000
_LEAST_SCORE: Final = 30_000  # half of the greater file
_MAX_PAIRS: Final = 1000  # Source: git diff.renameLimit

_Blob = tuple[int, str]


def _blobs(git: GitStore, commit_sha: str | None) -> dict[str, _Blob]:
    if commit_sha is None:
        return {}
    tree = git.tree_of(commit_sha)
    return {path: (entry.mode, entry.sha) for path, entry in git.walk(tree) if not entry.is_tree}


def parent_of(commit: Commit) -> str | None:
    """Return the first parent."""
    return commit.parents[0].decode() if commit.parents else None


def changed_files(git: GitStore, commit: Commit) -> list[tuple[str, str]]:
    """Return path and status of every file that differs from the first parent: added, removed, modified, in turn."""
    before, after = _blobs(git, parent_of(commit)), _blobs(git, commit.id.decode())
    added = [(path, "added") for path in after if path not in before]
    removed = [(path, "removed") for path in before if path not in after]
    modified = [(path, "modified") for path in after if path in before and before[path] != after[path]]
    return [*sorted(added), *sorted(removed), *sorted(modified)]


def changed_lines(git: GitStore, commit: Commit) -> tuple[int, int]:
    """Count the lines that a commit added and removed against its first parent; binary files count nothing.

    Raises:
        TooDifferent: a file was changed almost everywhere.
    """
    changes = compare(git, parent_of(commit), commit.id.decode())
    return sum(change.added for change in changes), sum(change.removed for change in changes)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """What became of one file, and the lines that came and went.

    Attributes:
        path: where it is now, or was before it went.
        old_path: where it was; another one for a renamed file.
        old: mode and id before; nothing for a new file.
        new: mode and id after; nothing for one that went.
        alike: how much of a renamed file stayed, in hundredths.
        is_binary: its lines are not counted.
    """

    path: str
    old_path: str
    old: _Blob | None
    new: _Blob | None
    added: int
    removed: int
    alike: int = 100
    is_binary: bool = False

    @property
    def is_new(self) -> bool:
        """Tell whether there was no such file before."""
        return self.old is None

    @property
    def is_gone(self) -> bool:
        """Tell whether there is no such file any more."""
        return self.new is None

    @property
    def is_renamed(self) -> bool:
        """Tell whether it only has another path."""
        return self.path != self.old_path


def compare(git: GitStore, before_sha: str | None, after_sha: str) -> list[FileChange]:
    """Return what differs between two commits, by path.

    Raises:
        TooDifferent: a file was changed almost everywhere.
    """
    before, after = _blobs(git, before_sha), _blobs(git, after_sha)
    gone = {path: blob for path, blob in before.items() if path not in after}
    fresh = {path: blob for path, blob in after.items() if path not in before}
    renames = _renames(git, gone, fresh)
    moved = {source for source, _ in renames.values()}
    changes = [
        _change(git, path, before.get(path), after.get(path))
        for path in before.keys() | after.keys()
        if before.get(path) != after.get(path) and path not in renames and path not in moved
    ]
    changes += [
        _change(git, path, before[source], after[path], old_path=source, score=score)
        for path, (source, score) in renames.items()
    ]
    return sorted(changes, key=lambda change: change.path.encode("utf-8", "surrogateescape"))


def _renames(git: GitStore, gone: dict[str, _Blob], fresh: dict[str, _Blob]) -> dict[str, tuple[str, int]]:
    """Return new path -> old path and score: first what is equal, then what is most alike."""
    found: dict[str, tuple[str, int]] = {}
    free = dict(gone)
    for path, blob in fresh.items():
        same = [source for source, old in free.items() if old[1] == blob[1]]
        if same:
            name = path.rpartition("/")[2]
            source = next((each for each in same if each.rpartition("/")[2] == name), same[0])
            found[path] = (source, _MAX_SCORE)
            del free[source]
    rest = {path: blob for path, blob in fresh.items() if path not in found}
    if not free or not rest or len(free) * len(rest) > _MAX_PAIRS:
        return found
    chunks = {sha: _chunks(content(git, (0, sha))) for _, sha in (*free.values(), *rest.values())}
    scores = [
        (_score(chunks[old[1]], chunks[new[1]]), source, path)
        for path, new in rest.items()
        for source, old in free.items()
    ]
    for score, source, path in sorted(scores, key=lambda each: -each[0]):
        if score >= _LEAST_SCORE and source in free and path not in found:
            found[path] = (source, score)
            del free[source]
    return found


def _chunks(data: bytes) -> Counter[bytes]:
    counts: Counter[bytes] = Counter()
    for line in split_lines(data):
        for start in range(0, len(line), _CHUNK_BYTES):
            chunk = line[start : start + _CHUNK_BYTES]
            counts[chunk] += len(chunk)
    return counts


def _score(old: Counter[bytes], new: Counter[bytes]) -> int:
    greatest = max(old.total(), new.total())
    return 0 if greatest == 0 else (old & new).total() * _MAX_SCORE // greatest


def _change(
    git: GitStore, path: str, old: _Blob | None, new: _Blob | None, *, old_path: str | None = None, score: int = 0
) -> FileChange:
    before, after = content(git, old), content(git, new)
    is_binary = b"\0" in before[:_SNIFFED_BYTES] or b"\0" in after[:_SNIFFED_BYTES]
    same_content = old is not None and new is not None and old[1] == new[1]
    added, removed = (0, 0) if same_content or is_binary else _lines(before, after)
    return FileChange(
        path=path,
        old_path=old_path or path,
        old=old,
        new=new,
        added=added,
        removed=removed,
        alike=score * 100 // _MAX_SCORE,
        is_binary=is_binary,
    )


def content(git: GitStore, blob: _Blob | None) -> bytes:
    """Return the bytes of one side of a change."""
    if blob is None:
        return b""
    # A submodule's line counts as one line of text, as git prints it.
    return git.data(blob[1]) if git.has(blob[1]) else f"Subproject commit {blob[1]}\n".encode()


def _lines(old: bytes, new: bytes) -> tuple[int, int]:
    before, after = split_lines(old), split_lines(new)
    if not before or not after:
        return len(after), len(before)
    old_marks, new_marks = changed_marks(before, after)
    return sum(new_marks), sum(old_marks)
