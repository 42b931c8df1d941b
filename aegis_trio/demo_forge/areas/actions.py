"""Actions of a repository: workflows, runs, jobs, logs and artifacts.

Laws (each is recorded behaviour of Gitea 1.25.4 but for what action_json.py names):
    1. A list has no pages until one is asked for.
    2. A run that is not there has no jobs, and yet answers 200.

Not here: settings of Actions, and lists over several repositories (action_settings.py).
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterable
from typing import Final

from aegis_trio.demo_forge.answers import Answer, Refusal, json_answer, moved
from aegis_trio.demo_forge.areas.action_json import (
    artifact_json,
    job_json,
    run_json,
    signature_of,
    task_json,
    workflow_json,
)
from aegis_trio.demo_forge.builds import ENDED, Artifact, Job, Progress, Run
from aegis_trio.demo_forge.call import Call, int_of
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.times import as_gitea, of_git
from aegis_trio.demo_forge.world import Repository, Unit
from aegis_trio.model.json import JsonObject, JsonValue

ACTIONS: Final = "/repos/{owner}/{repo}/actions"
_FOLDERS: Final = (".gitea/workflows", ".github/workflows")
_NAME: Final = re.compile(r"^name:\s*[\"']?(.+?)[\"']?\s*$", re.MULTILINE)
# Source: gitea routers/api/v1/shared/action.go convertToInternal.
_STATUSES: Final = {
    **dict.fromkeys(("pending", "waiting", "requested", "action_required"), frozenset({Progress.BLOCKED})),
    "queued": frozenset({Progress.WAITING}),
    "in_progress": frozenset({Progress.RUNNING}),
    "completed": ENDED,
    "failure": frozenset({Progress.FAILURE}),
    "success": frozenset({Progress.SUCCESS}),
    **dict.fromkeys(("skipped", "neutral"), frozenset({Progress.SKIPPED})),
    **dict.fromkeys(("cancelled", "timed_out"), frozenset({Progress.CANCELLED})),
}


def _must_read(call: Call) -> None:
    if not call.rights.is_admin():
        call.must_read(Unit.ACTIONS)


def _runs(call: Call) -> list[Run]:
    return sorted(call.repository.builds.runs, key=lambda run: -run.id)


def statuses_asked(call: Call) -> set[Progress]:
    """Return what `status` in the query means; nothing where it is not there.

    Raises:
        Refusal: 400, it is no status.
    """
    words = [value for name, value in call.query.pairs if name == "status" and value]
    for word in words:
        if word not in _STATUSES:
            raise call.refused(400, f"Invalid status {word}")
    return {progress for word in words for progress in _STATUSES[word]}


def filtered_runs(call: Call, runs: Iterable[tuple[Repository, Run]]) -> Answer:
    """Answer with the runs that the query asks for, the newest first."""
    statuses, actor_name = statuses_asked(call), call.query.first("actor")
    actor = call.world.account_named(actor_name) if actor_name else None
    if actor_name and actor is None:
        raise call.refused(500, "")
    event, branch, sha = (call.query.first(key) for key in ("event", "branch", "head_sha"))
    found = [
        (repository, run)
        for repository, run in runs
        if (not statuses or run.progress in statuses)
        and (actor is None or run.actor_id == actor.id)
        and event in {"", run.event}
        and (not branch or run.ref == f"refs/heads/{branch}")
        and sha in {"", run.sha}
    ]
    found.sort(key=lambda pair: -pair[1].id)
    shown: list[JsonValue] = [run_json(call, repository, run) for repository, run in found[call.asked_page()]]
    return json_answer({"workflow_runs": shown, "total_count": len(found)})


def list_runs(call: Call) -> Answer:
    """List the runs of a repository."""
    _must_read(call)
    return filtered_runs(call, ((call.repository, run) for run in call.repository.builds.runs))


def _run(call: Call) -> Run | None:
    number = int_of(call.params["run"])
    return next((run for run in call.repository.builds.runs if run.id == number), None)


def get_run(call: Call) -> Answer:
    """Show one run."""
    _must_read(call)
    run = _run(call)
    if run is None:
        raise call.missing("not found", "resource does not exist")
    return json_answer(run_json(call, call.repository, run))


def filtered_jobs(call: Call, runs: Iterable[tuple[Repository, Run]]) -> Answer:
    """Answer with the jobs that the query asks for, the oldest first."""
    statuses = statuses_asked(call)
    found = [
        (repository, run, job)
        for repository, run in runs
        for job in run.jobs
        if not statuses or job.progress in statuses
    ]
    found.sort(key=lambda each: each[2].id)
    shown: list[JsonValue] = [job_json(call, *each) for each in found[call.asked_page()]]
    return json_answer({"jobs": shown, "total_count": len(found)})


def list_jobs(call: Call) -> Answer:
    """List the jobs of all runs."""
    _must_read(call)
    return filtered_jobs(call, ((call.repository, run) for run in call.repository.builds.runs))


def list_run_jobs(call: Call) -> Answer:
    """List the jobs of one run."""
    _must_read(call)
    run = _run(call)
    return filtered_jobs(call, () if run is None else ((call.repository, run),))


def _job(call: Call, refusal: Callable[[], Refusal]) -> tuple[Run, Job]:
    number = int_of(call.params["job_id"])
    for run in call.repository.builds.runs:
        for job in run.jobs:
            if job.id == number:
                return run, job
    raise refusal()


def get_job(call: Call) -> Answer:
    """Show one job."""
    _must_read(call)
    run, job = _job(call, lambda: call.missing("not found", "resource does not exist"))
    return json_answer(job_json(call, call.repository, run, job))


def get_log(call: Call) -> Answer:
    """Give a job's log as it is, however long."""
    _must_read(call)
    run, job = _job(call, lambda: call.refused(500, ""))
    if job.task_id == 0:
        raise call.missing("not found", "job not started")
    name = f"{run.workflow.rpartition('.')[0]}-{job.name}-{job.task_id}.log"
    headers = (("Content-Disposition", f'attachment; filename="{name}"'), ("Content-Length", str(len(job.log))))
    return Answer(status=200, body=job.log, content_type="text/plain; charset=utf-8", headers=headers)


