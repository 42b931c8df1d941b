"""A question to Gitea's sign-in side as a value: what to ask outside of the API, and as whom.

Gitea is an OAuth provider beside its API: `/login/oauth/*`, and the documents under `/.well-known`. These requests
stand below the base URL itself, some are POSTs, and some name our own application instead of a person.

Laws:
    1. Paths are fixed words; `Route` says which, and the client compares what leaves byte for byte.
    2. A body or credential may be a secret, so no `repr` shows either.
    3. A redirect is never followed: none of these pages has one that a program may obey.
    4. Only a request that changes nothing is `repeatable`; a code or a refresh token works once.

Not here: the requests themselves (oauth.py, applications.py), and sending (client.py).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Generic, Literal, TypeAlias, assert_never, final

from aegis_trio.gitea.request import SMALL_ANSWER_BYTES, AnswerT, ForgeRequest, ForgeResponse
from aegis_trio.gitea.settings import API_PATH
from aegis_trio.model.errors import UpstreamBroken, UpstreamRejectedIdentity
from aegis_trio.model.json import JsonObject
from aegis_trio.model.secret import Secret
from aegis_trio.policy.pathguard import Route

# Gitea's own tokens are 40 hexadecimal digits or JWTs; 4 KiB leaves room for the largest of those.
_TOKEN: Final = re.compile(r"[A-Za-z0-9._-]{1,4096}", re.ASCII)
# Source: gitea models/auth/oauth2.go: ids are UUIDs, secrets `gto_` and 52 letters; neither needs an escape in Basic.
APPLICATION_WORD: Final = re.compile(r"[A-Za-z0-9._~-]{1,255}", re.ASCII)
# Source: RFC 4226 section 5.3: six digits at least; Gitea's own have six.
_ONE_TIME_CODE: Final = re.compile(r"[0-9]{6,8}", re.ASCII)
FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"
_API: Final = tuple(API_PATH.strip("/").split("/"))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """Our own OAuth application at Gitea."""

    client_id: str
    client_secret: Secret

    def __post_init__(self) -> None:
        for name, word in (("client_id", self.client_id), ("client_secret", self.client_secret.reveal())):
            if not APPLICATION_WORD.fullmatch(word):
                raise ValueError(
                    f"{name} of the Gitea application is empty or holds a character that Gitea never gives"
                )


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Password:
    """A person's name and password; used once, by the operator who registers the application."""

    login: str
    password: Secret
    one_time_code: Secret | None = None
    """Of an account with two-factor authentication; Gitea takes it in a header of its own."""

    def __post_init__(self) -> None:
        if not self.login or ":" in self.login:
            raise ValueError("login is empty or holds a colon, which ends the name in HTTP Basic")
        if self.one_time_code is not None and not _ONE_TIME_CODE.fullmatch(self.one_time_code.reveal()):
            raise ValueError("the one-time code is not six to eight digits")


Credential: TypeAlias = Application | Password | Secret
"""Whom a request names: our application, a person by password, or the owner of a token."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRequest(Generic[AnswerT]):
    """One question to the sign-in side."""

    route: Route
    segments: tuple[str, ...]
    """Below the base URL, each already percent-encoded."""
    decode: Callable[[ForgeResponse], AnswerT]
    subject: str
    """What is asked for, in words for faults; no hostile text."""
    query: tuple[tuple[str, str], ...] = ()
    method: Literal["GET", "POST", "PATCH"] = "GET"
    content: bytes | None = field(default=None, repr=False)
    content_type: str = ""
    repeatable: bool = True
    max_bytes: int = SMALL_ANSWER_BYTES
    ok: frozenset[int] = field(default=frozenset({200}))
    """Statuses that the decoder reads."""


def api_request(request: ForgeRequest[AnswerT]) -> ProviderRequest[AnswerT]:
    """Return a question to the API as one that may be asked by password, or by nobody where it is everybody's."""
    return ProviderRequest(
        route=Route(segments=(*_API, *request.route.segments), query_keys=request.route.query_keys),
        segments=(*_API, *request.segments),
        decode=request.decode,
        subject=request.subject,
        query=request.query,
        max_bytes=request.max_bytes,
        ok=request.ok,
    )


def authorization_of(credential: Credential) -> bytes:
    """Return the header's value for *credential*.

    Raises:
        UpstreamRejectedIdentity: a token is empty or malformed, so Gitea would serve an anonymous caller.
    """
    match credential:
        case Application(client_id=name, client_secret=secret) | Password(login=name, password=secret):
            return b"Basic " + base64.b64encode(f"{name}:{secret.reveal()}".encode())
        case Secret():
            # Threat: Gitea ignores `Bearer` with no word or two words after it, and answers as to anybody.
            if not _TOKEN.fullmatch(credential.reveal()):
                raise UpstreamRejectedIdentity(
                    "The Gitea token that is bound to this credential is empty or malformed.",
                    "Ask the operator to renew it.",
                )
            return b"Bearer " + credential.reveal().encode("ascii")
        case _:
            assert_never(credential)


def unexpected(subject: str) -> UpstreamBroken:
    """Return the fault for an answer that is none, such as a page, a redirect or a word that Gitea does not use."""
    return UpstreamBroken(
        f"Gitea's answer about {subject} is not one of its own.",
        "Ask the operator whether GITEA_URL points to Gitea itself, and not to a login page or a proxy before it.",
    )


def uid_of(fields: JsonObject, name: str) -> int:
    """Return the number of a person, which Gitea writes as text in OAuth's documents.

    Raises:
        UpstreamBroken: no whole number above 0; 0 and below are nobody, ghosts and the Actions runner.
    """
    raw = fields.get(name)
    if not isinstance(raw, str) or not _UID.fullmatch(raw):
        raise unexpected("a person")
    return int(raw)


_UID: Final = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
