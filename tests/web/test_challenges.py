"""What a 401 says to a client that could sign in, to the letter."""

from __future__ import annotations

import pytest

from aegis_trio.model.errors import Fault, NotFound, Unauthenticated
from aegis_trio.web.challenges import Challenges, plain_fault
from aegis_trio.web.errors import fault_answer

DOCUMENT = "https://mcp.example.org/.well-known/oauth-protected-resource"


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("/mcp", f"{DOCUMENT}/mcp"),
        ("/mcp/sse", f"{DOCUMENT}/mcp/sse"),
        ("/mcp/messages", f"{DOCUMENT}/mcp/sse"),
        ("/mcp/tools", DOCUMENT),
        ("/mcpx", DOCUMENT),
        ("/", DOCUMENT),
    ],
)
@pytest.mark.parametrize("sent", [True, False])
def test_each_path_names_its_own_document(path: str, document: str, *, sent: bool) -> None:
    """RFC 9728 section 3.3: the document's `resource` is the address that the client used."""
    answer = Challenges("https://mcp.example.org").answer_of(path, Unauthenticated("no", token_sent=sent))
    error = ', error="invalid_token"' if sent else ""
    expected = f'Bearer resource_metadata="{document}", scope="read:repository"{error}'

    assert 401 == answer.status
    assert [expected.encode()] == [value for name, value in answer.headers if name == b"www-authenticate"]


def test_a_newcomer_is_told_what_this_deployment_needs() -> None:
    """At Gitea itself that is everything at once, for a grant there keeps its first scope."""
    challenge = Challenges("https://mcp.example.org", "read:repository read:user").of("/mcp", Unauthenticated("no"))

    assert challenge is not None
    assert challenge.endswith(b'scope="read:repository read:user"')


def test_a_public_address_with_a_path_stands_behind_the_well_known_word() -> None:
    """RFC 9728 section 3.1: inserted, not appended."""
    challenge = Challenges("https://example.org/gate").of("/mcp", Unauthenticated("no"))

    assert challenge is not None
    assert b'"https://example.org/.well-known/oauth-protected-resource/gate/mcp"' in challenge


@pytest.mark.parametrize("fault", [NotFound("no")])
def test_what_is_no_matter_of_credentials_is_not_challenged(fault: Fault) -> None:
    """A client would send its user to sign in for nothing."""
    assert fault_answer(fault) == Challenges("https://mcp.example.org").answer_of("/mcp", fault)


def test_where_nobody_signs_in_the_challenge_is_plain() -> None:
    """It names no document that is not there."""
    answer = plain_fault("/mcp", Unauthenticated("no", token_sent=True))

    assert b"Bearer" == dict(answer.headers)[b"www-authenticate"]
