"""Browser sessions: which browser a sign-in belongs to, and who is signed in there.

Laws:
    1. A browser is known by 256 random bits in a cookie; the store keeps their digest.
    2. The bits change when somebody signs in or out, so that nobody can plant them beforehand (session fixation).
    3. Whoever is not signed in makes room for others, oldest first: anybody can ask for a page.
    4. A form counts only with the token of its browser and its purpose (CSRF).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final, final

from aegis_trio.auth.broker.rows import BrowserRow, decode_row, digest, encode_row
from aegis_trio.model.clock import WallClock, unix_seconds
from aegis_trio.model.errors import RateLimited
from aegis_trio.model.secret import Secret
from aegis_trio.protocol.sealing import bind
from aegis_trio.store.bounded import BoundedSpace
from aegis_trio.store.interface import Put, Space, Store

BROWSER_TTL_S: Final = 12 * 3600
STRANGER_TTL_S: Final = 3600  # a question is open for ten minutes
MAX_BROWSERS: Final = 50_000
RETRY_BROWSERS_S: Final = 60
COOKIE_BYTES: Final = 32


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """One browser, as it came with its request."""

    cookie: Secret
    is_new: bool
    """Whether its cookie has yet to be set."""
    uid: int | None = None
    login: str | None = None

    @property
    def id(self) -> str:
        """The digest of its cookie, by which rows name it."""
        return digest(self.cookie.reveal())


@final
class Browsers:
    """Browser sessions in the store."""

    def __init__(self, store: Store, clock: WallClock, form_key: bytes, *, max_browsers: int = MAX_BROWSERS) -> None:
        """Keep sessions in *store*.

        Args:
            form_key: 32 bytes, for the tokens of forms alone.
            max_browsers: sessions at once, signed in or not.
        """
        self._store = store
        self._clock = clock
        self._form_key = form_key
        self._bound = BoundedSpace(store, Space.BROWSER, clock, most=max_browsers, kept_s=STRANGER_TTL_S)

    async def meet(self, raw_cookie: str | None) -> Browser:
        """Return the browser of a cookie; a fresh one when the cookie is none of ours.

        Raises:
            RateLimited: as many people are signed in as may be.
        """
        return await self.find(raw_cookie) or await self._open(BrowserRow())

    async def find(self, raw_cookie: str | None) -> Browser | None:
        """Return the browser of a cookie of ours, or None; keeps nothing."""
        row = await self._store.get(Space.BROWSER, digest(raw_cookie)) if raw_cookie else None
        if row is None or raw_cookie is None:
            return None
        known = decode_row(BrowserRow, row.value)
        return Browser(cookie=Secret(raw_cookie), is_new=False, uid=known.uid, login=known.login)

    async def sign_in(self, browser: Browser, uid: int, login: str) -> Browser:
        """Return the browser under a new cookie, signed in."""
        await self._store.delete(Space.BROWSER, browser.id)
        return await self._open(BrowserRow(uid=uid, login=login))

    async def sign_out(self, browser: Browser) -> Browser:
        """Return the browser under a new cookie, signed out."""
        await self._store.delete(Space.BROWSER, browser.id)
        return await self._open(BrowserRow())

    def form_token(self, browser: Browser, purpose: str) -> str:
        """Return the token that a form of *browser* carries.

        Source: OWASP CSRF prevention cheat sheet, "signed double-submit", with the session bound in.
        """
        return hmac.digest(self._form_key, bind("form 1", browser.id, purpose), hashlib.sha256).hex()

    def is_form_of(self, browser: Browser, purpose: str, raw_token: str) -> bool:
        """Return whether a form with *raw_token* was shown to *browser* for *purpose*."""
        expected = self.form_token(browser, purpose)
        return hmac.compare_digest(expected.encode(), raw_token.encode("utf-8", "surrogatepass"))

    async def _open(self, row: BrowserRow) -> Browser:
        cookie = Secret(secrets.token_urlsafe(COOKIE_BYTES))
        is_stranger = row.uid is None
        if is_stranger and not await self._bound.make_room():
            raise RateLimited("Too many people are signed in.", "Try again later.", retry_after_s=RETRY_BROWSERS_S)
        put = Put(
            space=Space.BROWSER,
            key=digest(cookie.reveal()),
            value=encode_row(row),
            expires_at=unix_seconds(self._clock) + (STRANGER_TTL_S if is_stranger else BROWSER_TTL_S),
            indexes=(self._bound.word(),) if is_stranger else (),
            if_version=0,
        )
        await self._store.put(put)
        return Browser(cookie=cookie, is_new=True, uid=row.uid, login=row.login)
