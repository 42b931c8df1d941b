"""Sign-ins: applications, grants, codes and browsers' sessions, as Gitea's tables hold them.

Laws:
    1. One grant stands for one person and one application; it keeps the scope that it was made with.
    2. What is secret has no `repr`, and is made anew in every world.
    3. Numbers are never used twice, as in a table whose rows were deleted.

Not here: signing and reading tokens (oauth_tokens.py), and who gets which answer (pages/*).

Source: gitea models/auth/oauth2.go.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from typing import Final, final
from urllib.parse import urlsplit
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MAX_SESSIONS: Final = 1000  # browsers of a test or of a demo's evening; the oldest is signed out
_LOOPBACK: Final = ("127.", "::1")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# Source: gitea models/auth/oauth2.go:60-78 BuiltinApplications.
_BUILT_IN: Final = (
    ("git-credential-oauth", "a4792ccc-144e-407e-86c9-5e7d8d9c3269"),
    ("Git Credential Manager", "e90ee53c-94e2-48ac-9358-a874fb9e0662"),
    ("tea", "d57cb8c4-630c-4168-8324-ec79935e18d4"),
)


@final
@dataclass(slots=True, kw_only=True)
class Application:
    """An OAuth application; `owner_id` 0 is Gitea's own."""

    id: int
    owner_id: int
    name: str
    client_id: str
    client_secret: str = field(repr=False)
    confidential: bool = True
    skip_secondary: bool = False
    redirect_uris: tuple[str, ...] = ()
    created: datetime = _EPOCH

    def has_secret(self, raw_secret: str) -> bool:
        """Tell whether this is the secret."""
        return secrets.compare_digest(self.client_secret.encode(), raw_secret.encode("utf-8", "surrogateescape"))

    def redirects_to(self, raw_uri: str) -> bool:
        """Tell whether a redirect to *raw_uri* is registered.

        Source: gitea models/auth/oauth2.go:142-175: without regard to case, or to one slash at the end.
        """
        wanted = {_folded(raw_uri)}
        try:
            parts = urlsplit(raw_uri)
            host = parts.hostname or ""
        except ValueError:
            return False
        # Only of addresses that were registered without a port, and never of `[::1]`, whose brackets get lost.
        if not self.confidential and parts.scheme == "http" and host.startswith(_LOOPBACK):
            wanted.add(_folded(parts._replace(netloc=host).geturl()))
        return any(_folded(uri) in wanted for uri in self.redirect_uris)


def _folded(uri: str) -> str:
    return uri.lower().removesuffix("/")


@final
@dataclass(slots=True, kw_only=True)
class Grant:
    """One person's consent to one application."""

    id: int
    account_id: int
    application_id: int
    scope: str
    nonce: str = ""
    counter: int = 0


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """An authorisation code; `method` is empty where Gitea forgot the challenge, and any verifier will do."""

    grant_id: int
    challenge: str = ""
    method: str = ""

    def admits(self, raw_verifier: str) -> bool:
        """Tell whether *raw_verifier* belongs to the challenge.

        Source: gitea models/auth/oauth2.go ValidateCodeChallenge.
        """
        match self.method:
            case "S256":
                digest = sha256(raw_verifier.encode("utf-8", "surrogateescape")).digest()
                return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == self.challenge
            case "plain":
                return raw_verifier == self.challenge
            case _:
                return True


@final
@dataclass(slots=True, kw_only=True)
class BrowserSession:
    """What Gitea remembers of one browser."""

    account_id: int | None = None
    flash: str = ""
    flash_is_error: bool = False
    # What the consent page was shown for; a plain challenge stays here from one flow to the next.
    client_id: str = ""
    redirect_uri: str = ""
    state: str = ""
    challenge: str = ""
    challenge_method: str = ""


@final
class SigningKey:
    """The key that signs tokens, made when it is first needed.

    Source: gitea services/oauth2_provider/jwtsigningkey.go; RSA of 2,048 bits where Gitea makes 4,096, for speed.
    """

    @cached_property
    def private(self) -> rsa.RSAPrivateKey:
        """The private key."""
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @cached_property
    def kid(self) -> str:
        """The key's id: the digest of its public part."""
        public = self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.urlsafe_b64encode(sha256(public).digest()).rstrip(b"=").decode()


