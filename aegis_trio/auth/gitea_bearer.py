"""`OAUTH_FLOW=gitea`: clients present Gitea's own access tokens, and each is checked twice.

Laws:
    1. By signature first, without the network: a stranger's text costs no question to Gitea. The same text is not
       verified again by the same key; its time is looked at in every call.
    2. Then by introspection with our application's credentials: active, given to our application, and whose.
    3. What Gitea said counts for at most `CONFIRMED_S`, and that it refused for `REFUSED_S`; one question serves many
       callers. Whether access that was given goes on is asked anew each time.
    4. While nothing can be checked, nothing is said about a token: who hears that it is invalid throws it away.
    5. A personal access token is a credential only where the operator says so; Gitea is asked whose it is.

Trade: Gitea's tokens are bound to no resource (RFC 8707), so whoever holds one can use it at Gitea too; that is why
this is not the default.

Source: gitea.md §1.13; RFC 7662.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final, final

import trio

from aegis_trio.auth.broker.grants import principal_of
from aegis_trio.auth.jwks import SigningKeys
from aegis_trio.gitea.id_token import AccessClaims, NotSigned, Reason, read_access_claims
from aegis_trio.gitea.oauth import GiteaOAuth, Inactive
from aegis_trio.model.clock import WallClock, unix_seconds
from aegis_trio.model.errors import UpstreamForbade, UpstreamRejectedIdentity, UpstreamUnreachable
from aegis_trio.model.identity import DEFAULT_INSTANCE, Caller, Origin, OwnerId, Principal, PrincipalKind
from aegis_trio.model.secret import Secret
from aegis_trio.policy.scopes import offered_scopes

CONFIRMED_S: Final = 45.0  # promised: an end of access is seen within 60 s
REFUSED_S: Final = 10.0
MAX_REMEMBERED: Final = 10_000
_JWT: Final = re.compile(r"[A-Za-z0-9_-]{1,4000}\.[A-Za-z0-9_-]{1,4000}\.[A-Za-z0-9_-]{1,4000}", re.ASCII)
_PAT: Final = re.compile(r"[0-9a-f]{40}", re.ASCII)


@dataclass(slots=True)
class _Known:
    """What is known of one token; `asking` lets one task ask at a time."""

    asking: trio.Lock = field(default_factory=trio.Lock)
    principal: Principal | None = None
    asked_at: float = -math.inf
    until: float = -math.inf
    claims: AccessClaims | None = None
    """What the token says of itself, verified; a personal one says nothing."""


@final
class GiteaBearer:
    """Judges tokens of Gitea."""

    def __init__(
        self,
        oauth: GiteaOAuth,
        keys: SigningKeys,
        clock: WallClock,
        *,
        audience: str,
        allow_pat: bool,
        write_mode: bool,
    ) -> None:
        """Know nobody yet.

        Args:
            audience: what introspection's `aud` must hold.
        """
        self._oauth = oauth
        self._keys = keys
        self._clock = clock
        self._audience = audience
        self._allow_pat = allow_pat
        self._offered = offered_scopes(write_mode=write_mode)
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._tokens: OrderedDict[OwnerId, Secret] = OrderedDict()

    def is_one(self, raw_token: str) -> bool:
        """Return whether a credential has the form of a token of Gitea's."""
        return _JWT.fullmatch(raw_token) is not None or (self._allow_pat and _PAT.fullmatch(raw_token) is not None)

    async def judge(self, raw_token: Secret, origin: Origin, *, may_ask: bool) -> Caller | None:
        """Return who calls with *raw_token*, or None when it is not good, or not known to be.

        Args:
            may_ask: whether Gitea may be asked; not for an address that is blocked.

        Raises:
            UpstreamFault: Gitea has to be asked, and cannot be; or its signing keys are not known.
        """
        return await self._judge(raw_token, origin, may_ask=may_ask, asked_since=-math.inf)

    async def _judge(self, raw_token: Secret, origin: Origin, *, may_ask: bool, asked_since: float) -> Caller | None:
        text = raw_token.reveal()
        key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        claims: AccessClaims | None = None
        if not _PAT.fullmatch(text):
            claims = self._claims_of(text, self._known.get(key))
            if claims is None:
                return None
        known = self._remembered(key)
        known.claims = claims
        principal = await self._confirmed(raw_token, known, may_ask=may_ask, asked_since=asked_since)
        if principal is None:
            return None
        self._tokens[principal.owner] = raw_token
        self._tokens.move_to_end(principal.owner)
        if len(self._tokens) > MAX_REMEMBERED:
            self._tokens.popitem(last=False)
        return Caller(principal=principal, gitea_token=raw_token, origin=origin)

    async def still_holds(self, owner: OwnerId) -> bool:
        """Return whether the access of *owner* goes on; asks Gitea, and makes what it says known for calls.

        Raises:
            UpstreamFault: Gitea cannot be asked.
        """
        token = self._tokens.get(owner)
        if token is None:
            return False
        origin, now = Origin(address="local"), trio.current_time()
        return await self._judge(token, origin, may_ask=True, asked_since=now) is not None

    def _claims_of(self, text: str, known: _Known | None) -> AccessClaims | None:
        now_s = unix_seconds(self._clock)
        claims = None if known is None else known.claims
        # The same bytes and the same key; one that Gitea took back, or that has grown too old, is not found.
        if claims is not None and claims.is_current(now_s) and self._keys.find(claims.key.key_id or "") is claims.key:
            return claims
        read = read_access_claims(text, keys=self._keys, now_s=now_s)
        if not isinstance(read, NotSigned):
            return read
        if read.reason is Reason.UNKNOWN_KEY and not self._keys.usable():
            raise UpstreamUnreachable("Gitea's signing keys cannot be fetched.", "Try again in a minute.")
        return None

    def _remembered(self, key: bytes) -> _Known:
        known = self._known.setdefault(key, _Known())
        self._known.move_to_end(key)
        while len(self._known) > MAX_REMEMBERED:
            self._known.popitem(last=False)
        return known

    async def _confirmed(self, token: Secret, known: _Known, *, may_ask: bool, asked_since: float) -> Principal | None:
        grant = None if known.claims is None else f"gitea-{known.claims.grant}"
        async with known.asking:
            began = trio.current_time()
            is_known = began < known.until and asked_since <= known.asked_at
            if not is_known and not may_ask:
                return None
            if not is_known:
                known.principal = await self._ask(token, grant)
                known.asked_at = began
                known.until = began + (REFUSED_S if known.principal is None else CONFIRMED_S)
            return known.principal

    async def _ask(self, token: Secret, grant: str | None) -> Principal | None:
        scopes = frozenset(self._offered)
        uid: int | None = None
        if grant is not None:
            found = await self._oauth.introspect(token)
            # Threat: a token that Gitea gave to another application, used here (confused deputy).
            if isinstance(found, Inactive) or self._audience not in found.audience:
                return None
            uid = found.uid
            if not found.opens_everything:
                words = {word for scope in found.scopes for word in scope.split(",")}
                scopes = frozenset(scope for scope in self._offered if _covers(words, scope))
        try:
            user = await self._oauth.current_user(token)
        except (UpstreamForbade, UpstreamRejectedIdentity):
            return None
        if user.prohibited or not user.active or uid not in {None, user.uid}:
            return None
        return Principal(
            id=principal_of(user.uid),
            kind=PrincipalKind.PERSON,
            instance=DEFAULT_INSTANCE,
            scopes=scopes,
            login=user.login,
            grant=grant,
        )


def _covers(words: set[str], scope: str) -> bool:
    return scope in words or (scope.startswith("read:") and f"write:{scope.partition(':')[2]}" in words)
