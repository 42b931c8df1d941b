"""Lists of repositories: the search, those of a person or an organisation, forks, stars and watches.

Laws (each is recorded behaviour of Gitea 1.25.4):
    1. A person's list counts what it does not show: repositories that the reader may not see.
    2. The search knows repositories of people who hide themselves, unless only public ones are asked for.
    3. Watched repositories have no pages until one is asked for, and show what the watcher may do, whoever reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from aegis_trio.demo_forge.answers import Answer, json_answer
from aegis_trio.demo_forge.areas.repositories import repository_json
from aegis_trio.demo_forge.call import Call, int_of
from aegis_trio.demo_forge.lookups import find_account, find_organisation, the_viewer
from aegis_trio.demo_forge.permissions import is_visible, rights_of
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.world import Access, Account, Repository, Visibility, World
from aegis_trio.model.json import JsonObject, JsonValue

_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})  # Source: strconv.ParseBool
_FALSE: Final = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_ORDERS: Final = frozenset({"asc", "desc"})
_MODES: Final = frozenset({"", "fork", "source", "mirror", "collaborative"})


def _key_of(world: World, word: str) -> Callable[[Repository], tuple[float | str, str]] | None:
    """Source: gitea models/repo/search.go OrderByMap."""
    keys: dict[str, Callable[[Repository], float | str]] = {
        "alpha": lambda each: each.name.lower(),
        "created": lambda each: each.created.timestamp(),
        "updated": lambda each: each.updated.timestamp(),
        "size": lambda each: each.size_kib,
        "git_size": lambda each: each.size_kib,
        "lfs_size": lambda each: sum(map(len, each.lfs.values())),
        "id": lambda each: each.id,
        "stars": world.stars_of,
        "forks": world.forks_of,
    }
    found = keys.get(word)
    return None if found is None else lambda each: (found(each), each.name.lower())


def search_repositories(call: Call) -> Answer:
    """List repositories that fit all that the query asks for.

    Source: gitea routers/api/v1/repo/repo.go Search.
    """
    mode, sort, order = call.query.first("mode"), call.query.first("sort"), call.query.first("order") or "asc"
    if mode not in _MODES:
        raise call.refused(422, f'Invalid search mode: "{mode}"')
    if sort and order not in _ORDERS:
        raise call.refused(422, f'Invalid sort order: "{order}"')
    key = _key_of(call.world, sort or "alpha")
    if key is None:
        raise call.refused(422, f'Invalid sort mode: "{sort}"')
    found = [each for each in call.world.repositories.values() if _is_found(call, each, mode)]
    found.sort(key=key, reverse=bool(sort) and order == "desc")
    first = int_of(call.query.first("priority_owner_id"))
    if first:
        found.sort(key=lambda each: each.owner_id != first)
    page = call.page()
    shown: list[JsonValue] = [_shown(call, each) for each in found[page.slice()]]
    return json_answer({"ok": True, "data": shown}, headers=call.page_headers(page, len(found)))


def _shown(call: Call, repository: Repository, *, language: bool = True, person: Account | None = None) -> JsonObject:
    rights = rights_of(call.world, person or call.viewer, repository)
    return repository_json(call.world, repository, rights, language=language)


def _is_known(call: Call, repository: Repository) -> bool:
    owner = call.world.owner_of(repository)
    if not repository.private and (not owner.is_organisation or is_visible(call.world, owner, call.viewer)):
        return True
    return rights_of(call.world, call.viewer, repository).any()


def _is_found(call: Call, repository: Repository, mode: str) -> bool:
    query = call.query
    public_only = call.principal is None or call.principal.public_only or query.first("private") in _FALSE
    is_hidden = repository.private or call.world.owner_of(repository).visibility != Visibility.PUBLIC
    if not _is_known(call, repository) or (public_only and is_hidden):
        return False
    uid, starred = int_of(query.first("uid")), int_of(query.first("starredBy"))
    if uid and repository.owner_id != uid:
        # Without `exclusive` those count, too, in which the person only takes part.
        takes_part = repository.collaborators.get(uid, Access.NONE) > Access.NONE
        if query.first("exclusive") in _TRUE or not takes_part:
            return False
    if starred and repository.id not in call.world.accounts[starred].stars:
        return False
    for name, is_so in (
        ("is_private", repository.private),
        ("template", repository.template),
        ("archived", repository.archived_at is not None),
    ):
        word = query.first(name)
        if word and (word in _TRUE) is not is_so:
            return False
    if mode in {"fork", "source"} and (repository.fork_of is not None) is not (mode == "fork"):
        return False
    return mode != "mirror" and _has_words(call, repository)


def _has_words(call: Call, repository: Repository) -> bool:
    words = call.query.first("q").strip().lower()
    if call.query.first("topic") in _TRUE:
        return not words or words in repository.topics
    texts = [repository.name, *([repository.description] if call.query.first("includeDesc") in _TRUE else [])]
    return any(words in text.lower() for text in texts)


def list_repositories_of(call: Call) -> Answer:
    """List the repositories of a person."""
    return _owned(call, find_account(call, call.params["username"], "GetUserByName"))


def list_organisation_repositories(call: Call) -> Answer:
    """List the repositories of an organisation."""
    return _owned(call, find_organisation(call))


def _owned(call: Call, owner: Account) -> Answer:
    counted = [
        each
        for each in call.world.repositories.values()
        if each.owner_id == owner.id and (call.viewer is not None or not each.private)
    ]
    page = call.page()
    on_page = sorted(counted, key=lambda each: each.id)[page.slice()]
    shown: list[JsonValue] = [_shown(call, each) for each in on_page if rights_of(call.world, call.viewer, each).any()]
    return json_answer(shown, headers=call.page_headers(page, len(counted)))


def list_forks(call: Call) -> Answer:
    """List the forks of a repository that the one who asks may see."""
    forks = [each for each in call.world.repositories.values() if each.fork_of == call.repository.id]
    return _paged(call, [each for each in forks if rights_of(call.world, call.viewer, each).any()], language=False)


def _paged(call: Call, found: list[Repository], *, language: bool) -> Answer:
    found.sort(key=lambda each: each.id)
    shown: list[JsonValue] = [_shown(call, each, language=language) for each in found[call.page().slice()]]
    return json_answer(shown, headers=(("X-Total-Count", str(len(found))),))


def _of_others(call: Call, repositories: Iterable[Repository], person: Account) -> list[Repository]:
    """Keep what may be told of somebody's taste: everything to themselves, what is public to others."""
    mine = call.viewer is not None and call.viewer.id == person.id
    return [each for each in repositories if mine or not each.private]


