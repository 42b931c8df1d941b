"""Contents: what stands at a path of a repository, with the bytes when it is a file that is not too large.

Source: gitea routers/api/v1/repo/file.go (GetContents, GetContentsExt), services/repository/files/content.go.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias, final

from aegis_trio.gitea.reads import FileRead
from aegis_trio.gitea.request import ForgeRequest, ForgeResponse
from aegis_trio.gitea.shapes import as_list, as_object, number, read_json, text, text_or_empty
from aegis_trio.model.errors import UpstreamBroken
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.model.refs import FilePath, GitRef, RepositoryRef
from aegis_trio.policy.pathguard import ONE, REST, Route

MAX_FILE_BYTES: Final = 1024 * 1024
"""Files above this are not shown; the code hosts' own viewers stop near it."""
# Source: git-lfs docs/spec.md, "The Pointer": this line comes first.
LFS_POINTER: Final = b"version https://git-lfs.github.com/spec/v1\n"
# Base64 takes four bytes for three; the other fields hold the path up to six times, each byte as three (%xx).
_FILE_ANSWER_BYTES: Final = (MAX_FILE_BYTES + 2) // 3 * 4 + 128 * 1024
_METADATA_ANSWER_BYTES: Final = 128 * 1024

_CONTENTS_ROUTE: Final = Route(segments=("repos", ONE, ONE, "contents", REST), query_keys=frozenset({"ref"}))
_METADATA_ROUTE: Final = Route(segments=("repos", ONE, ONE, "contents-ext", REST), query_keys=frozenset({"ref"}))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LfsObject:
    """What a pointer of Git LFS stands for."""

    sha256: str
    size_bytes: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file."""

    sha: str
    size_bytes: int
    content: bytes | None
    """None when Gitea left it out, which it does above its own limit of 10 MiB, or when it was not asked for."""
    lfs: LfsObject | None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder."""

    entry_count: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolicLink:
    """A symbolic link; git stores its target as text and nobody follows it."""

    sha: str
    target: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Submodule:
    """A commit of another repository."""

    commit: str
    url: str
    """As .gitmodules says; may hold credentials."""


Contents: TypeAlias = File | Folder | SymbolicLink | Submodule


def get_contents(repository: RepositoryRef, path: FilePath, ref: GitRef | None) -> ForgeRequest[Contents]:
    """Ask what stands at *path*, with the bytes of a file up to `MAX_FILE_BYTES`; more is `UpstreamTooLarge`.

    Args:
        path: not the root.
        ref: branch, tag or full commit id; None for the default branch.
    """
    return ForgeRequest(
        route=_CONTENTS_ROUTE,
        segments=("repos", *repository.as_segments(), "contents", *path.as_segments()),
        query=_ref_query(ref),
        decode=partial(_contents, str(path)),
        subject=_subject(repository),
        max_bytes=_FILE_ANSWER_BYTES,
        reads=FileRead(repository=repository, ref=ref, path=path),
    )


def get_metadata(repository: RepositoryRef, path: FilePath, ref: GitRef | None) -> ForgeRequest[Contents]:
    """Ask the same without any bytes of the file; from Gitea 1.25 on, before that it is not found."""
    return ForgeRequest(
        route=_METADATA_ROUTE,
        segments=("repos", *repository.as_segments(), "contents-ext", *path.as_segments()),
        query=_ref_query(ref),
        decode=partial(_metadata, str(path)),
        subject=_subject(repository),
        max_bytes=_METADATA_ANSWER_BYTES,
    )


def _ref_query(ref: GitRef | None) -> tuple[tuple[str, str], ...]:
    return () if ref is None else (("ref", ref.name),)


def _subject(repository: RepositoryRef) -> str:
    return f"The path in {repository}, or its branch, tag or commit,"


def _contents(path: str, response: ForgeResponse) -> Contents:
    return decode_entry(path, read_json(response))


def _metadata(path: str, response: ForgeResponse) -> Contents:
    fields = as_object(read_json(response), "answer")
    listed = fields.get("dir_contents")
    return decode_entry(path, fields.get("file_contents") if listed is None else listed)


def decode_entry(path: str, document: JsonValue) -> Contents:
    """Return what Gitea says of *path*; raises UpstreamBroken for what is about another path, or nothing we know."""
    if isinstance(document, list):
        return Folder(entry_count=len(as_list(document, "folder")))
    fields = as_object(document, "contents")
    # Threat: Gitea cleans paths; an answer about another path must not be shown as this one.
    if text(fields, "path") != path:
        raise UpstreamBroken("Gitea's answer is about another path.", "Tell the operator.")
    match text(fields, "type"):
        case "file":
            return _file(fields)
        case "dir":
            return Folder(entry_count=0)
        case "symlink":
            return SymbolicLink(sha=text(fields, "sha"), target=text_or_empty(fields, "target"))
        case "submodule":
            return Submodule(commit=text(fields, "sha"), url=text_or_empty(fields, "submodule_git_url"))
        case _:
            raise UpstreamBroken("Gitea names a kind of entry that the gate does not know.", "Tell the operator.")


def _file(fields: JsonObject) -> File:
    size_bytes = number(fields, "size")
    content = _bytes(fields)
    if content == b"" and size_bytes > 0:
        content = None  # what Gitea 1.23 leaves out is empty, where later ones say null
    if content is not None and len(content) != size_bytes:
        raise UpstreamBroken("Gitea's answer holds less or more than the file.", "Try again.")
    has_lfs = fields.get("lfs_oid") is not None
    return File(
        sha=text(fields, "sha"),
        size_bytes=size_bytes,
        content=content,
        lfs=LfsObject(sha256=text(fields, "lfs_oid"), size_bytes=number(fields, "lfs_size")) if has_lfs else None,
    )


def _bytes(fields: JsonObject) -> bytes | None:
    if fields.get("content") is None:
        return None
    if text(fields, "encoding") != "base64":
        raise UpstreamBroken("Gitea sent the file in an unknown encoding.", "Tell the operator.")
    try:
        return base64.b64decode(text(fields, "content"), validate=True)
    except (binascii.Error, ValueError):
        raise UpstreamBroken("Gitea sent the file in broken base64.", "Try again.") from None
