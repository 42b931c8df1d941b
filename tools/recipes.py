"""Recipes: what stands behind tools/just.py once this Python is known to be new enough.

Law: whatever is wrong with the machine is one sentence that says what to do, on stderr, and status 69.

Not here: how an environment is made (environments.py, node_packages.py), and which recipe needs which; the justfile
says that, by `--prepare`.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from environments import LEVELS, ROOT, Trouble, explain_os_error, prepare_project, prepare_tools
from foreground import run_in_foreground
from node_packages import prepare_node

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

EXIT_UNAVAILABLE: Final = 69  # Source: sysexits.h, EX_UNAVAILABLE
EXIT_INTERRUPTED: Final = 130  # Source: POSIX shells, 128 + SIGINT
PREPARATIONS: Final = (*LEVELS, "node")


def main(arguments: Sequence[str]) -> int:
    """Run a recipe in the environment it needs, or only prepare one (`--prepare demo`, `dev` or `node`).

    Returns:
        The recipe's exit status, or ours when it could not be started.
    """
    try:
        if arguments[:1] == ["--prepare"]:
            if len(arguments) != 2 or arguments[1] not in PREPARATIONS:
                raise Trouble(f"--prepare takes one of {', '.join(PREPARATIONS)}")
            prepare(arguments[1])
            return 0
        return run_just(prepare_tools(ROOT), arguments)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Trouble as trouble:
        print(f"tools/just.py: {trouble}", file=sys.stderr)
    except OSError as fault:
        print(f"tools/just.py: {explain_os_error(fault)}", file=sys.stderr)
    return EXIT_UNAVAILABLE


def prepare(name: str) -> None:
    """Make sure of the environment called *name*, one of PREPARATIONS."""
    if name == "node":
        prepare_node(ROOT)
    else:
        prepare_project(ROOT, name)


def run_just(tools: Path, arguments: Sequence[str]) -> int:
    """Run `just` with *arguments* and return its status, which is the recipe's."""
    just = str(tools / "bin" / "just")
    settings = {**os.environ, "AEGIS_JUST_PYTHON": sys.executable}
    return run_in_foreground([just, "--justfile", str(ROOT / "justfile"), *arguments], settings)
