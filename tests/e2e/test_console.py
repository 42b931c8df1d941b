"""The console in front of the demo, as a person has both after one command: everything that it can do, in both eras."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.servers import Server, find_demo
from tests.e2e.gates import END_DEADLINE_S, START_DEADLINE_S, command, environment
from tests.e2e.interactions import HARBOR, PROMPTS, TEMPLATES, TOOLS

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

FILE_URI = "gitea://{instance}/{owner}/{repo}/blob/{ref}/{+path}"
both_eras = pytest.mark.parametrize("era", ["modern", "legacy"])


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run one demo, as everybody gets it."""
    settings = environment({"TMPDIR": str(tmp_path_factory.mktemp("demo"))})
    with subprocess.Popen(
        command("demo", "--port", "0"), env=settings, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said, server = "", None
        for line in process.stdout:
            said += line
            if server := find_demo(said):
                break
        assert server is not None, said
        try:
            yield server
        finally:
            process.terminate()
            process.wait(END_DEADLINE_S)


def _console(demo: Server, era: str, home: Path, *lines: str, key: str | None = None) -> tuple[int, list[Any], str]:
    """Run *lines*; return the exit code, what stands on standard output, and the complaints."""
    commands = [word for line in lines for word in ("-c", line)]
    ended = subprocess.run(
        command("console", "--url", demo.url, "--era", era, "--json", *commands),
        check=False,
        capture_output=True,
        text=True,
        env={**environment({"AEGIS_CONSOLE_KEY": key or demo.key}), "HOME": str(home)},
        timeout=START_DEADLINE_S,
    )
    return ended.returncode, [json.loads(line) for line in ended.stdout.splitlines()], ended.stderr


@both_eras
def test_the_console_does_all_that_the_gate_offers(demo: Server, tmp_path: Path, era: str) -> None:
    """Whoever looks into a gate by hand sees what every other client sees."""
    code, said, complaints = _console(
        demo,
        era,
        tmp_path,
        "tools",
        "call list_repositories limit=2",
        "resources",
        f"read {HARBOR}/readme",
        "prompts",
        "prompt triage_issue owner=tidewater repo=harbor number=12",
        "complete prompt triage_issue owner=tid",
        f"complete resource {FILE_URI} owner=tid",
    )

    assert 0 == code, complaints
    assert all(one["ok"] for one in said)
    tools, called, resources, readme, prompts, prompt, *completed = said
    assert {tool["name"] for tool in tools["items"]} == TOOLS
    assert 2 == len(called["result"]["structuredContent"]["repositories"])
    assert TEMPLATES <= {one["name"] for one in resources["items"]}
    assert f"{HARBOR}/readme" in {one.get("uri") for one in resources["items"]}
    assert "Questions go to @alice" in readme["result"]["contents"][0]["text"]
    assert {one["name"] for one in prompts["items"]} == PROMPTS
    assert "Triage issue 12" in prompt["result"]["messages"][0]["content"]["text"]
    assert [["tidewater"]] * 2 == [one["result"]["completion"]["values"] for one in completed]


@both_eras
def test_a_call_that_fails_is_told_by_the_exit_code(demo: Server, tmp_path: Path, era: str) -> None:
    """A script must not take a refusal for an answer."""
    code, [wrong, missing], _ = _console(
        demo, era, tmp_path, "call get_repository_info owner=tidewater", f"read {HARBOR}/issues/999"
    )

    assert (1, False, False) == (code, wrong["ok"], missing["ok"])
    assert "repo" in wrong["result"]["content"][0]["text"]
    assert missing["error"]["code"] == (-32602 if era == "modern" else -32002)


@both_eras
def test_what_was_recorded_is_replayed_and_a_difference_is_seen(demo: Server, tmp_path: Path, era: str) -> None:
    """A recording of today tells tomorrow what has changed; a replay that saw nothing would be worth nothing."""
    recording = tmp_path / "session.jsonl"
    recorded, _, complaints = _console(demo, era, tmp_path, f"record {recording}", "call get_me", "record off")
    assert 0 == recorded, complaints
    assert demo.key not in recording.read_text()

    same, [replayed], _ = _console(demo, era, tmp_path, f"replay {recording}")
    recording.write_text(recording.read_text().replace("mcp-bot", "mcp-bat"))
    other, [differs], _ = _console(demo, era, tmp_path, f"replay {recording}")

    assert (0, []) == (same, replayed["differences"])
    assert replayed["answers"] >= 1
    assert 1 == other
    assert any("login" in str(difference) for difference in differs["differences"])


@both_eras
def test_a_wrong_key_is_refused(demo: Server, tmp_path: Path, era: str) -> None:
    """The others got in because of their key."""
    code, said, complaints = _console(demo, era, tmp_path, "call get_me", key="0" * 64)

    assert (69, []) == (code, said)
    assert "401" in complaints
