"""Kinds of parameters: what a value of each may be, and how it stands in a path or a query.

Gitea describes most parameters of its paths as texts. Here each has the kind that its name tells, and every value is
parsed as the typed tools parse theirs, so that none can mean another place.

Laws:
    1. A path parameter is never empty, never a dot segment, and holds no control character, also after it was decoded
       once more; a `/` in it is encoded, but in file paths.
    2. A value that is wrong is refused with the rule and the way out; nothing is guessed, cut or dropped.

Source: gitea.md of the recordings: "Path & parameter security"; OpenAPI 2.0 parameter object.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from types import MappingProxyType
from typing import Final, final
from urllib.parse import quote, unquote

from aegis_trio.gitea.git import TREE_ENTRIES
from aegis_trio.model.errors import InvalidArgument
from aegis_trio.model.json import JsonValue
from aegis_trio.model.refs import MAX_SEGMENT_BYTES, parse_file_path, parse_git_ref, parse_repository
from aegis_trio.toolsets.operations.table import Operation, Parameter

MAX_NUMBER: Final = 2**63 - 1  # Gitea's numbers are int64
MAX_PAGE: Final = 1_000_000
MAX_LIMIT: Final = 50  # Source: gitea [api] MAX_RESPONSE_ITEMS, its default
PAGING: Final = ("page", "limit", "per_page")
MAX_TEXT_BYTES: Final = 1000
MAX_MANY: Final = (
    30  # values of a parameter that may stand several times; files of one batch: more are dropped by Gitea
)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_PAIR: Final = re.compile(r"(?P<base>[^.].*?)(?P<dots>\.{2,3})(?P<head>[^.].*)", re.DOTALL)
_STAMP: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class Kind(Enum):
    """What a value is; the words are what a caller is shown as its type."""

    OWNER = "user or organisation"
    REPO = "repository name without owner"
    NUMBER = "whole number"
    REF = "branch, tag or commit id"
    PAIR = "base...head, two branches, tags or commit ids"
    PATH = "path from the repository's root"
    NAME = "name"
    CHOICE = "choice"
    FLAG = "true or false"
    STAMP = "time such as 2026-01-31T12:00:00Z"
    DAY = "day such as 2026-01-31"
    FILES = "list of at most 30 paths"
    TEXT = "text"


_BY_NAME_IN_PATH: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        **dict.fromkeys(("owner", "org", "username", "user", "target", "collaborator"), Kind.OWNER),
        **dict.fromkeys(("branch", "ref", "sha", "tag", "base", "head"), Kind.REF),
        # Described as texts, and numbers all the same.
        **dict.fromkeys(("artifact_id", "id", "index", "job_id", "run", "runner_id"), Kind.NUMBER),
        "repo": Kind.REPO,
        "basehead": Kind.PAIR,
        "filepath": Kind.PATH,
    }
)
_BY_NAME_IN_QUERY: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        **dict.fromkeys(("ref", "sha", "not", "branch", "base_branch", "head_sha"), Kind.REF),
        **dict.fromkeys(("owner", "created_by", "assigned_by", "mentioned_by"), Kind.OWNER),
        **dict.fromkeys(("actor", "poster", "user"), Kind.OWNER),
        "path": Kind.PATH,
    }
)
# A milestone may be given by its title, a git hook has no number, the batch of files takes a JSON text, and the route
# of editorconfig takes one part, in which a path's `/` is encoded.
_BY_OPERATION: Final[Mapping[tuple[str, str], Kind]] = MappingProxyType(
    {
        ("issueGetMilestone", "id"): Kind.NAME,
        ("repoGetGitHook", "id"): Kind.NAME,
        ("repoGetEditorConfig", "filepath"): Kind.NAME,
        ("repoGetFileContents", "body"): Kind.FILES,
    }
)
_BY_TYPE: Final[Mapping[str, Kind]] = MappingProxyType(
    {"integer": Kind.NUMBER, "boolean": Kind.FLAG, "date-time": Kind.STAMP, "date": Kind.DAY}
)


@final
@dataclass(frozen=True, slots=True)
class Bounds:
    """What a number may be."""

    least: int
    most: int


def kind_of(operation: Operation, parameter: Parameter) -> Kind:
    """Return what a value of *parameter* is."""
    special = _BY_OPERATION.get((operation.id, parameter.name))
    if special is not None:
        return special
    if parameter.choices:
        return Kind.CHOICE
    if parameter.type in _BY_TYPE:
        return _BY_TYPE[parameter.type]
    if parameter.place == "path":
        return _BY_NAME_IN_PATH.get(parameter.name, Kind.NAME)
    return _BY_NAME_IN_QUERY.get(parameter.name, Kind.TEXT)


def bounds_of(parameter: Parameter) -> Bounds:
    """Return what a number given for *parameter* may be."""
    match parameter.name:
        case "page":
            return Bounds(1, MAX_PAGE)
        case "limit":
            return Bounds(1, MAX_LIMIT)
        case "per_page":
            return Bounds(1, TREE_ENTRIES)
        case _ if parameter.place == "path":
            return Bounds(1, MAX_NUMBER)
        case _:
            return Bounds(0, MAX_NUMBER)


def parse_value(operation: Operation, parameter: Parameter, raw_value: JsonValue) -> str:
    """Return *raw_value* as *parameter* takes it: decoded, ready to be encoded.

    Raises:
        InvalidArgument: it is of another kind, or means another place; it names the parameter.
    """
    kind = kind_of(operation, parameter)
    if raw_value is None:
        raise InvalidArgument(parameter.name, "is null", "Leave it out, or give a value.")
    try:
        match kind:
            case Kind.NUMBER:
                return _number(bounds_of(parameter), raw_value)
            case Kind.FLAG:
                return _flag(raw_value)
            case Kind.CHOICE:
                return _choice(parameter, raw_value)
            case Kind.FILES:
                return _files(raw_value)
            case Kind.NAME if isinstance(raw_value, int) and not isinstance(raw_value, bool):
                return str(raw_value)  # such as the number of a milestone, where its title would do too
            case _:
                if not isinstance(raw_value, str):
                    raise InvalidArgument("", "must be a string", "Give it in quotes.")
                return _TEXTS[kind](raw_value)
    except InvalidArgument as invalid:
        raise InvalidArgument(parameter.name, invalid.rule, invalid.remedy) from None


def segments_of(kind: Kind, value: str) -> tuple[str, ...]:
    """Return the path segments that *value* makes, each percent-encoded: several of a file path, else one."""
    parts = value.split("/") if kind is Kind.PATH else [value]
    return tuple(quote(part, safe="") for part in parts)


def _number(bounds: Bounds, raw_value: JsonValue) -> str:
    # Source: JSON Schema 2020-12 section 6.1.1: 2.0 is an integer; some clients send numbers so.
    value = int(raw_value) if isinstance(raw_value, float) and raw_value.is_integer() else raw_value
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidArgument("", "must be a whole number", "Give it without quotes or fraction.")
    if not bounds.least <= value <= bounds.most:
        raise InvalidArgument("", f"must be from {bounds.least} to {bounds.most}", "Give a number within these bounds.")
    return str(value)


def _flag(raw_value: JsonValue) -> str:
    if not isinstance(raw_value, bool):
        raise InvalidArgument("", "must be true or false", "Give it without quotes.")
    return "true" if raw_value else "false"


def _choice(parameter: Parameter, raw_value: JsonValue) -> str:
    choices = [str(choice) for choice in parameter.choices]
    if not isinstance(raw_value, str) or raw_value not in choices:
        raise InvalidArgument("", "is none of its choices", f"Give one of: {', '.join(choices)}.")
    return raw_value


def _files(raw_value: JsonValue) -> str:
    remedy = f'Give a list of at most {MAX_MANY} paths, such as ["src/main.py"].'
    if not isinstance(raw_value, list) or not 1 <= len(raw_value) <= MAX_MANY:
        raise InvalidArgument("", "must be a list of paths", remedy)
    paths: list[JsonValue] = []
    for raw_path in raw_value:
        if not isinstance(raw_path, str):
            raise InvalidArgument("", "must hold strings only", remedy)
        paths.append(_path(raw_path))
    return json.dumps({"files": paths}, ensure_ascii=False, separators=(",", ":"))


def _owner(raw_value: str) -> str:
    # Any name of a repository does: the owner alone is looked at.
    return parse_repository(raw_value, "any").owner


def _repo(raw_value: str) -> str:
    return parse_repository("any", raw_value).name


def _ref(raw_value: str) -> str:
    return parse_git_ref(raw_value).name


def _pair(raw_value: str) -> str:
    found = _PAIR.fullmatch(raw_value)
    if found is None:
        raise InvalidArgument("", "is no pair of refs", 'Give two with three dots between, such as "main...feature".')
    # Threat: `owner:branch` would compare with another repository; a ref holds no colon.
    return f"{_ref(found['base'])}{found['dots']}{_ref(found['head'])}"


def _path(raw_value: str) -> str:
    path = parse_file_path(raw_value)
    if not path.segments:
        raise InvalidArgument("path", "is the root", "Give the path of a file or folder below it.")
    return str(path)


def _name(raw_value: str) -> str:
    _text(raw_value)
    # Threat: Gitea decodes names of wiki pages twice; what is harmless once must be so then too.
    for text in (raw_value, unquote(raw_value)):
        if _CONTROL.search(text) or any(part in {"", ".", ".."} for part in text.split("/")):
            raise InvalidArgument("", "has an empty or dot segment, or a control character", "Give the name alone.")
    if len(raw_value.encode()) > MAX_SEGMENT_BYTES:
        raise InvalidArgument("", f"is longer than {MAX_SEGMENT_BYTES} bytes", "Give the name as Gitea lists it.")
    return raw_value


def _text(raw_value: str) -> str:
    if not raw_value:
        raise InvalidArgument("", "is empty", "Leave it out, or give a value.")
    try:
        size = len(raw_value.encode())
    except UnicodeEncodeError:  # a lone surrogate, possible in JSON as \ud800
        raise InvalidArgument("", "is not valid Unicode", "Give it as Gitea shows it.") from None
    if size > MAX_TEXT_BYTES:
        raise InvalidArgument("", f"is longer than {MAX_TEXT_BYTES} bytes", "Give less.")
    if _CONTROL.search(raw_value):
        raise InvalidArgument("", "holds a control character", "Give one line of text.")
    return raw_value


def _stamp(raw_value: str) -> str:
    remedy = "Give it as 2026-01-31T12:00:00Z."
    if not _STAMP.fullmatch(raw_value):
        raise InvalidArgument("", "is no time of RFC 3339", remedy)
    try:
        return datetime.fromisoformat(raw_value.upper()).isoformat().replace("+00:00", "Z")
    except ValueError:
        raise InvalidArgument("", "is no time of the calendar", remedy) from None


def _day(raw_value: str) -> str:
    remedy = "Give it as 2026-01-31."
    if not _DAY.fullmatch(raw_value):
        raise InvalidArgument("", "is no day", remedy)
    try:
        return date.fromisoformat(raw_value).isoformat()
    except ValueError:
        raise InvalidArgument("", "is no day of the calendar", remedy) from None


_TEXTS: Final[Mapping[Kind, Callable[[str], str]]] = MappingProxyType(
    {
        Kind.OWNER: _owner,
        Kind.REPO: _repo,
        Kind.REF: _ref,
        Kind.PAIR: _pair,
        Kind.PATH: _path,
        Kind.NAME: _name,
        Kind.STAMP: _stamp,
        Kind.DAY: _day,
        Kind.TEXT: _text,
    }
)
