"""Several files in one request, from Gitea 1.24 on; before that the endpoint is not found.

A token that may only read is refused by the POST form, so the list of paths stands in the query.

Source: gitea routers/api/v1/repo/file.go (GetFileContentsGet), services/repository/files/content.go
(GetContentsListFromTrees): more files than `[api] DEFAULT_PAGING_NUM`, and what is beyond
`DEFAULT_MAX_RESPONSE_SIZE`, is dropped without a word.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final, TypeAlias

from aegis_trio.gitea.contents import Contents, decode_entry
from aegis_trio.gitea.reads import FilesRead
from aegis_trio.gitea.request import ForgeRequest, ForgeResponse
from aegis_trio.gitea.shapes import as_list, read_json
from aegis_trio.model.refs import FilePath, GitRef, RepositoryRef
from aegis_trio.policy.pathguard import ONE, Route

MAX_FILES: Final = 30  # Source: gitea [api] DEFAULT_PAGING_NUM
MAX_BATCH_BYTES: Final = 8 * 1024 * 1024
"""Bound for one answer, in Base64: more is asked for one by one."""
_MAX_QUERY_BYTES: Final = 4000  # proxies take lines of 8 KB; percent-encoding makes up to three bytes of one
_ROUTE: Final = Route(segments=("repos", ONE, ONE, "file-contents"), query_keys=frozenset({"body", "ref"}))

FilesAnswer: TypeAlias = tuple[Contents | None, ...]
"""What stands at each path, None for nothing; shorter than what was asked for where Gitea dropped the rest."""


def get_files(repository: RepositoryRef, paths: tuple[FilePath, ...], ref: GitRef | None) -> ForgeRequest[FilesAnswer]:
    """Ask what stands at each of *paths*, with the bytes of files.

    Args:
        paths: 1..`MAX_FILES`, as `batches` divides them.
        ref: branch, tag or full commit id; None for the default branch.
    """
    return ForgeRequest(
        route=_ROUTE,
        segments=("repos", *repository.as_segments(), "file-contents"),
        query=(("body", _body(paths)), *(() if ref is None else (("ref", ref.name),))),
        decode=partial(_files, paths),
        subject=f"The paths in {repository}, or their branch, tag or commit,",
        max_bytes=MAX_BATCH_BYTES,
        reads=FilesRead(repository=repository, ref=ref, paths=paths),
    )


def batches(paths: Sequence[FilePath]) -> Iterator[tuple[FilePath, ...]]:
    """Divide *paths* into lists that fit one request each."""
    batch: list[FilePath] = []
    for path in paths:
        if batch and (len(batch) == MAX_FILES or len(_body((*batch, path)).encode()) > _MAX_QUERY_BYTES):
            yield tuple(batch)
            batch = []
        batch.append(path)
    if batch:
        yield tuple(batch)


def _body(paths: Sequence[FilePath]) -> str:
    return json.dumps({"files": [str(path) for path in paths]}, ensure_ascii=False, separators=(",", ":"))


def _files(paths: tuple[FilePath, ...], response: ForgeResponse) -> FilesAnswer:
    listed = as_list(read_json(response), "list of files")[: len(paths)]
    return tuple(
        None if item is None else decode_entry(str(path), item) for path, item in zip(paths, listed, strict=False)
    )
