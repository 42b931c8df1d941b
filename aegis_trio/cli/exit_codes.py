"""Exit codes, the same in every command.

Source: sysexits.h for 64, 69, 70, 74, 75 and 78; 1 and 2 belong to `key-age`, 1 also to `console` and `block`; 130 is
how shells name SIGINT.
"""

from __future__ import annotations

from typing import Final

EXIT_OK: Final = 0
EXIT_EXPIRING: Final = 1
EXIT_CALL_FAILED: Final = 1
EXIT_STILL_BLOCKED: Final = 1
EXIT_EXPIRED: Final = 2
EXIT_USAGE: Final = 64
EXIT_UNAVAILABLE: Final = 69
EXIT_BUG: Final = 70
EXIT_INPUT_OUTPUT: Final = 74
EXIT_FORCED: Final = 75
EXIT_CONFIGURATION: Final = 78
EXIT_INTERRUPTED: Final = 130
EXIT_PIPE: Final = 141
