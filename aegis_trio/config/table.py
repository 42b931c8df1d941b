"""The table of variables: every name that operators may set, in the order of the reference.

Laws:
    1. Reading, faults, suggestions, `.env.example` and the reference are all made from these values.
    2. A name of a feature that this version does not have stands here too: switching it on is a fault, as an
       operator who is ignored believes in a protection that is not there.
"""

from __future__ import annotations

from typing import Final

from aegis_trio.config.variable import Variable
from aegis_trio.config.variables import absent, access, alerts, limits, listening, operation, signin, tools

VARIABLES: Final[tuple[Variable[object], ...]] = (
    *access.VARIABLES,
    *listening.VARIABLES,
    *tools.VARIABLES,
    *limits.VARIABLES,
    *operation.VARIABLES,
    *alerts.VARIABLES,
    *signin.VARIABLES,
    *absent.VARIABLES,
)


def known_names() -> frozenset[str]:
    """Return every name that may be set, those of secret files included."""
    return frozenset(name for variable in VARIABLES for name in (variable.name, variable.file_name) if name is not None)
