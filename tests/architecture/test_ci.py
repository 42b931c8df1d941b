"""`.ci/run` on a machine made of stubs: what it installs, what it runs, and which status it ends with."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("chromium", "curl", "git", "nghttp", "nginx", "openssl", "strace")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Make a PATH that holds only what .ci/run itself needs, and stubs that write down how they were called."""
    path = tmp_path / "bin"
    path.mkdir()
    for name in ("bash", "dirname"):
        (path / name).symlink_to(shutil.which(name) or name)
    for name in PROGRAMS:
        stub(path, name, "exit 0")
    stub(path, "apt-get", f'echo "apt-get $*" >> "{tmp_path}/calls"')
    stub(path, "sudo", 'shift; "$@"')
    stub(
        path, "python3", f'test "$1" = -c && exit 0; echo "python3 $* CI=$CI" >> "{tmp_path}/calls"; echo closing line'
    )
    return path


def stub(path: Path, name: str, body: str) -> None:
    """Put a shell script in the place of a program."""
    program = path / name
    program.unlink(missing_ok=True)
    program.write_text(f"#!{shutil.which('bash')}\n{body}\n", encoding="utf-8")
    program.chmod(0o755)


def run_ci(path: Path) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run .ci/run there; return how it ended and the calls that the stubs wrote down."""
    done = subprocess.run(
        [str(ROOT / ".ci" / "run")],
        check=False,
        capture_output=True,
        text=True,
        cwd=path,
        env={"PATH": str(path)},
        timeout=60,
    )
    calls = path.parent / "calls"
    return done, calls.read_text(encoding="utf-8").splitlines() if calls.exists() else []


def test_a_complete_machine_runs_the_tests_and_installs_nothing(machine: Path) -> None:
    """Who is not root, and has everything, must be able to run what CI runs."""
    done, calls = run_ci(machine)

    assert ["python3 tools/just.py test CI=true"] == calls
    assert 0 == done.returncode
    assert done.stdout.startswith("closing line\n")


def test_a_bare_machine_gets_what_is_missing_after_an_update(machine: Path) -> None:
    """A fresh machine's package lists are empty: without the update, nothing is found."""
    (machine / "nghttp").unlink()
    stub(machine, "python3", f'test "$1" = -c && exit 1; echo "python3 $*" >> "{machine.parent}/calls"')

    done, calls = run_ci(machine)

    assert [
        "apt-get update -q",
        "apt-get install -q -y --no-install-recommends nghttp2-client python3-venv",
        "python3 tools/just.py test",
    ] == calls
    assert 0 == done.returncode


def test_the_status_of_the_tests_is_the_status_of_ci(machine: Path) -> None:
    """Green CI over red tests is worse than no CI."""
    stub(machine, "python3", 'test "$1" = -c && exit 0; echo "3 failed"; exit 5')

    done, _ = run_ci(machine)

    assert 5 == done.returncode
    assert "3 failed" == done.stdout.splitlines()[0]


def test_a_failed_installation_fails_and_says_what_is_missing(machine: Path) -> None:
    """Tests that lack a program must not be reached: their failures would hide the reason."""
    (machine / "curl").unlink()
    stub(machine, "apt-get", "exit 100")

    done, calls = run_ci(machine)

    assert 1 == done.returncode
    assert ".ci/run: apt could not install curl; see above" in done.stderr
    assert [] == calls
