"""One command that measures the gate, and prints ratios that were measured in one run.

    just bench                                    everything but the two below, against the embedded demo forge
    just bench --only calls --only core           some sections
    just bench --only noise                       a hundred thousand strangers: ten minutes
    just bench --only audit-verify                a log of ten million records: ten minutes, and 10 GB of disk
    just bench --gitea URL --token-file FILE --file owner/repo/path
                                                  reading from a Gitea that you started on this machine
    just bench --write                            the same, and put the sections into docs/performance.md
    just bench --quick                            a few of everything: whether the bench works, not how fast the gate is

Laws:
    1. A claim is a ratio of two things measured side by side in the same run; absolute numbers are this machine's.
    2. Only programs that this command started are loaded (a Gitea must be given by its loopback address), for a
       bounded number of requests.
"""

from __future__ import annotations

import argparse
import resource
import secrets
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import trio

sys.path.insert(0, str(Path(__file__).parent))

from auditing import DEFAULT_AUDIT_TURNS, AuditTurns, measure_audit
from authentication import DEFAULT_AUTH_TURNS, AuthTurns, measure_authentication
from calls import measure_calls
from core import DEFAULT_TURNS, Turns, measure_core
from forge_reading import Target, measure_reading
from hangups import measure_hangups
from limiting import measure_limiting, measure_places
from noise import REQUESTS, measure_noise
from processes import Forge, Program, open_bare, open_big_forge, open_forge, open_gate, open_idle_gate, open_signin_gate
from repeated import measure_repeated
from report import Section, render_section, write_sections
from searching import HARBOR, measure_searching
from signins import measure_signins
from starting import measure_starting
from streams import WARM_UP, measure_fan_out, measure_idle
from verifying import LONG, measure_verifying

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs" / "performance.md"
DEMO_FILE: Final = "tidewater/harbor/README.md"
SECTIONS: Final = (
    "starting",
    "core",
    "limits",
    "audit",
    "calls",
    "authentication",
    "forge",
    "repeated",
    "searching",
    "sign-ins",
    "idle",
    "fan-out",
    "hang-ups",
)
APART: Final = ("noise", "audit-verify")
"""Sections that need minutes, or gigabytes: measured where they are asked for."""
MAX_STREAMS: Final = 11_000  # the gate takes 12,000 connections in all
SPARE_FILES: Final = 500  # what a program opens beside its streams


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much to measure."""

    calls: int = 300
    touching_nothing: int = 3000
    streams: int = 10_000
    fan_out: int = 5_000
    events: int = 5
    hang_ups: int = 50
    turns: Turns = DEFAULT_TURNS
    auth_turns: AuthTurns = DEFAULT_AUTH_TURNS
    sign_ins: int = 100
    searches: int = 15
    commands: int = 10
    starts: int = 3
    audit_turns: AuditTurns = DEFAULT_AUDIT_TURNS
    verified: int = LONG
    strangers: int = REQUESTS
    streams_beside: int = 1_000


USUAL: Final = Plan()
QUICK: Final = Plan(
    calls=3,
    touching_nothing=10,
    streams=5,
    fan_out=5,
    events=2,
    hang_ups=2,
    turns=Turns(turns=2, calls=3),
    auth_turns=AuthTurns(turns=2, calls=3, firsts=2),
    sign_ins=2,
    searches=1,
    commands=1,
    starts=1,
    audit_turns=AuditTurns(turns=1, records=2, calls=2),
    verified=400,
    strangers=60,
    streams_beside=5,
)


def main() -> int:
    """Run every measure; return the exit code."""
    parser = argparse.ArgumentParser(prog="bench", description="Measure the gate, as ratios.")
    parser.add_argument("--gitea", help="base URL of a Gitea on loopback, to read from (default: the demo forge)")
    parser.add_argument("--token-file", type=Path, help="file with a token of that Gitea")
    parser.add_argument("--file", default=None, help="owner/repo/path to read (default: one of the demo forge)")
    parser.add_argument(
        "--only", action="append", choices=SECTIONS + APART, help="measure this section alone; may be repeated"
    )
    parser.add_argument("--calls", type=int, default=USUAL.calls, help="calls that read a file (default: %(default)s)")
    parser.add_argument("--streams", type=int, default=USUAL.streams, help="streams that rest (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="a few of everything; the figures mean nothing")
    parser.add_argument("--write", action="store_true", help="put the sections into docs/performance.md")
    parser.add_argument("--note", default="", help="a sentence for each section, such as how busy the machine was")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page that --write changes")
    arguments = parser.parse_args()
    fault = _fault_of(arguments)
    if fault is not None:
        parser.error(fault)
    streams: int = arguments.streams
    plan = Plan(
        calls=arguments.calls,
        streams=streams,
        fan_out=min(streams, USUAL.fan_out),
        streams_beside=min(streams, USUAL.streams_beside),
    )
    sections = trio.run(partial(_run, arguments, QUICK if arguments.quick else plan))
    if arguments.write:
        write_sections(arguments.page, sections)
    return 0


def _fault_of(arguments: argparse.Namespace) -> str | None:
    """Return what is wrong with the arguments together; also lets this process and its children open enough files."""
    gitea: str | None = arguments.gitea
    if gitea is not None and urlsplit(gitea).hostname not in {"127.0.0.1", "localhost", "::1"}:
        return "--gitea: only a Gitea on loopback is loaded; give http://127.0.0.1:PORT"
    if (gitea is None) != (arguments.token_file is None):
        return "--gitea and --token-file go together"
    if arguments.quick and arguments.write and arguments.page == PAGE:
        return "--quick: its figures mean nothing, so they are not written there; leave --write out"
    streams: int = arguments.streams
    if not 1 <= streams <= MAX_STREAMS:
        return f"--streams: 1 to {MAX_STREAMS}"
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < streams + WARM_UP + SPARE_FILES:
        return f"--streams: a process may open {most} files here (`ulimit -Hn`); give at most {most - SPARE_FILES}"
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return None


async def _run(arguments: argparse.Namespace, plan: Plan) -> list[str]:
    rendered: list[str] = []

    def tell(section: Section) -> None:
        rendered.append(render_section(section, arguments.note))
        print(rendered[-1], flush=True)

    with tempfile.TemporaryDirectory(prefix="aegis-trio-bench-") as folder:
        state = Path(folder)
        async with open_forge(state) as forge, open_bare() as bare:
            stage = Stage(state=state, forge=forge, bare=bare, key=secrets.token_hex(32))
            if arguments.gitea is not None:
                # Somebody's own Gitea is read from, and that is all.
                await _read(stage, arguments, plan, tell)
                await _repeated(stage, arguments, plan, tell)
            else:
                usual = SECTIONS + APART if arguments.quick else SECTIONS
                for name in arguments.only or usual:
                    await _MEASURES[name](stage, arguments, plan, tell)
    return rendered


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What every measure finds: a folder, the demo forge, the bare server, and a key for gates."""

    state: Path
    forge: Forge
    bare: Program
    key: str

    def idle_gate(
        self, audit_log: Path | None = None, *, is_recorded: bool = True
    ) -> AbstractAsyncContextManager[Program]:
        """Start a gate that asks nothing of the forge."""
        url, token = self.forge.url, self.forge.token
        return open_idle_gate(self.state, url, token, self.key, audit_log=audit_log, is_recorded=is_recorded)