def list_tasks(call: Call) -> Answer:
    """List the jobs that a runner took, the newest first."""
    _must_read(call)
    tasks = [(run, job) for run in _runs(call) for job in run.jobs if job.task_id]
    tasks.sort(key=lambda pair: -pair[1].task_id)
    shown: list[JsonValue] = [task_json(call, call.repository, run, job) for run, job in tasks[call.page().slice()]]
    return json_answer({"workflow_runs": shown, "total_count": len(tasks)})


# ------------------------------------------------------------------------------------------ artifacts
def _artifacts(call: Call, runs: Iterable[Run]) -> Answer:
    name = call.query.first("name")
    found = [(run, artifact) for run in runs for artifact in run.artifacts if name in {"", artifact.name}]
    found.sort(key=lambda pair: pair[1].id)
    shown: list[JsonValue] = [artifact_json(call, call.repository, *pair) for pair in found[call.asked_page()]]
    return json_answer({"artifacts": shown, "total_count": len(found)})


def list_artifacts(call: Call) -> Answer:
    """List what all runs left."""
    _must_read(call)
    return _artifacts(call, call.repository.builds.runs)


def list_run_artifacts(call: Call) -> Answer:
    """List what one run left."""
    _must_read(call)
    run = _run(call)
    return _artifacts(call, () if run is None else (run,))


def _artifact(call: Call, repository: Repository | None) -> tuple[Run, Artifact]:
    number = int_of(call.params["artifact_id"])
    for run in () if repository is None else repository.builds.runs:
        for artifact in run.artifacts:
            if artifact.id == number:
                return run, artifact
    raise call.refused(404, "artifact not found")


def get_artifact(call: Call) -> Answer:
    """Show what is told of one artifact."""
    _must_read(call)
    return json_answer(artifact_json(call, call.repository, *_artifact(call, call.repository)))


