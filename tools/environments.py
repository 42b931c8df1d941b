"""Environments: the private Pythons that the recipes of the justfile run in, made on first use.

    .just/tools/   just and uv, as requirements/tools.txt pins them
    .just/env/     the project (editable) with what a recipe needs: level `demo` is what runs, level `dev` is everything

Laws:
    1. Nothing is installed but files whose hashes stand in requirements/, and no source package is built but ours,
       with a backend that was itself installed by hash: a build would fetch its own, unhashed, dependencies.
    2. There is one project environment, which grows from demo to dev and never changes a version in growing, since
       demo.txt is a subset of dev.txt (a test compares them). One that was ever complete for dev stays so.
    3. An environment without its stamp is half-made and is deleted. Therefore it lives in .just/, where everything
       is ours, and never in a .venv that a person may have made by hand.
    4. Whatever is wrong with the machine is one sentence that says what to do, on stderr, and status 69.

The installer is uv, for speed, told what pip's configuration says about indexes, certificates and proxies; where uv
still fails, pip itself gets a try, because pip's configuration is the one that people have.

Not here: which recipe needs which level; the justfile says it, by `--prepare LEVEL`. What Node runs: node_packages.py.
"""

from __future__ import annotations

import ast
import contextlib
import errno
import fcntl
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

ROOT: Final = Path(__file__).resolve().parent.parent
LEVELS: Final = ("demo", "dev")
STAMP_VERSION: Final = 1  # raised when this file makes environments in another way

# Variables that would send what we install to another place, or change what it is.
_MISLEADING: Final = (
    *("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX"),
    *("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIREMENT", "PIP_CONSTRAINT", "PIP_EDITABLE", "PIP_DRY_RUN"),
    *("UV_CONSTRAINT", "UV_OVERRIDE", "UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_EXCLUDE_NEWER"),
)
# Source: pip's "Configuration" page and uv's "Environment variables" page.
_UV_FOR_PIP: Final = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "proxy": "ALL_PROXY",
}
_COMMA_SEPARATED: Final = ("UV_FIND_LINKS",)
_NETWORK_SIGNS: Final = (
    *(
        "connection",
        "timed out",
        "timeout",
        "name resolution",
        "failed to fetch",
        "proxyerror",
        "sslerror",
        "dns error",
    ),
    *("could not fetch url", "no matching distribution", "max retries", "certificate"),
)


class Trouble(Exception):
    """Something about this machine that its owner can mend; the text is the one sentence to show."""


def prepare_tools(root: Path) -> Path:
    """Make sure of `.just/tools` and return it."""
    tools = root / ".just" / "tools"
    requirements = root / "requirements" / "tools.txt"
    wanted = fingerprint(root, [requirements])
    if read_stamp(tools).get("tools") == wanted:
        return tools
    with locked(root):
        if read_stamp(tools).get("tools") == wanted:
            return tools
        require_venv()
        announce("preparing just and uv (first run)")
        make_environment(tools, with_pip=True)
        install_with_pip(root, tools, tools, requirements)
        write_stamp(tools, {"tools": wanted})
    return tools


def prepare_project(root: Path, level: str) -> Path:
    """Make sure that `.just/env` holds the project and at least *level*, and return it."""
    env = root / ".just" / "env"
    wanted = {name: fingerprint(root, project_sources(root, name)) for name in LEVELS}
    if is_prepared(read_stamp(env), wanted, level):
        return env
    tools = prepare_tools(root)
    with locked(root):
        stamp = read_stamp(env)
        if is_prepared(stamp, wanted, level):
            return env
        level = "dev" if "dev" in stamp else level
        announce(f"preparing the environment for {level} (first run, or its requirements changed)")
        if stamp.get("identity") == identity(root):
            stamp_path(env).unlink()
        else:
            make_environment(env, with_pip=False)
        install_project(root, tools, env, root / "requirements" / f"{level}.txt")
        write_stamp(env, {level: wanted[level], "identity": identity(root)})
    return env


def project_sources(root: Path, level: str) -> list[Path]:
    """Return the files that decide what the project environment of *level* holds."""
    return [root / "requirements" / f"{level}.txt", root / "pyproject.toml"]


def is_prepared(stamp: Mapping[str, str], wanted: Mapping[str, str], level: str) -> bool:
    """Tell whether an environment with *stamp* serves *level*: any level that includes it will do."""
    return any(stamp.get(name) == wanted[name] for name in LEVELS[LEVELS.index(level) :])


