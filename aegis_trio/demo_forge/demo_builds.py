"""The demo world's builds: a run that went well, and one that failed for a reason that stands in its log.

Not here: the workflow's file (demo_sources.py) and who sees it (demo_world.py).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from aegis_trio.demo_forge.builds import Artifact, Job, Progress, Run, Status, Step, Variable
from aegis_trio.demo_forge.world import World

_ALICE, _BOB = 2, 3
_WORKFLOW: Final = "test.yaml"
_SECONDS_A_LINE: Final = 2
_GOOD: Final = """\
demo-runner(version:v0.2.13) received task 1 of job test, be triggered by event: push
Run actions/checkout@v4
Syncing repository: tidewater/harbor
Run python -m pytest
tests/test_planner.py ..                                                 [100%]
============================== 2 passed in 0.04s ===============================
Job succeeded
"""
_BAD: Final = """\
demo-runner(version:v0.2.13) received task 2 of job test, be triggered by event: pull_request
Run actions/checkout@v4
Syncing repository: tidewater/harbor
Run python -m pytest
============================= test session starts ==============================
collected 3 items
tests/test_planner.py ..F                                                [100%]
=================================== FAILURES ===================================
______________________ test_a_late_ship_has_half_an_hour _______________________
    def test_a_late_ship_has_half_an_hour():
>       assert not is_overdue(datetime(2025, 3, 3, 9, 0), datetime(2025, 3, 3, 9, 20))
tests/test_planner.py:18:
_ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _
    def is_overdue(leaves: datetime, now: datetime) -> bool:
        # TODO: grace period of the harbour master, see issue 12
>       return now - leaves > GRACE
E       NameError: name 'GRACE' is not defined
src/harbor/planner.py:37: NameError
=========================== short test summary info ============================
FAILED tests/test_planner.py::test_a_late_ship_has_half_an_hour - NameError: name 'GRACE' is not defined
========================= 1 failed, 2 passed in 0.09s ==========================
::error::Process completed with exit code 1.
Job failed
"""


def add_demo_builds(world: World) -> None:
    """Put runs, statuses and settings into the harbour's repository; its commits must be there."""
    harbor = world.repositories[1]
    founded, builds = world.accounts[1].created, harbor.builds
    main, head = harbor.git.refs["refs/heads/main"], harbor.git.refs["refs/pull/13/head"]
    good_job = _job(1, _GOOD, founded + timedelta(days=15, hours=4), Progress.SUCCESS)
    bad_job = _job(2, _BAD, founded + timedelta(days=18, hours=4), Progress.FAILURE)
    report = Artifact(
        id=1,
        name="pytest-report",
        content=b"tests,failed\n3,1\n",
        created=bad_job.stopped,
        expires=bad_job.stopped + timedelta(days=90_000),
    )
    builds.runs = [
        _run(
            title="HTTP API and checks",
            event="push",
            ref="refs/heads/main",
            sha=main,
            actor_id=_ALICE,
            job=good_job,
            artifacts=(),
        ),
        _run(
            title="A grace period for late ships",
            event="pull_request",
            ref="refs/pull/13/head",
            sha=head,
            actor_id=_BOB,
            job=bad_job,
            artifacts=(report,),
        ),
    ]
    builds.statuses = {
        main: [_status(1, "test / test (push)", "success", "Successful in 14s", good_job)],
        head: [
            _status(2, "test / test (pull_request)", "failure", "Failing after 46s", bad_job),
            Status(
                id=3,
                context="docs/links",
                state="success",
                description="No dead link",
                target_url="https://links.tidewater.example/41",
                creator_id=_ALICE,
                created=bad_job.stopped,
            ),
        ],
    }
    builds.variables = (Variable(name="TIDE_TABLE", data="tables/2025.csv", description="Which table the tests read"),)
    builds.secrets = (Variable(name="DEPLOY_KEY", description="For the port's own machine", created=founded),)
    port = world.owner_of(harbor).builds
    port.variables = (Variable(name="PORT", data="Tidewater"),)
    port.secrets = (Variable(name="MAIL_PASSWORD", created=founded),)


def _job(number: int, text: str, started: datetime, progress: Progress) -> Job:
    lines = text.splitlines()
    times = [started + timedelta(seconds=_SECONDS_A_LINE * index) for index in range(len(lines))]
    # Source: act_runner's log rows, as modules/actions/log.go writes them.
    log = "".join(
        f"{when:%Y-%m-%dT%H:%M:%S}.0000000Z {line}\n" for when, line in zip(times, lines, strict=True)
    ).encode()
    steps = (
        Step(name="Set up job", progress=Progress.SUCCESS, started=started, stopped=times[1]),
        Step(name="actions/checkout@v4", progress=Progress.SUCCESS, started=times[1], stopped=times[3]),
        Step(name="Run python -m pytest", progress=progress, started=times[3], stopped=times[-1]),
        Step(name="Complete job", progress=Progress.SUCCESS, started=times[-1], stopped=times[-1]),
    )
    return Job(
        id=number,
        name="test",
        progress=progress,
        labels=("ubuntu-latest",),
        attempt=1,
        task_id=number,
        runner="demo-runner",
        steps=steps,
        log=log,
        created=started,
        started=started,
        stopped=times[-1],
    )


def _run(
    *, title: str, event: str, ref: str, sha: str, actor_id: int, job: Job, artifacts: tuple[Artifact, ...]
) -> Run:
    return Run(
        id=job.id,
        number=job.id,
        workflow=_WORKFLOW,
        title=title,
        event=event,
        ref=ref,
        sha=sha,
        actor_id=actor_id,
        progress=job.progress,
        jobs=(job,),
        artifacts=artifacts,
        created=job.created,
        started=job.started,
        stopped=job.stopped,
    )


def _status(number: int, context: str, state: str, description: str, job: Job) -> Status:
    return Status(
        id=number,
        context=context,
        state=state,
        description=description,
        target_url=f"/tidewater/harbor/actions/runs/{number}/jobs/0",
        created=job.stopped,
    )
