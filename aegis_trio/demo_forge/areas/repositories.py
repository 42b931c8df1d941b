"""Repositories: one by name or number, and the list of those that are mine.

Not here: search, and everything that belongs to a repository but is another room.
"""

from __future__ import annotations

from typing import Final

from aegis_trio.demo_forge.answers import Answer, json_answer
from aegis_trio.demo_forge.areas.users import account_json
from aegis_trio.demo_forge.call import Call, int_of
from aegis_trio.demo_forge.permissions import Rights, repositories_of, rights_of
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.times import as_gitea
from aegis_trio.demo_forge.world import EPOCH, NEVER, Access, Repository, Unit, Visibility, World
from aegis_trio.model.json import JsonObject, JsonValue

_MERGES: Final = (
    "allow_merge_commits",
    "allow_rebase",
    "allow_rebase_explicit",
    "allow_squash_merge",
    "allow_fast_forward_only_merge",
    "allow_rebase_update",
)


def repository_json(
    world: World, repository: Repository, rights: Rights, *, language: bool = True, parents: bool = True
) -> JsonObject:
    """Return a repository as Gitea shows it to somebody with *rights*.

    Args:
        language: whether the main language was looked up; where Gitea forgot to, it is empty.
        parents: whether the repository that this one was forked from comes with it.

    Source: gitea services/convert/repository.go innerToRepo; the order of the keys is the struct's.
    """
    owner = world.owner_of(repository)
    full_name = f"{owner.login}/{repository.name}"
    root, api = world.root_url, f"{world.root_url}api/v1/repos/{full_name}"
    units = repository.units
    whole = rights.mode > Access.NONE
    result: JsonObject = {
        "id": repository.id,
        "owner": account_json(world, owner, signed_in=whole, private=False),
        "name": repository.name,
        "full_name": full_name,
        "description": repository.description,
        "empty": repository.git.is_empty(),
        "private": repository.private,
        "fork": repository.fork_of is not None,
        "template": repository.template,
    }
    if repository.fork_of is not None and parents:
        parent = world.repositories[repository.fork_of]
        result["parent"] = repository_json(world, parent, rights, language=False, parents=False)
    result |= {
        "mirror": False,
        "size": repository.size_kib,
        "language": repository.language if language else "",
        "languages_url": f"{api}/languages",
        "html_url": f"{root}{full_name}",
        "url": api,
        "link": "",
        "ssh_url": f"{world.ssh_user_and_host}:{full_name}.git",
        "clone_url": f"{root}{full_name}.git",
        "original_url": "",
        "website": repository.website,
        "stars_count": world.stars_of(repository),
        "forks_count": world.forks_of(repository),
        "watchers_count": len(repository.watchers),
        "open_issues_count": repository.tracker.open_count(pulls=False),
        "open_pr_counter": repository.tracker.open_count(pulls=True),
        "release_counter": sum(not release.is_draft for release in repository.releases),
        "default_branch": repository.default_branch,
        "archived": repository.archived_at is not None,
        "created_at": as_gitea(repository.created),
        "updated_at": as_gitea(repository.updated),
        "archived_at": as_gitea(repository.archived_at or EPOCH),
        "permissions": {
            "admin": rights.is_admin(),
            "push": rights.to(Unit.CODE) >= Access.WRITE,
            "pull": rights.to(Unit.CODE) >= Access.READ,
        },
        "has_code": Unit.CODE in units,
        "has_issues": Unit.ISSUES in units,
    }
    if Unit.ISSUES in units:
        result["internal_tracker"] = {
            "enable_time_tracker": True,
            "allow_only_contributors_to_track_time": True,
            "enable_issue_dependencies": True,
        }
    pulls = Unit.PULLS in units
    merges = dict.fromkeys(_MERGES, pulls)
    topics: list[JsonValue] = list(repository.topics)
    result |= {
        "has_wiki": Unit.WIKI in units,
        "has_pull_requests": pulls,
        "has_projects": Unit.PROJECTS in units,
        "projects_mode": "all",
        "has_releases": Unit.RELEASES in units,
        "has_packages": Unit.PACKAGES in units,
        "has_actions": Unit.ACTIONS in units,
        "ignore_whitespace_conflicts": False,
        **merges,
        "allow_manual_merge": not pulls,
        "autodetect_manual_merge": False,
        "default_delete_branch_after_merge": False,
        "default_merge_style": "merge",
        "default_allow_maintainer_edit": False,
        "avatar_url": "",
        "internal": not repository.private and owner.visibility == Visibility.PRIVATE,
        "mirror_interval": "",
        "object_format_name": "sha1",
        "mirror_updated": as_gitea(NEVER),
        "topics": topics,
        "licenses": list[JsonValue](repository.licenses),
    }
    return result


def get_repository(call: Call) -> Answer:
    """Show one repository by owner and name."""
    return json_answer(repository_json(call.world, call.repository, call.rights))


def get_repository_by_id(call: Call) -> Answer:
    """Show one repository by its number; no token is too narrow for it but by its category."""
    repository = call.world.repositories.get(int_of(call.params["id"]))
    rights = None if repository is None else rights_of(call.world, call.viewer, repository)
    if repository is None or rights is None or not rights.any():
        raise call.missing()
    return json_answer(repository_json(call.world, repository, rights, language=False))


def list_my_repositories(call: Call) -> Answer:
    """List what the one who asks owns, shares or reaches through a team, by name."""
    viewer = call.viewer
    if viewer is None:
        raise call.refused(401, "token is required")
    mine = sorted(repositories_of(call.world, viewer), key=lambda r: (r.name.lower(), r.id))
    page = call.page()
    shown: list[JsonValue] = [
        repository_json(call.world, repository, rights_of(call.world, viewer, repository))
        for repository in mine[page.slice()]
    ]
    return json_answer(shown, headers=call.page_headers(page, len(mine)))


ROUTES: Final = (
    Route(method="GET", template="/repos/{owner}/{repo}", handler=get_repository),
    Route(method="GET", template="/repositories/{id}", handler=get_repository_by_id),
    Route(method="GET", template="/user/repos", handler=list_my_repositories, signed_in=True),
)
