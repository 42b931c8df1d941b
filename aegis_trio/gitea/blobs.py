"""Blobs by their ids: the bytes of many files of one commit, in as few requests as there are ways.

Laws:
    1. Whatever a request is asked by (a branch may move, or be called like a commit), only bytes that have the id which
       a tree names for them come back.
    2. An archive is unpacked within bounds: of each file, of all of them, and of what stands between them.

An archive is one request, however many files; what `.gitattributes` leaves out of it or changes in it does not come
back, and is asked for otherwise.

Source: gitea routers/api/v1/repo/download.go (DownloadArchive); git-archive(1), gitattributes(5) export-ignore;
Python documentation, tarfile: mode `r|` reads a stream.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, TypeAlias, final
from urllib.parse import quote

from aegis_trio.gitea.contents import MAX_FILE_BYTES, File
from aegis_trio.gitea.file_batch import get_files
from aegis_trio.gitea.reads import BlobsRead
from aegis_trio.gitea.request import ForgeRequest, ForgeResponse
from aegis_trio.model.errors import UpstreamBroken
from aegis_trio.model.refs import GitRef, RepositoryRef, parse_file_path
from aegis_trio.policy.pathguard import ONE, Route

MAX_ARCHIVE_BYTES: Final = 24 * 1024 * 1024
"""Compressed."""
MAX_UNPACKED_BYTES: Final = 96 * 1024 * 1024
ENOUGH: Final = 60
"""So few missing files are cheaper one by one, or in two batches, than as an archive."""
_PIECE_BYTES: Final = 256 * 1024
_ARCHIVE_ROUTE: Final = Route(segments=("repos", ONE, ONE, "archive", ONE))

Blobs: TypeAlias = Mapping[str, bytes]
"""Bytes by id; ids that did not come are missing."""


def get_archive(repository: RepositoryRef, ref: GitRef, tree: str, wanted: Mapping[str, str]) -> ForgeRequest[Blobs]:
    """Ask for all of *wanted* at once.

    Args:
        ref: branch, tag or full commit id, without a slash, which Gitea does not find in an archive's name.
        tree: the id of the commit or tree that named the blobs.
        wanted: ids of blobs by path.
    """
    return ForgeRequest(
        route=_ARCHIVE_ROUTE,
        segments=("repos", *repository.as_segments(), "archive", f"{quote(ref.name, safe='')}.tar.gz"),
        decode=partial(_unpack, dict(wanted)),
        subject=f"The archive of {repository}",
        max_bytes=MAX_ARCHIVE_BYTES,
        accept="application/octet-stream",
        in_thread=True,
        reads=BlobsRead(repository=repository, tree=tree, wanted=tuple(wanted.items()), enough=ENOUGH),
    )


def get_blobs(
    repository: RepositoryRef, ref: GitRef | None, tree: str, wanted: Sequence[tuple[str, str]]
) -> ForgeRequest[Blobs]:
    """Ask for some of them.

    Args:
        wanted: pairs of path and id, 1..`file_batch.MAX_FILES`.
    """
    paths = tuple(parse_file_path(path) for path, _ in wanted)
    batch = get_files(repository, paths, ref)
    return ForgeRequest(
        route=batch.route,
        segments=batch.segments,
        query=batch.query,
        decode=lambda response: _verified(batch.decode(response)),
        subject=batch.subject,
        max_bytes=batch.max_bytes,
        reads=BlobsRead(repository=repository, tree=tree, wanted=tuple(wanted), enough=0),
    )


def is_id_of(sha: str, content: bytes) -> bool:
    """Return whether git gives a blob of these bytes this id.

    Source: gitrepository-layout(5), git hash-object; an id of SHA-256 has 64 digits.
    """
    header = b"blob %d\0" % len(content)
    if len(sha) == 40:
        return hashlib.sha1(header + content, usedforsecurity=False).hexdigest() == sha
    return hashlib.sha256(header + content).hexdigest() == sha


def _verified(answers: Sequence[object]) -> Blobs:
    files = (answer for answer in answers if isinstance(answer, File))
    return {file.sha: file.content for file in files if file.content is not None and is_id_of(file.sha, file.content)}


@final
class _Unzipped(io.RawIOBase):
    """Compressed bytes as a stream of what they stand for, which ends with a fault at its bound."""

    def __init__(self, body: bytes) -> None:
        self._body = memoryview(body)
        self._at = 0
        self._unzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)  # Source: zlib manual, inflateInit2: gzip
        self._rest = b""
        self._left = MAX_UNPACKED_BYTES

    def readable(self) -> bool:
        """Return true."""
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]  # of io's several kinds of buffer, this
        """Fill *buffer* as far as there is anything."""
        while not self._unzip.eof:
            given = self._rest or bytes(self._body[self._at : self._at + _PIECE_BYTES])
            if not self._rest:
                self._at += len(given)
            # Threat: a few compressed bytes become gigabytes; no more is made of them than is asked for.
            made = self._unzip.decompress(given, min(len(buffer), _PIECE_BYTES))
            self._rest = self._unzip.unconsumed_tail
            if made:
                self._left -= len(made)
                if self._left < 0:
                    raise _Overfull
                buffer[: len(made)] = made
                return len(made)
            if not given:
                return 0
        return 0


class _Overfull(Exception):
    """An archive stands for more bytes than are read."""


def _unpack(wanted: dict[str, str], response: ForgeResponse) -> Blobs:
    found: dict[str, bytes] = {}
    stream = io.BufferedReader(_Unzipped(response.body), _PIECE_BYTES)
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                sha = wanted.get(member.name.partition("/")[2]) if member.isreg() else None
                reader = archive.extractfile(member) if sha and member.size <= MAX_FILE_BYTES else None
                if sha is None or reader is None:
                    continue
                content = reader.read()
                if is_id_of(sha, content):
                    found[sha] = content
    except (tarfile.TarError, zlib.error, EOFError, ValueError):
        raise UpstreamBroken("Gitea's archive is broken.", "Try again; if it stays, tell the operator.") from None
    except _Overfull:
        return found  # what came before it has been checked; the rest is asked for otherwise
    return found
