"""Raw files: bytes as they are stored, and with large objects of git-lfs put in their place (`media`).

Law: the way in which a ref is found here is not that of `contents`: ref and path are joined, cleaned and searched
together, and what names nothing silently means the default branch.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import quote

from aegis_trio.demo_forge.answers import Answer, Headers, text_answer
from aegis_trio.demo_forge.areas.entries import MAX_POINTER_BYTES, lfs_pointer
from aegis_trio.demo_forge.call import Call
from aegis_trio.demo_forge.git_history import Missing, find_entry, last_change
from aegis_trio.demo_forge.git_store import FULL_SHA, GitStore
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.times import as_http, of_git
from aegis_trio.demo_forge.world import Unit

_SIX_HOURS: Final = "private, max-age=21600, no-transform"  # Source: gitea modules/httpcache, for raw files
_SNIFFED_BYTES: Final = 1024  # Source: gitea modules/typesniffer
_IMAGES: Final = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"GIF8", "image/gif"), (b"\xff\xd8\xff", "image/jpeg"))
_SVG_POLICY: Final = ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
_BINARY: Final = frozenset(range(0x09)) | {0x0B} | frozenset(range(0x0E, 0x1B)) | frozenset(range(0x1C, 0x20))


def get_raw(call: Call) -> Answer:
    """Serve a file's bytes as git has them."""
    return _serve(call, follow_pointers=False)


def get_media(call: Call) -> Answer:
    """Serve a file's bytes, or the large object that its pointer names."""
    return _serve(call, follow_pointers=True)


def _serve(call: Call, *, follow_pointers: bool) -> Answer:
    call.must_read(Unit.CODE)
    git = call.repository.git
    if git.is_empty():
        raise call.missing("repository is empty")
    commit_sha, path = _commit_and_path(call)
    if not path:
        raise call.missing("getBlobForEntry")
    try:
        entry = find_entry(git, commit_sha, path)
    except Missing:
        raise call.missing() from None
    if entry.is_tree or entry.is_submodule:
        raise call.missing("getBlobForEntry")
    last = git.commit(last_change(git, commit_sha, path))
    changed = of_git(last.commit_time, last.commit_timezone).astimezone(UTC)
    data, tag, ranged = git.data(entry.sha), entry.sha, False
    pointer = lfs_pointer(data) if follow_pointers else None
    if pointer is not None and pointer[0] in call.repository.lfs:
        data, tag, ranged = call.repository.lfs[pointer[0]], pointer[0], True
    kind = "symlink" if entry.is_link else "file"
    headers: Headers = (("X-Gitea-Object-Type", kind), ("ETag", f'"{tag}"'), ("Last-Modified", as_http(changed)))
    if _is_known(call, tag, changed):
        # The server of large objects leaves the date out here.
        return Answer(status=304, headers=headers[:2] if ranged else headers)
    if ranged:
        headers = (*headers, ("Accept-Ranges", "bytes"))
    answer = _with_range(call, data, entry.name, headers)
    # Small files go through the reader of pointers, which sets no lifetime.
    small = follow_pointers and git.size(entry.sha) <= MAX_POINTER_BYTES
    return answer if small else replace(answer, cache_control=_SIX_HOURS)


def _commit_and_path(call: Call) -> tuple[str, str]:
    """Find where the ref ends and the path begins.

    Source: gitea services/context/repo.go getRefNameLegacy.
    """
    git, path = call.repository.git, call.params["*"]
    joined = posixpath.normpath("/".join(part for part in (call.query.first("ref").strip(), path) if part))
    for find in (git.branch, git.tag):
        found = _longest(joined, find)
        if found is not None:
            return found
    first, _, rest = joined.partition("/")
    by_id = _by_id(git, first)
    if by_id is not None:
        return by_id, rest
    if FULL_SHA.fullmatch(first):
        raise call.missing("unable to find a git ref")
    default = git.branch(call.repository.default_branch)
    if default is None:
        raise call.missing()
    return default, posixpath.normpath(path)


def _longest(joined: str, find: Callable[[str], str | None]) -> tuple[str, str] | None:
    parts = joined.split("/")
    for count in range(1, len(parts) + 1):
        commit_sha = find("/".join(parts[:count]))
        if commit_sha is not None:
            return commit_sha, "/".join(parts[count:])
    return None


def _by_id(git: GitStore, text: str) -> str | None:
    return git.full_commit(text) if FULL_SHA.fullmatch(text) else None


def _is_known(call: Call, tag: str, changed: datetime) -> bool:
    raw_tags = call.request.header("if-none-match")
    if raw_tags is not None and f'"{tag}"' in [each.strip().removeprefix("W/") for each in raw_tags.split(",")]:
        return True
    raw_since = call.request.header("if-modified-since")
    if raw_since is None:
        return False
    try:
        return changed <= parsedate_to_datetime(raw_since)
    except ValueError:
        return False


def _with_range(call: Call, data: bytes, name: str, headers: Headers) -> Answer:
    kind = sniff(data)
    plain_name = name.replace("\\", "\\\\").replace('"', '\\"')
    starred = quote(name, safe="$&+=:@~", errors="surrogateescape")
    headers = (*headers, ("Content-Disposition", f"inline; filename=\"{plain_name}\"; filename*=UTF-8''{starred}"))
    if kind == "image/svg+xml":
        headers = (*headers, _SVG_POLICY)
    raw_range = call.request.header("range")
    if raw_range is None or not raw_range.startswith("bytes="):
        # Gitea knows the length beforehand and says it, however long the body is.
        return Answer(status=200, headers=(*headers, ("Content-Length", str(len(data)))), body=data, content_type=kind)
    raw_start, _, raw_end = raw_range.removeprefix("bytes=").partition("-")
    if not raw_start.isdecimal():
        return text_answer(416, _bad_number(raw_start), headers=headers)
    start = int(raw_start)
    if start >= len(data):
        return text_answer(416, "invalid start range\n", headers=headers)
    if raw_end and not raw_end.isdecimal():
        return text_answer(400, _bad_number(raw_end), headers=headers)
    end = min(int(raw_end) if raw_end else len(data) - 1, len(data) - 1)
    if end < start:
        return text_answer(400, "invalid end range\n", headers=headers)
    part = data[start : end + 1]
    headers = (*headers, ("Content-Range", f"bytes {start}-{end}/{len(data)}"), ("Content-Length", str(len(part))))
    return Answer(status=206, headers=headers, body=part, content_type=kind)


def _bad_number(text: str) -> str:
    return f'strconv.ParseInt: parsing "{text}": invalid syntax\n'


def sniff(data: bytes) -> str:
    """Tell the media type by the first bytes; HTML is never admitted to.

    Source: gitea modules/typesniffer and modules/httplib/serve.go; net/http DetectContentType.
    """
    start = data[:_SNIFFED_BYTES]
    for magic, kind in _IMAGES:
        if start.startswith(magic):
            return kind
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "text/plain; charset=utf-16le" if start[0] == 0xFF else "text/plain; charset=utf-16be"
    if any(byte in _BINARY for byte in start):
        return "application/octet-stream"
    if start.lstrip().startswith(b"<svg"):
        return "image/svg+xml"
    try:
        data.decode()
    except UnicodeDecodeError:
        return "text/plain; charset=iso-8859-1"
    return "text/plain; charset=utf-8"


ROUTES: Final = (
    Route(method="GET", template="/repos/{owner}/{repo}/raw/*", handler=get_raw),
    Route(method="GET", template="/repos/{owner}/{repo}/media/*", handler=get_media),
)
