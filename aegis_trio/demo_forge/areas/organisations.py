"""Organisations, their members and their teams.

Laws (each is recorded behaviour of Gitea 1.25.4):
    1. Who is not a member learns neither members nor teams.
    2. Nobody's membership is public, so that nobody else's organisations are told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aegis_trio.demo_forge.answers import Answer, Refusal, json_answer, moved
from aegis_trio.demo_forge.areas.repositories import repository_json
from aegis_trio.demo_forge.areas.team_json import organisation_json, team_json
from aegis_trio.demo_forge.areas.users import account_json_for
from aegis_trio.demo_forge.call import Call, int_of
from aegis_trio.demo_forge.lookups import find_account, find_organisation, the_viewer
from aegis_trio.demo_forge.permissions import is_visible, rights_of
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.world import Account, Repository, Team
from aegis_trio.model.json import JsonObject, JsonValue


def _counted(items: list[JsonValue], total: int) -> Answer:
    return json_answer(items, headers=(("X-Total-Count", str(total)),))


def _list(call: Call, organisations: list[Account]) -> Answer:
    organisations.sort(key=lambda each: each.login.lower())
    return _counted(
        [organisation_json(call.world, each, signed_in=True) for each in organisations[call.page().slice()]],
        len(organisations),
    )


def list_organisations(call: Call) -> Answer:
    """List the organisations that the one who asks may know of."""
    return _list(
        call,
        [a for a in call.world.accounts.values() if a.is_organisation and is_visible(call.world, a, call.viewer)],
    )


def get_organisation(call: Call) -> Answer:
    """Show one organisation."""
    signed_in = call.viewer is not None
    return json_answer(organisation_json(call.world, find_organisation(call), signed_in=signed_in))


def list_my_organisations(call: Call) -> Answer:
    """List the organisations in whose teams the one who asks sits."""
    return _organisations_of(call, the_viewer(call))


def list_organisations_of(call: Call) -> Answer:
    """List a person's organisations: all to themselves and administrators, none to others."""
    return _organisations_of(call, find_account(call, call.params["username"], "GetUserByName"))


def _organisations_of(call: Call, person: Account) -> Answer:
    viewer = call.viewer
    may_know = viewer is not None and (viewer.is_admin or viewer.id == person.id)
    found = [a for a in call.world.accounts.values() if a.is_organisation and call.world.is_member(a, person)]
    return _list(call, found if may_know else [])


def get_permissions(call: Call) -> Answer:
    """Tell what a person may do in an organisation."""
    person = find_account(call, call.params["username"], "GetUserByName")
    organisation = find_organisation(call)
    mine = [team for team in _teams(call, organisation) if person.id in team.members]
    owner = any(team.owners for team in mine)
    may_create = owner or any(team.may_create_repositories for team in mine)
    return json_answer(
        {
            "is_owner": owner,
            "is_admin": owner,
            "can_write": owner,
            "can_read": owner,
            "can_create_repository": may_create,
        }
    )


# -------------------------------------------------------------------------------------------- members
def _is_member(call: Call, organisation: Account) -> bool:
    viewer = call.viewer
    return viewer is not None and (viewer.is_admin or call.world.is_member(organisation, viewer))


def list_members(call: Call) -> Answer:
    """List the members, to members."""
    organisation = find_organisation(call)
    found = [a for a in call.world.accounts.values() if call.world.is_member(organisation, a)]
    if not _is_member(call, organisation):
        found = []
    return _counted(
        [account_json_for(call.world, each, call.viewer) for each in found[call.page().slice()]], len(found)
    )


def list_public_members(call: Call) -> Answer:
    """List those who show that they are members: nobody does."""
    find_organisation(call)
    return _counted([], 0)


def check_member(call: Call) -> Answer:
    """Tell by the status alone whether somebody is a member; who is none is sent to the public ones."""
    organisation, name = find_organisation(call), call.params["username"]
    if not _is_member(call, organisation):
        place = f"/api/v1/orgs/{organisation.login}/public_members/{name}"
        raise Refusal(moved(303, place, as_page=True))
    person = find_account(call, name, "GetUserByName")
    if not call.world.is_member(organisation, person):
        raise call.missing()
    return Answer(status=204)


def check_public_member(call: Call) -> Answer:
    """Tell by the status alone whether somebody shows that they are a member: nobody does."""
    find_organisation(call)
    raise call.missing()


# ---------------------------------------------------------------------------------------------- teams
def _teams(call: Call, organisation: Account) -> list[Team]:
    found = [team for team in call.world.teams if team.organisation_id == organisation.id]
    return sorted(found, key=lambda team: team.name.lower())


