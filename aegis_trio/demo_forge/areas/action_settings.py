"""Settings of Actions: variables, names of secrets and runners, and the lists over several repositories.

Laws:
    1. A secret's value is never shown; a variable's is.
    2. The registration token of runners is not answered: reading it is what the gate must never do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from aegis_trio.demo_forge.answers import Answer, json_answer
from aegis_trio.demo_forge.areas.actions import ACTIONS, filtered_jobs, filtered_runs
from aegis_trio.demo_forge.builds import Builds, Run, Variable
from aegis_trio.demo_forge.call import Call
from aegis_trio.demo_forge.lookups import find_organisation, must_be_admin, must_own, the_viewer
from aegis_trio.demo_forge.router import Handler, Route
from aegis_trio.demo_forge.times import as_gitea
from aegis_trio.demo_forge.world import Access, Account, Repository
from aegis_trio.model.json import JsonObject, JsonValue


def _repositorys(call: Call) -> tuple[Builds, int, int]:
    if call.rights.mode < Access.OWNER:
        raise call.refused(403, "user should be the owner of the repo")
    return call.repository.builds, 0, call.repository.id


def _organisations(call: Call) -> tuple[Builds, int, int]:
    organisation = find_organisation(call)
    must_own(call, organisation)
    return organisation.builds, organisation.id, 0


def _mine(call: Call) -> tuple[Builds, int, int]:
    viewer = the_viewer(call)
    return viewer.builds, viewer.id, 0


_Owner = Callable[[Call], tuple[Builds, int, int]]


def _variable(variable: Variable, owner_id: int, repository_id: int) -> JsonObject:
    return {
        "owner_id": owner_id,
        "repo_id": repository_id,
        "name": variable.name,
        "data": variable.data,
        "description": variable.description,
    }


def _list_variables(find: _Owner) -> Handler:
    def handler(call: Call, /) -> Answer:
        builds, owner_id, repository_id = find(call)
        shown: list[JsonValue] = [
            _variable(each, owner_id, repository_id) for each in builds.variables[call.page().slice()]
        ]
        return json_answer(shown, headers=(("X-Total-Count", str(len(builds.variables))),))

    return handler


def _get_variable(find: _Owner) -> Handler:
    def handler(call: Call, /) -> Answer:
        builds, owner_id, repository_id = find(call)
        name = call.params["variablename"].upper()
        found = next((each for each in builds.variables if each.name == name), None)
        if found is None:
            raise call.refused(404, "variable not found")
        return json_answer(_variable(found, owner_id, repository_id))

    return handler


def _list_secrets(find: _Owner) -> Handler:
    def handler(call: Call, /) -> Answer:
        builds, _, _ = find(call)
        shown: list[JsonValue] = [
            {"name": each.name, "description": each.description, "created_at": as_gitea(each.created)}
            for each in builds.secrets[call.page().slice()]
        ]
        return json_answer(shown, headers=(("X-Total-Count", str(len(builds.secrets))),))

    return handler


def _list_runners(find: _Owner) -> Handler:
    def handler(call: Call, /) -> Answer:
        find(call)
        return json_answer({"runners": [], "total_count": 0})

    return handler


def get_runner(call: Call) -> Answer:
    """Show one runner; the forge has none."""
    _repositorys(call)
    raise call.missing("Runner not found")


def _runs_of(call: Call, owner: Account | None) -> Iterator[tuple[Repository, Run]]:
    return (
        (repository, run)
        for repository in call.world.repositories.values()
        for run in repository.builds.runs
        if owner is None or repository.owner_id == owner.id
    )


def _all_builds(call: Call) -> tuple[Builds, int, int]:
    must_be_admin(call)
    return Builds(), 0, 0


def list_organisation_runs(call: Call) -> Answer:
    """List the runs in an organisation's repositories."""
    organisation = find_organisation(call)
    must_own(call, organisation)
    return filtered_runs(call, _runs_of(call, organisation))


def list_organisation_jobs(call: Call) -> Answer:
    """List the jobs in an organisation's repositories."""
    organisation = find_organisation(call)
    must_own(call, organisation)
    return filtered_jobs(call, _runs_of(call, organisation))


def list_my_runs(call: Call) -> Answer:
    """List the runs in one's own repositories."""
    return filtered_runs(call, _runs_of(call, the_viewer(call)))


def list_my_jobs(call: Call) -> Answer:
    """List the jobs in one's own repositories."""
    return filtered_jobs(call, _runs_of(call, the_viewer(call)))


def list_all_runs(call: Call) -> Answer:
    """List the runs of the whole forge, for its administrators."""
    must_be_admin(call)
    return filtered_runs(call, _runs_of(call, None))


def list_all_jobs(call: Call) -> Answer:
    """List the jobs of the whole forge, for its administrators."""
    must_be_admin(call)
    return filtered_jobs(call, _runs_of(call, None))


_PLACES: Final[tuple[tuple[str, _Owner], ...]] = (
    (ACTIONS, _repositorys),
    ("/orgs/{org}/actions", _organisations),
    ("/user/actions", _mine),
)

ROUTES: Final = (
    *(Route(method="GET", template=f"{p}/variables", handler=_list_variables(f), signed_in=True) for p, f in _PLACES),
    *(
        Route(method="GET", template=f"{p}/variables/{{variablename}}", handler=_get_variable(f), signed_in=True)
        for p, f in _PLACES
    ),
    *(
        Route(method="GET", template=f"{p}/secrets", handler=_list_secrets(f), signed_in=True)
        for p, f in _PLACES[:2]  # one's own are write-only
    ),
    *(
        Route(method="GET", template=f"{p}/runners", handler=_list_runners(f), signed_in=True)
        for p, f in (*_PLACES, ("/admin/actions", _all_builds))
    ),
    Route(method="GET", template=f"{ACTIONS}/runners/{{runner_id}}", handler=get_runner, signed_in=True),
    Route(method="GET", template="/orgs/{org}/actions/runs", handler=list_organisation_runs, signed_in=True),
    Route(method="GET", template="/orgs/{org}/actions/jobs", handler=list_organisation_jobs, signed_in=True),
    Route(method="GET", template="/user/actions/runs", handler=list_my_runs, signed_in=True),
    Route(method="GET", template="/user/actions/jobs", handler=list_my_jobs, signed_in=True),
    Route(method="GET", template="/admin/actions/runs", handler=list_all_runs, signed_in=True),
    Route(method="GET", template="/admin/actions/jobs", handler=list_all_jobs, signed_in=True),
)
