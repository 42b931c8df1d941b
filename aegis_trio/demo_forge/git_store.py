"""The git store: one repository's objects and refs in memory, with the ids that git itself would give them.

Laws:
    1. Every id is computed by dulwich from the object's bytes; none is invented.
    2. Objects never change, so what is read from them is remembered; refs change, so nothing is remembered by ref.

Not here: walking commits (git_history.py) and JSON (areas/*).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, final

from dulwich.object_store import MemoryObjectStore
from dulwich.objects import Blob, Commit, ObjectID, ShaFile, Tag, Tree

FULL_SHA: Final = re.compile(r"[0-9a-f]{40}")
_SHORT_SHA: Final = re.compile(r"[0-9a-fA-F]{4,40}")
_MODE_TREE: Final = 0o040000
_MODE_LINK: Final = 0o120000
_MODE_SUBMODULE: Final = 0o160000
_REMEMBERED_BYTES: Final = 65_536  # a large file is copied out of the store each time
MODE_FILE: Final = 0o100644


@final
@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a tree."""

    name: str
    mode: int
    sha: str

    @property
    def is_tree(self) -> bool:
        """Tell whether this is a folder."""
        return self.mode == _MODE_TREE

    @property
    def is_link(self) -> bool:
        """Tell whether this is a symbolic link."""
        return self.mode == _MODE_LINK

    @property
    def is_submodule(self) -> bool:
        """Tell whether this is a commit of another repository."""
        return self.mode == _MODE_SUBMODULE

    @property
    def is_file(self) -> bool:
        """Tell whether this is a plain or executable file."""
        return not (self.is_tree or self.is_link or self.is_submodule)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Who made a commit or tag, and when, in their own time zone."""

    name: str
    email: str
    when: datetime


@final
class GitStore:
    """Objects and refs of one repository."""

    __slots__ = ("_commits", "_data", "_entries", "_objects", "_shas", "_sizes", "head", "memory", "refs")

    def __init__(self, *, head: str = "refs/heads/main") -> None:
        self._objects = MemoryObjectStore()
        self._entries: dict[str, tuple[Entry, ...]] = {}
        self._sizes: dict[str, int] = {}
        self._commits: dict[str, Commit] = {}
        self._data: dict[str, bytes] = {}
        self._shas: tuple[str, ...] = ()
        self.memory: dict[
            tuple[str, str], str
        ] = {}  # of git_history: (commit, path) -> the commit that last touched it
        self.refs: dict[str, str] = {}
        self.head = head

    # -------------------------------------------------------------------------------------- objects
    @property
    def objects(self) -> MemoryObjectStore:
        """Dulwich's store, for loading packs into it."""
        return self._objects

    def has(self, sha: str) -> bool:
        """Tell whether the object is here."""
        return ObjectID(sha.encode()) in self._objects

    def shas(self) -> list[str]:
        """Return the ids of all objects."""
        return sorted(sha.decode() for sha in self._objects)

    def get(self, sha: str) -> ShaFile:
        """Return an object.

        Raises:
            KeyError: it is not here.
        """
        return self._objects[ObjectID(sha.encode())]

    def data(self, sha: str) -> bytes:
        """Return an object's content without its header: a file's bytes, a commit's text."""
        data = self._data.get(sha)
        if data is None:
            data = self.get(sha).as_raw_string()
            if len(data) <= _REMEMBERED_BYTES:
                self._data[sha] = data
        return data

    def size(self, sha: str) -> int:
        """Return the bytes of an object's content."""
        size = self._sizes.get(sha)
        if size is None:
            size = self._sizes[sha] = self.get(sha).raw_length()
        return size

    def commit(self, sha: str) -> Commit:
        """Return a commit.

        Raises:
            KeyError: there is no commit with this id.
        """
        known = self._commits.get(sha)
        if known is None:
            found = self.get(sha)
            if not isinstance(found, Commit):
                raise KeyError(sha)
            known = self._commits[sha] = found
        return known

    def tree_of(self, commit_sha: str) -> str:
        """Return the id of a commit's tree."""
        return str(self.commit(commit_sha).tree.decode())

    def entries(self, tree_sha: str) -> tuple[Entry, ...]:
        """Return a tree's lines in git's order.

        Raises:
            KeyError: there is no tree with this id.
        """
        known = self._entries.get(tree_sha)
        if known is None:
            tree = self.get(tree_sha)
            if not isinstance(tree, Tree):
                raise KeyError(tree_sha)
            known = tuple(
                Entry(item.path.decode("utf-8", "surrogateescape"), item.mode, item.sha.decode())
                for item in tree.iteritems(name_order=False)
            )
            self._entries[tree_sha] = known
        return known

    def walk(self, tree_sha: str, prefix: str = "") -> Iterator[tuple[str, Entry]]:
        """Yield every entry below a tree with its path, folders before their content."""
        for entry in self.entries(tree_sha):
            path = f"{prefix}{entry.name}"
            yield path, entry
            if entry.is_tree:
                yield from self.walk(entry.sha, f"{path}/")

    # ----------------------------------------------------------------------------------------- refs
    def branches(self) -> list[str]:
        """Return the branch names in order."""
        return sorted(name.removeprefix("refs/heads/") for name in self.refs if name.startswith("refs/heads/"))

    def tags(self) -> list[str]:
        """Return the tag names in order."""
        return sorted(name.removeprefix("refs/tags/") for name in self.refs if name.startswith("refs/tags/"))

    def is_empty(self) -> bool:
        """Tell whether nothing was ever committed."""
        return not self.branches()

    def peel(self, sha: str) -> str:
        """Follow annotated tags to what they name.

        Raises:
            KeyError: the object is not here.
        """
        found = self.get(sha)
        while isinstance(found, Tag):
            found = self.get(found.object[1].decode())
        return found.id.decode()

    def branch(self, name: str) -> str | None:
        """Return a branch's commit."""
        return self.refs.get(f"refs/heads/{name}")

    def tag(self, name: str) -> str | None:
        """Return the commit that a tag leads to."""
        sha = self.refs.get(f"refs/tags/{name}")
        return None if sha is None else self.peel(sha)

    def full_commit(self, text: str) -> str | None:
        """Return *text* if it is a commit's full id in lower case."""
        if not FULL_SHA.fullmatch(text) or not self.has(text):
            return None
        return text if isinstance(self.get(text), Commit) else None

    def by_prefix(self, text: str) -> str | None:
        """Return the object whose id begins with *text*, if there is exactly one."""
        if not _SHORT_SHA.fullmatch(text):
            return None
        if len(self._shas) != sum(1 for _ in self._objects):
            self._shas = tuple(self.shas())
        folded = text.lower()
        found = [sha for sha in self._shas if sha.startswith(folded)]
        return found[0] if len(found) == 1 else None

    # --------------------------------------------------------------------------------------- making
    def add(self, made: ShaFile) -> str:
        """Put an object in and return its id."""
        self._objects.add_object(made)
        return made.id.decode()

    def write_commit(self, *, branch: str, changes: Mapping[str, bytes | None], author: Signature, message: str) -> str:
        """Commit *changes* on top of *branch*, which is made when it is missing, and return the commit's id.

        Args:
            changes: path -> new content; `None` removes the file.
        """
        parent = self.branch(branch)
        files = {path: (e.mode, e.sha) for path, e in self._files_of(parent)}
        for path, content in changes.items():
            if content is None:
                del files[path]
            else:
                files[path] = (files.get(path, (MODE_FILE, ""))[0], self.add(Blob.from_string(content)))
        commit = Commit()
        commit.tree = ObjectID(self._write_tree(files).encode())
        commit.parents = [] if parent is None else [ObjectID(parent.encode())]
        commit.author = commit.committer = f"{author.name} <{author.email}>".encode()
        commit.author_time = commit.commit_time = int(author.when.timestamp())
        offset = author.when.utcoffset()
        commit.author_timezone = commit.commit_timezone = 0 if offset is None else int(offset.total_seconds())
        commit.message = message.encode()
        sha = self.add(commit)
        self.refs[f"refs/heads/{branch}"] = sha
        return sha

    def _files_of(self, commit_sha: str | None) -> Iterable[tuple[str, Entry]]:
        if commit_sha is None:
            return ()
        return ((path, entry) for path, entry in self.walk(self.tree_of(commit_sha)) if not entry.is_tree)

    def _write_tree(self, files: Mapping[str, tuple[int, str]]) -> str:
        folders: dict[str, dict[str, tuple[int, str]]] = {}
        tree = Tree()
        for path, value in files.items():
            name, slash, rest = path.partition("/")
            if slash:
                folders.setdefault(name, {})[rest] = value
            else:
                tree.add(name.encode("utf-8", "surrogateescape"), value[0], ObjectID(value[1].encode()))
        for name, content in folders.items():
            made = self._write_tree(content)
            tree.add(name.encode("utf-8", "surrogateescape"), _MODE_TREE, ObjectID(made.encode()))
        return self.add(tree)
