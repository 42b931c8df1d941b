"""Variables of signing in with Gitea."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from aegis_trio.auth.clients.client import Client
from aegis_trio.auth.signin_settings import Flow
from aegis_trio.config.parsing import choice, parse_path, parse_public_url, parse_switch, parse_text, whole_number
from aegis_trio.config.signin_parsing import (
    parse_application_id,
    parse_application_secret,
    parse_client_domains,
    parse_encryption_keys,
    parse_redirect_uris,
    parse_static_clients,
)
from aegis_trio.config.variable import Feature, Variable
from aegis_trio.model.secret import Secret

OAUTH_MODE: Final = Variable[bool](
    name="OAUTH_MODE",
    feature=Feature.OAUTH,
    parse=parse_switch,
    default=False,
    default_text="false",
    meaning="Let people sign in with Gitea; docs/authentication.md says what this needs.",
)
GITEA_OAUTH_CLIENT_ID: Final = Variable[str | None](
    name="GITEA_OAUTH_CLIENT_ID",
    feature=Feature.OAUTH,
    parse=parse_application_id,
    default=None,
    default_text="",
    meaning="Id of our OAuth application in Gitea. A client that is given this id and the secret works too.",
)
GITEA_OAUTH_CLIENT_SECRET: Final = Variable[Secret | None](
    name="GITEA_OAUTH_CLIENT_SECRET",
    feature=Feature.OAUTH,
    parse=parse_application_secret,
    default=None,
    default_text="",
    secret=True,
    meaning="Secret of our OAuth application in Gitea.",
)
GITEA_PUBLIC_URL: Final = Variable[str | None](
    name="GITEA_PUBLIC_URL",
    feature=Feature.OAUTH,
    parse=parse_public_url,
    default=None,
    default_text="<GITEA_URL>",
    meaning="Gitea as people's browsers reach it, where GITEA_URL is an address that this network alone knows.",
)
OAUTH_EXPECTED_AUDIENCE: Final = Variable[str | None](
    name="OAUTH_EXPECTED_AUDIENCE",
    feature=Feature.OAUTH,
    parse=parse_text,
    default=None,
    default_text="<GITEA_OAUTH_CLIENT_ID>",
    meaning="What introspection's `aud` must contain.",
)
OAUTH_FLOW: Final = Variable[Flow](
    name="OAUTH_FLOW",
    feature=Feature.OAUTH,
    parse=choice(Flow),
    default=Flow.BROKER,
    default_text="broker",
    meaning="`broker`: we give tokens after Gitea's login. `gitea`: clients hold Gitea's own tokens, bound to no "
    "resource.",
)
TOKEN_ENCRYPTION_KEY: Final = Variable[tuple[bytes, ...]](
    name="TOKEN_ENCRYPTION_KEY",
    feature=Feature.OAUTH,
    parse=parse_encryption_keys,
    default=(),
    default_text="<derived from the root secret>",
    secret=True,
    meaning="Keys that Gitea's tokens are sealed with: 64 hexadecimal digits each, newest first, commas between.",
)
ACCESS_TOKEN_TTL_S: Final = Variable[int](
    name="ACCESS_TOKEN_TTL_S",
    feature=Feature.OAUTH,
    parse=whole_number(60, 86_400, such_as=3600),
    default=3600,
    default_text="3600",
    unit="s",
    meaning="How long an access token of ours is good.",
)
REFRESH_TOKEN_TTL_S: Final = Variable[int](
    name="REFRESH_TOKEN_TTL_S",
    feature=Feature.OAUTH,
    parse=whole_number(3600, 365 * 86_400, such_as=2_592_000),
    default=2_592_000,
    default_text="2592000",
    unit="s",
    meaning="After how long without use a client has to sign in again.",
)
OAUTH_ALLOWED_CLIENT_DOMAINS: Final = Variable[tuple[str, ...]](
    name="OAUTH_ALLOWED_CLIENT_DOMAINS",
    feature=Feature.OAUTH,
    parse=parse_client_domains,
    default=(),
    default_text="",
    meaning="Domains that clients may be of, beside this machine; unset allows all.",
)
OAUTH_STATIC_CLIENTS: Final = Variable[tuple[Client, ...]](
    name="OAUTH_STATIC_CLIENTS",
    feature=Feature.OAUTH,
    parse=parse_static_clients,
    default=(),
    default_text="",
    secret=True,
    meaning="Clients known beforehand: `id:secret:redirect-uri redirect-uri`, commas between clients; the secret of a "
    "public one is empty.",
)
OAUTH_EXTRA_REDIRECT_URIS: Final = Variable[tuple[str, ...]](
    name="OAUTH_EXTRA_REDIRECT_URIS",
    feature=Feature.OAUTH,
    parse=parse_redirect_uris,
    default=(),
    default_text="",
    meaning="Further addresses for clients that use the Gitea application's own id.",
)
STORE_PATH: Final = Variable[Path](
    name="STORE_PATH",
    feature=Feature.OAUTH,
    parse=parse_path,
    default=Path("/var/lib/aegis-mcp/store.sqlite3"),
    default_text="/var/lib/aegis-mcp/store.sqlite3",
    meaning="Where clients, grants and sealed tokens are kept; made with its folder at start.",
)
JWKS_MAX_STALE_S: Final = Variable[int](
    name="JWKS_MAX_STALE_S",
    feature=Feature.OAUTH,
    parse=whole_number(60, 86_400, such_as=3600),
    default=3600,
    default_text="3600",
    unit="s",
    meaning="For how long Gitea's last known signing keys count while they cannot be fetched.",
)
ALLOW_GITEA_PAT: Final = Variable[bool](
    name="ALLOW_GITEA_PAT",
    feature=Feature.OAUTH,
    parse=parse_switch,
    default=False,
    default_text="false",
    meaning="With OAUTH_FLOW=gitea: also take personal access tokens of Gitea.",
)

VARIABLES: Final[tuple[Variable[object], ...]] = (
    OAUTH_MODE,
    OAUTH_FLOW,
    GITEA_OAUTH_CLIENT_ID,
    GITEA_OAUTH_CLIENT_SECRET,
    GITEA_PUBLIC_URL,
    OAUTH_EXPECTED_AUDIENCE,
    TOKEN_ENCRYPTION_KEY,
    ACCESS_TOKEN_TTL_S,
    REFRESH_TOKEN_TTL_S,
    OAUTH_ALLOWED_CLIENT_DOMAINS,
    OAUTH_STATIC_CLIENTS,
    OAUTH_EXTRA_REDIRECT_URIS,
    STORE_PATH,
    JWKS_MAX_STALE_S,
    ALLOW_GITEA_PAT,
)
