"""tools/just.py and what stands behind it, as far as no network is needed: faults, translation, stamps, signals."""

from __future__ import annotations

import ast
import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "tools"
REQUIREMENTS = sorted((ROOT / "requirements").glob("*.txt"))


@pytest.fixture
def environments(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import tools/environments.py as tools/just.py does."""
    monkeypatch.syspath_prepend(str(TOOLS))
    import environments  # noqa: PLC0415 -- tools/ is no package, and on sys.path only here

    return environments


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Copy what tools/just.py needs into a folder with a space in its name, without any environment."""
    root = tmp_path / "a clone"
    root.mkdir()
    for name in ("tools", "requirements"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "bench"))
    for name in ("justfile", "pyproject.toml"):
        shutil.copy(ROOT / name, root / name)
    return root


def run_just(root: Path, *arguments: str, code_before: str = "") -> subprocess.CompletedProcess[str]:
    """Run the clone's tools/just.py, after *code_before* has changed what this machine can do."""
    script = root / "tools" / "just.py"
    program = (
        f"import runpy, sys\nsys.argv = {[str(script), *arguments]!r}\n{code_before}\n"
        f"runpy.run_path({str(script)!r}, run_name='__main__')"
    )
    return subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, cwd=root.parent, timeout=120
    )


def fake_just(root: Path, environments: ModuleType, program: str) -> None:
    """Put a script in the place of `just`, in tools that are stamped as complete."""
    tools = root / ".just" / "tools"
    (tools / "bin").mkdir(parents=True)
    (tools / "bin" / "python").symlink_to(sys.executable)
    just = tools / "bin" / "just"
    just.write_text(program, encoding="utf-8")
    just.chmod(0o755)
    wanted = environments.fingerprint(root.resolve(), [root.resolve() / "requirements" / "tools.txt"])
    environments.write_stamp(tools, {"tools": wanted})


# ------------------------------------------------------------------------- one sentence per fault


def test_the_door_parses_on_every_old_python() -> None:
    """A SyntaxError would be all that the owner of an old Python ever sees."""
    tree = ast.parse((TOOLS / "just.py").read_text(encoding="utf-8"), feature_version=(3, 4))

    modern = (ast.JoinedStr, ast.AnnAssign, ast.AsyncFunctionDef, ast.FunctionDef, ast.NamedExpr, ast.Match)
    future = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "__future__"]

    assert [] == [node for node in ast.walk(tree) if isinstance(node, modern)]
    assert [] == future


def test_a_python_that_is_too_old_is_one_sentence(clone: Path) -> None:
    """The way out (install 3.11) must be in the first line that is read."""
    done = run_just(clone, "demo", code_before="sys.version_info = (3, 9, 1)")

    assert (69, "") == (done.returncode, done.stdout)
    assert 1 == len(done.stderr.splitlines())
    assert "this is Python 3.9, but 3.11 or newer is needed" in done.stderr


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_python_without_venv_is_one_sentence(clone: Path, module: str) -> None:
    """Debian's Python comes without ensurepip, and its own message is twelve lines long."""
    blind = (
        "import importlib.util as u\nfind = u.find_spec\n"
        f"u.find_spec = lambda name, *rest: None if name == {module!r} else find(name, *rest)"
    )

    done = run_just(clone, "demo", code_before=blind)

    assert (69, "") == (done.returncode, done.stdout)
    assert 1 == len(done.stderr.splitlines())
    assert f"has no `{module}`" in done.stderr
    assert "-venv`" in done.stderr


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EROFS, "make that folder writable, or clone the project"),
        (errno.EACCES, "make that folder writable, or clone the project"),
        (errno.ENOSPC, "is full: free about 1 GB"),
        (errno.EDQUOT, "is full: free about 1 GB"),
        (errno.EIO, "mend that and run this again"),
    ],
)
def test_a_folder_that_cannot_be_written_is_one_sentence(clone: Path, number: int, remedy: str) -> None:
    """The very first thing that is written is .just/, so that is where such a disk shows itself."""
    refuse = (
        "import os, pathlib\n"
        f"def refuse(self, *a, **k): raise OSError({number}, os.strerror({number}), str(self))\n"
        "pathlib.Path.mkdir = refuse"
    )

    done = run_just(clone, "demo", code_before=refuse)

    assert (69, "") == (done.returncode, done.stdout)
    assert 1 == len(done.stderr.splitlines())
    assert remedy in done.stderr


@pytest.mark.parametrize(
    ("output", "remedy"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "the disk is full"),
        ("error: failed to copy: Read-only file system (os error 30)", "make it writable"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "was refused"),
        ("WARNING: Retrying after connection broken by 'NewConnectionError'\nERROR: No match", "PIP_INDEX_URL"),
        ("error: Failed to fetch: `x`\n  Caused by: dns error", "PIP_INDEX_URL"),
        ("Traceback\nerror: the backend fell over\nhint: stand up", "(error: the backend fell over)"),
        ("", "no output"),
    ],
)
def test_what_an_installer_says_becomes_one_sentence(
    environments: ModuleType, tmp_path: Path, output: str, remedy: str
) -> None:
    """pip and uv speak in pages; the owner of the machine needs the one thing to do."""
    sentence = environments.explain_output("installing", output, tmp_path)

    assert remedy in sentence
    assert 1 == len(sentence.splitlines())


