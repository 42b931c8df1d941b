"""Exchanges: the recorded ones, as values, and the requests that put them again."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, final
from urllib.parse import quote, urlencode

from tests.demo_forge.raw_client import RawRequest
from tests.demo_forge.recorded_world import RECORDINGS

HERE: Final = Path(__file__).parent


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One line of the recordings."""

    id: str
    who: str
    credential: str
    method: str
    path: str
    raw_query: str
    request_headers: Mapping[str, str]
    request_body: Any
    status: int
    response_headers: Mapping[str, str]
    has_body: bool
    body: Any
    text: str | None
    html: Any
    jwt: Mapping[str, Any]
    length: int | None
    sha256: str | None


def exchange_of(line: dict[str, Any]) -> Exchange:
    """Return one line of the recordings as a value."""
    raw_query = line.get("raw_query")
    if raw_query is None:
        raw_query = urlencode([tuple(pair) for pair in line.get("query", [])], quote_via=quote)
    return Exchange(
        id=line["id"],
        who=line["as"],
        credential=line["credential"],
        method=line["method"],
        path=line["path"],
        raw_query=raw_query,
        request_headers=line["request_headers"],
        request_body=line["request_body"],
        status=line["status"],
        response_headers=line["response_headers"],
        has_body="body" in line,
        body=line.get("body"),
        text=line.get("text"),
        html=line.get("html"),
        jwt=line.get("jwt") or {},
        length=line.get("bytes"),
        sha256=line.get("sha256"),
    )


@cache
def all_exchanges() -> tuple[Exchange, ...]:
    """Return the recorded exchanges that are kept here, in the order in which they happened."""
    names = ("exchanges.jsonl", "later.jsonl")
    lines = (line for name in names for line in (RECORDINGS / name).read_text("utf-8").splitlines())
    return tuple(exchange_of(json.loads(line)) for line in lines)


@cache
def claims() -> tuple[str, ...]:
    """Return the ids that the forge claims to answer as recorded."""
    lines = (HERE / "claims.txt").read_text("ascii").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))


def request_of(exchange: Exchange, tokens: Mapping[str, str], passwords: Mapping[str, str]) -> RawRequest:
    """Return the request that puts *exchange* again, with credentials of another server."""
    authorization = authorization_of(exchange, tokens, passwords)
    return raw_request(exchange, () if authorization is None else (("Authorization", authorization),), tokens)


def raw_request(exchange: Exchange, more: tuple[tuple[str, str], ...], tokens: Mapping[str, str]) -> RawRequest:
    """Return the request of *exchange* with *more* headers; tokens in the query are put in."""
    target = exchange.path
    if exchange.raw_query:
        target = f"{target}?{_with_tokens(exchange.raw_query, tokens)}"
    headers = (*exchange.request_headers.items(), *more)
    return RawRequest(method=exchange.method, target=target, headers=headers, body=_body_of(exchange.request_body))


def _body_of(document: Any) -> bytes:
    if document is None:
        return b""
    if isinstance(document, str):
        return document.encode()
    if isinstance(document, dict) and "form" in document:
        return urlencode([tuple(pair) for pair in document["form"]]).encode()
    return json.dumps(document).encode()


def _with_tokens(text: str, tokens: Mapping[str, str]) -> str:
    for label, value in tokens.items():
        text = text.replace(quote(f"<token:{label}>", safe=""), value)
    return text


def authorization_of(exchange: Exchange, tokens: Mapping[str, str], passwords: Mapping[str, str]) -> str | None:
    """Return the header of a recorded credential.

    Raises:
        LookupError: a kind of credential that this server cannot have, such as an OAuth token.
    """
    alice, login = tokens["alice:all"], exchange.who
    password = passwords.get(login, "")
    kind = exchange.credential
    special = {
        "none": None,
        "unknown token": f"Bearer {'0' * 40}",
        "garbage": "Bearer garbage",
        "the token alone, no scheme": alice,
        "scheme 'Foo'": f"Foo {alice}",
        "scheme 'Bearer' with an empty token": "Bearer ",
        "scheme 'Bearer' and two words": f"Bearer {alice} more",
        "the token in upper case": f"Bearer {_with_letter(alice).upper()}",
        "the token cut by one character": f"Bearer {alice[:-1]}",
        "'~~~'": "Bearer ~~~",
        "a JWT-like word": "Bearer eyJhbGciOiJub25lIn0.e30.x",
        "6000 characters 'a'": f"Bearer {'a' * 6000}",
        "pat:all, scheme 'token'": f"token {alice}",
        "pat:all, scheme 'bearer'": f"bearer {alice}",
        "pat:all, scheme 'TOKEN'": f"TOKEN {alice}",
        "pat:all, two spaces after the scheme": f"Bearer  {alice}",
        "basic": basic(login, password),
        "basic, prohibited": basic(login, password),
        "basic, inactive": basic(login, password),
        "basic, must change password": basic(login, password),
        "basic, wrong password": basic("alice", "not it"),
        "basic, token as password": basic("alice", alice),
        "basic, token as user name": basic(alice, ""),
        "basic, token as user name and 'x-oauth-basic'": basic(alice, "x-oauth-basic"),
        "basic, token pat:read-user as password": basic("alice", tokens["alice:read-user"]),
        "basic, bot, empty password": basic("mcp-bot", ""),
    }
    if kind in special:
        return special[kind]
    if kind.startswith("pat:"):
        name = kind.removeprefix("pat:").partition(" ")[0]
        return f"Bearer {tokens[f'{login}:{name}']}"
    raise LookupError(f"{exchange.id}: no such credential here: {kind}")


def _with_letter(token: str) -> str:
    # Upper case changes nothing in a token of digits alone, which is one in a hundred million.
    return token if any(character.isalpha() for character in token) else f"a{token[1:]}"


def basic(name: str, password: str) -> str:
    """Return a header's value for name and password."""
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"


def claimed_exchanges() -> Iterator[Exchange]:
    """Yield the claimed exchanges in the order in which they happened."""
    claimed = set(claims())
    return (exchange for exchange in all_exchanges() if exchange.id in claimed)
