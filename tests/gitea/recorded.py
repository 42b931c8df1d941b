"""Recorded answers of a real Gitea 1.25.4, as the values that decoders take."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final
from urllib.parse import unquote

from aegis_trio.gitea.branches import list_branches, list_tags
from aegis_trio.gitea.contents import get_contents, get_metadata
from aegis_trio.gitea.git import get_tree
from aegis_trio.gitea.issues import IssueState, IssueType, get_issue, list_comments, list_issues
from aegis_trio.gitea.pulls import get_pull_request, list_changed_files
from aegis_trio.gitea.repositories import get_repository, list_my_repositories
from aegis_trio.gitea.request import ForgeRequest, ForgeResponse
from aegis_trio.gitea.server import get_version
from aegis_trio.gitea.users import get_me, get_token, probe_administration
from aegis_trio.model.refs import FilePath, RepositoryRef

_FILE = Path(__file__).parent / "recordings" / "exchanges.jsonl"
_PREFIX = "/api/v1/"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One recorded question and answer."""

    id: str
    path: str
    response: ForgeResponse

    def request(self) -> ForgeRequest[Any]:
        """Return our own request for the recorded path."""
        return request_for(self.path)


def response_of(status: int, body: bytes, headers: dict[str, str] | None = None) -> ForgeResponse:
    """Return an answer as the transport would have read it."""
    named = {"content-type": "application/json;charset=utf-8"} if headers is None else headers
    total = named.get("x-total-count", "")
    return ForgeResponse(
        status=status,
        content_type=named.get("content-type", "").partition(";")[0],
        body=body,
        total=int(total) if total.isdigit() else None,
        has_next='rel="next"' in named["link"] if "link" in named else None,
        location=named.get("location"),
    )


def request_for(path: str) -> ForgeRequest[Any]:
    """Return the request whose decoder reads what stands at *path*."""
    segments = path.removeprefix(_PREFIX).split("/")
    fixed: dict[str, Callable[[], ForgeRequest[Any]]] = {
        "version": get_version,
        "user": get_me,
        "user/repos": lambda: list_my_repositories(page=1, limit=50),
        "admin/cron": probe_administration,
        "token": get_token,
    }
    if "/".join(segments) in fixed:
        return fixed["/".join(segments)]()
    repository = RepositoryRef(unquote(segments[1]), unquote(segments[2]))
    place = FilePath(tuple(unquote("/".join(segments[4:])).strip("/").split("/")))
    match segments[3:]:
        case ["contents", *_]:
            return get_contents(repository, place, None)
        case ["contents-ext", *_]:
            return get_metadata(repository, place, None)
        case ["git", *_]:
            return get_tree(repository, None, FilePath(()), recursive=True, page=1, limit=100)
        case ["branches"]:
            return list_branches(repository, page=1, limit=50)
        case ["tags"]:
            return list_tags(repository, page=1, limit=50)
        case ["issues" | "pulls", *rest]:
            return _request_about_issues(repository, segments[3], rest)
        case _:
            return get_repository(repository)


def _request_about_issues(repository: RepositoryRef, area: str, rest: list[str]) -> ForgeRequest[Any]:
    if not rest:
        return list_issues(repository, state=IssueState.ALL, kind=IssueType.ALL, query="", page=1, limit=50)
    # Some were asked for by what is no number; ours never are.
    index = int(rest[0]) if rest[0].strip("+-").isdecimal() else 1
    match area, rest[1:]:
        case "issues", []:
            return get_issue(repository, index)
        case "issues", _:
            return list_comments(repository, index, page=1, limit=10)
        case _, []:
            return get_pull_request(repository, index)
        case _:
            return list_changed_files(repository, index, page=1, limit=50)


def _read(line: str) -> Exchange:
    raw = json.loads(line)
    body = json.dumps(raw["body"]) if "body" in raw else raw.get("text", "")
    return Exchange(
        id=raw["id"],
        path=raw["path"],
        response=response_of(raw["status"], body.encode(), raw["response_headers"]),
    )


EXCHANGES = {
    exchange.id: exchange
    for exchange in map(_read, _FILE.read_text(encoding="utf-8").splitlines())
    # Above 48 KB the recordings keep a hash in place of the body.
    if exchange.response.status != 200 or exchange.response.body
}
