"""What a client proves when it comes for tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.auth.broker.errors import OAuthCode, OAuthRefused
from aegis_trio.auth.broker.proof import fits_challenge, narrow_scopes
from tests.auth.broker.stage import challenge_of, refusal

UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"


def test_the_example_of_the_rfc_fits() -> None:
    """RFC 7636 appendix B."""
    assert fits_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")


@given(st.text(UNRESERVED, min_size=43, max_size=128), st.text(UNRESERVED, min_size=43, max_size=128))
def test_a_verifier_fits_its_own_challenge_only(one: str, other: str) -> None:
    """Authorization-code injection: another verifier opens nothing."""
    assert fits_challenge(one, challenge_of(one))
    assert (one == other) is fits_challenge(other, challenge_of(one))


@pytest.mark.parametrize(
    "raw", ["", "v" * 42, "v" * 129, "v" * 42 + "é", "v" * 42 + "\n", "v" * 43 + "\n", "v" * 42 + "+", "\ud800" * 43]
)
def test_what_is_no_verifier_fits_nothing(raw: str) -> None:
    """PKCE downgrade: a short verifier could be guessed; one of other characters is none (RFC 7636 section 4.1)."""
    made = challenge_of(raw.encode("utf-8", "replace").decode())

    assert not fits_challenge(raw, made)
    assert not fits_challenge(raw, raw)


def test_plain_is_not_known_at_redemption_either() -> None:
    """PKCE downgrade: a verifier that is its own challenge."""
    assert not fits_challenge("v" * 43, "v" * 43)


SCOPES = st.lists(st.sampled_from(["read:repository", "read:issue", "write:issue", "offline_access", "all", ""]))


@given(granted=SCOPES.map(tuple), asked=st.none() | SCOPES.map(tuple))
def test_no_token_has_more_than_its_grant(granted: tuple[str, ...], asked: tuple[str, ...] | None) -> None:
    """And one that would have nothing is refused."""
    try:
        found = narrow_scopes(granted, asked)
    except OAuthRefused:
        assert not set(asked or ()) or set(asked or ()) - set(granted)
        return
    assert set(found) <= set(granted)
    assert found if asked is not None else found == granted


def test_what_is_wider_is_named_as_such() -> None:
    """The client learns which parameter to change."""
    with pytest.raises(OAuthRefused, check=refusal(OAuthCode.INVALID_SCOPE), match="scope"):
        narrow_scopes(("read:issue",), ("read:issue", "write:issue"))