def test_an_unknown_level_is_refused(clone: Path) -> None:
    """A typing error in the justfile must not prepare something else."""
    done = run_just(clone, "--prepare", "everything")

    assert (69, "tools/just.py: --prepare takes one of demo, dev, node\n") == (done.returncode, done.stderr)


# -------------------------------------------------------------------------------- pip's settings


def test_the_strongest_source_of_a_pip_setting_wins(environments: ModuleType) -> None:
    """pip lets a variable beat a command's section, and that beat the global one; whoever set it relies on it."""
    listing = "\n".join(
        [
            ":env:.index-url='e'",
            "global.index-url='g'",
            "install.index-url='i'",
            "global.timeout='5'",
            "install.timeout='6'",
            "download.proxy='not for us'",
            "global.cert=unquoted nonsense",
            "WARNING: something",
        ]
    )

    assert {"index-url": "e", "timeout": "6"} == environments.parse_pip_settings(listing)


def test_uv_is_told_what_pip_knows(environments: ModuleType) -> None:
    """uv does not read pip's configuration, and behind a mirror or a company's authority it would find nothing."""
    settings = {
        "index-url": "I",
        "extra-index-url": "\nA\nB",
        "find-links": "F G",
        "cert": "C",
        "proxy": "P",
        "trusted-host": "T",
    }

    assert {
        "UV_DEFAULT_INDEX": "I",
        "UV_INDEX": "A B",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_FIND_LINKS": "F,G",
        "SSL_CERT_FILE": "C",
        "ALL_PROXY": "P",
        "UV_INSECURE_HOST": "T",
    } == environments.translate_pip_settings(settings, {})


def test_what_a_person_set_for_uv_stays(environments: ModuleType) -> None:
    """Their own word about uv is better than our translation."""
    translated = environments.translate_pip_settings({"index-url": "pip's"}, {"UV_DEFAULT_INDEX": "theirs"})

    assert "UV_DEFAULT_INDEX" not in translated


