"""Archives: a whole commit as one compressed tar, byte for byte as git packs it.

Law: what git writes otherwise for zip files and bundles is answered 501; the tar is what tools read.

Source: git archive-tar.c; gzip as git's own zlib writes it, with `tar.umask` 002.
"""

from __future__ import annotations

import zlib
from typing import Final

from aegis_trio.demo_forge.answers import Answer, Refusal, not_proven
from aegis_trio.demo_forge.call import Call
from aegis_trio.demo_forge.git_history import resolve_revision
from aegis_trio.demo_forge.git_store import Entry, GitStore
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.world import Unit

_TEMPLATE: Final = "/repos/{owner}/{repo}/archive/*"
_KINDS: Final = (".tar.gz", ".zip", ".bundle")
_BLOCK: Final = 512
_RECORD: Final = 20 * _BLOCK
_GZIP_HEAD: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"
_MAX_NAME: Final = 100


def get_archive(call: Call) -> Answer:
    """Give a commit's files as an archive; `path` is dropped without a word."""
    call.must_read(Unit.CODE)
    text, repository = call.params["*"], call.repository
    kind = next((each for each in _KINDS if text.endswith(each)), None)
    if kind is None:
        raise call.refused(400, f"unknown format: {text}")
    ref = text.removesuffix(kind)
    sha = resolve_revision(repository.git, ref)
    if sha is None:
        raise call.refused(404, f"unrecognized repository reference: {ref}")
    if kind != ".tar.gz":
        raise Refusal(not_proven("GET", f"/repos/{{owner}}/{{repo}}/archive/{{ref}}{kind}"))
    commit_sha = repository.git.peel(sha)
    name = f"{repository.name}-{ref.replace('/', '-')}{kind}"
    own = f"{call.root}api/v1/repos/{call.world.full_name(repository)}/archive/{commit_sha}{kind}?rev={commit_sha}"
    body = _compressed(_tar(repository.git, commit_sha, repository.name.lower()))
    headers = (
        ("Content-Disposition", f"attachment; filename=\"{name}\"; filename*=UTF-8''{name}"),
        ("Link", f'<{own}>; rel="immutable"'),
        ("Content-Length", str(len(body))),
    )
    return Answer(status=200, body=body, headers=headers, content_type="application/octet-stream")


def _compressed(data: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    packed = packer.compress(data) + packer.flush()
    return _GZIP_HEAD + packed + zlib.crc32(data).to_bytes(4, "little") + (len(data) % 2**32).to_bytes(4, "little")


def _tar(git: GitStore, commit_sha: str, folder: str) -> bytes:
    when = git.commit(commit_sha).commit_time
    note = f"52 comment={commit_sha}\n".encode()
    parts = [_header("pax_global_header", 0o666, len(note), when, b"g"), _padded(note)]
    parts.append(_header(f"{folder}/", 0o775, 0, when, b"5"))
    for path, entry in git.walk(git.tree_of(commit_sha)):
        parts += _entry(git, f"{folder}/{path}", entry, when)
    whole = b"".join(parts) + bytes(2 * _BLOCK)
    return whole + bytes(-len(whole) % _RECORD)


def _entry(git: GitStore, path: str, entry: Entry, when: int) -> list[bytes]:
    if entry.is_tree or entry.is_submodule:
        return _with_long_name(f"{path}/", 0o775, b"", when, b"5")
    data = git.data(entry.sha)
    if entry.is_link:
        return _with_long_name(path, 0o777, b"", when, b"2", link=data)
    return _with_long_name(path, 0o775 if entry.mode & 0o100 else 0o664, data, when, b"0")


def _with_long_name(path: str, mode: int, data: bytes, when: int, kind: bytes, *, link: bytes = b"") -> list[bytes]:
    raw = path.encode("utf-8", "surrogateescape")
    parts: list[bytes] = []
    if len(raw) > _MAX_NAME:
        record = b"path=" + raw + b"\n"
        length = len(record) + 2
        while len(str(length)) + 1 + len(record) != length:
            length += 1
        note = f"{length} ".encode() + record
        parts += [_header("pax_header", 0o664, len(note), when, b"x"), _padded(note)]
        raw = raw[-_MAX_NAME:]
    return [*parts, _raw_header(raw, mode=mode, size=len(data), when=when, kind=kind, link=link), _padded(data)]


def _header(path: str, mode: int, size: int, when: int, kind: bytes) -> bytes:
    return _raw_header(path.encode(), mode=mode, size=size, when=when, kind=kind)


def _raw_header(path: bytes, *, mode: int, size: int, when: int, kind: bytes, link: bytes = b"") -> bytes:
    def octal(number: int, width: int) -> bytes:
        return f"{number:0{width}o}".encode() + b"\0"

    fields = (
        (path.ljust(_MAX_NAME, b"\0"), octal(mode, 7), octal(0, 7), octal(0, 7)),
        (octal(size, 11), octal(when, 11), b" " * 8, kind, link.ljust(_MAX_NAME, b"\0")),
        (b"ustar\x0000", b"root".ljust(32, b"\0"), b"root".ljust(32, b"\0"), octal(0, 7), octal(0, 7)),
    )
    block = b"".join(part for group in fields for part in group).ljust(_BLOCK, b"\0")
    check = octal(sum(block), 7)
    return block[:148] + check + block[156:]


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % _BLOCK)


ROUTES: Final = (
    Route(method="GET", template=_TEMPLATE, handler=get_archive),
    Route(method="HEAD", template=_TEMPLATE, handler=get_archive),
)
