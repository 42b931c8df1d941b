"""Blobs: only bytes that have the id that was asked for, whatever an archive holds."""

from __future__ import annotations

import gzip
import io
import tarfile
import tracemalloc

import pytest

from aegis_trio.gitea import blobs
from aegis_trio.gitea.blobs import Blobs, get_archive, is_id_of
from aegis_trio.gitea.request import ForgeResponse
from aegis_trio.model.errors import UpstreamBroken
from aegis_trio.model.refs import GitRef, RepositoryRef
from tests.gitea.cache.small_world import blob_id

REPOSITORY = RepositoryRef("acme", "backend")


def _archive(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for path, content in files.items():
            info = tarfile.TarInfo(f"backend/{path}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return made.getvalue()


def _unpack(body: bytes, wanted: dict[str, str]) -> Blobs:
    request = get_archive(REPOSITORY, GitRef("main"), "0" * 40, wanted)
    return request.decode(ForgeResponse(status=200, content_type="application/octet-stream", body=body))


def test_the_files_that_were_asked_for_come_back_by_their_ids() -> None:
    """And nothing else of the archive does."""
    files = {"a.txt": b"a", "deep/er/b.txt": b"b" * 100_000, "other.txt": b"other"}
    wanted = {path: blob_id(files[path]) for path in ("a.txt", "deep/er/b.txt")}
    assert {blob_id(b"a"): b"a", blob_id(b"b" * 100_000): b"b" * 100_000} == _unpack(_archive(files), wanted)


def test_what_an_archive_changes_does_not_come_back() -> None:
    """export-subst writes other bytes than the blob has, and a branch may be called like a commit."""
    assert {} == _unpack(_archive({"a.txt": b"expanded"}), {"a.txt": blob_id(b"$Format:%H$")})


def test_links_and_folders_are_no_files() -> None:
    """A link's target is outside of what was asked for."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        link = tarfile.TarInfo("backend/a.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert {} == _unpack(made.getvalue(), {"a.txt": blob_id(b"")})


@pytest.mark.parametrize(
    "body",
    [b"", b"no gzip", _archive({"a": b"a" * 5000})[:60], gzip.compress(b"x" * 600)],
    ids=["empty", "no gzip", "cut", "no archive"],
)
def test_a_broken_archive_is_a_fault_of_giteas(body: bytes) -> None:
    """Whatever bytes come, nothing else escapes."""
    with pytest.raises(UpstreamBroken):
        _unpack(body, {"a": blob_id(b"a")})


def test_a_bomb_ends_at_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few bytes that stand for gigabytes take the time and the memory of the bound."""
    monkeypatch.setattr(blobs, "MAX_UNPACKED_BYTES", 2_000_000)
    bomb = _archive({"first.txt": b"first", "bomb": bytes(30_000_000), "last.txt": b"last"})
    wanted = {"first.txt": blob_id(b"first"), "last.txt": blob_id(b"last")}
    tracemalloc.start()
    try:
        assert {blob_id(b"first"): b"first"} == _unpack(bomb, wanted)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 4_000_000


def test_an_id_is_that_of_git() -> None:
    """The well-known one of the empty blob, in both of git's formats."""
    assert is_id_of("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", b"")
    assert is_id_of("473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813", b"")
    assert not is_id_of("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", b"x")
