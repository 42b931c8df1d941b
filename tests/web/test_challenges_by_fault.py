"""Challenges name the document of the path, and what the client lacks."""

from __future__ import annotations

import pytest

from aegis_trio.model.errors import Fault, Forbidden, InsufficientScope, TooMany, Unauthenticated
from aegis_trio.web.challenges import Challenges

URL = "https://gate.example/.well-known/oauth-protected-resource"
DOCUMENT = f'Bearer resource_metadata="{URL}'
STEP_UP = 'Bearer error="insufficient_scope", scope="read:issue read:user"'
LACKING = InsufficientScope("x needs y", scopes=("read:issue",), wanted=("read:issue", "read:user"))


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
        *(
            (
                path,
                LACKING,
                f'{STEP_UP}, resource_metadata="{URL}{document}", error_description="x needs y"',
            )
            for path, document in {
                "/mcp": "/mcp",
                "/mcp/sse": "/mcp/sse",
                "/mcp/messages": "/mcp/sse",
                "/mcp/tool/call": "",
            }.items()
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


def test_nothing_of_a_challenge_leaves_its_quotes() -> None:
    """RFC 6750 section 3: a description is printable ASCII without quotes and backslashes."""
    fault = InsufficientScope('a"b\\c\r\nd é', scopes=("read:issue",))
    challenge = Challenges("https://gate.example").of("/mcp", fault)
    assert challenge is not None
    assert challenge.endswith(b'error_description="a?b?c??d ?"')


def test_an_answer_that_is_made_elsewhere_gets_the_same_challenge() -> None:
    """A transport answers in JSON-RPC; what its client has to do is the same."""
    challenges = Challenges("https://gate.example")
    assert challenges.lines("/mcp", LACKING) == ((b"www-authenticate", challenges.of("/mcp", LACKING)),)
    assert () == challenges.lines("/mcp", Forbidden("x"))
