"""Organisations and teams as JSON, which pull requests and timelines embed, too.

Source: gitea services/convert/convert.go ToOrganization, ToTeams; the order of the keys is the structs'.
"""

from __future__ import annotations

from aegis_trio.demo_forge.areas.users import account_json
from aegis_trio.demo_forge.world import Account, Team, World
from aegis_trio.model.json import JsonObject, JsonValue

_KEPT = ("full_name", "email", "avatar_url", "description", "website", "location", "visibility")
# An owners' team has them all, in an order that Gitea does not keep.
_ALL_UNITS = (
    *("code", "issues", "ext_issues", "pulls", "releases", "wiki", "ext_wiki"),
    *("projects", "packages", "actions"),
)


def organisation_json(world: World, organisation: Account, *, signed_in: bool) -> JsonObject:
    """Return an organisation as it is shown in its own right, not as an account; its address only to who signed in."""
    account = account_json(world, organisation, signed_in=True, private=False)
    shown: JsonObject = {key: account[key] for key in _KEPT}
    if not signed_in:
        shown["email"] = ""
    return {
        "id": organisation.id,
        "name": organisation.login,
        **shown,
        "repo_admin_change_team_access": False,
        "username": organisation.login,
    }


def team_json(world: World, team: Team, *, with_organisation: bool) -> JsonObject:
    """Return a team, with the organisation that it belongs to or with nothing in its place."""
    granted = dict.fromkeys(_ALL_UNITS, "owner") if team.owners else {u: a.name.lower() for u, a in team.units.items()}
    units: list[JsonValue] = [f"repo.{unit}" for unit in granted]
    organisation: JsonObject | None = None
    if with_organisation:
        organisation = organisation_json(world, world.accounts[team.organisation_id], signed_in=True)
    return {
        "id": team.id,
        "name": team.name,
        "description": team.description,
        "organization": organisation,
        "includes_all_repositories": team.owners or team.all_repositories,
        "permission": "owner" if team.owners else "none",
        "units": units,
        "units_map": {f"repo.{unit}": access for unit, access in sorted(granted.items())},
        "can_create_org_repo": team.owners or team.may_create_repositories,
    }
