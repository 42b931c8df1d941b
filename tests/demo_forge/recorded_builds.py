"""What machines did in the recorded world: statuses, runs and jobs, variables and names of secrets.

`recordings/builds.json` holds what the recorded answers tell of the first repository's.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from aegis_trio.demo_forge.builds import Job, Progress, Run, Status, Variable
from aegis_trio.demo_forge.world import World
from tests.demo_forge.recorded_discussions import made

_FILE: Final = Path(__file__).parent / "recordings" / "builds.json"
_SEEDED: Final = datetime.fromisoformat("2026-11-21T07:42:51Z")


def add_builds(world: World) -> None:
    """Put them into the first repository, and into its organisation."""
    document: dict[str, Any] = json.loads(_FILE.read_text("utf-8"))
    builds = world.repositories[1].builds
    builds.statuses = {sha: made(Status, lines) for sha, lines in document["statuses"].items()}
    builds.variables = (Variable(name="REGION", data="north", description="Where it runs"),)
    builds.secrets = (Variable(name="DEPLOY_KEY", description="For the deployment", created=_SEEDED),)
    acme = world.repositories[1].owner_id
    world.accounts[acme].builds.variables = (Variable(name="COMPANY", data="Acme"),)
    world.accounts[acme].builds.secrets = (Variable(name="ORG_KEY", created=_SEEDED),)
    builds.runs = made(Run, (_run(line) for line in document["runs"]))


def _run(line: dict[str, Any]) -> dict[str, Any]:
    jobs = ({**job, "progress": Progress(job["progress"]), "labels": tuple(job["labels"])} for job in line["jobs"])
    return {**line, "progress": Progress(line["progress"]), "jobs": tuple(made(Job, jobs))}
