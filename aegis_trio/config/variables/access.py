"""Variables about Gitea, API keys and failed authentications: who may call, and as whom."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from aegis_trio.config.parsing import (
    parse_gitea_url,
    parse_long_secret,
    parse_path,
    parse_ring,
    parse_secret_text,
    parse_switch,
    parse_token,
    seconds,
    whole_number,
)
from aegis_trio.config.variable import Feature, Variable
from aegis_trio.model.secret import Secret

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
    parse=whole_number(1, 512, such_as=32),
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
CACHE_MAX_BYTES: Final = Variable[int](
    name="CACHE_MAX_BYTES",
    feature=Feature.GITEA,
    parse=whole_number(0, 1_000_000_000_000, such_as=128_000_000),
    default=128_000_000,
    default_text="128000000",
    unit="bytes",
    meaning="Memory for content that cannot change: files and trees of a commit. It is given only to whom Gitea has "
    "just shown that commit. 0 keeps nothing.",
)
PERMISSION_TTL_S: Final = Variable[float](
    name="PERMISSION_TTL_S",
    feature=Feature.GITEA,
    parse=seconds(0, 60),
    default=5.0,
    default_text="5",
    unit="s",
    meaning="For how long it counts that Gitea has shown a caller a commit (a branch's place: 2 s at most); whoever "
    "loses a right at Gitea may read what is kept for that much longer. 0 asks Gitea for every read.",
)
GITEA_MAX_WAITING: Final = Variable[int](
    name="GITEA_MAX_WAITING",
    feature=Feature.GITEA,
    parse=whole_number(1, _MANY, such_as=1024),
    default=1024,
    default_text="1024",
    meaning="Requests of calls that wait for a connection to Gitea; beyond it whoever has most waiting is refused.",
)
GITEA_BREAKER_FAILURES: Final = Variable[int](
    name="GITEA_BREAKER_FAILURES",
    feature=Feature.GITEA,
    parse=whole_number(0, 1000, such_as=5),
    default=5,
    default_text="5",
    meaning="Failures in a row to get any answer after which Gitea is not asked for a moment; 0 is off.",
)
GITEA_BREAKER_MAX_PAUSE_S: Final = Variable[float](
    name="GITEA_BREAKER_MAX_PAUSE_S",
    feature=Feature.GITEA,
    parse=seconds(1, 300),
    default=8.0,
    default_text="8",
    unit="s",
    meaning="The longest of those moments: the first lasts 1 s, each next one twice the last.",
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
    meaning="Secret (at least 32 bytes) that keys in KEYS_DIR and `hmac:` entries of MCP_API_KEYS are remembered with. "
    "Keep it apart from them: without it nobody can check a guess.",
)
AEGIS_KEY_PEPPER_FORMER: Final = Variable[tuple[Secret, ...]](
    name="AEGIS_KEY_PEPPER_FORMER",
    feature=Feature.KEYS,
    parse=parse_ring,
    default=(),
    default_text="",
    secret=True,
    meaning="Peppers of before, with commas between (in a file also one a line): keys that were made with them stay "
    "valid. Remove one when `aegis-trio keys list` names no key of it any more.",
)
KEYS_DIR: Final = Variable[Path](
    name="KEYS_DIR",
    feature=Feature.KEYS,
    parse=parse_path,
    default=Path("keys"),
    default_text="keys",
    meaning="Folder of the keys' rows (hint, dates, description, bounds, perhaps a digest; never a key). A key whose "
    "row says that it has expired or was revoked is refused. Changes count within a second.",
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
    parse=whole_number(1, _MANY, such_as=5),
    default=5,
    default_text="5",
    meaning="Invalid credentials from one address (IPv6: one /64) within the window before it is blocked.",
)
AUTH_FAILURE_WINDOW: Final = Variable[int](
    name="AUTH_FAILURE_WINDOW",
    feature=Feature.FAILURES,
    parse=whole_number(1, 30 * _DAY_S, such_as=300),
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
    parse=parse_switch,
    default=False,
    default_text="false",
    meaning="Keep blocks over a restart, and let repeated ones grow: each twice as long as the last, up to a day.",
)

VARIABLES: Final[tuple[Variable[object], ...]] = (
    GITEA_URL,
    GITEA_TOKEN,
    GITEA_KEY_TOKENS,
    GITEA_MAX_CONNECTIONS,
    GITEA_CA_FILE,
    CACHE_MAX_BYTES,
    PERMISSION_TTL_S,
    GITEA_MAX_WAITING,
    GITEA_BREAKER_FAILURES,
    GITEA_BREAKER_MAX_PAUSE_S,
    AUTH_ENABLED,
    MCP_API_KEYS,
    AEGIS_KEY_PEPPER,
    AEGIS_KEY_PEPPER_FORMER,
    KEYS_DIR,
    ALLOW_QUERY_API_KEY,
    PUBLIC_TOOL_LIST,
    MAX_AUTH_FAILURES,
    AUTH_FAILURE_WINDOW,
    AUTH_BLOCK_STRICT,
    BLOCK_PERSIST,
)
