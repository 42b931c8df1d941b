"""Where credentials stand in a request; whether they are right is auth's question."""

from __future__ import annotations

from typing import Final, cast
from urllib.parse import parse_qsl

from aegis_trio.auth.credentials import RawCredentials
from aegis_trio.model.asgi import Headers, Scope
from aegis_trio.model.identity import Caller, Origin
from aegis_trio.transports.ports import Doorman

MAX_QUERY_FIELDS: Final = 32  # we read three names; parsing more is work for a stranger


PRINCIPAL: Final = "aegis.principal"
"""Where a scope says, once its credential was right, whose request it is; the web front adds the quota by it."""


async def caller_of(doorman: Doorman, scope: Scope, *, allow_query: bool) -> Caller:
    """Return who sent the request of *scope*, and note it there; raises what the doorman raises.

    Args:
        allow_query: whether `?api_key=` counts on this path.
    """
    caller = await doorman.authenticate(raw_credentials(scope, allow_query=allow_query), origin_of(scope))
    scope[PRINCIPAL] = caller.principal
    return caller


def raw_credentials(scope: Scope, *, allow_query: bool) -> RawCredentials:
    """Pick every place of a request in which a credential may stand.

    Args:
        allow_query: whether `?api_key=` counts on this path.
    """
    headers = headers_of(scope)
    return RawCredentials(
        authorization=tuple(value for name, value in headers if name == b"authorization"),
        api_key_header=tuple(value for name, value in headers if name == b"x-api-key"),
        query_key=query_value(scope, "api_key") if allow_query else None,
    )


def query_value(scope: Scope, name: str) -> str | None:
    """Return the value of *name* in the query, or None when it is absent or the query is not readable.

    A name that stands twice gives both values joined, which no key and no session id equals.
    """
    raw_query = cast("bytes", scope.get("query_string", b""))
    try:
        fields = parse_qsl(raw_query.decode("latin-1"), keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS)
    except ValueError:
        return None
    values = [value for field, value in fields if field == name]
    # Threat: a proxy that logs or checks the first value while the last one is used.
    return ",".join(values) if values else None


def headers_of(scope: Scope) -> Headers:
    """Return the header lines of an HTTP scope, names in lower case."""
    return cast("Headers", scope["headers"])


def origin_of(scope: Scope) -> Origin:
    """Return where the request came from, as the web front found it.

    Raises:
        TypeError: the front did not run before us — our bug.
    """
    origin = scope.get("aegis.origin")
    if not isinstance(origin, Origin):
        raise TypeError("a request reached a transport without its origin")
    return origin
