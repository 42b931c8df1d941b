"""Audit of dependencies: asks the vulnerability database about everything that requirements/ pins.

Laws:
    1. A vulnerability fails, with pip-audit's own table.
    2. A database that cannot be reached is said so in one line and is not a failure: it says nothing about us.
    3. Any other trouble of pip-audit fails.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
FILES: Final = ("dev.txt", "tools.txt")  # dev.txt includes what runs
_UNREACHABLE_SIGNS: Final = ("ConnectionError", "ConnectTimeout", "ReadTimeout", "ProxyError", "SSLError", "HTTPError")


def main() -> int:
    """Audit all files and return 0 (nothing known, or unreachable) or 1."""
    requirements = [word for name in FILES for word in ("-r", f"requirements/{name}")]
    options = ["--require-hashes", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    command = [sys.executable, "-m", "pip_audit", *options, *requirements]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    return report(done.returncode, done.stdout, done.stderr)


def report(status: int, output: str, complaints: str) -> int:
    """Print what pip-audit found, and return our own exit status."""
    if status == 0:
        print("audit-deps: no known vulnerability")
        return 0
    if is_report(output):
        print(output)
        print("audit-deps: known vulnerabilities, see above: raise these versions with `just lock`", file=sys.stderr)
        return 1
    reason = next((sign for sign in _UNREACHABLE_SIGNS if sign in complaints), None)
    if reason is not None or "Failed to connect" in complaints or "Max retries" in complaints:
        print(f"audit-deps: SKIPPED, the vulnerability database cannot be reached ({reason or 'no connection'})")
        return 0
    print(complaints, file=sys.stderr)
    print("audit-deps: pip-audit itself failed, see above", file=sys.stderr)
    return 1


def is_report(output: str) -> bool:
    """Tell whether pip-audit got as far as a finding."""
    try:
        json.loads(output)
    except ValueError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
