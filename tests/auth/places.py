"""What tests of authentication share: keys, settings, a trail that remembers, and requests."""

from __future__ import annotations

from dataclasses import dataclass, field

from aegis_trio.audit.entry import AuditEntry
from aegis_trio.auth.authenticator import Authenticator
from aegis_trio.auth.credentials import RawCredentials
from aegis_trio.auth.keytext import DigestScheme, KeyForm, parse_key, write_key
from aegis_trio.auth.settings import AuthSettings, ConfiguredKey, KeyValidity
from aegis_trio.model.clock import SetClock
from aegis_trio.model.errors import AuditUnavailable
from aegis_trio.model.identity import Origin
from aegis_trio.model.json import JsonValue
from aegis_trio.model.secret import Secret

BODY = "a1b2c3d4" + "0" * 52 + "e1f2"
OTHER = "0f1e2d3c" + "1" * 52 + "b4a5"
UNKNOWN = "f" * 64
PEPPER = Secret("p" * 32)
BOT = Secret("bot-token")
NOW_NS = 1_770_000_000_000_000_000
HERE = Origin(address="203.0.113.42", user_agent="ChatGPT-User/1.0")
ELSEWHERE = Origin(address="198.51.100.7")


@dataclass
class FakeTrail:
    """Remembers what it is handed; refuses when it is full."""

    entries: list[AuditEntry] = field(default_factory=list)
    full: bool = False

    def append_nowait(self, entry: AuditEntry) -> None:
        """Take *entry*."""
        if self.full:
            raise AuditUnavailable("The audit log cannot be written.")
        self.entries.append(entry)

    def named(self, event: str) -> list[dict[str, JsonValue]]:
        """Return the fields of every record of *event*."""
        return [dict(entry.fields) for entry in self.entries if entry.event == event]


def configured(body: str = BODY, scheme: DigestScheme = DigestScheme.SHA256, token: Secret = BOT) -> ConfiguredKey:
    """Return the key *body* as config makes it."""
    text = parse_key(body)
    assert text is not None
    plain = scheme is DigestScheme.SHA256
    return ConfiguredKey(
        scheme=scheme,
        digest=text.digest(scheme, PEPPER),
        gitea_token=token,
        hint=text.hint if plain else None,
        kid=text.kid if plain else None,
    )


def settings(*keys: ConfiguredKey, **changes: object) -> AuthSettings:
    """Return settings with *keys*, or with the one usual key."""
    values: dict[str, object] = {"keys": keys or (configured(),), "bot_token": BOT, "pepper": PEPPER} | changes
    return AuthSettings(**values)  # type: ignore[arg-type]  # a test names what it changes


def expiring(body: str, expires_ns: int | None) -> KeyValidity:
    """Return what metadata says of the key *body*."""
    text = parse_key(body)
    assert text is not None
    return KeyValidity(kid=text.kid, expires_ns=expires_ns)


def authenticator(chosen: AuthSettings | None = None, trail: FakeTrail | None = None) -> Authenticator:
    """Return an authenticator at `NOW_NS`."""
    return Authenticator(chosen or settings(), audit=trail or FakeTrail(), clock=SetClock(NOW_NS))


def bearer(key: str) -> RawCredentials:
    """Return the credentials of a request with *key*."""
    return RawCredentials(authorization=(f"Bearer {key}".encode(),))


def dressed(body: str = BODY) -> str:
    """Return *body* as `aegis_…`."""
    return write_key(body, KeyForm.AEGIS).reveal()
