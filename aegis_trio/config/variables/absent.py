"""Variables of features that this version does not have: switching one on is a fault, not silence.

One more stands beside its kin: `AUDIT_PSEUDONYMS` (operation.py).
"""

from __future__ import annotations

from typing import Final

from aegis_trio.config.parsing import off_switch, parse_text
from aegis_trio.config.variable import Feature, Variable

WRITE_MODE: Final = Variable[bool](
    name="WRITE_MODE",
    feature=Feature.WRITING,
    parse=off_switch,
    default=False,
    default_text="false",
    absent=True,
    meaning="Register tools that write. Not in this version: the gate only reads.",
)
WRITE_REPOSITORY_WHITELIST: Final = Variable[str | None](
    name="WRITE_REPOSITORY_WHITELIST",
    feature=Feature.WRITING,
    parse=parse_text,
    default=None,
    default_text="",
    absent=True,
    meaning="Repositories that may be written to. Without effect while WRITE_MODE is off.",
)
WRITE_ALLOW_ALL_TOKEN_REPOS: Final = Variable[bool](
    name="WRITE_ALLOW_ALL_TOKEN_REPOS",
    feature=Feature.WRITING,
    parse=off_switch,
    default=False,
    default_text="false",
    absent=True,
    meaning="Let write tools reach every repository of the token. Not in this version.",
)

VARIABLES: Final[tuple[Variable[object], ...]] = (
    WRITE_MODE,
    WRITE_REPOSITORY_WHITELIST,
    WRITE_ALLOW_ALL_TOKEN_REPOS,
)
