"""The one cookie that our pages have: it names a browser, and means nothing to anybody else.

Laws:
    1. Scripts cannot read it, other sites cannot post with it, and over https no other host can set it.
    2. A cookie that stands twice, or is not of our form, is none.

Source: RFC 6265bis sections 4.1.2 and 4.1.3 (`__Host-`, SameSite).
"""

from __future__ import annotations

import re
from typing import Final

from aegis_trio.auth.broker.browsers import BROWSER_TTL_S, Browser
from aegis_trio.model.asgi import Headers

SECURE_NAME: Final = "__Host-aegis_session"
PLAIN_NAME: Final = "aegis_session"
"""For http on loopback, where browsers refuse `Secure` or the prefix."""
_VALUE: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)  # 256 bits in base64url
_MAX_COOKIE_CHARS: Final = 16 * 1024


def read_cookie(headers: Headers, *, is_https: bool) -> str | None:
    """Return the browser's cookie of ours, or None."""
    # HTTP/2 may split the header into several (RFC 9113 section 8.2.3).
    text = b"; ".join(value for name, value in headers if name == b"cookie").decode("latin-1")
    if len(text) > _MAX_COOKIE_CHARS:
        return None
    wanted = SECURE_NAME if is_https else PLAIN_NAME
    pairs = (part.partition("=") for part in text.split(";"))
    values = [value.strip() for name, _, value in pairs if name.strip() == wanted]
    return values[0] if len(values) == 1 and _VALUE.fullmatch(values[0]) else None


def cookie_headers(browser: Browser, *, is_https: bool) -> tuple[tuple[bytes, bytes], ...]:
    """Return the header that gives *browser* its cookie; nothing when it has it."""
    if not browser.is_new:
        return ()
    name, secure = (SECURE_NAME, "; Secure") if is_https else (PLAIN_NAME, "")
    text = f"{name}={browser.cookie.reveal()}; Path=/; Max-Age={BROWSER_TTL_S}; HttpOnly; SameSite=Lax{secure}"
    return ((b"set-cookie", text.encode("ascii")),)
