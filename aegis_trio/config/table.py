"""The table of variables: every name that operators may set, in the order of the reference.

Laws:
    1. Reading, faults, suggestions, `.env.example` and the reference are all made from these values.
    2. A name of a feature that this version does not have stands here too: switching it on is a fault, as an
       operator who is ignored believes in a protection that is not there.

Room: one table, read from top to bottom; cut in two it would have two orders.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from aegis_trio.config.parsing import (
    Network,
    choice,
    off_switch,
    parse_domain,
    parse_gitea_url,
    parse_host,
    parse_hosts,
    parse_long_secret,
    parse_networks,
    parse_origins,
    parse_path,
    parse_ring,
    parse_secret_text,
    parse_switch,
    parse_text,
    parse_token,
    parse_url,
    seconds,
    whole_number,
)
from aegis_trio.config.variable import Feature, Variable
from aegis_trio.model.secret import Secret
from aegis_trio.telemetry.settings import LogFormat, LogLevel

_MANY: Final = 1_000_000  # a bound for numbers that have no better one
_DAY_S: Final = 86_400

GITEA_URL: Final = Variable[str | None](
    name="GITEA_URL",
    feature=Feature.GITEA,
    parse=parse_gitea_url,
    default=None,
    default_text="",
    meaning="Base URL of Gitea, a sub-path allowed. Required.",
)
GITEA_TOKEN: Final = Variable[Secret | None](
    name="GITEA_TOKEN",
    feature=Feature.GITEA,
    parse=parse_token,
    default=None,
    default_text="",
    secret=True,
    meaning="Token of the bot account that API keys act as. A site administrator's is refused.",
)
GITEA_KEY_TOKENS: Final = Variable[Secret | None](
    name="GITEA_KEY_TOKENS",
    feature=Feature.GITEA,
    parse=parse_secret_text,
    default=None,
    default_text="",
    secret=True,
    meaning="Gitea tokens of single API keys, as `<hint of the key>=<token>`, with commas between (in a file also one "
    "a line), such as `a1b2c3d4...e1f2=0123456789abcdef0123456789abcdef01234567`. A key without its own acts with "
    "GITEA_TOKEN; without that every key needs one.",
)
GITEA_MAX_CONNECTIONS: Final = Variable[int](
    name="GITEA_MAX_CONNECTIONS",
    feature=Feature.GITEA,
    parse=whole_number(1, 512),
    default=32,
    default_text="32",
    meaning="Connections to Gitea at the same time; further requests wait for one.",
)
GITEA_CA_FILE: Final = Variable[Path | None](
    name="GITEA_CA_FILE",
    feature=Feature.GITEA,
    parse=parse_path,
    default=None,
    default_text="",
    meaning="Certificates (PEM) to trust instead of the built-in ones, for a Gitea behind a private authority.",
)
AUTH_ENABLED: Final = Variable[bool](
    name="AUTH_ENABLED",
    feature=Feature.KEYS,
    parse=parse_switch,
    default=True,
    default_text="true",
    meaning="Whether callers need a credential. `false` only where HOST is loopback: everybody there is the principal "
    "`local`, who reads with GITEA_TOKEN.",
)
MCP_API_KEYS: Final = Variable[Secret | None](
    name="MCP_API_KEYS",
    feature=Feature.KEYS,
    parse=parse_secret_text,
    default=None,
    default_text="",
    secret=True,
    meaning="API keys with commas between (in a file also one a line), each of at least 32 characters; 64 are "
    "recommended. Several keep the old key alive while clients change over. `sha256:<digest>` and `hmac:<digest>` "
    "stand for a key that the file does not hold, with `:<hint>` behind to name it.",
)
AEGIS_KEY_PEPPER: Final = Variable[Secret | None](
    name="AEGIS_KEY_PEPPER",
    feature=Feature.KEYS,
    parse=parse_long_secret,
    default=None,
    default_text="",
    secret=True,
    meaning="Secret (at least 32 bytes) that `hmac:` entries of MCP_API_KEYS were made with.",
)
KEYS_DIR: Final = Variable[Path](
    name="KEYS_DIR",
    feature=Feature.KEYS,
    parse=parse_path,
    default=Path("keys"),
    default_text="keys",
    meaning="Folder of the keys' metadata (hint, dates, description; never a key). A key whose metadata says that it "
    "has expired is refused.",
)
ALLOW_QUERY_API_KEY: Final = Variable[bool](
    name="ALLOW_QUERY_API_KEY",
    feature=Feature.KEYS,
    parse=parse_switch,
    default=False,
    default_text="false",
    meaning="Accept `?api_key=` on `/mcp/tools`, `/mcp/tool/call` and `/mcp/sse`, and nowhere else.",
)
PUBLIC_TOOL_LIST: Final = Variable[bool](
    name="PUBLIC_TOOL_LIST",
    feature=Feature.KEYS,
    parse=parse_switch,
    default=False,
    default_text="false",
    meaning="Serve `GET /mcp/tools` without a credential.",
)
MAX_AUTH_FAILURES: Final = Variable[int](
    name="MAX_AUTH_FAILURES",
    feature=Feature.FAILURES,
    parse=whole_number(1, _MANY),
    default=5,
    default_text="5",
    meaning="Invalid credentials from one address (IPv6: one /64) within the window before it is blocked.",
)
AUTH_FAILURE_WINDOW: Final = Variable[int](
    name="AUTH_FAILURE_WINDOW",
    feature=Feature.FAILURES,
    parse=whole_number(1, 30 * _DAY_S),
    default=300,
    default_text="300",
    unit="s",
    meaning="The window over which failures count, and for which a block lasts.",
)
AUTH_BLOCK_STRICT: Final = Variable[bool](
    name="AUTH_BLOCK_STRICT",
    feature=Feature.FAILURES,
    parse=parse_switch,
    default=False,
    default_text="false",
    meaning="Refuse a blocked address even with a valid credential.",
)
BLOCK_PERSIST: Final = Variable[bool](
    name="BLOCK_PERSIST",
    feature=Feature.FAILURES,
    parse=off_switch,
    default=False,
    default_text="false",
    absent=True,
    meaning="Keep blocks over a restart. Not in this version.",
)
HOST: Final = Variable[str](
    name="HOST",
    feature=Feature.LISTENER,
    parse=parse_host,
    default="127.0.0.1",
    default_text="127.0.0.1",
    meaning="Address that the gate listens on; `0.0.0.0` inside a container.",
)
PORT: Final = Variable[int](
    name="PORT",
    feature=Feature.LISTENER,
    parse=whole_number(0, 65535),
    default=8080,
    default_text="8080",
    meaning="Port that the gate listens on; 0 takes any free one.",
)
TLS_CERT_FILE: Final = Variable[Path | None](
    name="TLS_CERT_FILE",
    feature=Feature.LISTENER,
    parse=parse_path,
    default=None,
    default_text="",
    meaning="Certificate chain (PEM), when the gate speaks TLS itself instead of a proxy before it.",
)
TLS_KEY_FILE: Final = Variable[Path | None](
    name="TLS_KEY_FILE",
    feature=Feature.LISTENER,
    parse=parse_path,
    default=None,
    default_text="",
    meaning="Private key (PEM) of TLS_CERT_FILE.",
)
ADMIN_HOST: Final = Variable[str](
    name="ADMIN_HOST",
    feature=Feature.LISTENER,
    parse=parse_host,
    default="127.0.0.1",
    default_text="127.0.0.1",
    meaning="Address of the operator's listener: metrics and the detail of readiness.",
)
ADMIN_PORT: Final = Variable[int](
    name="ADMIN_PORT",
    feature=Feature.LISTENER,
    parse=whole_number(0, 65535),
    default=9464,
    default_text="9464",
    meaning="Port of the operator's listener; 0 takes any free one.",
)
PUBLIC_URL: Final = Variable[str | None](
    name="PUBLIC_URL",
    feature=Feature.PROXIES,
    parse=parse_url,
    default=None,
    default_text="<http://127.0.0.1:PORT>",
    meaning="The URL that users type.",
)
MCP_DOMAIN: Final = Variable[str | None](
    name="MCP_DOMAIN",
    feature=Feature.PROXIES,
    parse=parse_domain,
    default=None,
    default_text="",
    meaning="Another way to say PUBLIC_URL: its domain alone, taken as https.",
)
TRUSTED_PROXIES: Final = Variable[tuple[Network, ...]](
    name="TRUSTED_PROXIES",
    feature=Feature.PROXIES,
    parse=parse_networks,
    default=(),
    default_text="",
    meaning="Addresses or networks, with commas between, whose forwarded headers count; such an address is never "
    "blocked.",
)
ALLOWED_HOSTS: Final = Variable[frozenset[str] | None](
    name="ALLOWED_HOSTS",
    feature=Feature.PROXIES,
    parse=parse_hosts,
    default=None,
    default_text="<loopback names and PUBLIC_URL's>",
    meaning="Names that a request may ask for, with commas between; anything else is refused, except on health paths.",
)
ALLOWED_ORIGINS: Final = Variable[frozenset[str] | None](
    name="ALLOWED_ORIGINS",
    feature=Feature.PROXIES,
    parse=parse_origins,
    default=None,
    default_text="<loopback names and PUBLIC_URL's>",
    meaning="Origins, with commas between, whose pages may call from a browser (CORS).",
)
MAX_CONCURRENT_CALLS: Final = Variable[int](
    name="MAX_CONCURRENT_CALLS",
    feature=Feature.LIMITS,
    parse=whole_number(0, _MANY),
    default=32,
    default_text="32",
    meaning="Calls of one key that run at the same time; 0 is off.",
)
CALLS_PER_MINUTE: Final = Variable[int](
    name="CALLS_PER_MINUTE",
    feature=Feature.LIMITS,
    parse=whole_number(0, _MANY),
    default=1200,
    default_text="1200",
    meaning="Calls of one key in a minute; all of them may come at once, then they come back evenly. 0 is off.",
)
MAX_SESSIONS: Final = Variable[int](
    name="MAX_SESSIONS",
    feature=Feature.LIMITS,
    parse=whole_number(1, _MANY),
    default=12_000,
    default_text="12000",
    meaning="Sessions in all.",
)
MAX_SESSIONS_PER_PRINCIPAL: Final = Variable[int](
    name="MAX_SESSIONS_PER_PRINCIPAL",
    feature=Feature.LIMITS,
    parse=whole_number(1, _MANY),
    default=1_000,
    default_text="1000",
    meaning="Sessions of one key.",
)
MAX_CONNECTIONS: Final = Variable[int](
    name="MAX_CONNECTIONS",
    feature=Feature.LIMITS,
    parse=whole_number(1, _MANY),
    default=12_000,
    default_text="12000",
    meaning="Connections in all.",
)
MAX_CONNECTIONS_PER_ADDRESS: Final = Variable[int](
    name="MAX_CONNECTIONS_PER_ADDRESS",
    feature=Feature.LIMITS,
    parse=whole_number(1, _MANY),
    default=2_000,
    default_text="2000",
    meaning="Connections of one address (IPv6: one /64); loopback and trusted proxies excepted.",
)
AUDIT_LOG_PATH: Final = Variable[Path](
    name="AUDIT_LOG_PATH",
    feature=Feature.AUDIT,
    parse=parse_path,
    default=Path("/var/log/aegis-mcp/audit.log"),
    default_text="/var/log/aegis-mcp/audit.log",
    meaning="The audit log; created with its folder at start.",
)
AUDIT_PSEUDONYMS: Final = Variable[bool](
    name="AUDIT_PSEUDONYMS",
    feature=Feature.AUDIT,
    parse=off_switch,
    default=False,
    default_text="false",
    absent=True,
    meaning="Write addresses, user agents and persons as keyed pseudonyms. Not in this version.",
)
ROOT_SECRET: Final = Variable[tuple[Secret, ...]](
    name="ROOT_SECRET",
    feature=Feature.AUDIT,
    parse=parse_ring,
    default=(),
    default_text="<made once, in root.key beside the audit log>",
    secret=True,
    meaning="Secret (at least 32 bytes) that keys for cursors, tickets and digests are derived from. To rotate it, "
    "put the new one in front of the old with a comma between.",
)
LOG_LEVEL: Final = Variable[LogLevel](
    name="LOG_LEVEL",
    feature=Feature.OPERATION,
    parse=choice(LogLevel),
    default=LogLevel.INFO,
    default_text="INFO",
    meaning="Least severe event that is logged: DEBUG, INFO, WARNING, ERROR or CRITICAL.",
)
LOG_FORMAT: Final = Variable[LogFormat](
    name="LOG_FORMAT",
    feature=Feature.OPERATION,
    parse=choice(LogFormat),
    default=LogFormat.CONSOLE,
    default_text="console",
    meaning="Form of a log line: json or console.",
)
SHUTDOWN_GRACE_S: Final = Variable[float](
    name="SHUTDOWN_GRACE_S",
    feature=Feature.OPERATION,
    parse=seconds(0, 3600),
    default=7.0,
    default_text="7",
    unit="s",
    meaning="What calls in flight get after SIGTERM; the last resort comes 2 s later, inside a container's 10 s.",
)
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
    GITEA_URL,
    GITEA_TOKEN,
    GITEA_KEY_TOKENS,
    GITEA_MAX_CONNECTIONS,
    GITEA_CA_FILE,
    AUTH_ENABLED,
    MCP_API_KEYS,
    AEGIS_KEY_PEPPER,
    KEYS_DIR,
    ALLOW_QUERY_API_KEY,
    PUBLIC_TOOL_LIST,
    MAX_AUTH_FAILURES,
    AUTH_FAILURE_WINDOW,
    AUTH_BLOCK_STRICT,
    BLOCK_PERSIST,
    HOST,
    PORT,
    TLS_CERT_FILE,
    TLS_KEY_FILE,
    ADMIN_HOST,
    ADMIN_PORT,
    PUBLIC_URL,
    MCP_DOMAIN,
    TRUSTED_PROXIES,
    ALLOWED_HOSTS,
    ALLOWED_ORIGINS,
    MAX_CONCURRENT_CALLS,
    CALLS_PER_MINUTE,
    MAX_SESSIONS,
    MAX_SESSIONS_PER_PRINCIPAL,
    MAX_CONNECTIONS,
    MAX_CONNECTIONS_PER_ADDRESS,
    AUDIT_LOG_PATH,
    AUDIT_PSEUDONYMS,
    ROOT_SECRET,
    LOG_LEVEL,
    LOG_FORMAT,
    SHUTDOWN_GRACE_S,
    OAUTH_MODE,
    GITEA_OAUTH_CLIENT_ID,
    GITEA_OAUTH_CLIENT_SECRET,
    OAUTH_EXPECTED_AUDIENCE,
    OAUTH_FLOW,
    WRITE_MODE,
    WRITE_REPOSITORY_WHITELIST,
    WRITE_ALLOW_ALL_TOKEN_REPOS,
)


def known_names() -> frozenset[str]:
    """Return every name that may be set, those of secret files included."""
    return frozenset(name for variable in VARIABLES for name in (variable.name, variable.file_name) if name is not None)
