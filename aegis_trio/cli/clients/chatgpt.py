"""ChatGPT, which cannot be connected yet: what it needs, and what can be prepared.

Source: developers.openai.com/apps-sdk/build/auth (OAuth 2.1 or nothing; no API keys) and
developers.openai.com/apps-sdk/deploy/connect-chatgpt (a public HTTPS address).
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from aegis_trio.cli.clients.server import Instructions, Remote, Server
from aegis_trio.config.parsing import is_loopback

CHATGPT_NEEDS: Final = (
    "ChatGPT connects from the internet and signs people in by OAuth: it needs a public HTTPS address for this\n"
    "gate (see docs/deployment.md) and sign-in with Gitea, which a later version brings. API keys do not work there."
)


def chatgpt(name: str, server: Server) -> Instructions:  # noqa: ARG001 -- the form that all clients have
    """Return why ChatGPT cannot be told about the gate today, and what can be prepared."""
    notes = [CHATGPT_NEEDS.replace("\n", " ")]
    if isinstance(server, Remote):
        notes.extend(_prepared(server.url))
    notes.append("Do not switch authentication off to make it connect: AUTH_ENABLED=false is for loopback only.")
    return Instructions(notes=tuple(notes))


def _prepared(url: str) -> list[str]:
    parts = urlsplit(url)
    if is_loopback(parts.hostname or ""):
        return [f"{url} is an address of this machine alone; ChatGPT cannot reach it. Set PUBLIC_URL, or give --url."]
    if parts.scheme != "https":
        return [f"{url} is not HTTPS, and ChatGPT takes nothing else."]
    return [f"Once sign-in is there, the address to give to ChatGPT is {url}"]