# ------------------------------------------------------------------------------------------ stamps


def identity(root: Path) -> str:
    """Name what an environment is made from and for: another Python, or another place, makes a new one."""
    return f"{STAMP_VERSION} {platform.python_version()} {Path(sys.executable).resolve()} {root}"


def fingerprint(root: Path, sources: Sequence[Path]) -> str:
    """Hash everything that decides the content of an environment, its place included: scripts in it name the place."""
    digest = hashlib.sha256(os.fsencode(identity(root)))
    for source in sources:
        digest.update(hashlib.sha256(source.read_bytes()).digest())
    return digest.hexdigest()


def stamp_path(env: Path) -> Path:
    """Return where *env* says that it is complete."""
    return env / "complete"


def read_stamp(env: Path) -> dict[str, str]:
    """Return what *env* is complete for; nothing when it is half-made, damaged, or not there."""
    if not (env / "bin" / "python").exists():
        return {}
    try:
        lines = stamp_path(env).read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError):
        return {}
    return {name: value for name, _, value in (line.partition(" ") for line in lines)}


def write_stamp(env: Path, stamp: Mapping[str, str]) -> None:
    """Declare *env* complete, in one step that cannot be half done."""
    draft = env / "complete.draft"
    draft.write_text("".join(f"{name} {value}\n" for name, value in stamp.items()), encoding="utf-8")
    draft.replace(stamp_path(env))


@contextlib.contextmanager
def locked(root: Path) -> Generator[None]:
    """Let one process at a time build environments; the kernel frees the lock of one that was killed."""
    folder = root / ".just"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            announce("waiting for another run that is preparing the environment")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# ------------------------------------------------------------------------------------ installation


def require_venv() -> None:
    """Refuse a Python that cannot make virtual environments, as Debian's is without a further package."""
    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            version = ".".join(platform.python_version_tuple()[:2])
            raise Trouble(
                f"this Python has no `{module}`: install it (Debian, Ubuntu: `apt install python{version}-venv`)"
                " and run this again."
            )


def make_environment(env: Path, *, with_pip: bool) -> None:
    """Make an empty virtual environment in the place of whatever half-made thing is there."""
    if env.exists():
        shutil.rmtree(env)
    env.parent.mkdir(exist_ok=True)
    command = [sys.executable, "-I", "-m", "venv", *([] if with_pip else ["--without-pip"]), str(env)]
    status, output = run_logged(env.parent, command, installer_settings({}))
    if status != 0:
        raise Trouble(explain_output("making a virtual environment", output, env.parent))


def install_project(root: Path, tools: Path, env: Path, requirements: Path) -> None:
    """Install *requirements* and then the project itself, without letting the build fetch anything."""
    uv = [str(tools / "bin" / "uv"), "pip"]
    target = ["--python", str(env / "bin" / "python")]
    settings = installer_settings(translate_pip_settings(pip_settings(tools), os.environ))
    # Compiled once here: where Python may not write byte code, every start would compile everything anew.
    hashed = ["--require-hashes", "--only-binary", ":all:", "--compile-bytecode"]
    status, _ = run_logged(root / ".just", [*uv, "sync", *target, *hashed, str(requirements)], settings)
    if status != 0:
        install_with_pip(root, tools, env, requirements)
    project = ["--no-deps", "--no-build-isolation", "--offline", "--editable", str(root)]
    status, output = run_logged(root / ".just", [*uv, "install", *target, *project], settings)
    if status != 0:
        raise Trouble(explain_output("installing the project itself", output, root / ".just"))
    # What cannot be compiled, or may not be written, is compiled at its import; that is only slower.
    compiling = [str(env / "bin" / "python"), "-m", "compileall", "-q", str(root / "aegis_trio")]
    run_logged(root / ".just", compiling, installer_settings({}))


def install_with_pip(root: Path, tools: Path, env: Path, requirements: Path) -> None:
    """Install *requirements* into *env* with the pip of `.just/tools`."""
    pip = [str(tools / "bin" / "python"), "-I", "-m", "pip", "--python", str(env / "bin" / "python"), "install"]
    hashed = ["--require-hashes", "--only-binary", ":all:", "--no-deps", "-r", str(requirements)]
    status, output = run_logged(root / ".just", [*pip, *hashed], installer_settings({}))
    if status != 0:
        raise Trouble(explain_output(f"installing requirements/{requirements.name}", output, root / ".just"))


