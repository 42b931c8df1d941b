"""Names: is a variable that we do not know one of ours, misspelled?

Laws:
    1. Only a near miss is a fault; a name that belongs to somebody else is never one.
    2. General words (`HOST`, `LOG_LEVEL`) are looked at in `.env` only: the environment is full of other programs'.

Not here: names that are known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

MAX_DISTANCE: Final = 2  # one letter doubled, dropped, swapped or wrong, twice
_MIN_CHARS_PER_EDIT: Final = 4  # HOST and POST are different words

# Kubernetes tells containers about services by these names; OpenSSL reads SSL_CERT_FILE; the tests of this project
# use AEGIS_TEST_*; Gitea itself is configured by GITEA__*.
_FOREIGN: Final = re.compile(r"(GITEA|ADMIN|AEGIS(_[A-Z]+)*)_(PORT(_.*)?|SERVICE_.*)|AEGIS_TEST_.*|GITEA__.*|SSL_.*")
_GENERAL: Final = frozenset(
    {
        "HOST",
        "PORT",
        "LOG_LEVEL",
        "LOG_FORMAT",
        "PUBLIC_URL",
        "KEYS_DIR",
        "ROOT_SECRET",
        "ROOT_SECRET_FILE",
        "TLS_CERT_FILE",
        "TLS_KEY_FILE",
        "MAX_SESSIONS",
        "MAX_CONNECTIONS",
    }
)


def misspelled(set_names: Mapping[str, str], known: Iterable[str]) -> dict[str, str]:
    """Return the names that are misspellings of ours, each with the nearest right one.

    Args:
        set_names: every name that is set, with its origin.
        known: every right name.
    """
    right = tuple(known)
    wrong: dict[str, str] = {}
    for name, origin in set_names.items():
        if name in right or _FOREIGN.fullmatch(name):
            continue
        candidates = [ours for ours in right if origin != "environment" or ours not in _GENERAL]
        found = nearest(name, candidates)
        if found is not None:
            wrong[name] = found
    return wrong


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that *name* is most likely meant to be, or None when it is near to none."""
    folded = name.upper().replace("-", "_")
    scored = ((distance(folded, candidate), candidate) for candidate in candidates)
    near = [
        (edits, candidate)
        for edits, candidate in scored
        if edits <= min(MAX_DISTANCE, len(candidate) // _MIN_CHARS_PER_EDIT)
    ]
    return min(near)[1] if near else None


def distance(left: str, right: str) -> int:
    """Return how many letters must be added, dropped, changed or swapped with their neighbour.

    Source: optimal string alignment, Damerau 1964.
    """
    if abs(len(left) - len(right)) > MAX_DISTANCE:
        return MAX_DISTANCE + 1
    before: list[int] = []
    above = list(range(len(right) + 1))
    for row, one in enumerate(left, start=1):
        here = [row]
        for column, other in enumerate(right, start=1):
            edits = min(above[column] + 1, here[column - 1] + 1, above[column - 1] + (one != other))
            if row > 1 and column > 1 and one == right[column - 2] and left[row - 2] == other:
                edits = min(edits, before[column - 2] + 1)
            here.append(edits)
        before, above = above, here
    return above[-1]
