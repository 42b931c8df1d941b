"""Whether a form was posted by a page of ours, as far as the browser says; the form's own token decides besides.

Law: what the browser says must not speak against it. What it does not say proves nothing either way.

Source: OWASP CSRF prevention cheat sheet ("standard headers"); Fetch standard, "append a request Origin header": under
our own referrer policy a browser says `null`, which is no word against us; W3C Fetch Metadata (Sec-Fetch-Site).
"""

from __future__ import annotations

from urllib.parse import urlsplit

from aegis_trio.web.oauth.endpoint import Asked


def may_be_ours(asked: Asked, public_url: str) -> bool:
    """Return whether nothing in the head of a request says that another site's page posted it."""
    hosts = {urlsplit(public_url).netloc.lower(), *(_text(value) for value in asked.header(b"host"))}
    origins, referers = asked.header(b"origin"), asked.header(b"referer")
    sites = asked.header(b"sec-fetch-site")
    if len(origins) > 1 or len(referers) > 1 or len(sites) > 1:
        return False
    if sites and sites[0] not in {b"same-origin", b"none"}:
        return False
    addresses = [_text(value) for value in (*origins, *referers)]
    return all(address == "null" or _host_of(address) in hosts for address in addresses)


def _host_of(address: str) -> str | None:
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    return parts.netloc if parts.scheme in {"http", "https"} and parts.netloc else None


def _text(value: bytes) -> str:
    return value.decode("latin-1").strip().lower()
