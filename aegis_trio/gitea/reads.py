"""Reads of content as values: what a request says it reads, so that a cache below the tools can know it again.

Law: a read names places, never a credential; whether somebody may have it is Gitea's to say, each time.

Not here: the requests themselves (git.py, contents.py), and what is kept (cache/).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, final

from aegis_trio.model.refs import FilePath, GitRef, RepositoryRef


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TreeRead:
    """A page of a folder's entries."""

    repository: RepositoryRef
    ref: GitRef | None
    """Branch, tag or full id of a commit or tree; None for the default branch."""
    folder: FilePath
    recursive: bool
    page: int
    limit: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FileRead:
    """One file with its bytes."""

    repository: RepositoryRef
    ref: GitRef | None
    path: FilePath


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FilesRead:
    """Several files with their bytes."""

    repository: RepositoryRef
    ref: GitRef | None
    paths: tuple[FilePath, ...]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class BlobsRead:
    """Bytes by the ids that a tree names."""

    repository: RepositoryRef
    tree: str
    """The full id of the commit or tree that names them."""
    wanted: tuple[tuple[str, str], ...]
    """Pairs of path and id."""
    enough: int
    """With at most so many missing, what is kept is the whole answer, and nothing is asked."""


Reads: TypeAlias = TreeRead | FileRead | FilesRead | BlobsRead
