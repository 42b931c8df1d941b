"""Challenges: what a 401 says to a client that could sign in, and a 403 to one that signed in for too little.

Laws:
    1. Each protected path names its own metadata document, whose `resource` is the URL that users type for it.
    2. The scope in a challenge is what a newcomer needs, or all that is to be asked for at once by one who has some;
       `offline_access` never stands in one.
    3. Nothing of a challenge leaves its quotes.

Source: RFC 9728 section 5.1, RFC 6750 section 3; MCP 2026-07-28 basic/authorization.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final
from urllib.parse import urlsplit

from aegis_trio.model.errors import Fault, InsufficientScope, Unauthenticated
from aegis_trio.web.errors import HttpAnswer, fault_answer

FIRST_SCOPE: Final = "read:repository"
# Messages of an event stream are posted beside it: whoever typed one address knows nothing of the other.
_DOCUMENTS: Final[Mapping[str, str]] = {"/mcp": "/mcp", "/mcp/sse": "/mcp/sse", "/mcp/messages": "/mcp/sse"}
_DOCUMENT: Final = "/.well-known/oauth-protected-resource"


@final
@dataclass(frozen=True, slots=True)
class Challenges:
    """Makes the challenges of one server."""

    public_url: str
    first_scope: str = FIRST_SCOPE
    """What a newcomer is told to ask for."""

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
        parts = urlsplit(self.public_url)
        document = f"{parts.scheme}://{parts.netloc}{_DOCUMENT}{parts.path}{_DOCUMENTS.get(path, '')}"
        match fault:
            case Unauthenticated(token_sent=token_sent):
                reason = ', error="invalid_token"' if token_sent else ""
                return f'Bearer resource_metadata="{document}", scope="{self.first_scope}"{reason}'.encode()
            case InsufficientScope(wanted=wanted):
                return (
                    f'Bearer error="insufficient_scope", scope="{" ".join(wanted)}", resource_metadata="{document}", '
                    f'error_description="{_quotable(fault.message)}"'
                ).encode()
            case _:
                return None

    def lines(self, path: str, fault: Fault) -> tuple[tuple[bytes, bytes], ...]:
        """Return the challenge for *fault* at *path* as the header lines of an answer that is made elsewhere."""
        challenge = self.of(path, fault)
        return () if challenge is None else ((b"www-authenticate", challenge),)


def _quotable(text: str) -> str:
    """Return *text* as RFC 6750 section 3 lets it stand in `error_description`."""
    return "".join(char if " " <= char <= "~" and char not in '"\\' else "?" for char in text)


def plain_fault(_path: str, fault: Fault) -> HttpAnswer:
    """Return *fault* as the answer of any path, where nobody can sign in."""
    return fault_answer(fault)
