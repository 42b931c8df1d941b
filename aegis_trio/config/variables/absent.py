"""Variables of features that this version does not have: switching one on is a fault, not silence.

Two more stand beside their kin: `BLOCK_PERSIST` (access.py) and `AUDIT_PSEUDONYMS` (operation.py).
"""

from __future__ import annotations

from typing import Final

from aegis_trio.config.parsing import (
    off_switch,
    parse_secret_text,
    parse_text,
)
from aegis_trio.config.variable import Feature, Variable
from aegis_trio.model.secret import Secret

OAUTH_MODE: Final = Variable[bool](
    name="OAUTH_MODE",
    feature=Feature.OAUTH,
    parse=off_switch,
    default=False,
    default_text="false",
    absent=True,
    meaning="Turn OAuth on. Not in this version.",
)
GITEA_OAUTH_CLIENT_ID: Final = Variable[str | None](
    name="GITEA_OAUTH_CLIENT_ID",
    feature=Feature.OAUTH,
    parse=parse_text,
    default=None,
    default_text="",
    absent=True,
    meaning="Id of the OAuth application in Gitea. Without effect while OAUTH_MODE is off.",
)
GITEA_OAUTH_CLIENT_SECRET: Final = Variable[Secret | None](
    name="GITEA_OAUTH_CLIENT_SECRET",
    feature=Feature.OAUTH,
    parse=parse_secret_text,
    default=None,
    default_text="",
    secret=True,
    absent=True,
    meaning="Secret of the OAuth application in Gitea. Without effect while OAUTH_MODE is off.",
)
OAUTH_EXPECTED_AUDIENCE: Final = Variable[str | None](
    name="OAUTH_EXPECTED_AUDIENCE",
    feature=Feature.OAUTH,
    parse=parse_text,
    default=None,
    default_text="<GITEA_OAUTH_CLIENT_ID>",
    absent=True,
    meaning="What introspection's `aud` must contain. Without effect while OAUTH_MODE is off.",
)
OAUTH_FLOW: Final = Variable[str](
    name="OAUTH_FLOW",
    feature=Feature.OAUTH,
    parse=parse_text,
    default="broker",
    default_text="broker",
    absent=True,
    meaning="`broker` or `gitea`. Without effect while OAUTH_MODE is off.",
)
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
    OAUTH_MODE,
    GITEA_OAUTH_CLIENT_ID,
    GITEA_OAUTH_CLIENT_SECRET,
    OAUTH_EXPECTED_AUDIENCE,
    OAUTH_FLOW,
    WRITE_MODE,
    WRITE_REPOSITORY_WHITELIST,
    WRITE_ALLOW_ALL_TOKEN_REPOS,
)
