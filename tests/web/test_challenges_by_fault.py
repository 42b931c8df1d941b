"""Challenges name the document of the path, and what the client lacks."""

from __future__ import annotations

import pytest

from aegis_trio.model.errors import Fault, Forbidden, TooMany, Unauthenticated
from aegis_trio.web.challenges import Challenges

DOCUMENT = 'Bearer resource_metadata="https://gate.example/.well-known/oauth-protected-resource'


@pytest.mark.parametrize(
    ("path", "fault", "expected"),
    [
        ("/mcp", Unauthenticated("x"), f'{DOCUMENT}/mcp", scope="read:repository"'),
        ("/mcp/sse", Unauthenticated("x"), f'{DOCUMENT}/mcp/sse", scope="read:repository"'),
        ("/mcp/tools", Unauthenticated("x"), f'{DOCUMENT}", scope="read:repository"'),
        (
            "/mcp",
            Unauthenticated("x", token_sent=True),
            f'{DOCUMENT}/mcp", scope="read:repository", error="invalid_token"',
        ),
        (
            "/mcp",
            Forbidden("x", scopes=("read:issue", "read:user")),
            f'{DOCUMENT}/mcp", scope="read:issue read:user", error="insufficient_scope"',
        ),
    ],
)
def test_a_challenge_says_where_to_read_on_and_what_is_missing(path: str, fault: Fault, expected: str) -> None:
    """A client that knows nothing but the address finds everything else from here."""
    headers = dict(Challenges("https://gate.example").answer_of(path, fault).headers)
    assert expected == headers[b"www-authenticate"].decode()


@pytest.mark.parametrize("fault", [Forbidden("x"), TooMany("x", retry_after_s=1)])
def test_what_no_scope_opens_is_no_challenge(fault: Fault) -> None:
    """A client that signed in once more for nothing would do so for ever."""
    headers = dict(Challenges("https://gate.example").answer_of("/mcp", fault).headers)
    assert b"www-authenticate" not in headers
