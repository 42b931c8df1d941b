"""Issuers: the suite's scenarios for authorization servers, run against one that people really sign in to.

The suite names two: what the metadata says, and one way from the request to the token. For the second it prints the
address that a person must open, waits at its callback, and redeems the code itself.

Not here: scenarios under `auth/`. The suite lists them as "Client scenarios (test against a client)": it plays the
servers there, and what it judges is a client.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, final

import trio

from conformance.scores import Outcome, decide_outcomes, passed, read_results
from conformance.servers import Untestable
from conformance.suite import NODE, PACKAGE, RUN_DEADLINE_S, Revision, list_scenarios, suite_environment

_TO_OPEN: Final = re.compile(r"^(?P<address>https?://\S+\?\S*response_type=code\S*)\s*$", re.MULTILINE)

Browse = Callable[[str], Awaitable[None]]
"""Opens an address as a person does, agrees, and follows wherever that leads."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """An authorization server, and a public client of it that is called back on any port of 127.0.0.1."""

    url: str
    client_id: str
    resource: str


async def run_issuer(
    issuer: Issuer, revision: Revision, folder: Path, browse: Browse, *, port: int
) -> tuple[Outcome, ...]:
    """Run what the suite has for authorization servers in *revision*; say what each scenario came to.

    Args:
        folder: where the suite writes its results, and `output.txt` what it printed; must be empty.
        port: where the suite waits to be called back.

    Raises:
        Untestable: the suite lists nothing, did not come to an end, or failed though every scenario passed.
    """
    scenarios = list_scenarios("--authorization", revision)
    if not scenarios:
        raise Untestable(f"the suite has nothing for authorization servers in {revision.name}: its lists have changed")
    status = await _run(issuer, revision, folder, browse, port)
    outcomes = decide_outcomes(scenarios, read_results(folder), {})
    if status != 0 and len(passed(outcomes)) == len(outcomes):
        raise Untestable(f"the suite ended with {status} though everything passed; see {folder / 'output.txt'}")
    return outcomes


async def _run(issuer: Issuer, revision: Revision, folder: Path, browse: Browse, port: int) -> int:
    command = [
        *(str(NODE), str(PACKAGE / "dist" / "index.js"), "authorization", "--url", issuer.url),
        *("--client-id", issuer.client_id, "--resource", issuer.resource, "--port", str(port)),
        *("--output-dir", str(folder), "--spec-version", revision.name),
    ]
    said, output = b"", folder / "output.txt"
    with trio.move_on_after(RUN_DEADLINE_S):
        async with trio.open_nursery() as nursery:
            process: trio.Process = await nursery.start(
                partial(
                    trio.run_process,
                    command,
                    env=suite_environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    check=False,
                )
            )
            if process.stdout is None:
                raise RuntimeError("the suite was started without a pipe")
            opened = False
            async for chunk in process.stdout:
                said += chunk
                found = _TO_OPEN.search(said.decode(errors="replace"))
                if found is not None and not opened:
                    opened = True
                    nursery.start_soon(browse, found["address"])
            status = await process.wait()
        output.write_bytes(said)
        return status
    output.write_bytes(said)
    raise Untestable(f"the suite was not through after {RUN_DEADLINE_S:.0f} s; see {output}")