Tell = Callable[[Section], None]
Measure = Callable[[Stage, argparse.Namespace, Plan, Tell], Awaitable[None]]


async def _read(stage: Stage, arguments: argparse.Namespace, plan: Plan, tell: Tell) -> None:
    url, token = await _forge_of(stage, arguments)
    heading = "Against the embedded demo forge" if arguments.gitea is None else "Against a real Gitea on this machine"
    owner, repo, path = (arguments.file or DEMO_FILE).split("/", 2)
    async with open_gate(stage.state, url, token, stage.key) as gate:
        target = Target(
            forge=url,
            token=token,
            gate=gate,
            key=stage.key,
            bare=stage.bare,
            owner=owner,
            repo=repo,
            path=path,
        )
        tell(await measure_reading(target, heading, plan.calls))


async def _repeated(stage: Stage, arguments: argparse.Namespace, plan: Plan, tell: Tell) -> None:
    url, token = await _forge_of(stage, arguments)
    tell(await measure_repeated(url, token, arguments.file or DEMO_FILE, plan.calls))


async def _searching(stage: Stage, _arguments: argparse.Namespace, plan: Plan, tell: Tell) -> None:
    async with open_big_forge(stage.state) as (url, token):
        tell(await measure_searching(url, token, HARBOR, plan.searches))


