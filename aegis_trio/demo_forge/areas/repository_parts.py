"""Parts of a repository: languages, topics, and the people around it.

Not here: what it holds (contents.py and its neighbours) and its settings (protections.py, hooks.py).
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from aegis_trio.demo_forge.answers import Answer, json_answer
from aegis_trio.demo_forge.areas.team_json import team_json
from aegis_trio.demo_forge.areas.users import account_json, account_json_for
from aegis_trio.demo_forge.call import Call
from aegis_trio.demo_forge.git_history import find_entry
from aegis_trio.demo_forge.git_store import GitStore
from aegis_trio.demo_forge.lookups import the_viewer
from aegis_trio.demo_forge.permissions import rights_of
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.times import as_gitea
from aegis_trio.demo_forge.world import EPOCH, Access, Account, Team, Unit
from aegis_trio.model.json import JsonObject, JsonValue

_REPOSITORY: Final = "/repos/{owner}/{repo}"
# Source: github.com/go-enry/go-enry, as gitea modules/git/languagestats asks it: documents and data count nothing.
_LANGUAGES: Final = {
    "c": "C",
    "css": "CSS",
    "go": "Go",
    "html": "HTML",
    "java": "Java",
    "js": "JavaScript",
    "py": "Python",
    "rs": "Rust",
    "sh": "Shell",
    "ts": "TypeScript",
}
_SKIPPED_FOLDERS: Final = frozenset({"docs", "doc", "vendor", "node_modules", "examples"})


def list_languages(call: Call) -> Answer:
    """Show the bytes of each language on the default branch, the most first."""
    call.must_read(Unit.CODE)
    tip = call.repository.git.branch(call.repository.default_branch)
    counts: Counter[str] = Counter() if tip is None else _languages(call.repository.git, tip)
    shown: JsonObject = dict(counts.most_common())
    return json_answer(shown)


def _languages(git: GitStore, tip: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for path, entry in git.walk(git.tree_of(tip)):
        language = _LANGUAGES.get(path.rpartition(".")[2])
        if entry.is_file and language is not None and not _SKIPPED_FOLDERS & set(path.split("/")[:-1]):
            counts[language] += git.size(find_entry(git, tip, path).sha)
    return counts


def list_topics(call: Call) -> Answer:
    """List the topics by name."""
    topics = sorted(call.repository.topics)
    shown: JsonObject = {"topics": list[JsonValue](topics[call.page().slice()])}
    return json_answer(shown, headers=(("X-Total-Count", str(len(topics))),))


def search_topics(call: Call) -> Answer:
    """List topics of all repositories whose names hold the words, the most used first."""
    words, world = call.query.first("q").lower(), call.world
    used = Counter(topic for each in world.repositories.values() for topic in each.topics)
    names = [*world.topic_names, *sorted(name for name in used if name not in world.topic_names)]
    found = [(number, name) for number, name in enumerate(names, start=1) if words in name and used[name]]
    found.sort(key=lambda pair: (-used[pair[1]], pair[0]))
    shown: list[JsonValue] = []
    for number, name in found[call.asked_page()]:
        when = as_gitea(world.topic_names.get(name, EPOCH))
        shown.append({"id": number, "topic_name": name, "repo_count": used[name], "created": when, "updated": when})
    return json_answer({"topics": shown}, headers=(("X-Total-Count", str(len(found))),))


# --------------------------------------------------------------------------------------------- people
def _people(call: Call, accounts: list[Account]) -> list[JsonValue]:
    return [account_json_for(call.world, account, call.viewer) for account in accounts]


def list_collaborators(call: Call) -> Answer:
    """List who was given a right in person."""
    ids = sorted(each for each, access in call.repository.collaborators.items() if access > Access.NONE)
    shown = _people(call, [call.world.accounts[each] for each in ids][call.page().slice()])
    return json_answer(shown, headers=(("X-Total-Count", str(len(ids))),))


def check_collaborator(call: Call) -> Answer:
    """Tell by the status alone whether somebody was given a right in person."""
    account = call.world.account_named(call.params["collaborator"])
    if account is None or call.repository.collaborators.get(account.id, Access.NONE) == Access.NONE:
        raise call.missing()
    return Answer(status=204)


def get_permission(call: Call) -> Answer:
    """Tell what somebody may do; who has rights unit by unit counts as having none."""
    viewer, name = the_viewer(call), call.params["collaborator"]
    if not viewer.is_admin and not call.rights.is_admin() and viewer.login.lower() != name.lower():
        words = "Only admins can query all permissions, repo admins can query all repo permissions, "
        raise call.refused(403, f"{words}collaborators can query only their own")
    account = call.world.account_named(name)
    if account is None:
        raise call.refused(404, f"user does not exist [uid: 0, name: {name}]")
    word = rights_of(call.world, account, call.repository).mode.name.lower()
    shown = account_json(call.world, account, signed_in=True, private=False)
    return json_answer({"permission": word, "role_name": word, "user": shown})


def _near(call: Call, *units: Unit) -> list[Account]:
    """Return who has a right to one of *units* that was given to them: as owner, in person or through a team."""
    owner = call.world.owner_of(call.repository)
    near = [
        account
        for account in call.world.accounts.values()
        if not account.is_organisation
        and (
            account.id == owner.id
            or account.id in call.repository.collaborators
            or (owner.is_organisation and call.world.is_member(owner, account))
        )
        and any(rights_of(call.world, account, call.repository).to(unit) >= Access.READ for unit in units)
    ]
    return sorted(near, key=lambda account: account.login.lower())


def list_assignees(call: Call) -> Answer:
    """List who may be given an issue."""
    return json_answer(_people(call, _near(call, Unit.ISSUES, Unit.PULLS)))


def list_reviewers(call: Call) -> Answer:
    """List who may be asked for a review."""
    return json_answer(_people(call, _near(call, Unit.PULLS)))


def list_stargazers(call: Call) -> Answer:
    """List who starred the repository."""
    found = [each for each in call.world.accounts.values() if call.repository.id in each.stars]
    shown = _people(call, found[call.page().slice()])
    return json_answer(shown, headers=(("X-Total-Count", str(len(found))),))


def list_subscribers(call: Call) -> Answer:
    """List who watches the repository."""
    found = [call.world.accounts[each] for each in sorted(call.repository.watchers)]
    shown = _people(call, found[call.page().slice()])
    return json_answer(shown, headers=(("X-Total-Count", str(len(found))),))


def get_subscription(call: Call) -> Answer:
    """Tell whether the one who asks watches the repository."""
    if the_viewer(call).id not in call.repository.watchers:
        raise call.missing()
    place = f"{call.root}api/v1/repos/{call.world.full_name(call.repository)}"
    return json_answer(
        {
            "subscribed": True,
            "ignored": False,
            "reason": None,
            "created_at": as_gitea(call.repository.created),
            "url": f"{place}/subscription",
            "repository_url": place,
        }
    )


def _teams(call: Call) -> list[Team]:
    owner = call.world.owner_of(call.repository)
    if not owner.is_organisation:
        raise call.refused(405, "repo is not owned by an organization")
    return [
        team
        for team in call.world.teams
        if team.organisation_id == owner.id
        and (team.owners or team.all_repositories or call.repository.id in team.repository_ids)
    ]


def list_teams(call: Call) -> Answer:
    """List the teams that reach the repository."""
    return json_answer([team_json(call.world, team, with_organisation=False) for team in _teams(call)])


def get_team(call: Call) -> Answer:
    """Show one of the teams that reach the repository, by its name."""
    name = call.params["team"].lower()
    found = next((team for team in _teams(call) if team.name.lower() == name), None)
    if found is None:
        raise call.missing()
    return json_answer(team_json(call.world, found, with_organisation=False))


def get_signing_key(call: Call) -> Answer:
    """Show the key that signs commits made by the forge; there is none."""
    raise call.missing("no signing key")


def list_nothing(_call: Call, /) -> Answer:
    """List what a repository of the forge never has."""
    return json_answer([])


ROUTES: Final = (
    Route(method="GET", template=f"{_REPOSITORY}/languages", handler=list_languages),
    Route(method="GET", template=f"{_REPOSITORY}/topics", handler=list_topics),
    Route(method="GET", template="/topics/search", handler=search_topics),
    Route(method="GET", template=f"{_REPOSITORY}/collaborators", handler=list_collaborators, signed_in=True),
    Route(
        method="GET",
        template=f"{_REPOSITORY}/collaborators/{{collaborator}}",
        handler=check_collaborator,
        signed_in=True,
    ),
    Route(
        method="GET",
        template=f"{_REPOSITORY}/collaborators/{{collaborator}}/permission",
        handler=get_permission,
        signed_in=True,
    ),
    Route(method="GET", template=f"{_REPOSITORY}/assignees", handler=list_assignees, signed_in=True),
    Route(method="GET", template=f"{_REPOSITORY}/reviewers", handler=list_reviewers, signed_in=True),
    Route(method="GET", template=f"{_REPOSITORY}/stargazers", handler=list_stargazers),
    Route(method="GET", template=f"{_REPOSITORY}/subscribers", handler=list_subscribers),
    Route(method="GET", template=f"{_REPOSITORY}/subscription", handler=get_subscription, signed_in=True),
    Route(method="GET", template=f"{_REPOSITORY}/teams", handler=list_teams, signed_in=True),
    Route(method="GET", template=f"{_REPOSITORY}/teams/{{team}}", handler=get_team, signed_in=True),
    Route(method="GET", template=f"{_REPOSITORY}/licenses", handler=list_nothing),
    Route(method="GET", template=f"{_REPOSITORY}/signing-key.gpg", handler=get_signing_key),
)