@final
@dataclass(slots=True, kw_only=True, eq=False)
class SignIns:
    """All that Gitea knows about OAuth.

    Attributes:
        rotates: a refresh token works once (`INVALIDATE_REFRESH_TOKENS`); Gitea's default is that it works until it
            expires.
        query_tokens: a token in a query or a form is a sign-in (`DISABLE_QUERY_AUTH_TOKEN` off, which is the default).
    """

    rotates: bool = False
    query_tokens: bool = True
    access_ttl_s: int = 3600
    refresh_ttl_s: int = 730 * 3600
    key: SigningKey = field(default_factory=SigningKey, repr=False)
    applications: dict[int, Application] = field(default_factory=dict[int, Application])
    grants: dict[int, Grant] = field(default_factory=dict[int, Grant])
    codes: dict[str, Code] = field(default_factory=dict[str, Code], repr=False)
    sessions: dict[str, BrowserSession] = field(default_factory=dict[str, BrowserSession], repr=False)
    _form_key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    _last_application: int = 0
    _last_grant: int = 0

    def __post_init__(self) -> None:
        for name, client_id in _BUILT_IN:
            made = self.add_application(
                0, name=name, redirect_uris=("http://127.0.0.1", "https://127.0.0.1"), confidential=False
            )
            made.client_id = client_id

    def add_application(
        self,
        owner_id: int,
        *,
        name: str,
        redirect_uris: Iterable[str],
        confidential: bool = True,
        skip_secondary: bool = False,
        created: datetime = _EPOCH,
    ) -> Application:
        """Register an application; its secret is in what is returned."""
        self._last_application += 1
        application = self.applications[self._last_application] = Application(
            id=self._last_application,
            owner_id=owner_id,
            name=name,
            client_id=str(uuid4()),
            client_secret=new_word("gto_"),
            confidential=confidential,
            skip_secondary=skip_secondary,
            redirect_uris=tuple(redirect_uris),
            created=created,
        )
        return application

    def remove_application(self, application: Application) -> None:
        """Delete an application, and with it every grant."""
        del self.applications[application.id]
        self.grants = {key: grant for key, grant in self.grants.items() if grant.application_id != application.id}

    def application_called(self, client_id: str) -> Application | None:
        """Return the application with this client id."""
        return next((each for each in self.applications.values() if each.client_id == client_id), None)

    def grant_of(self, account_id: int, application: Application) -> Grant | None:
        """Return the consent of one person to one application."""
        wanted = (account_id, application.id)
        return next((each for each in self.grants.values() if (each.account_id, each.application_id) == wanted), None)

    def add_grant(self, account_id: int, application: Application, scope: str) -> Grant:
        """Note a consent."""
        self._last_grant += 1
        grant = self.grants[self._last_grant] = Grant(
            id=self._last_grant, account_id=account_id, application_id=application.id, scope=scope
        )
        return grant

    def revoke(self, grant: Grant) -> None:
        """Take a consent back: every token of it is dead."""
        self.grants.pop(grant.id, None)

    def add_code(self, code: Code) -> str:
        """Make a code."""
        word = new_word("gta_")
        self.codes[word] = code
        return word

    def form_word(self, account_id: int | None) -> str:
        """Return the word that every form of a person carries, in each of their browsers; nobody has one, too.

        Source: gitea services/context/xsrf.go: an HMAC of the person's number, which outlives sessions and restarts.
        """
        return hmac.digest(self._form_key, str(account_id or 0).encode(), "sha256").hex()

    def add_session(self, session: BrowserSession) -> str:
        """Remember a browser, and return its cookie."""
        if len(self.sessions) >= MAX_SESSIONS:
            del self.sessions[next(iter(self.sessions))]
        cookie = secrets.token_hex(8)  # as short as Gitea's
        self.sessions[cookie] = session
        return cookie


def new_word(prefix: str) -> str:
    """Return a random word as Gitea makes secrets and codes: a prefix and 52 letters of base32.

    Source: gitea models/auth/oauth2.go GenerateClientSecret, GenerateNewAuthorizationCode.
    """
    return prefix + base64.b32encode(secrets.token_bytes(32)).decode().rstrip("=").lower()
