"""ChatGPT, which signs people in by OAuth or not at all: where the URL goes, and what a person sees.

Source: developers.openai.com/apps-sdk/build/auth (OAuth 2.1 or nothing; no API keys) and
developers.openai.com/apps-sdk/deploy/connect-chatgpt (a public HTTPS address; developer mode, Create).
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from aegis_trio.cli.clients.server import SIGN_IN, Instructions, Remote, Server
from aegis_trio.config.parsing import is_loopback

CHATGPT_NEEDS: Final = (
    "ChatGPT connects from the internet and signs people in by OAuth: it needs a public HTTPS address for this\n"
    "gate (see docs/deployment.md) and sign-in with Gitea (`aegis-trio oauth setup`). API keys do not work there."
)


def chatgpt(name: str, server: Server) -> Instructions:
    """Return where ChatGPT is told about the gate, or what is missing for that."""
    if isinstance(server, Remote) and server.signs_in:
        return Instructions(notes=(*_unreachable(server.url), *_steps(name, server)))
    notes = [CHATGPT_NEEDS.replace("\n", " ")]
    if isinstance(server, Remote):
        notes.extend(
            _unreachable(server.url) or [f"Once sign-in is there, the address to give to ChatGPT is {server.url}"]
        )
    notes.append("Do not switch authentication off to make it connect: AUTH_ENABLED=false is for loopback only.")
    return Instructions(notes=tuple(notes))


def _steps(name: str, remote: Remote) -> tuple[str, ...]:
    return (
        (
            "Settings, Connectors (Apps in newer versions), Advanced: switch developer mode on. In a workspace an "
            "administrator allows it first."
        ),
        (
            f"Settings, Connectors, Create: name {name}, URL {remote.endpoint}, authentication OAuth. Leave client id "
            "and secret empty."
        ),
        SIGN_IN,
        (
            "Where ChatGPT insists on a client id and secret: those of the application in Gitea "
            "(GITEA_OAUTH_CLIENT_ID, GITEA_OAUTH_CLIENT_SECRET) work too. docs/connect-chatgpt.md shows "
            "it step by step."
        ),
    )


def _unreachable(url: str) -> list[str]:
    parts = urlsplit(url)
    if is_loopback(parts.hostname or ""):
        return [f"{url} is an address of this machine alone; ChatGPT cannot reach it. Set PUBLIC_URL, or give --url."]
    if parts.scheme != "https":
        return [f"{url} is not HTTPS, and ChatGPT takes nothing else."]
    return []
