"""Permissions: what of an account or a repository is open to whom, by Gitea's own ladder.

Not here: scopes of tokens (accounts.py), which narrow what a token may ask, and the answers (areas/*).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from aegis_trio.demo_forge.world import Access, Account, Repository, Unit, Visibility, World


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What one account may do in one repository.

    `mode` is the access to the whole; somebody whose team grants unit by unit has `NONE` there, and yet `units`.
    """

    mode: Access
    units: dict[Unit, Access]

    def to(self, unit: Unit) -> Access:
        """Return the access to one unit."""
        return self.units.get(unit, Access.NONE)

    def any(self) -> bool:
        """Tell whether anything at all is open: without it, the repository does not exist for this account."""
        return any(access > Access.NONE for access in self.units.values())

    def is_admin(self) -> bool:
        """Tell whether settings may be changed."""
        return self.mode >= Access.ADMIN


def is_visible(world: World, account: Account, viewer: Account | None) -> bool:
    """Tell whether *viewer* may know of *account*.

    Source: gitea models/organization/org.go HasOrgOrUserVisible, models/user/user.go IsUserVisibleToViewer.
    """
    if viewer is not None and (viewer.is_admin or viewer.id == account.id):
        return True
    match account.visibility:
        case Visibility.PUBLIC:
            return True
        case Visibility.LIMITED:
            return viewer is not None
        case Visibility.PRIVATE:
            return viewer is not None and account.is_organisation and world.is_member(account, viewer)


def rights_of(world: World, viewer: Account | None, repository: Repository) -> Rights:
    """Work out what *viewer* may do in *repository*.

    Source: gitea models/perm/access/repo_permission.go GetUserRepoPermission.
    """
    owner = world.owner_of(repository)
    collaboration = repository.collaborators.get(viewer.id, Access.NONE) if viewer is not None else Access.NONE
    # 1. What the owner's visibility hides is hidden, except from collaborators.
    if not is_visible(world, owner, viewer) and collaboration == Access.NONE:
        return _everywhere(repository, Access.NONE)
    # 2. Without an account: public repositories, read only.
    if viewer is None:
        return _everywhere(repository, Access.NONE if repository.private else Access.READ)
    # 3. Site administrators and the owner may do everything.
    if viewer.is_admin or viewer.id == owner.id:
        return _everywhere(repository, Access.OWNER)
    mode = max(collaboration, Access.NONE if repository.private else Access.READ)
    if not owner.is_organisation:
        return _everywhere(repository, mode)
    # 4. An organisation's teams, of which Owners may do everything.
    teams = [t for t in world.teams if t.organisation_id == owner.id and viewer.id in t.members]
    if any(team.owners for team in teams):
        return _everywhere(repository, Access.OWNER)
    # 5. The others grant unit by unit, on top of what is public or was given to a collaborator.
    units = dict.fromkeys(repository.units, mode)
    for team in teams:
        if team.all_repositories or repository.id in team.repository_ids:
            for unit in repository.units:
                units[unit] = max(units[unit], team.units.get(unit, Access.NONE))
    return Rights(mode=mode, units=units)


def _everywhere(repository: Repository, access: Access) -> Rights:
    return Rights(mode=access, units=dict.fromkeys(repository.units, access))


def repositories_of(world: World, account: Account) -> list[Repository]:
    """Return what `GET /user/repos` lists: owned, shared as collaborator, and granted by a team."""
    return [repository for repository in world.repositories.values() if _is_mine(world, account, repository)]


def _is_mine(world: World, account: Account, repository: Repository) -> bool:
    if repository.owner_id == account.id or repository.collaborators.get(account.id, Access.NONE) > Access.NONE:
        return True
    return any(
        team.organisation_id == repository.owner_id
        and account.id in team.members
        and (team.owners or team.all_repositories or repository.id in team.repository_ids)
        for team in world.teams
    )
