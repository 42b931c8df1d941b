"""find_failing_run_cause: why a run of Gitea's Actions failed.

No tool shows runs and logs yet, so the words ask the person for the log, and lead from it into the files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias, final

from pydantic import Field

from aegis_trio.model.json import encode_json
from aegis_trio.model.refs import RepositoryRef, parse_repository
from aegis_trio.toolsets.arguments import OwnerText, RepoText
from aegis_trio.toolsets.prompts.prompt import CAUTION, parse_number, prompt

_RunText: TypeAlias = Annotated[str, Field(strict=True, max_length=10, description="number of the run, if you know it")]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FindFailingRunCause:
    """Which run."""

    owner: OwnerText
    repo: RepoText
    run: _RunText = ""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    repository: RepositoryRef
    number: int | None


def _parse(arguments: FindFailingRunCause) -> _Run:
    return _Run(
        repository=parse_repository(arguments.owner, arguments.repo),
        number=parse_number(arguments.run, "run") if arguments.run else None,
    )


def _words(run: _Run) -> str:
    repository = run.repository
    place = encode_json({"owner": repository.owner, "repo": repository.name}).decode()
    which = "a run" if run.number is None else f"run {run.number}"
    return f"""Find out why {which} of the Actions of the Gitea repository {repository} failed.

This server shows no runs and no logs. If the log of the failing step, its branch or commit, and the name of its \
workflow are not in this conversation, ask me for them first.

1. List `.gitea/workflows` (else `.github/workflows`) with get_file_tree and {place}, at the ref of the run, and read \
the workflow with get_file_contents.
2. Go from the first error of the log, not the last, to the step, the script and the lines that it speaks of; read \
them at the same ref. Then read what they depend on: versions, settings, secrets by name, services.
3. Report: the cause, with the line of the log and the file and line in the code; whether it is the code, the \
workflow, the environment or chance; the smallest fix as a diff; how to see that it holds. Tell apart what you saw \
and what you suppose.

{CAUTION}"""


FIND_FAILING_RUN_CAUSE: Final = prompt(
    name="find_failing_run_cause",
    title="Find why a run failed",
    description="Goes from the log of a failed Actions run to the cause in workflow or code, and proposes a fix.",
    arguments=FindFailingRunCause,
    parse=_parse,
    words=_words,
    scopes=frozenset({"read:repository"}),
    example={"owner": "acme", "repo": "backend", "run": "41"},
    audit_fields=("owner", "repo", "run"),
)
