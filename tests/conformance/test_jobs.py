"""The product's list of scenarios is compared both ways, and what is wrong with it is said."""

from __future__ import annotations

import pytest

from conformance.jobs import EXPECTED_OF_PRODUCT, Run, main, read_expected, report_fixtures, report_product
from conformance.scores import Outcome, Verdict
from conformance.servers import Server, find_demo, find_json

REVISION = "2026-07-28"


def outcome(scenario: str, verdict: Verdict = Verdict.PASSED, *reasons: str) -> Outcome:
    """Make an outcome."""
    return Outcome(scenario=scenario, verdict=verdict, reasons=reasons)


def test_exactly_what_is_expected_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    """What fails and is not expected to pass is no news; unscored scenarios count among the expected."""
    run = Run(
        revision=REVISION,
        required=(outcome("tools-list"), outcome("tools-call-image", Verdict.FAILED)),
        unscored=(outcome("http-header-validation"),),
    )

    assert report_product(run, {REVISION: ("tools-list", "http-header-validation")})
    assert ("", "") == capsys.readouterr()


def test_what_no_longer_passes_is_said_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    """That is what the list is for."""
    run = Run(revision=REVISION, required=(outcome("tools-list", Verdict.FAILED, "no tools"),), unscored=())

    assert not report_product(run, {REVISION: ("tools-list",)})
    assert "product 2026-07-28, no longer passed: tools-list: failed\n    no tools\n" == capsys.readouterr().err


def test_what_passes_by_surprise_belongs_into_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    """A list that lags behind would let the product lose again what it has won."""
    run = Run(revision=REVISION, required=(outcome("prompts-list"),), unscored=())

    assert not report_product(run, {REVISION: ()})
    assert "prompts-list passed and is not in product.txt: add it" in capsys.readouterr().err


def test_what_the_suite_does_not_have_is_no_expectation(capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelled line would never fail."""
    run = Run(revision=REVISION, required=(), unscored=())

    assert not report_product(run, {REVISION: ("tool-list",)})
    assert "tool-list is in product.txt, but not in the suite" in capsys.readouterr().err


def test_fixtures_are_well_when_everything_required_passes(capsys: pytest.CaptureFixture[str]) -> None:
    """What is not scored is told, and changes nothing."""
    unscored = (outcome("tasks-lifecycle", Verdict.FAILED, "no tasks"),)
    complete = Run(revision=REVISION, required=(outcome("tools-list"),), unscored=unscored)
    partial = Run(revision=REVISION, required=(outcome("tools-list", Verdict.EMPTY),), unscored=())

    assert report_fixtures(complete)
    assert "2026-07-28, not scored: tasks-lifecycle: failed\n" == capsys.readouterr().err
    assert not report_fixtures(partial)
    assert "2026-07-28: tools-list: executed no check\n" == capsys.readouterr().err


@pytest.mark.parametrize(
    "line", ["tools-list", "2024-11-05 ping", "2025-11-25", "2025-11-25 ping\n2025-11-25 ping"], ids=repr
)
def test_a_wrong_line_of_the_list_is_refused(line: str) -> None:
    """It would expect nothing, silently."""
    with pytest.raises(ValueError, match="is not a new pair of revision and scenario"):
        read_expected(f"# comment\n\n{line}\n")


def test_the_list_itself_can_be_read_and_is_not_empty() -> None:
    """It is edited by hand."""
    expected = read_expected(EXPECTED_OF_PRODUCT.read_text(encoding="utf-8"))

    assert all(expected.values())


def test_an_address_without_its_key_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], node_packages: object
) -> None:
    """A key on the command line would be in every list of processes; therefore it has a variable."""
    monkeypatch.delenv("AEGIS_CONFORMANCE_KEY", raising=False)

    assert 69 == main(["--url", "http://localhost:1/mcp"])
    assert "--url needs the server's key in AEGIS_CONFORMANCE_KEY" in capsys.readouterr().err


def test_a_program_says_where_it_serves_among_other_things() -> None:
    """Warnings may come first, and a line may be half there."""
    said = 'Warning: a thing\n{"url": "http://127.0.0.1:1/mcp", "key": "k"}\n'

    assert Server(url="http://127.0.0.1:1/mcp", key="k") == find_json(said)
    assert find_json(said[:30]) is None
    assert find_json('{"other": 1}\n') is None


def test_the_demo_has_said_where_it_serves_once_it_has_said_everything() -> None:
    """Its key stands in a later line than its address."""
    said = (
        "─\naegis-trio demo: the gate is at   http://127.0.0.1:1/mcp\n      your key is      abc\nmore\nCtrl-C ends it."
    )

    assert Server(url="http://127.0.0.1:1/mcp", key="abc") == find_demo(said)
    assert find_demo(said[:90]) is None
