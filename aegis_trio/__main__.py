"""`python -m aegis_trio` and the installed command `aegis-trio`."""

from __future__ import annotations

import sys

from aegis_trio.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