def pip_settings(tools: Path) -> dict[str, str]:
    """Return what pip's files and variables say, the strongest source winning as it does in pip."""
    command = [str(tools / "bin" / "python"), "-I", "-m", "pip", "config", "list"]
    listing = subprocess.run(command, check=False, capture_output=True, text=True, env=installer_settings({})).stdout
    return parse_pip_settings(listing)


def parse_pip_settings(listing: str) -> dict[str, str]:
    """Read `pip config list`: lines like `global.index-url='…'`, where `:env:` beats `install` beats `global`."""
    strength = {"global": 0, "install": 1, ":env:": 2}
    found: dict[str, tuple[int, str]] = {}
    for line in listing.splitlines():
        place, _, value = line.partition("=")
        section, _, name = place.rpartition(".")
        if section not in strength or not name:
            continue
        with contextlib.suppress(ValueError, SyntaxError):
            text = str(ast.literal_eval(value))
            found[name] = max(found.get(name, (-1, "")), (strength[section], text), key=lambda pair: pair[0])
    return {name: text for name, (_, text) in found.items()}


def translate_pip_settings(settings: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Say in uv's variables what *settings* say to pip; a variable that the person has set for uv stays as it is."""
    translated: dict[str, str] = {}
    for pip_name, uv_name in _UV_FOR_PIP.items():
        words = settings.get(pip_name, "").split()
        if words and uv_name not in environment:
            translated[uv_name] = ("," if uv_name in _COMMA_SEPARATED else " ").join(words)
    if "UV_INDEX" in translated:
        # pip looks at all indexes alike; the hashes keep a stranger's package of the same name out.
        translated["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    if "UV_SYSTEM_CERTS" not in environment and "SSL_CERT_FILE" not in {**environment, **translated}:
        translated["UV_SYSTEM_CERTS"] = "true"  # as pip does: a company's own authority stands in the system's store
    return translated


def installer_settings(extra: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for an installer: the person's own, without what would misdirect it."""
    kept = {name: value for name, value in os.environ.items() if name not in _MISLEADING}
    ours = {"PIP_USER": "0", "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "UV_NO_PROGRESS": "1"}
    return {"PIP_RETRIES": "2", **kept, **ours, **extra}


def run_logged(folder: Path, command: Sequence[str], settings: Mapping[str, str]) -> tuple[int, str]:
    """Run *command* quietly; return its status and output, which is also kept in `.just/log.txt`."""
    done = subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(settings),
        cwd=folder,
        text=True,
        errors="replace",
    )
    with contextlib.suppress(OSError), (folder / "log.txt").open("a", encoding="utf-8") as log:
        # A log that cannot be written must not hide the reason, which the caller has in hand.
        log.write(f"$ {' '.join(command)}\n{done.stdout}\n")
    return done.returncode, done.stdout


# ------------------------------------------------------------------------------------- explanation


def explain_os_error(fault: OSError) -> str:
    """Turn a refusal of the operating system into the sentence that says what to do."""
    place = fault.filename or ROOT
    if fault.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
        return f"cannot write to {place}: make that folder writable, or clone the project into one that is."
    if fault.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"the disk that holds {place} is full: free about 1 GB and run this again."
    return f"{fault.strerror or fault} ({place}): mend that and run this again."


def explain_output(doing: str, output: str, folder: Path) -> str:
    """Find in an installer's *output* the sentence that says what to do."""
    lowered = output.lower()
    log = folder / "log.txt"
    if "no space left on device" in lowered or "disk quota exceeded" in lowered:
        return f"{doing} failed because the disk is full: free about 1 GB and run this again."
    if "read-only file system" in lowered or "permission denied" in lowered:
        return f"{doing} failed because a folder is not writable: make it writable and run this again ({log} names it)."
    if "do not match the hashes" in lowered or "hash mismatch" in lowered:
        return f"{doing} was refused: a file is not the one whose hash requirements/ names; try another index ({log})."
    if any(sign in lowered for sign in _NETWORK_SIGNS):
        return (
            f"{doing} failed because the package index did not give the packages: check the network, or name an index"
            f" that is reachable in PIP_INDEX_URL, and run this again ({log})."
        )
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    reason = next((line for line in lines if line.lower().startswith("error")), lines[-1] if lines else "no output")
    return f"{doing} failed ({reason}): {log} has all of it; delete {folder} and run this again."


def announce(text: str) -> None:
    """Say on stderr what takes time, so that stdout stays the recipe's own."""
    print(f"tools/just.py: {text} …", file=sys.stderr, flush=True)
