"""What a test needs of the machine beside Python: system programs and Node packages.

Law: what is missing skips a test on a developer's machine, and fails it when `CI` is set.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from environments import ROOT
from node_packages import node_fingerprint, node_folder, read_node_stamp


def require_program(name: str) -> str:
    """Return the path of a system program, or skip (fail in CI) where it is missing."""
    path = shutil.which(name)
    if path is None:
        _miss(f"needs the program {name}, which is not on PATH", "; .ci/run must install it")
    return path


def require_tracing() -> str:
    """Return the path of strace, or skip: where it is missing (fail in CI), or where this machine forbids to trace.

    What forbids it is the kernel's settings or a sandbox; nothing that CI could install would change them.
    """
    strace = require_program("strace")
    tracing = [strace, "-qq", "-o", os.devnull, sys.executable, "-c", ""]
    tried = subprocess.run(tracing, capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"needs to trace a process, which this machine forbids: {tried.stderr.strip()}")
    return strace


def require_node_packages() -> Path:
    """Return the folder of the Node packages, or skip (fail in CI) where they are not installed as their lock says."""
    folder = node_folder(ROOT)
    if read_node_stamp(folder) != node_fingerprint(ROOT):
        _miss("needs the Node packages: run `python3 tools/just.py --prepare node`", "")
    return folder


def _miss(reason: str, in_ci: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(f"{reason}{in_ci}")
    pytest.skip(reason)