async def _forge_of(stage: Stage, arguments: argparse.Namespace) -> tuple[str, str]:
    """Return the address and the token of the forge that is read from."""
    gitea: str | None = arguments.gitea
    if gitea is None:
        return stage.forge.url, stage.forge.token
    return gitea.rstrip("/"), (await trio.Path(arguments.token_file).read_text()).strip()


async def _starting(stage: Stage, _arguments: argparse.Namespace, plan: Plan, tell: Tell) -> None:
    gates = {
        "a gate with API keys": partial(open_gate, stage.state, stage.forge.url, stage.forge.token, stage.key),
        "a gate where people sign in": partial(open_signin_gate, stage.state, stage.forge, stage.key, is_idle=False),
    }
    tell(await measure_starting(open_bare, gates, plan.commands, plan.starts))


async def _core(_stage: Stage, _arguments: argparse.Namespace, plan: Plan, tell: Tell) -> None:
    await trio.lowlevel.checkpoint()
    tell(measure_core(plan.turns))


async def _limits(_stage: Stage, _arguments: argparse.Namespace, plan: Plan, tell: Tell) -> None:
    section = measure_limiting(plan.turns)
    tell(replace(section, rows=[*section.rows, await measure_places(plan.turns)]))


async def _audit(stage: Stage, _arguments: argparse.Namespace, plan: Plan, tell: Tell) -> None:
    tell(await measure_audit(stage.state, stage.idle_gate, stage.key, plan.audit_turns))


async def _audit_verify(stage: Stage, _arguments: argparse.Namespace, plan: Plan, tell: Tell) -> None:
    tell(await trio.to_thread.run_sync(measure_verifying, stage.state, plan.verified))


async def _noise(stage: Stage, _arguments: argparse.Namespace, plan: Plan, tell: Tell) -> None:
    log = stage.state / "noise" / "audit.log"
    async with stage.idle_gate(log) as gate:
        tell(await measure_noise(gate, log, stage.key, plan.strangers))


async def _calls(stage: Stage, _arguments: argparse.Namespace, plan: Plan, tell: Tell) -> None:
    async with stage.idle_gate() as gate:
        tell(await measure_calls(gate, stage.bare, stage.key, plan.touching_nothing))


async def _authentication(stage: Stage, _arguments: argparse.Namespace, plan: Plan, tell: Tell) -> None:
    tell(await measure_authentication(stage.state, stage.forge, plan.auth_turns))


async def _sign_ins(stage: Stage, _arguments: argparse.Namespace, plan: Plan, tell: Tell) -> None:
    gate = open_signin_gate(stage.state, stage.forge, stage.key, is_idle=True)
    tell(await measure_signins(gate, stage.forge.people, stage.key, plan.sign_ins, plan.streams_beside))


async def _idle(stage: Stage, _arguments: argparse.Namespace, plan: Plan, tell: Tell) -> None:
    tell(await measure_idle(stage.idle_gate, stage.bare, stage.key, plan.streams))


async def _fan_out(stage: Stage, _arguments: argparse.Namespace, plan: Plan, tell: Tell) -> None:
    tell(await measure_fan_out(stage.idle_gate, stage.bare, stage.key, plan.fan_out, plan.events))


async def _hang_ups(stage: Stage, _arguments: argparse.Namespace, plan: Plan, tell: Tell) -> None:
    open_before = partial(open_gate, stage.state, key=stage.key)
    tell(await measure_hangups(open_before, stage.key, plan.hang_ups))


_MEASURES: Final[dict[str, Measure]] = {
    "starting": _starting,
    "core": _core,
    "limits": _limits,
    "audit": _audit,
    "audit-verify": _audit_verify,
    "calls": _calls,
    "authentication": _authentication,
    "forge": _read,
    "repeated": _repeated,
    "searching": _searching,
    "sign-ins": _sign_ins,
    "idle": _idle,
    "fan-out": _fan_out,
    "hang-ups": _hang_ups,
    "noise": _noise,
}


if __name__ == "__main__":
    sys.exit(main())