def _starred(call: Call, person: Account) -> Answer:
    starred = [each for each in call.world.repositories.values() if each.id in person.stars]
    shown = _of_others(call, starred, person)
    shown.sort(key=lambda each: each.id)
    listed: list[JsonValue] = [_shown(call, each, language=False, person=person) for each in shown[call.page().slice()]]
    return json_answer(listed, headers=(("X-Total-Count", str(len(starred))),))


def list_my_stars(call: Call) -> Answer:
    """List what the one who asks has starred."""
    return _starred(call, the_viewer(call))


def list_stars_of(call: Call) -> Answer:
    """List what a person has starred."""
    return _starred(call, find_account(call, call.params["username"], "GetUserByName"))


def check_star(call: Call) -> Answer:
    """Tell by the status alone whether the one who asks has starred a repository."""
    viewer = the_viewer(call)
    owner = find_account(call, call.params["owner"], "GetUserByName")
    repository = call.world.repository_named(owner, call.params["repo"])
    if repository is None or repository.id not in viewer.stars:
        raise call.missing()
    return Answer(status=204)


def _watched(call: Call, person: Account) -> Answer:
    watched = [each for each in call.world.repositories.values() if person.id in each.watchers]
    found = sorted(_of_others(call, watched, person), key=lambda each: each.id)
    shown: list[JsonValue] = [_shown(call, each, language=False, person=person) for each in found[call.asked_page()]]
    return json_answer(shown, headers=(("X-Total-Count", str(len(found))),))


def list_my_subscriptions(call: Call) -> Answer:
    """List what the one who asks watches."""
    return _watched(call, the_viewer(call))


def list_subscriptions_of(call: Call) -> Answer:
    """List what a person watches."""
    return _watched(call, find_account(call, call.params["username"], "GetUserByName"))


ROUTES: Final = (
    Route(method="GET", template="/repos/search", handler=search_repositories),
    Route(method="GET", template="/users/{username}/repos", handler=list_repositories_of),
    Route(method="GET", template="/orgs/{org}/repos", handler=list_organisation_repositories),
    Route(method="GET", template="/repos/{owner}/{repo}/forks", handler=list_forks),
    Route(method="GET", template="/user/starred", handler=list_my_stars, signed_in=True),
    Route(method="GET", template="/user/starred/{owner}/{repo}", handler=check_star, signed_in=True),
    Route(method="GET", template="/users/{username}/starred", handler=list_stars_of),
    Route(method="GET", template="/user/subscriptions", handler=list_my_subscriptions, signed_in=True),
    Route(method="GET", template="/users/{username}/subscriptions", handler=list_subscriptions_of),
)
