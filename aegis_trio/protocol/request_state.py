"""The sealed `requestState` of a request that needs several rounds: what was answered so far, kept by the client.

Laws:
    1. A state opens only for the principal, the method and the params that it was sealed for, until it expires.
    2. Whatever the text is, `unseal` returns a state of ours or None; nothing is raised.
    3. The client can neither read nor change it.

A state may be sent again until it expires. Where that must not be (the confirmation of something destructive), its
id is spent: spent_states.py.

Not here: what is asked and whether the answers will do (gateway), rounds allowed (gateway).

Source: MCP 2026-07-28 basic/patterns/mrtr: the state is attacker-controlled; integrity, principal, expiry, method and
a digest of the salient params.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from aegis_trio.model.errors import InvalidArgument
from aegis_trio.model.json import JsonObject, JsonValue, encode_json
from aegis_trio.protocol.json_reader import read_json
from aegis_trio.protocol.sealing import as_text, bind, check_keys, read_text

STATE_TTL_S: Final = 600  # a person reads and answers a form; OAuth codes live as long at most (RFC 6749, 4.1.2)
MAX_STATE_CHARS: Final = 32 * 1024  # below it go a form's answers many times; it travels with every further round
CLOCK_LEEWAY_S: Final = 60
STATE_ID_BYTES: Final = 16

_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_MAX_PLAIN_BYTES: Final = MAX_STATE_CHARS * 3 // 4 - _NONCE_BYTES - _TAG_BYTES
_FORM: Final = "request state 1"  # bound into every seal: another form, another number, and old states are none
# What a further round adds or may change; everything else of the params must be as it was.
_NOT_SALIENT: Final = frozenset({"_meta", "inputResponses", "requestState"})


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RequestState:
    """What is known of a request when one more round is asked for."""

    answers: Mapping[str, JsonValue]
    """The client's answers so far, by the key of their question."""
    round: int
    """Rounds asked for, this one counted; the first is 1."""
    state_id: str
    """128 random bits in hexadecimal; names this state where it must be used once only."""
    expires_at: int
    """UTC seconds since 1970."""


@final
class StateSealer:
    """Makes and opens request states."""

    __slots__ = ("_ciphers", "_now")

    def __init__(self, key: bytes, now: Callable[[], int], older_keys: tuple[bytes, ...] = ()) -> None:
        """Take the keys.

        Args:
            key: 32 bytes, `Keyring.key(Purpose.REQUEST_STATE)`.
            now: UTC seconds since 1970.
            older_keys: the rest of `Keyring.keys(Purpose.REQUEST_STATE)`, which only open.

        Raises:
            ValueError: a key of another length — our caller's bug.
            UnsupportedAlgorithm: this OpenSSL is older than 3.2; the wheels of cryptography bring a newer one.
        """
        check_keys((key, *older_keys))
        # Trade: AES-GCM has wider support, but a nonce that comes twice gives its authentication key away, and random
        # nonces of 96 bits allow 2**32 seals (NIST SP 800-38D section 8.3). With SIV a repeated nonce tells only that
        # two states are equal, so no count of seals has to be kept. XChaCha20 would do too; cryptography has none.
        # Source: RFC 8452, section 9 for the bounds.
        self._ciphers = tuple(AESGCMSIV(each) for each in (key, *older_keys))
        self._now = now

    def begin(self, answers: Mapping[str, JsonValue], round_number: int) -> RequestState:
        """Return a state with an id of its own that expires in `STATE_TTL_S` seconds."""
        return RequestState(
            answers=answers,
            round=round_number,
            state_id=secrets.token_hex(STATE_ID_BYTES),
            expires_at=self._now() + STATE_TTL_S,
        )

    def seal(self, state: RequestState, *, principal: str, method: str, params: JsonObject) -> str:
        """Return *state* as the `requestState` of one answer.

        Args:
            principal: who may come back with it.
            params: of the request that is answered, whole.

        Raises:
            InvalidArgument: the client's answers are too large to be carried.
        """
        plain = encode_json(
            {
                "answers": dict(state.answers),
                "round": state.round,
                "id": state.state_id,
                "issued_at": self._now(),
                "expires_at": state.expires_at,
            }
        )
        if len(plain) > _MAX_PLAIN_BYTES:
            raise InvalidArgument(
                "inputResponses", f"all answers together have at most {_MAX_PLAIN_BYTES} bytes", "Answer more briefly."
            )
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return as_text(nonce + self._ciphers[0].encrypt(nonce, plain, _context(principal, method, params)))

    def unseal(self, raw_state: str, *, principal: str, method: str, params: JsonObject) -> RequestState | None:
        """Return the state that *raw_state* seals, or None for one that is forged, foreign, expired or malformed.

        Args:
            params: of the request that brings it, whole.
        """
        sealed = read_text(raw_state, max_chars=MAX_STATE_CHARS)
        if sealed is None or len(sealed) < _NONCE_BYTES + _TAG_BYTES:
            return None
        nonce, encrypted = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        context = _context(principal, method, params)
        for cipher in self._ciphers:
            try:
                return self._parse(cipher.decrypt(nonce, encrypted, context))
            except InvalidTag:
                continue
        return None

    def _parse(self, plain: bytes) -> RequestState | None:
        match read_json(plain):
            case {
                "answers": dict() as answers,
                "round": int() as round_number,
                "id": str() as state_id,
                "issued_at": int() as issued_at,
                "expires_at": int() as expires_at,
            } if issued_at - CLOCK_LEEWAY_S <= self._now() < expires_at:
                # A state from the future means that the clock was set back; it would live longer than it may.
                return RequestState(answers=answers, round=round_number, state_id=state_id, expires_at=expires_at)
            case _:
                return None


def digest_params(params: JsonObject) -> bytes:
    """Return the SHA-256 digest of what *params* ask for, whatever the order of their members.

    `1`, `1.0` and `true` are three different values here: a client repeats what it sent.
    """
    salient = {name: value for name, value in params.items() if name not in _NOT_SALIENT}
    canonical = json.dumps(salient, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).digest()


def _context(principal: str, method: str, params: JsonObject) -> bytes:
    return bind(_FORM, principal, method, digest_params(params))
