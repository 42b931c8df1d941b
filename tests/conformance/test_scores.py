"""Figures of the conformance suite: what counts as passed, and what does not though the suite shows it green."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conformance.needs import Inventory, find_lacking
from conformance.scores import (
    Check,
    Outcome,
    Verdict,
    decide_outcome,
    decide_outcomes,
    figure,
    parse_checks,
    passed,
    read_results,
)


def checks(*statuses: str, name: str = "tools-list") -> list[Check]:
    """Make checks of one name."""
    return [Check(name=name, status=status, message="") for status in statuses]


def write(folder: Path, scenario: str, *statuses: str) -> None:
    """Write down a scenario's checks as the suite does."""
    place = folder / f"server-{scenario}-2026-11-24T20-44-35-333Z"
    place.mkdir()
    (place / "checks.json").write_text(json.dumps([{"id": scenario, "status": status} for status in statuses]))


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        (["SUCCESS"], Verdict.PASSED),
        (["SUCCESS", "INFO", "SKIPPED"], Verdict.PASSED),
        (["SUCCESS", "FAILURE"], Verdict.FAILED),
        (["SUCCESS", "WARNING"], Verdict.FAILED),
        (["INFO", "SKIPPED"], Verdict.EMPTY),
        ([], Verdict.EMPTY),
    ],
)
def test_a_scenario_passes_by_a_success_and_nothing_unfulfilled(statuses: list[str], verdict: Verdict) -> None:
    """The suite is green for a scenario that was skipped, and for one whose SHOULDs were not done."""
    assert verdict is decide_outcome("tools-list", checks(*statuses)).verdict


def test_well_formed_messages_alone_pass_nothing() -> None:
    """Every scenario gets that check, also one that was answered with errors only."""
    well_formed = checks("SUCCESS", name="wire-schema-valid")

    assert Verdict.EMPTY is decide_outcome("tools-list", well_formed).verdict
    assert Verdict.PASSED is decide_outcome("tools-list", [*well_formed, *checks("SUCCESS")]).verdict


def test_malformed_messages_fail_what_would_pass() -> None:
    """A client that validates would not have accepted them."""
    malformed = Check(name="wire-schema-valid", status="FAILURE", message="no resultType")

    outcome = decide_outcome("tools-list", [*checks("SUCCESS"), malformed])

    assert (Verdict.FAILED, ("wire-schema-valid: FAILURE: no resultType",)) == (outcome.verdict, outcome.reasons)


def test_required_scenarios_count_whether_they_ran_or_not(tmp_path: Path) -> None:
    """One that threw has written nothing down; leaving it out would make the fraction whole."""
    write(tmp_path, "ping", "SUCCESS")
    write(tmp_path, "tools-list", "FAILURE")
    (tmp_path / "server-prompts-list-2026-11-24T20-44-35-333Z").mkdir()

    outcomes = decide_outcomes(["ping", "tools-list", "prompts-list", "caching"], read_results(tmp_path), {})

    assert [Verdict.PASSED, Verdict.FAILED, Verdict.NOT_RUN, Verdict.NOT_RUN] == [item.verdict for item in outcomes]
    assert "2025-11-25 1/4" == figure("2025-11-25", outcomes)
    assert ("ping",) == passed(outcomes)


def test_what_a_server_without_the_fixture_passes_does_not_count(tmp_path: Path) -> None:
    """`tools-call-error` is satisfied by the error for a tool that does not exist."""
    write(tmp_path, "tools-call-error", "SUCCESS")
    without, with_it = Inventory(), Inventory(tools=frozenset({"test_error_handling"}))

    (empty,) = decide_outcomes(["tools-call-error"], read_results(tmp_path), find_lacking(without))
    (full,) = decide_outcomes(["tools-call-error"], read_results(tmp_path), find_lacking(with_it))

    assert (
        Outcome(
            scenario="tools-call-error",
            verdict=Verdict.EMPTY,
            reasons=("the server has no tool test_error_handling",),
        )
        == empty
    )
    assert Verdict.PASSED is full.verdict


def test_what_a_server_lacks_is_named_by_its_kind() -> None:
    """Prompts and resources are fixtures too."""
    lacking = find_lacking(Inventory())

    assert ("prompt test_simple_prompt",) == lacking["prompts-get-simple"]
    assert ("resource test://template/{id}/data",) == lacking["resources-templates-read"]
    assert "tools-list" not in lacking


@pytest.mark.parametrize(
    "text",
    ["{}", "[1]", '[{"status": "SUCCESS"}]', '[{"id": "a", "status": "PASS"}]', '[{"id": "a"}]'],
    ids=["no list", "no object", "no id", "unknown status", "no status"],
)
def test_a_result_file_of_another_kind_is_refused(text: str) -> None:
    """A new version of the suite that writes something else must be read by a person before it is believed."""
    with pytest.raises(ValueError, match=r"check|list|object"):
        parse_checks(text)


@pytest.mark.parametrize("folder", ["tools-list", "server-tools-list", "server-tools-list-yesterday"])
def test_a_folder_of_another_kind_is_refused(tmp_path: Path, folder: str) -> None:
    """The scenario's name is taken from it."""
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "checks.json").write_text("[]")

    with pytest.raises(ValueError, match="is not one scenario's folder"):
        read_results(tmp_path)
