"""Challenges: what a 401 says to a client that could sign in, and a 403 to one that signed in for too little.

Laws:
    1. Each protected path names its own metadata document, whose `resource` is the URL that users type for it.
    2. The scope in a challenge is what a newcomer needs; `offline_access` never stands in one.

Source: RFC 9728 section 5.1, RFC 6750 section 3; MCP 2026-07-28 basic/authorization.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final
from urllib.parse import urlsplit

from aegis_trio.model.errors import Fault, Forbidden, Unauthenticated
from aegis_trio.web.errors import HttpAnswer, fault_answer

FIRST_SCOPE: Final = "read:repository"
_PATHS: Final = ("/mcp/sse", "/mcp")
_DOCUMENT: Final = "/.well-known/oauth-protected-resource"


@final
@dataclass(frozen=True, slots=True)
class Challenges:
    """Makes the challenges of one server."""

    public_url: str

    def answer_of(self, path: str, fault: Fault) -> HttpAnswer:
        """Return *fault* as the answer of *path*."""
        answer = fault_answer(fault)
        challenge = self.of(path, fault)
        if challenge is None:
            return answer
        others = tuple(pair for pair in answer.headers if pair[0] != b"www-authenticate")
        return HttpAnswer(answer.status, (*others, (b"www-authenticate", challenge)), answer.body)

    def of(self, path: str, fault: Fault) -> bytes | None:
        """Return the challenge for *fault* at *path*, or None when it is no matter of credentials."""
        match fault:
            case Unauthenticated(token_sent=token_sent):
                scope, error = FIRST_SCOPE, "invalid_token" if token_sent else None
            case Forbidden(scopes=(_, *_) as scopes):
                scope, error = " ".join(scopes), "insufficient_scope"
            case _:
                return None
        parts = urlsplit(self.public_url)
        inserted = next((known for known in _PATHS if path == known), "")
        document = f"{parts.scheme}://{parts.netloc}{_DOCUMENT}{parts.path}{inserted}"
        reason = "" if error is None else f', error="{error}"'
        return f'Bearer resource_metadata="{document}", scope="{scope}"{reason}'.encode()


def plain_fault(_path: str, fault: Fault) -> HttpAnswer:
    """Return *fault* as the answer of any path, where nobody can sign in."""
    return fault_answer(fault)
