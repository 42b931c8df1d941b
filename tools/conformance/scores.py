"""Scores: from the result files of the suite to figures.

The suite writes `server-<scenario>-<time>/checks.json` for each scenario it ran, a list of checks with a status each;
for one of authorization servers the name begins with `authorization-server-`.

Not here: which scenarios are required (suite.py) and what they need (needs.py).
"""

from __future__ import annotations

import enum
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast, final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# The suite adds it to every scenario: it says that what was exchanged was well-formed, not that the scenario ran.
GENERAL_CHECKS: Final = frozenset({"wire-schema-valid"})
_FOLDER: Final = re.compile(r"(?:authorization-)?server-(?P<scenario>.+)-\d{4}-\d{2}-\d{2}T[\d-]+Z")
_UNFULFILLED: Final = frozenset({"FAILURE", "WARNING"})
_FULFILLED: Final = "SUCCESS"
_KNOWN: Final = frozenset({*_UNFULFILLED, _FULFILLED, "INFO", "SKIPPED"})


@final
class Verdict(enum.Enum):
    """What a scenario came to."""

    PASSED = "passed"
    FAILED = "failed"
    EMPTY = "executed no check"
    NOT_RUN = "was not run to its end"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check, as the suite wrote it down."""

    name: str
    status: str
    message: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a scenario came to, and why."""

    scenario: str
    verdict: Verdict
    reasons: tuple[str, ...] = ()


def read_results(folder: Path) -> dict[str, Sequence[Check]]:
    """Return the checks of every scenario that wrote them into *folder*.

    Raises:
        ValueError: a file is not what the suite writes; a new version has to be read before it is believed.
    """
    results: dict[str, Sequence[Check]] = {}
    for path in sorted(folder.glob("*/checks.json")):
        found = _FOLDER.fullmatch(path.parent.name)
        if found is None or found["scenario"] in results:
            raise ValueError(f"{path.parent.name} is not one scenario's folder")
        results[found["scenario"]] = parse_checks(path.read_text(encoding="utf-8"))
    return results


def parse_checks(text: str) -> tuple[Check, ...]:
    """Read a `checks.json`.

    Raises:
        ValueError: it is not a list of checks, or a status is one that we do not know.
    """
    document: object = json.loads(text)
    if not isinstance(document, list):
        raise ValueError("checks.json is not a list")  # noqa: TRY004 -- the file is wrong, not our caller
    return tuple(_check(entry) for entry in cast("list[object]", document))


def _check(entry: object) -> Check:
    if not isinstance(entry, dict):
        raise ValueError("a check is not an object")  # noqa: TRY004 -- the same
    fields = cast("dict[str, object]", entry)
    name, status = fields.get("id"), fields.get("status")
    if not isinstance(name, str) or status not in _KNOWN:
        raise ValueError(f"a check without id, or with an unknown status: {name!r} {status!r}")
    return Check(name=name, status=str(status), message=str(fields.get("errorMessage") or ""))


def decide_outcome(scenario: str, checks: Sequence[Check] | None) -> Outcome:
    """Say what *scenario* came to; *checks* is None where the suite wrote none down.

    A warning is a SHOULD that was not done. The suite lets it pass, and we do not.
    """
    if checks is None:
        return Outcome(scenario=scenario, verdict=Verdict.NOT_RUN)
    unfulfilled = tuple(_sentence(check) for check in checks if check.status in _UNFULFILLED)
    if unfulfilled:
        return Outcome(scenario=scenario, verdict=Verdict.FAILED, reasons=unfulfilled)
    if not any(check.status == _FULFILLED and check.name not in GENERAL_CHECKS for check in checks):
        return Outcome(scenario=scenario, verdict=Verdict.EMPTY)
    return Outcome(scenario=scenario, verdict=Verdict.PASSED)


def _sentence(check: Check) -> str:
    return f"{check.name}: {check.status}: {check.message}" if check.message else f"{check.name}: {check.status}"


def decide_outcomes(
    required: Sequence[str], results: Mapping[str, Sequence[Check]], lacking: Mapping[str, Sequence[str]]
) -> tuple[Outcome, ...]:
    """Say what each of the *required* scenarios came to.

    Args:
        required: the scenarios that count, each once.
        results: what the suite wrote down.
        lacking: for scenarios that the server cannot be tested by, what it lacks.
    """
    outcomes: list[Outcome] = []
    for scenario in required:
        outcome = decide_outcome(scenario, results.get(scenario))
        missing = lacking.get(scenario, ())
        if missing and outcome.verdict is Verdict.PASSED:
            outcome = Outcome(
                scenario=scenario, verdict=Verdict.EMPTY, reasons=tuple(f"the server has no {what}" for what in missing)
            )
        outcomes.append(outcome)
    return tuple(outcomes)


def passed(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """Return the scenarios that passed."""
    return tuple(outcome.scenario for outcome in outcomes if outcome.verdict is Verdict.PASSED)


def figure(revision: str, outcomes: Sequence[Outcome]) -> str:
    """Return the line that says how many scenarios of *revision* passed, of how many that are required."""
    return f"{revision} {len(passed(outcomes))}/{len(outcomes)}"
