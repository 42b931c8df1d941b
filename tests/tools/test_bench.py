"""tools/bench: that it measures what it says, whatever the figures are; how fast the gate is, no test can say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.report import Row, Section, compared, percentile, render_section, write_sections
from bench.wire import Line, Multiplexed, post, post_http2
from environments import ROOT
from tests.serving import open_server

if TYPE_CHECKING:
    from aegis_trio.model.asgi import Receive, Scope, Send

HEADINGS = [
    "Starting",
    "One message through the protocol",
    "Limits",
    "Audit",
    "A call that touches nothing",
    "Knowing who calls",
    "Against the embedded demo forge",
    "Reading content again",
    "Searching 2,000 files",
    "People who sign in",
    "Streams that rest",
    "One event to many streams",
    "Hanging up",
    "Hostile noise",
    "Verifying a log",
]
LONG = "x" * 300_000  # more than one read, one frame and one window of HTTP/2


def _bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "tools" / "bench"), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def _section(heading: str, name: str = "x") -> str:
    return render_section(Section(heading, "So it was measured.", [Row(name, "1 ms")]))


@pytest.mark.e2e
@pytest.mark.slow
def test_a_quick_run_measures_everything_and_writes_the_page(tmp_path: Path) -> None:
    """A bench that only runs on the day of a release is found broken on that day."""
    page = tmp_path / "performance.md"
    ran = _bench("--quick", "--write", "--page", str(page), "--note", "The machine was busy.")
    assert 0 == ran.returncode, ran.stderr
    written = page.read_text(encoding="utf-8")
    assert HEADINGS == re.findall(r"^## (.+)$", written, re.MULTILINE)
    for part in written.split("\n## ")[1:]:
        assert part.count("\n|") >= 5, part  # the table's head and three rows
        how = part.split("\n\n")[1]
        assert "in one run. The machine was busy.\n" in part
        assert len(how) > 100, "a figure without its way is no claim"
        assert "{" not in how
    assert written.endswith(ran.stdout.rstrip() + "\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--gitea", "http://192.0.2.1:3000", "--token-file", "t"], "loopback"),
        (["--gitea", "http://127.0.0.1:3000"], "go together"),
        (["--quick", "--write"], "mean nothing"),
        (["--streams", "0"], "--streams"),
        (["--streams", "12000"], "--streams"),
    ],
)
def test_what_would_load_strangers_or_mislead_readers_is_refused(arguments: list[str], told: str) -> None:
    """A bench is a flood with good intentions, and its page is read as a promise."""
    ran = _bench(*arguments)
    assert 2 == ran.returncode
    assert told in ran.stderr


def test_a_section_takes_the_place_of_the_one_with_its_heading(tmp_path: Path) -> None:
    """A run of one section must not take away what another machine, or a real Gitea, gave."""
    page = tmp_path / "performance.md"
    write_sections(page, [_section("One"), _section("Two", "old")])
    write_sections(page, [_section("Two", "new"), _section("Three")])
    written = page.read_text(encoding="utf-8")
    assert ["One", "Two", "Three"] == re.findall(r"^## (.+)$", written, re.MULTILINE)
    assert "| new |" in written
    assert "| old |" not in written
    write_sections(page, [])
    assert written == page.read_text(encoding="utf-8")


def test_a_ratio_is_ours_by_theirs_and_none_by_nothing() -> None:
    """A small load takes less processor time than the kernel counts in."""
    assert Row("a", "3.0 ms", "direct 2.0 ms", "1.50") == compared("a", 3.0, 2.0, unit="ms", reference="direct")
    assert "" == compared("a", 3.0, 0.0, unit="ms", reference="direct").ratio


def test_percentiles_are_values_that_were_measured() -> None:
    """The largest of few values is the 99th percentile, too."""
    assert [5, 10, 10] == [percentile(range(10, 0, -1), share) for share in (0.4, 0.99, 1.0)]
    with pytest.raises(ValueError, match="nothing was measured"):
        percentile([], 0.5)


async def _answer_long(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body", False):
        pass
    body = json.dumps(LONG).encode()
    length = (b"content-length", str(len(body)).encode())
    status = 200 if scope["path"] == "/" else 404
    await send({"type": "http.response.start", "status": status, "headers": [length]})
    await send({"type": "http.response.body", "body": body, "more_body": False})


@pytest.mark.sockets
async def test_both_clients_read_whole_answers_and_only_good_ones() -> None:
    """A client that takes a refusal for an answer measures how fast the gate refuses."""
    async with open_server(_answer_long) as served:
        for open_line, make in ((Line.open, post), (Multiplexed.open, post_http2)):
            line = await open_line(served.url)
            try:
                for _ in range(3):
                    assert LONG == json.loads(await line.ask(make(served.url, "/", "key", {})))
                with pytest.raises(RuntimeError, match="not 200"):
                    await line.ask(make(served.url, "/elsewhere", "key", {}))
            finally:
                await line.aclose()


def test_a_body_beyond_one_frame_is_refused_before_it_is_sent() -> None:
    """The server would end the connection, and the measure with it."""
    with pytest.raises(ValueError, match="16384"):
        post_http2("http://127.0.0.1:1", "/", "key", LONG)
