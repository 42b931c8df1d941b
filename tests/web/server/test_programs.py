"""Programs that people really use: curl, and h2load, which leaves while its requests are under way."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from tests.web.server.stage import open_stage

pytestmark = [pytest.mark.sockets, pytest.mark.slow]

UPLOAD_BYTES = 2_000_000


async def _run(*command: str) -> str:
    with trio.fail_after(120):
        done = await trio.run_process(command, capture_stdout=True, stderr=subprocess.DEVNULL, check=False)
    return f"{done.stdout.decode()} rc={done.returncode}"


@pytest.mark.parametrize("version", ["--http1.1", "--http2", "--http2-prior-knowledge"])
async def test_curl_reads_an_early_answer_to_a_large_upload(
    version: str, tmp_path: Path, require_program: Callable[[str], str]
) -> None:
    """A 401 to a body of 2 MB crashed the stock server; and curl must see the 401, not a broken connection."""
    curl, upload = require_program("curl"), tmp_path / "upload"
    upload.write_bytes(bytes(UPLOAD_BYTES))
    async with open_stage() as (stage, bystander):
        for path, expected in (("/early", "no 401"), ("/", f"ok {UPLOAD_BYTES} 200")):
            for quiet in ("Expect:", "X-Other: header"):  # with and without waiting for 100 Continue
                shown = await _run(
                    curl, "-s", version, "-H", quiet, "--data-binary", f"@{upload}", "-w", " %{http_code}",
                    stage.served.url + path,
                )  # fmt: skip
                assert f"{expected} rc=0" == shown
        await bystander.must_still_hear()


async def test_h2load_may_come_and_go(require_program: Callable[[str], str]) -> None:
    """Leaving while answers are under way crashed the stock server in eight of nine runs."""
    h2load = require_program("h2load")
    async with open_stage() as (stage, bystander):
        for _ in range(3):
            shown = await _run(h2load, "-n2000", "-c8", "-m10", stage.served.url + "/")
            assert "2000 succeeded, 0 failed" in shown
            await _run(h2load, "-D1", "-c8", "-m50", stage.served.url + "/flood")
            await bystander.must_still_hear()
