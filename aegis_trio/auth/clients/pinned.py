"""Pinned clients: copies of the documents of well-known clients, for when their servers refuse ours.

Laws:
    1. A copy is used only when the document itself cannot be had (documents.py); what its own server says wins.
    2. A copy holds what the document is known to have held, and nothing that its owner did not publish: no key, which
       could be withdrawn, and no redirect URI beyond its own.

Some of these servers answer 403 to machines in data centres, which is where a gate stands (anthropics/claude-code
#84263, cloudflare/workers-oauth-provider #333).

Source: the documents at the addresses that stand here as ids, as published on 2026-09-24.
"""

from __future__ import annotations

from typing import Final

from aegis_trio.auth.clients.client import Client, ClientAuth, ClientKind

CHATGPT: Final = Client(
    id="https://chatgpt.com/oauth/client.json",
    kind=ClientKind.DOCUMENT,
    name="ChatGPT",
    redirect_uris=("https://chatgpt.com/connector_platform_oauth_redirect",),
    # Trade: while its keys cannot be fetched either, ChatGPT cannot come for tokens; a copy without the method would
    # let anybody else do so.
    auth=ClientAuth.KEY,
    jwks_uri="https://chatgpt.com/oauth/jwks.json",
)
CODEX: Final = Client(
    id="https://chatgpt.com/oauth/codex/client.json",
    kind=ClientKind.DOCUMENT,
    name="Codex",
    redirect_uris=("http://127.0.0.1/callback", "http://localhost/callback"),
)
CLAUDE: Final = Client(
    id="https://claude.ai/oauth/mcp-oauth-client-metadata",
    kind=ClientKind.DOCUMENT,
    name="Claude",
    redirect_uris=("https://claude.ai/api/mcp/auth_callback",),
)
CLAUDE_CODE: Final = Client(
    id="https://claude.ai/oauth/claude-code-client-metadata",
    kind=ClientKind.DOCUMENT,
    name="Claude Code",
    redirect_uris=("http://localhost/callback", "http://127.0.0.1/callback"),
)
VS_CODE: Final = Client(
    id="https://vscode.dev/oauth/client-metadata.json",
    kind=ClientKind.DOCUMENT,
    name="Visual Studio Code",
    redirect_uris=("http://127.0.0.1:33418/", "https://vscode.dev/redirect"),
)
PINNED: Final = (CHATGPT, CODEX, CLAUDE, CLAUDE_CODE, VS_CODE)
