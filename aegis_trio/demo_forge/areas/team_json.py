"""Organisations and teams as JSON, which pull requests and timelines embed, too.

Source: gitea services/convert/convert.go ToOrganization, ToTeams; the order of the keys is the structs'.
"""

from __future__ import annotations

from aegis_trio.demo_forge.areas.users import account_json
from aegis_trio.demo_forge.world import Account, Team, World
from aegis_trio.model.json import JsonObject, JsonValue

_KEPT = ("full_name", "email", "avatar_url", "description", "website", "location", "visibility")


def organisation_json(world: World, organisation: Account) -> JsonObject:
    """Return an organisation as it is shown in its own right, not as an account."""
    account = account_json(world, organisation, signed_in=True, private=False)
    shown: JsonObject = {key: account[key] for key in _KEPT}
    return {
        "id": organisation.id,
        "name": organisation.login,
        **shown,
        "repo_admin_change_team_access": False,
        "username": organisation.login,
    }


def team_json(world: World, team: Team, *, with_organisation: bool) -> JsonObject:
    """Return a team, with the organisation that it belongs to or with nothing in its place."""
    units: list[JsonValue] = [f"repo.{unit}" for unit in team.units]
    organisation = organisation_json(world, world.accounts[team.organisation_id]) if with_organisation else None
    return {
        "id": team.id,
        "name": team.name,
        "description": team.description,
        "organization": organisation,
        "includes_all_repositories": team.all_repositories,
        "permission": "owner" if team.owners else "none",
        "units": units,
        "units_map": {f"repo.{unit}": access.name.lower() for unit, access in sorted(team.units.items())},
        "can_create_org_repo": team.may_create_repositories,
    }
