"""Jobs: what `just conformance` runs, and what it says.

    fixtures  the gate with a toolset made for the suite: everything that a revision requires must pass
    product   the demo as everybody gets it: exactly what product.txt names must pass

stdout has one line for each revision, `2026-07-28 37/37` (of the product, `product 2026-07-28 10/37`). stderr has what
did not pass though it should, with the reasons, and what became of the scenarios that are not scored. What the suite
itself wrote stands in `.just/conformance`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import trio

from conformance.needs import Inventory, find_lacking
from conformance.scores import Outcome, Verdict, decide_outcomes, figure, passed, read_results
from conformance.servers import FIXTURES, PRODUCT, Program, Server, Untestable, ask, open_server
from conformance.suite import REVISIONS, Revision, read_scenarios, require_suite, run_suite
from environments import ROOT

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_UNAVAILABLE: Final = 69  # Source: sysexits.h, EX_UNAVAILABLE
LONGEST_REASON: Final = 400  # characters; a violation of the schema quotes the whole message
KEY_VARIABLE: Final = "AEGIS_CONFORMANCE_KEY"
EXPECTED_OF_PRODUCT: Final = Path(__file__).with_name("product.txt")
JOBS: Final[Mapping[str, Program]] = {"fixtures": FIXTURES, "product": PRODUCT}


def main(arguments: Sequence[str]) -> int:
    """Run what *arguments* ask for; return the exit status."""
    parser = argparse.ArgumentParser(prog="just conformance", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("job", nargs="*", choices=[*JOBS, []], help="what to test (default: both)")
    parser.add_argument(
        "--url", help=f"test the server at this address as `fixtures`; its key stands in {KEY_VARIABLE}"
    )
    parser.add_argument("--results", type=Path, default=ROOT / ".just" / "conformance", help="keep the results there")
    chosen = parser.parse_args(arguments)
    names: list[str] = chosen.job or (["fixtures"] if chosen.url else list(JOBS))
    url: str | None = chosen.url
    results: Path = chosen.results
    status = EXIT_OK
    try:
        require_suite()
        for name in names:
            folder = results / name
            shutil.rmtree(folder, ignore_errors=True)
            under_test = open_server(JOBS[name]) if url is None else nullcontext(Server(url=url, key=_key()))
            if not trio.run(run_job, name, under_test, folder):
                status = EXIT_FAILED
    except* Untestable as group:
        for sentence in _sentences(group):
            print(f"just conformance: {sentence}", file=sys.stderr)
        status = EXIT_UNAVAILABLE
    return status


def _sentences(group: BaseExceptionGroup[Untestable]) -> Iterator[str]:
    for fault in group.exceptions:
        if isinstance(fault, BaseExceptionGroup):
            yield from _sentences(fault)
        else:
            yield str(fault)


def _key() -> str:
    try:
        return os.environ[KEY_VARIABLE]
    except KeyError:
        raise Untestable(f"--url needs the server's key in {KEY_VARIABLE}") from None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What the scenarios of one revision came to: those that count, and those run beside them."""

    revision: str
    required: tuple[Outcome, ...]
    unscored: tuple[Outcome, ...]


async def run_job(name: str, under_test: AbstractAsyncContextManager[Server], folder: Path) -> bool:
    """Run every revision of the suite against one server, and print what came of it; tell whether that is well.

    Raises:
        Untestable: the server was not there, before the suite or after it. Nothing is printed as a figure then.
    """
    async with under_test as server:
        inventory = await ask(server)
        runs = [await _run_revision(server, revision, inventory, folder / revision.name) for revision in REVISIONS]
        await ask(server)
    well = True
    for run in runs:
        print(figure(run.revision if name == "fixtures" else f"{name} {run.revision}", run.required), flush=True)
        if name == "product":
            well &= report_product(run, read_expected(EXPECTED_OF_PRODUCT.read_text(encoding="utf-8")))
        else:
            well &= report_fixtures(run)
    return well


async def _run_revision(server: Server, revision: Revision, inventory: Inventory, folder: Path) -> Run:
    await trio.Path(folder).mkdir(parents=True)
    scenarios = read_scenarios(revision)
    status = await run_suite(server, revision, folder)
    results, lacking = read_results(folder), find_lacking(inventory)
    required = decide_outcomes(scenarios.required, results, lacking)
    if status != 0 and len(passed(required)) == len(required):
        raise Untestable(f"the suite ended with {status} though everything passed; see {folder / 'output.txt'}")
    return Run(
        revision=revision.name, required=required, unscored=decide_outcomes(scenarios.unscored, results, lacking)
    )


def report_fixtures(run: Run) -> bool:
    """Say on stderr which required scenarios did not pass, and what became of the others; tell whether all passed."""
    failed = [outcome for outcome in run.required if outcome.verdict is not Verdict.PASSED]
    for outcome in failed:
        _say(run.revision, outcome)
    for outcome in run.unscored:
        print(f"{run.revision}, not scored: {outcome.scenario}: {outcome.verdict.value}", file=sys.stderr)
    return not failed


def _say(where: str, outcome: Outcome) -> None:
    print(f"{where}: {outcome.scenario}: {outcome.verdict.value}", file=sys.stderr)
    for reason in outcome.reasons:
        print(f"    {reason[:LONGEST_REASON]}", file=sys.stderr)


# --------------------------------------------------------------------------------------- the product


def read_expected(text: str) -> dict[str, tuple[str, ...]]:
    """Read product.txt: a revision and a scenario in each line.

    Raises:
        ValueError: a line is something else.
    """
    expected: dict[str, tuple[str, ...]] = {revision.name: () for revision in REVISIONS}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        revision, _, scenario = line.partition(" ")
        if revision not in expected or not scenario or scenario in expected[revision]:
            raise ValueError(f"product.txt: {line!r} is not a new pair of revision and scenario")
        expected[revision] = (*expected[revision], scenario)
    return expected


def report_product(run: Run, expected: Mapping[str, Sequence[str]]) -> bool:
    """Compare what passed with what is *expected* to, both ways; say what differs, and tell whether nothing does."""
    outcomes = {outcome.scenario: outcome for outcome in (*run.required, *run.unscored)}
    now, before = passed(tuple(outcomes.values())), expected[run.revision]
    for name in before:
        if name not in outcomes:
            print(f"product {run.revision}: {name} is in product.txt, but not in the suite", file=sys.stderr)
        elif name not in now:
            _say(f"product {run.revision}, no longer passed", outcomes[name])
    for name in now:
        if name not in before:
            print(f"product {run.revision}: {name} passed and is not in product.txt: add it", file=sys.stderr)
    return set(now) == set(before)