def list_teams(call: Call) -> Answer:
    """List the teams by name, to members."""
    organisation = find_organisation(call)
    if not _is_member(call, organisation):
        raise call.refused(403, "Must be an organization member")
    found = _teams(call, organisation)
    return _counted(
        [team_json(call.world, team, with_organisation=False) for team in found[call.page().slice()]], len(found)
    )


def search_teams(call: Call) -> Answer:
    """List teams by a word in their names: one's own, and to administrators all."""
    organisation, viewer = find_organisation(call), the_viewer(call)
    if not _is_member(call, organisation):
        raise call.refused(403, "Must be an organization member")
    words = call.query.first("q").strip().lower()
    found = [
        team
        for team in _teams(call, organisation)
        if words in team.name.lower() and (viewer.is_admin or viewer.id in team.members)
    ]
    shown: list[JsonValue] = [team_json(call.world, t, with_organisation=False) for t in found[call.page().slice()]]
    return json_answer({"data": shown, "ok": True}, headers=(("X-Total-Count", str(len(found))),))


def list_my_teams(call: Call) -> Answer:
    """List the teams in which the one who asks sits."""
    viewer = the_viewer(call)
    found = sorted((team for team in call.world.teams if viewer.id in team.members), key=lambda team: team.id)
    return _counted(
        [team_json(call.world, team, with_organisation=True) for team in found[call.page().slice()]], len(found)
    )


def _team(call: Call) -> Team:
    number, viewer = int_of(call.params["id"]), the_viewer(call)
    team = next((each for each in call.world.teams if each.id == number and number), None)
    if team is None or not (viewer.is_admin or call.world.is_member(call.world.accounts[team.organisation_id], viewer)):
        raise call.missing()
    return team


def get_team(call: Call) -> Answer:
    """Show one team."""
    return json_answer(team_json(call.world, _team(call), with_organisation=True))


def list_team_members(call: Call) -> Answer:
    """List who sits in a team."""
    found = [call.world.accounts[each] for each in sorted(_team(call).members)]
    return _counted(
        [account_json_for(call.world, each, call.viewer) for each in found[call.page().slice()]], len(found)
    )


def get_team_member(call: Call) -> Answer:
    """Show somebody who sits in a team."""
    team = _team(call)
    person = find_account(call, call.params["username"], "GetUserByName")
    if person.id not in team.members:
        raise call.missing()
    return json_answer(account_json_for(call.world, person, call.viewer))


def _reached(call: Call, team: Team) -> list[Repository]:
    everything = team.owners or team.all_repositories
    return [
        each
        for each in call.world.repositories.values()
        if each.owner_id == team.organisation_id and (everything or each.id in team.repository_ids)
    ]


def list_team_repositories(call: Call) -> Answer:
    """List the repositories that a team reaches."""
    found = _reached(call, _team(call))
    return _counted([_repository(call, each) for each in found[call.page().slice()]], len(found))


def get_team_repository(call: Call) -> Answer:
    """Show one of the repositories that a team reaches."""
    name = call.params["repo"].lower()
    found = next((each for each in _reached(call, _team(call)) if each.name.lower() == name), None)
    if found is None or call.world.owner_of(found).login.lower() != call.params["org"].lower():
        raise call.missing()
    return json_answer(_repository(call, found))


def _repository(call: Call, repository: Repository) -> JsonObject:
    rights = rights_of(call.world, call.viewer, repository)
    return repository_json(call.world, repository, rights, language=False)


_TABLE: Final[tuple[tuple[str, Callable[[Call], Answer], bool], ...]] = (
    ("/orgs", list_organisations, False),
    ("/orgs/{org}", get_organisation, False),
    ("/user/orgs", list_my_organisations, True),
    ("/users/{username}/orgs", list_organisations_of, True),
    ("/users/{username}/orgs/{org}/permissions", get_permissions, True),
    ("/orgs/{org}/members", list_members, True),
    ("/orgs/{org}/members/{username}", check_member, True),
    ("/orgs/{org}/public_members", list_public_members, False),
    ("/orgs/{org}/public_members/{username}", check_public_member, False),
    ("/orgs/{org}/teams", list_teams, True),
    ("/orgs/{org}/teams/search", search_teams, True),
    ("/user/teams", list_my_teams, True),
    ("/teams/{id}", get_team, True),
    ("/teams/{id}/members", list_team_members, True),
    ("/teams/{id}/members/{username}", get_team_member, True),
    ("/teams/{id}/repos", list_team_repositories, True),
    ("/teams/{id}/repos/{org}/{repo}", get_team_repository, True),
)

ROUTES: Final = tuple(
    Route(method="GET", template=template, handler=handler, signed_in=signed_in)
    for template, handler, signed_in in _TABLE
)
