"""The official conformance suite against the gate: `just conformance`, `just conformance fixtures`, `… product`.

It prints one line for each revision, `2026-07-28 37/37`, and ends with status 1 when anything required did not pass,
69 when there was nothing to test or nothing to test with. All else, scenario by scenario, goes to stderr.

Not here: what it does, which is described in tools/conformance.
"""

from __future__ import annotations

import sys

from conformance.jobs import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
