"""Wiki: pages of a second git repository, found by their titles.

Laws (each is recorded behaviour of Gitea 1.25.4):
    1. A page is the file of its title, blanks as dashes, everything else escaped, `.md` at the end.
    2. `sub_url` is what the request named, not what the list calls the page.

Source: gitea services/wiki/wiki_path.go.
"""

from __future__ import annotations

import base64
from typing import Final
from urllib.parse import quote, unquote

from dulwich.objects import Commit

from aegis_trio.demo_forge.answers import Answer, json_answer
from aegis_trio.demo_forge.areas.commits import person
from aegis_trio.demo_forge.call import Call, int_of
from aegis_trio.demo_forge.git_history import Missing, commits_between, commits_touching, find_entry, last_change
from aegis_trio.demo_forge.git_store import Entry, GitStore
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.times import as_gitea, of_git
from aegis_trio.demo_forge.world import Access, Unit
from aegis_trio.model.json import JsonObject, JsonValue

WIKI_BRANCH: Final = "master"
_REVISIONS_PER_PAGE: Final = 50  # Source: gitea setting.Git.CommitsRangeSize
_WIKI: Final = "/repos/{owner}/{repo}/wiki"
_SUFFIX: Final = ".md"


def file_of(title: str) -> str:
    """Return the file that holds the page with this title."""
    return f"{quote(title.replace(' ', '-'), safe='-_.~')}{_SUFFIX}"


def _title_of(file: str) -> str:
    return unquote(file.removesuffix(_SUFFIX).replace("-", " "))


def _wiki(call: Call) -> tuple[GitStore, str]:
    if call.rights.to(Unit.WIKI) < Access.READ:
        raise call.missing()
    wiki = call.repository.wiki
    tip = None if wiki is None else wiki.branch(WIKI_BRANCH)
    if wiki is None or tip is None:
        raise call.missing("not found", "no such file or directory")
    return wiki, tip


def list_pages(call: Call) -> Answer:
    """List the pages in the order of their files, in pages without links."""
    wiki, tip = _wiki(call)
    files = [each for each in wiki.entries(wiki.tree_of(tip)) if each.is_file and each.name.endswith(_SUFFIX)]
    shown: list[JsonValue] = [
        _head(call, wiki, tip, each, each.name.removesuffix(_SUFFIX)) for each in files[call.page().slice()]
    ]
    return json_answer(shown, headers=(("X-Total-Count", str(len(files))),))


def _head(call: Call, wiki: GitStore, tip: str, file: Entry, sub_url: str) -> JsonObject:
    return {
        "title": _title_of(file.name),
        "html_url": f"{call.root}{call.world.full_name(call.repository)}/wiki/{sub_url}",
        "sub_url": sub_url,
        "last_commit": _commit(wiki.commit(last_change(wiki, tip, file.name))),
    }


def _commit(commit: Commit) -> JsonObject:
    # The key is Gitea's own: one letter is missing.
    return {
        "sha": commit.id.decode(),
        "author": _person(commit.author, commit.author_time, commit.author_timezone),
        "commiter": _person(commit.committer, commit.commit_time, commit.commit_timezone),
        "message": commit.message.decode("utf-8", "surrogateescape"),
    }


def _person(raw_person: bytes, seconds: int, offset_s: int) -> JsonObject:
    name, email = person(raw_person)
    return {"name": name, "email": email, "date": as_gitea(of_git(seconds, offset_s))}


def _find(call: Call, wiki: GitStore, tip: str) -> Entry:
    name = call.params["pageName"].replace("+", " ")
    # A name that says `.md` means the same file.
    for title in (name, name.removesuffix(_SUFFIX)):
        try:
            return find_entry(wiki, tip, file_of(title))
        except Missing:
            continue
    raise call.missing()


def get_page(call: Call) -> Answer:
    """Show one page with its content, and what stands beside and below every page."""
    wiki, tip = _wiki(call)
    file = _find(call, wiki, tip)
    sub_url = call.request.raw_path.rstrip("/").rpartition("/")[2]
    count = len(commits_touching(wiki, commits_between(wiki, None, tip), file.name))
    body: JsonObject = {
        **_head(call, wiki, tip, file, sub_url),
        "content_base64": _encoded(wiki, tip, file.name),
        "commit_count": count,
        "sidebar": _encoded(wiki, tip, f"_Sidebar{_SUFFIX}"),
        "footer": _encoded(wiki, tip, f"_Footer{_SUFFIX}"),
    }
    return json_answer(body)


def _encoded(wiki: GitStore, tip: str, name: str) -> str:
    try:
        return base64.b64encode(wiki.data(find_entry(wiki, tip, name).sha)).decode()
    except Missing:
        return ""


def list_revisions(call: Call) -> Answer:
    """List the commits that touched a page, the newest first."""
    wiki, tip = _wiki(call)
    file = _find(call, wiki, tip)
    found = commits_touching(wiki, commits_between(wiki, None, tip), file.name)
    start = (max(int_of(call.query.first("page")), 1) - 1) * _REVISIONS_PER_PAGE
    shown: list[JsonValue] = [_commit(wiki.commit(sha)) for sha in found[start : start + _REVISIONS_PER_PAGE]]
    headers = (("X-Total-Count", str(len(found))),)
    return json_answer({"commits": shown, "count": len(found)}, headers=headers)


ROUTES: Final = (
    Route(method="GET", template=f"{_WIKI}/pages", handler=list_pages),
    Route(method="GET", template=f"{_WIKI}/page/{{pageName}}", handler=get_page),
    Route(method="GET", template=f"{_WIKI}/revisions/{{pageName}}", handler=list_revisions),
)
