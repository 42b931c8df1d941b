"""Lock: resolve pyproject.toml into requirements/*.txt, and requirements/node, hashed, naming no registry.

Laws:
    1. dev.txt is resolved first and constrains the others, so a version is the same in all of them.
    2. What package.json asks for is exact; `--upgrade` renews what that depends on.
    3. No address, host or path of the machine that resolved gets into a file; a test reads them for that.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from environments import ROOT
from node_packages import npm_command, npm_settings, wheel_folder

UV: Final = ROOT / ".just" / "tools" / "bin" / "uv"

# Per file: what it is resolved from.
SOURCES: Final = {
    "dev.txt": ("--extra", "demo", "--extra", "otel", "--group", "dev", "pyproject.toml"),
    "run.txt": ("pyproject.toml",),
    "demo.txt": ("--extra", "demo", "--group", "build", "pyproject.toml"),
    "build.txt": ("--group", "build"),
    "tools.txt": ("--group", "tools"),
}
RULES: Final = (
    *("--quiet", "--universal", "--python-version", "3.11", "--generate-hashes"),
    *("--no-emit-index-url", "--no-emit-find-links"),
)


def main(arguments: list[str]) -> int:
    """Resolve every file; *arguments* go to `uv pip compile` (`--upgrade`, `--upgrade-package NAME`)."""
    for name, sources in SOURCES.items():
        constraints = ("--constraints", "requirements/dev.txt") if name in {"run.txt", "demo.txt", "build.txt"} else ()
        command = [str(UV), "pip", "compile", *RULES, *constraints, *arguments, *sources, "-o", f"requirements/{name}"]
        # The header of the file names this command instead of the one above with this machine's paths.
        status = subprocess.run(
            command, check=False, cwd=ROOT, env={**os.environ, "UV_CUSTOM_COMPILE_COMMAND": "just lock"}
        ).returncode
        if status != 0:
            print(f"tools/lock.py: requirements/{name} could not be resolved; see above.", file=sys.stderr)
            return status
    return lock_node(upgrade="--upgrade" in arguments)


def lock_node(*, upgrade: bool) -> int:
    """Resolve requirements/node/package.json into its lock; return npm's status."""
    folder = ROOT / "requirements" / "node"
    if upgrade:
        (folder / "package-lock.json").unlink(missing_ok=True)
    resolving = ("install", "--package-lock-only", "--omit-lockfile-registry-resolved")
    command = npm_command(wheel_folder(ROOT / ".just" / "env"), *resolving)
    status = subprocess.run(command, check=False, cwd=folder, env=npm_settings(os.environ)).returncode
    if status != 0:
        print("tools/lock.py: requirements/node could not be resolved; see above.", file=sys.stderr)
    else:
        strip_addresses(folder / "package-lock.json")
    return status


def strip_addresses(lock: Path) -> None:
    """Take out of npm's lock who would like to be paid: no lock file holds an address."""
    document = json.loads(lock.read_text(encoding="utf-8"))
    for package in document["packages"].values():
        package.pop("funding", None)
    lock.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
