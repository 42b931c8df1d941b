"""The addresses of resources: hostile text in, a value out, or a refusal; and back.

    gitea://main/{owner}/{repo}/blob/{ref}/{+path}
    gitea://main/{owner}/{repo}/readme
    gitea://main/{owner}/{repo}/issues/{number}     with `?before=COMMENT` for older comments
    gitea://main/{owner}/{repo}/pulls/{number}      with `?page=N` for further files

Laws:
    1. Whatever text comes, `family_of` answers and `parse_uri` returns a value or raises InvalidArgument.
    2. A segment is percent-decoded once, and then read by the same functions as an argument of a tool (model/refs.py).
    3. The text of a value is canonical, and reading it gives the same value.

A ref is one segment, so its `/` is written `%2F`; `HEAD` is the default branch. The queries are no part of a template:
they stand in `next` of a resource that did not fit, and nobody has to make them.

Not here: whether the thing exists, and who may see it.

Source: RFC 3986 sections 2, 3 and 6.2.2; RFC 6570 section 3.2.3 (`{+path}` leaves reserved characters as they are).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NoReturn, TypeAlias, final
from urllib.parse import quote, unquote_to_bytes

from aegis_trio.model.errors import InvalidArgument
from aegis_trio.model.identity import DEFAULT_INSTANCE
from aegis_trio.model.refs import FilePath, GitRef, RepositoryRef, parse_file_path, parse_repository
from aegis_trio.toolsets.arguments import parse_optional_ref

MAX_URI_CHARACTERS: Final = 8192  # as the transports read them
_SCHEME: Final = "gitea"
_HEAD: Final = "HEAD"
_PCHAR: Final = "!$&'()*+,;=:@"  # Source: RFC 3986 section 3.3; a path may hold them as they are
# Next.js and others have files such as `[slug].tsx`, whose brackets `{+path}` leaves as they are.
_PERMITTED: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?#\[\]-]|%[0-9A-Fa-f]{2})*", re.ASCII)
_PARTS: Final = re.compile(
    r"gitea://(?P<authority>[^/?#]*)/(?P<path>[^?#]*)(?P<query>\?[^#]*)?(?P<fragment>#.*)?",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_BEFORE: Final = re.compile(r"\?before=([1-9][0-9]{0,14})", re.ASCII)
_PAGE: Final = re.compile(r"\?page=([1-9][0-9]{0,5})", re.ASCII)
_REF_REMEDY: Final = "A ref is one segment: a branch, a tag or a full commit id, its `/` as %2F; HEAD is the default."


class Family(StrEnum):
    """The word that tells one kind of resource from another."""

    BLOB = "blob"
    README = "readme"
    ISSUES = "issues"
    PULLS = "pulls"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FileUri:
    """A file."""

    repository: RepositoryRef
    ref: GitRef | None
    """None for the default branch."""
    path: FilePath

    def __str__(self) -> str:
        ref = _HEAD if self.ref is None else self.ref.name
        path = "/".join(quote(segment, safe=_PCHAR) for segment in self.path.segments)
        return f"{_base(self.repository)}/{Family.BLOB}/{quote(ref, safe='')}/{path}"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ReadmeUri:
    """The README of the default branch."""

    repository: RepositoryRef

    def __str__(self) -> str:
        return f"{_base(self.repository)}/{Family.README}"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class IssueUri:
    """An issue with its newest comments, or its comments before one of them."""

    repository: RepositoryRef
    number: int
    before: int | None = None
    """The id of a comment."""

    def __str__(self) -> str:
        query = "" if self.before is None else f"?before={self.before}"
        return f"{_base(self.repository)}/{Family.ISSUES}/{self.number}{query}"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PullUri:
    """A pull request with a page of the files that it changes."""

    repository: RepositoryRef
    number: int
    page: int = 1

    def __str__(self) -> str:
        query = "" if self.page == 1 else f"?page={self.page}"
        return f"{_base(self.repository)}/{Family.PULLS}/{self.number}{query}"


ResourceUri: TypeAlias = FileUri | ReadmeUri | IssueUri | PullUri


def family_of(raw_uri: str) -> Family | None:
    """Return of which family *raw_uri* is by its form; None when it is no address of ours."""
    split = _split(raw_uri)
    return None if split is None else split.family


def parse_uri(raw_uri: str) -> ResourceUri:
    """Make an address from text.

    Args:
        raw_uri: at most `MAX_URI_CHARACTERS`.

    Raises:
        InvalidArgument: no address of ours, a part that is missing, too much, badly encoded, or that
            `model/refs.py` refuses.
    """
    split = _split(raw_uri)
    if split is None:
        _refuse("is no address of this server", "Use a URI as resources/list shows it, or one of a template.")
    if not _PERMITTED.fullmatch(raw_uri):
        _refuse(
            "holds a character, or a `%`, that a URI cannot hold as it is",
            "Percent-encode it in UTF-8: a space is %20, é is %C3%A9, % itself %25.",
        )
    if split.fragment is not None:
        _refuse("has a fragment", "Leave it out; `#` in the name of a file is %23.")
    owner, repo, *rest = (_decode(segment) for segment in split.segments)
    repository = _repository(owner, repo)
    match split.family:
        case Family.BLOB:
            if split.query is not None:
                _refuse("has a query", "Leave it out; `?` in the name of a file is %3F.")
            if len(rest) < 3:
                _refuse("names no file", "After blob/ comes the ref, then the path of the file.")
            return _file(repository, rest[1], "/".join(rest[2:]))
        case Family.README:
            if len(rest) > 1 or split.query is not None:
                _refuse("goes on behind readme", "A README has no parts; other files are under blob/.")
            return ReadmeUri(repository=repository)
        case Family.ISSUES:
            number = _number(rest)
            return IssueUri(repository=repository, number=number, before=_query(split.query, _BEFORE))
        case Family.PULLS:
            number = _number(rest)
            return PullUri(repository=repository, number=number, page=_query(split.query, _PAGE) or 1)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class _Split:
    """The parts of an address, still encoded."""

    family: Family
    segments: tuple[str, ...]
    query: str | None
    fragment: str | None


def _split(raw_uri: str) -> _Split | None:
    if len(raw_uri) > MAX_URI_CHARACTERS:
        return None
    parts = _PARTS.fullmatch(raw_uri)
    # Source: RFC 3986 section 6.2.2.1: scheme and host compare without regard to case.
    if parts is None or parts["authority"].lower() != DEFAULT_INSTANCE:
        return None
    segments = tuple(parts["path"].split("/"))
    if len(segments) < 3 or segments[2] not in set(Family):
        return None
    return _Split(family=Family(segments[2]), segments=segments, query=parts["query"], fragment=parts["fragment"])


def _base(repository: RepositoryRef) -> str:
    return f"{_SCHEME}://{repository.instance}/{'/'.join(repository.as_segments())}"


def _decode(segment: str) -> str:
    try:
        # Threat: decoded twice, `%252e%252e` would become a dot segment behind every check.
        return unquote_to_bytes(segment).decode()
    except UnicodeDecodeError:
        _refuse("is not UTF-8 once it is percent-decoded", "Percent-encode names in UTF-8.")


def _repository(raw_owner: str, raw_repo: str) -> RepositoryRef:
    try:
        return parse_repository(raw_owner, raw_repo)
    except InvalidArgument as invalid:
        _refuse(f"{invalid.field}: {invalid.rule}", invalid.remedy)


def _file(repository: RepositoryRef, raw_ref: str, raw_path: str) -> FileUri:
    try:
        ref = parse_optional_ref(raw_ref)
    except InvalidArgument as invalid:
        _refuse(f"ref: {invalid.rule}", _REF_REMEDY)
    try:
        path = parse_file_path(raw_path)
    except InvalidArgument as invalid:
        _refuse(f"path: {invalid.rule}", invalid.remedy)
    if not path.segments:
        _refuse("names no file", "After blob/ comes the ref, then the path of the file.")
    return FileUri(repository=repository, ref=ref, path=path)


def _number(rest: list[str]) -> int:
    if len(rest) != 2 or not _NUMBER.fullmatch(rest[1]):
        _refuse("does not end with a number", f"After {rest[0]}/ comes the number alone, from 1 to 999999999.")
    return int(rest[1])


def _query(raw_query: str | None, pattern: re.Pattern[str]) -> int | None:
    if raw_query is None:
        return None
    found = pattern.fullmatch(raw_query)
    if found is None:
        _refuse("has a query that it cannot have", "Leave it out, or take `next` as the resource gave it.")
    return int(found[1])


def _refuse(rule: str, remedy: str) -> NoReturn:
    raise InvalidArgument("uri", rule, remedy) from None