def get_artifact_zip(call: Call) -> Answer:
    """Send the reader to an address that is signed, and needs no token."""
    _must_read(call)
    _, artifact = _artifact(call, call.repository)
    place = f"{call.root}api/v1/repos/{call.world.full_name(call.repository)}/actions/artifacts/{artifact.id}/zip/raw"
    return moved(302, f"{place}?sig={signature_of(artifact)}", as_page=True)


def get_signed_artifact(call: Call) -> Answer:
    """Give an artifact's archive to whoever has its signed address."""
    owner = call.world.account_named(call.params["owner"])
    repository = None if owner is None else call.world.repository_named(owner, call.params["repo"])
    _, artifact = _artifact(call, repository)
    if call.query.first("sig") != signature_of(artifact):
        raise call.refused(401, "Error unauthorized")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(artifact.name, artifact.content)
    headers = (("Content-Disposition", f"attachment; filename={artifact.name}.zip"),)
    return Answer(status=200, body=archive.getvalue(), content_type="application/zip", headers=headers)


# ------------------------------------------------------------------------------------------ workflows
def _workflows(call: Call) -> list[JsonObject]:
    git, found = call.repository.git, list[JsonObject]()
    tip = git.branch(call.repository.default_branch)
    if tip is None:
        return found
    commit = git.commit(tip)
    changed = as_gitea(of_git(commit.author_time, commit.author_timezone))
    for path, entry in git.walk(git.tree_of(tip)):
        folder, _, file = path.rpartition("/")
        if folder in _FOLDERS and file.endswith((".yml", ".yaml")) and entry.is_file:
            named = _NAME.search(git.data(entry.sha).decode("utf-8", "replace"))
            name = file if named is None else named.group(1)
            found.append(workflow_json(call, path, name, changed))
    return found


def list_workflows(call: Call) -> Answer:
    """List the workflows that stand on the default branch."""
    _must_read(call)
    found = _workflows(call)
    return json_answer({"workflows": list[JsonValue](found), "total_count": len(found)})


def get_workflow(call: Call) -> Answer:
    """Show one workflow by the name of its file."""
    _must_read(call)
    name = call.params["workflow_id"]
    found = next((each for each in _workflows(call) if each["id"] == name), None)
    if found is None:
        raise call.refused(404, f'workflow "{name}" not found')
    return json_answer(found)


ROUTES: Final = (
    Route(method="GET", template=f"{ACTIONS}/workflows", handler=list_workflows),
    Route(method="GET", template=f"{ACTIONS}/workflows/{{workflow_id}}", handler=get_workflow),
    Route(method="GET", template=f"{ACTIONS}/runs", handler=list_runs),
    Route(method="GET", template=f"{ACTIONS}/runs/{{run}}", handler=get_run),
    Route(method="GET", template=f"{ACTIONS}/runs/{{run}}/jobs", handler=list_run_jobs),
    Route(method="GET", template=f"{ACTIONS}/runs/{{run}}/artifacts", handler=list_run_artifacts),
    Route(method="GET", template=f"{ACTIONS}/jobs", handler=list_jobs),
    Route(method="GET", template=f"{ACTIONS}/jobs/{{job_id}}", handler=get_job),
    Route(method="GET", template=f"{ACTIONS}/jobs/{{job_id}}/logs", handler=get_log),
    Route(method="GET", template=f"{ACTIONS}/tasks", handler=list_tasks),
    Route(method="GET", template=f"{ACTIONS}/artifacts", handler=list_artifacts),
    Route(method="GET", template=f"{ACTIONS}/artifacts/{{artifact_id}}", handler=get_artifact),
    Route(method="GET", template=f"{ACTIONS}/artifacts/{{artifact_id}}/zip", handler=get_artifact_zip),
    Route(method="GET", template=f"{ACTIONS}/artifacts/{{artifact_id}}/zip/raw", handler=get_signed_artifact),
)