def test_installers_are_not_misdirected(environments: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """PIP_USER, PIP_TARGET or PYTHONPATH would put packages elsewhere, or find others there."""
    for name in ("PIP_TARGET", "PYTHONPATH", "VIRTUAL_ENV", "UV_PYTHON"):
        monkeypatch.setenv(name, "/elsewhere")
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("PIP_INDEX_URL", "kept")

    settings = environments.installer_settings({"UV_INDEX": "added"})

    assert "/elsewhere" not in settings.values()
    assert ("0", "kept", "added") == (settings["PIP_USER"], settings["PIP_INDEX_URL"], settings["UV_INDEX"])


# ------------------------------------------------------------------------------------------ stamps


def make_env(folder: Path) -> Path:
    """Make what looks like an environment."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(sys.executable)
    return folder


def test_a_stamp_comes_back_as_written(environments: ModuleType, tmp_path: Path) -> None:
    """Values hold paths, and paths hold spaces."""
    env = make_env(tmp_path / "env")
    environments.write_stamp(env, {"dev": "abc", "identity": "1 3.11 /a b/python"})

    assert {"dev": "abc", "identity": "1 3.11 /a b/python"} == environments.read_stamp(env)


def test_an_environment_without_stamp_or_python_is_half_made(environments: ModuleType, tmp_path: Path) -> None:
    """An interrupted first run, or a Python that was removed, must lead to a new environment."""
    unstamped = make_env(tmp_path / "unstamped")
    gone = make_env(tmp_path / "gone")
    environments.write_stamp(gone, {"dev": "abc"})
    (gone / "bin" / "python").unlink()

    assert {} == environments.read_stamp(unstamped)
    assert {} == environments.read_stamp(gone)
    assert {} == environments.read_stamp(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("stamp", "level", "prepared"),
    [
        ({"demo": "d"}, "demo", True),
        ({"demo": "d"}, "dev", False),
        ({"dev": "v"}, "demo", True),
        ({"dev": "v"}, "dev", True),
        ({"dev": "old"}, "demo", False),
        ({}, "demo", False),
    ],
)
def test_dev_serves_the_demo_and_not_the_other_way_round(
    environments: ModuleType, stamp: dict[str, str], level: str, *, prepared: bool
) -> None:
    """`demo` after `test` installs nothing; `test` after `demo` must."""
    assert prepared == environments.is_prepared(stamp, {"demo": "d", "dev": "v"}, level)


def test_the_fingerprint_depends_on_requirements_and_place(environments: ModuleType, tmp_path: Path) -> None:
    """A changed lock must be installed, and a moved clone has scripts that point to the old place."""
    source = tmp_path / "requirements.txt"
    source.write_text("a", encoding="utf-8")
    first = environments.fingerprint(tmp_path, [source])
    moved = environments.fingerprint(tmp_path / "elsewhere", [source])
    source.write_text("b", encoding="utf-8")

    assert 3 == len({first, moved, environments.fingerprint(tmp_path, [source])})


# ----------------------------------------------------------------------------- running the recipe


def test_arguments_status_and_place_go_through(clone: Path, environments: ModuleType) -> None:
    """`just demo --state 'my folder'` typed in another folder must mean what it says."""
    fake_just(clone, environments, '#!/bin/sh\nprintf "%s|" "$@"; pwd; exit 7\n')

    done = run_just(clone, "demo", "--state", "my folder", "")

    assert 7 == done.returncode
    assert f"--justfile|{clone.resolve()}/justfile|demo|--state|my folder||{clone.parent.resolve()}\n" == done.stdout
    assert "" == done.stderr


@pytest.mark.parametrize("to_group", [True, False], ids=["as a terminal does", "as kill does"])
def test_an_interrupt_reaches_the_recipe_exactly_once(clone: Path, environments: ModuleType, *, to_group: bool) -> None:
    """Told twice to end, the gate ends at once and forgets its grace; not told at all, it stays."""
    recipe = (
        "import os, select, signal, sys\n"
        "told, teller = os.pipe()\n"
        "os.set_blocking(teller, False)\n"
        "signal.set_wakeup_fd(teller)\n"
        "signal.signal(signal.SIGINT, lambda *_: None)\n"
        "print('up', flush=True)\n"
        "os.read(told, 1)\n"
        "second, _, _ = select.select([told], [], [], 0.5)\n"  # one that is on its way is here by then
        "print(len(second)); sys.exit(3)\n"
    )
    # As just does, it waits for its recipe and leaves SIGINT to it.
    fake_just(
        clone,
        environments,
        f"#!{sys.executable}\nimport signal, subprocess, sys\nsignal.signal(signal.SIGINT, lambda *_: None)\n"
        f"sys.exit(subprocess.call([sys.executable, '-c', {recipe!r}]))\n",
    )
    with subprocess.Popen(
        [sys.executable, str(clone / "tools" / "just.py"), "demo"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert "up\n" == process.stdout.readline()
        (os.killpg if to_group else os.kill)(process.pid, signal.SIGINT)
        output, complaints = process.communicate(timeout=60)

    assert ("0\n", "", 3) == (output, complaints, process.returncode)


def test_a_recipe_killed_by_a_signal_is_reported_as_shells_do(clone: Path, environments: ModuleType) -> None:
    """A status of 0 after a kill would make CI green."""
    fake_just(clone, environments, "#!/bin/sh\nkill -9 $$\n")

    assert 128 + signal.SIGKILL == run_just(clone, "test").returncode


# ------------------------------------------------------------------------------- requirements files


def pins(path: Path) -> dict[str, str]:
    """Read name → version of a requirements file."""
    return dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", path.read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_requirements_name_no_registry_and_no_machine(path: Path) -> None:
    """Who installs decides from where; an address in the file would decide for everybody."""
    text = path.read_text(encoding="utf-8")

    assert "://" not in text
    assert [] == re.findall(r"(?m)^\s*(?:-i|-f|--(?:index|extra-index|find-links|trusted)).*$", text)
    assert [] == re.findall(r"(?<![\w.-])/(?:home|root|tmp|work|usr|opt|Users)/\S*", text)
    assert text.startswith("# This file was autogenerated by uv via the following command:\n#    just lock\n")


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_every_requirement_is_pinned_and_hashed(path: Path) -> None:
    """One line without a hash is one package that anybody on the way may exchange."""
    entries = re.split(r"(?m)^(?=[a-zA-Z0-9])", re.sub(r"(?m)^\s*#.*\n?", "", path.read_text(encoding="utf-8")))
    entries = [entry for entry in entries if entry.strip()]

    assert entries
    assert [] == [entry.split()[0] for entry in entries if "==" not in entry or "--hash=sha256:" not in entry]


@pytest.mark.parametrize("name", ["run.txt", "demo.txt", "build.txt"])
def test_smaller_sets_are_part_of_dev(name: str) -> None:
    """The one environment grows from demo to dev; a version that changed in growing would change under a demo."""
    dev = pins(ROOT / "requirements" / "dev.txt")
    smaller = pins(ROOT / "requirements" / name)

    assert smaller
    assert smaller == {package: dev.get(package) for package in smaller}


def test_the_build_backend_is_in_what_is_installed_before_the_build() -> None:
    """Without build isolation the backend must be there, or the project itself cannot be installed."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        (backend,) = tomllib.load(file)["build-system"]["requires"]

    assert backend.partition("==")[2] == pins(ROOT / "requirements" / "demo.txt")["hatchling"]
    assert backend.partition("==")[2] == pins(ROOT / "requirements" / "build.txt")["hatchling"]


def test_just_and_uv_are_pinned_for_every_platform() -> None:
    """A developer's macOS or ARM board needs its own wheel's hash in the same file."""
    text = (ROOT / "requirements" / "tools.txt").read_text(encoding="utf-8")

    assert {"rust-just", "uv"} == set(pins(ROOT / "requirements" / "tools.txt"))
    assert 10 < text.count("--hash=sha256:")
