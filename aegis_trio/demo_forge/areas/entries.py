"""Entries: the JSON of a file, folder, link or submodule, as three routes show it with more or fewer parts.

Not here: reading refs and paths from requests (contents.py, file_batch.py).
"""

from __future__ import annotations

import base64
import posixpath
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, final
from urllib.parse import quote, quote_plus

from aegis_trio.demo_forge.areas.meta import MAX_BLOB_BYTES
from aegis_trio.demo_forge.call import Call
from aegis_trio.demo_forge.git_history import Missing, find_entry, last_change
from aegis_trio.demo_forge.git_store import Entry, GitStore
from aegis_trio.demo_forge.times import as_gitea, of_git
from aegis_trio.model.json import JsonObject

_POINTER: Final = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\noid sha256:([0-9a-f]{64})\nsize (\d+)\n", re.ASCII
)
MAX_POINTER_BYTES: Final = 1024  # Source: gitea modules/lfs/pointer.go
_SUBMODULE: Final = re.compile(r'^\[submodule ".*"\]$')


class Include(StrEnum):
    """The parts of an entry that a caller may ask `contents-ext` for."""

    FILE_CONTENT = "file_content"
    LFS_METADATA = "lfs_metadata"
    COMMIT_METADATA = "commit_metadata"
    COMMIT_MESSAGE = "commit_message"


USUAL: Final = frozenset({Include.FILE_CONTENT, Include.LFS_METADATA, Include.COMMIT_METADATA})


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """A branch, tag or commit that a request named, resolved.

    Attributes:
        shown: as it stands in the links of the answer.
        kind: `branch`, `tag` or `commit`, for links to pages.
    """

    shown: str
    kind: str
    commit: str


def resolve_ref(call: Call, name: str) -> Ref:
    """Resolve the `ref` of a request: a branch, a tag or a full id; nothing means the default branch.

    Raises:
        Refusal: 404 with the name in `errors`.

    Source: gitea routers/api/v1/utils/git.go ResolveRefCommit.
    """
    name = name.strip() or call.repository.default_branch
    git = call.repository.git
    for kind, commit in (("branch", git.branch(name)), ("tag", git.tag(name)), ("commit", git.full_commit(name))):
        if commit is not None:
            return Ref(shown=name, kind=kind, commit=commit)
    raise call.missing("not found", missing_text(sha=name))


def missing_text(*, sha: str = "", path: str = "") -> str:
    """Return the text of git's own not-found error."""
    return f"object does not exist [id: {sha}, rel_path: {path}]"


def clean_path(raw_path: str) -> str:
    """Return a path relative to the root with its dot segments resolved.

    Source: gitea modules/util/path.go PathJoinRel, which is what lets `docs/../README.md` through.
    """
    return posixpath.normpath("/" + raw_path.lstrip("/")).strip("/")


def is_git_internal(path: str) -> bool:
    """Tell whether a path leads into `.git`, in any spelling."""
    return any(part.lower() == ".git" for part in path.split("/"))


def path_escaped(path: str) -> str:
    """Escape each part of a path as Go's `url.PathEscape`."""
    return quote(path, safe="/$&+=:@~", errors="surrogateescape")


def lfs_pointer(data: bytes) -> tuple[str, int] | None:
    """Read a pointer of git-lfs: the object's id and size."""
    found = _POINTER.fullmatch(data) if len(data) <= MAX_POINTER_BYTES else None
    return None if found is None else (found.group(1).decode(), int(found.group(2)))


def entry_json(
    call: Call, ref: Ref, path: str, entry: Entry, includes: frozenset[Include], *, single: bool
) -> JsonObject:
    """Return one entry as Gitea shows it.

    Args:
        single: asked for by its own path; a folder's list never carries contents.

    Source: gitea services/repository/files/content.go getFileContentsByEntryInternal.
    """
    git, name = call.repository.git, call.world.full_name(call.repository)
    kind = _kind_of(entry)
    result: JsonObject = {"name": entry.name, "path": path, "sha": entry.sha}
    if Include.COMMIT_METADATA in includes or Include.COMMIT_MESSAGE in includes:
        result |= _commit_parts(git, ref.commit, path, includes)
    size = git.size(entry.sha) if kind in {"file", "symlink"} else 0
    content: str | None = None
    data = git.data(entry.sha) if kind == "file" and size <= MAX_BLOB_BYTES else None
    if data is not None and single and Include.FILE_CONTENT in includes:
        content = base64.b64encode(data).decode()
    target = git.data(entry.sha).decode("utf-8", "surrogateescape") if kind == "symlink" else None
    api = f"{call.root}api/v1/repos/{name}"
    at = f"{ref.kind}/{path_escaped(ref.shown)}/{path_escaped(path)}"
    own = f"{api}/contents/{path_escaped(path)}?ref={quote_plus(ref.shown, safe='-_.~')}"
    submodule = kind == "submodule"
    page = None if submodule else f"{call.root}{name}/src/{at}"
    blob = None if submodule else f"{api}/git/blobs/{entry.sha}"
    result |= {
        "type": kind,
        "size": size,
        "encoding": None if content is None else "base64",
        "content": content,
        "target": target,
        "url": own,
        "html_url": page,
        "git_url": blob,
        "download_url": f"{call.root}{name}/raw/{at}" if kind in {"file", "symlink"} else None,
        "submodule_git_url": _submodule_url(git, ref.commit, path) if submodule else None,
        "_links": {"self": own, "git": blob, "html": page},
    }
    # Whoever reads a single file learns of its large object, too.
    wants_pointer = Include.LFS_METADATA in includes or (single and Include.FILE_CONTENT in includes)
    pointer = lfs_pointer(data) if data is not None and wants_pointer else None
    if pointer is not None:
        result |= {"lfs_oid": pointer[0], "lfs_size": pointer[1]}
    return result


def _kind_of(entry: Entry) -> str:
    if entry.is_tree:
        return "dir"
    if entry.is_link:
        return "symlink"
    return "submodule" if entry.is_submodule else "file"


def _commit_parts(git: GitStore, commit_sha: str, path: str, includes: frozenset[Include]) -> JsonObject:
    last = git.commit(last_change(git, commit_sha, path))
    parts: JsonObject = {}
    if Include.COMMIT_METADATA in includes:
        parts |= {
            "last_commit_sha": last.id.decode(),
            "last_committer_date": as_gitea(of_git(last.commit_time, last.commit_timezone)),
            "last_author_date": as_gitea(of_git(last.author_time, last.author_timezone)),
        }
    if Include.COMMIT_MESSAGE in includes:
        parts["last_commit_message"] = last.message.decode("utf-8", "surrogateescape")
    return parts


def _submodule_url(git: GitStore, commit_sha: str, path: str) -> str:
    try:
        listed = git.data(find_entry(git, commit_sha, ".gitmodules").sha).decode("utf-8", "replace")
    except Missing:
        return ""
    here = False
    for line in (raw.strip() for raw in listed.splitlines()):
        if _SUBMODULE.match(line):
            here = False
        key, _, value = (part.strip() for part in line.partition("="))
        if key == "path":
            here = value == path
        elif key == "url" and here:
            return value
    return ""
