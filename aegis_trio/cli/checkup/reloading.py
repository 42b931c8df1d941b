"""Check of what a running gate takes over by itself: keys in files, and not those in its environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aegis_trio.cli.checkup.finding import Finding, well
from aegis_trio.config.reader import Effective
from aegis_trio.config.variables import access

_TAKEN_OVER: Final = (
    access.MCP_API_KEYS,
    access.GITEA_KEY_TOKENS,
    access.GITEA_TOKEN,
    access.AEGIS_KEY_PEPPER,
    access.AEGIS_KEY_PEPPER_FORMER,
)


def check_reloading(effective: Sequence[Effective]) -> Finding:
    """Return whether a change of keys needs a restart, judged by where each setting stands."""
    names = {variable.name for variable in _TAKEN_OVER}
    fixed = sorted(row.name for row in effective if row.name in names and row.origin == "environment")
    if not fixed:
        return well("key_changes", "A change of keys and their tokens is taken over within a second.")
    files = ", ".join(f"{name}_FILE" for name in fixed)
    return well(
        "key_changes",
        f"{', '.join(fixed)} stand(s) in the environment, so a change needs a restart; files named by {files} would be "
        "taken over within a second, as rows in KEYS_DIR are.",
    )
