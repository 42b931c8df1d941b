"""Actions as JSON: runs, jobs, artifacts, tasks and workflows.

Source: gitea services/convert/convert.go ToActionWorkflowRun, ToActionWorkflowJob, ToActionArtifact, ToActionTask; the
order of the keys is the structs'. Recorded are runs and jobs that no runner took; steps, tasks, artifacts and logs are
written after the source.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from aegis_trio.demo_forge.areas.repositories import repository_json
from aegis_trio.demo_forge.areas.users import account_json
from aegis_trio.demo_forge.builds import ENDED, Artifact, Job, Progress, Run, Step
from aegis_trio.demo_forge.call import Call
from aegis_trio.demo_forge.permissions import Rights
from aegis_trio.demo_forge.times import as_gitea
from aegis_trio.demo_forge.world import NEVER, Access, Repository
from aegis_trio.model.json import JsonObject, JsonValue

# Source: gitea services/convert/convert.go ToActionsStatus.
_NO_RIGHTS: Final = Rights(mode=Access.NONE, units={})  # whoever looks
_WORDS: Final = {Progress.WAITING: "queued", Progress.BLOCKED: "waiting", Progress.RUNNING: "in_progress"}


def _api(call: Call, repository: Repository) -> str:
    return f"{call.root}api/v1/repos/{call.world.full_name(repository)}/actions"


def _status(progress: Progress) -> str:
    return _WORDS.get(progress, "completed")


def _conclusion(progress: Progress) -> JsonObject:
    return {"conclusion": progress.value} if progress in ENDED else {}


def _branch(run: Run) -> JsonObject:
    return {"head_branch": run.ref.removeprefix("refs/heads/")} if run.ref.startswith("refs/heads/") else {}


def run_json(call: Call, repository: Repository, run: Run) -> JsonObject:
    """Return a run of a workflow; what is not known yet is left out or the year 1970."""
    actor = account_json(call.world, call.world.accounts[run.actor_id], signed_in=False, private=False)
    return {
        "id": run.id,
        "url": f"{_api(call, repository)}/runs/{run.id}",
        "html_url": f"{call.root}{call.world.full_name(repository)}/actions/runs/{run.number}",
        "display_title": run.title,
        "path": f"{run.workflow}@{run.ref}",
        "event": run.event,
        "run_attempt": run.attempt,
        "run_number": run.number,
        "head_sha": run.sha,
        **_branch(run),
        "status": _status(run.progress),
        "actor": actor,
        "trigger_actor": actor,
        "repository": repository_json(call.world, repository, _NO_RIGHTS, language=False),
        **_conclusion(run.progress),
        "started_at": as_gitea(run.started),
        "completed_at": as_gitea(run.stopped),
    }


def job_json(call: Call, repository: Repository, run: Run, job: Job) -> JsonObject:
    """Return a job; it has steps as soon as a runner took it."""
    place = _api(call, repository)
    index = run.jobs.index(job)
    runner: JsonObject = {"runner_id": 1, "runner_name": job.runner} if job.runner else {}
    steps: list[JsonValue] = [_step(number, step) for number, step in enumerate(job.steps)]
    return {
        "id": job.id,
        "url": f"{place}/jobs/{job.id}",
        "html_url": f"{call.root}{call.world.full_name(repository)}/actions/runs/{run.number}/jobs/{index}",
        "run_id": run.id,
        "run_url": f"{place}/runs/{run.id}",
        "name": job.name,
        "labels": list[JsonValue](job.labels),
        "run_attempt": job.attempt,
        "head_sha": run.sha,
        **_branch(run),
        "status": _status(job.progress),
        **_conclusion(job.progress),
        **runner,
        "steps": steps or None,
        "created_at": as_gitea(job.created),
        "started_at": as_gitea(job.started),
        "completed_at": as_gitea(job.stopped),
    }


def _step(number: int, step: Step) -> JsonObject:
    return {
        "name": step.name,
        "number": number,
        "status": _status(step.progress),
        **_conclusion(step.progress),
        "started_at": as_gitea(step.started),
        "completed_at": as_gitea(step.stopped),
    }


def task_json(call: Call, repository: Repository, run: Run, job: Job) -> JsonObject:
    """Return a task: a job's attempt that a runner took."""
    return {
        "id": job.task_id,
        "name": job.name,
        "head_branch": run.ref.removeprefix("refs/heads/"),
        "head_sha": run.sha,
        "run_number": run.number,
        "event": run.event,
        "display_title": run.title,
        "status": job.progress.value,
        "workflow_id": run.workflow,
        "url": f"{call.root}{call.world.full_name(repository)}/actions/runs/{run.number}",
        "created_at": as_gitea(job.created),
        "updated_at": as_gitea(job.stopped),
        "run_started_at": as_gitea(job.started),
    }


def signature_of(artifact: Artifact) -> str:
    """Return what must stand in the address from which anybody may fetch an artifact."""
    return sha256(f"{artifact.id}/{artifact.name}/{artifact.created}".encode()).hexdigest()


def artifact_json(call: Call, repository: Repository, run: Run, artifact: Artifact) -> JsonObject:
    """Return what is told of an artifact."""
    place = f"{_api(call, repository)}/artifacts/{artifact.id}"
    return {
        "id": artifact.id,
        "name": artifact.name,
        "size_in_bytes": len(artifact.content),
        "url": place,
        "archive_download_url": f"{place}/zip",
        "expired": artifact.expires <= call.world.now(),
        "workflow_run": {"id": run.id, "repository_id": repository.id, "head_sha": run.sha},
        "created_at": as_gitea(artifact.created),
        "updated_at": as_gitea(artifact.created),
        "expires_at": as_gitea(artifact.expires),
    }


def workflow_json(call: Call, path: str, name: str, changed: str) -> JsonObject:
    """Return a workflow by its file on the default branch."""
    repository, file = call.repository, path.rpartition("/")[2]
    full_name, branch = call.world.full_name(repository), repository.default_branch
    is_disabled = file in repository.builds.disabled_workflows
    return {
        "id": file,
        "name": name,
        "path": path,
        "state": "disabled_manually" if is_disabled else "active",
        "created_at": changed,
        "updated_at": changed,
        "url": f"{_api(call, repository)}/workflows/{file}",
        "html_url": f"{call.root}{full_name}/src/branch/{branch}/{path}",
        "badge_url": f"{call.root}{full_name}/actions/workflows/{file}/badge.svg?branch={branch}",
        "deleted_at": as_gitea(NEVER),
    }
