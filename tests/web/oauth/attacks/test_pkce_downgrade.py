"""Attack: a sign-in without the proof that whoever began it ends it (RFC 9700 section 4.8.2, RFC 7636)."""

from __future__ import annotations

import pytest

from aegis_trio.store.interface import Space
from tests.web.oauth.stage import (
    CALLBACK,
    CHALLENGE,
    VERIFIER,
    authorize_address,
    code_fields,
    make_stage,
    query_of,
)


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge": None},
        {"code_challenge": ""},
        {"code_challenge_method": None},
        {"code_challenge_method": ""},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": "s256"},
        {"code_challenge_method": "S256 "},
        {"code_challenge_method": "S512"},
        {"code_challenge_method": "plain", "code_challenge": VERIFIER},
        {"code_challenge": CHALLENGE[:-1]},
        {"code_challenge": CHALLENGE + "A"},
        {"code_challenge": CHALLENGE + "="},
        {"code_challenge": CHALLENGE[:-1] + "+"},
        {"code_challenge": CHALLENGE[:-1] + "\n"},
        {"code_challenge": "x" * 8193},
    ],
    ids=str,
)
async def test_no_sign_in_begins_without_a_challenge_by_s256(changes: dict[str, str | None]) -> None:
    """The client is told; nobody is asked anything, and nothing is kept."""
    stage = make_stage()
    answer = await stage.ask("GET", authorize_address(**changes))
    assert (303, True) == (answer.status, answer.location.startswith(f"{CALLBACK}?"))
    assert "invalid_request" == query_of(answer.location)["error"]
    assert (0, 0) == (await stage.store.count(Space.LOGIN), await stage.store.count(Space.BROWSER))


@pytest.mark.parametrize(
    ("verifier", "error"),
    [
        (None, "invalid_request"),
        ("", "invalid_request"),
        (CHALLENGE, "invalid_grant"),  # as if the method had been plain
        (VERIFIER[:-1], "invalid_grant"),
        ("v" * 44, "invalid_grant"),
        ("v" * 128, "invalid_grant"),
        ("v" * 129, "invalid_grant"),
        ("v" * 8193, "invalid_request"),
        (VERIFIER + "\n", "invalid_grant"),
        (VERIFIER[:-1] + "=", "invalid_grant"),
        ("\u0432" * 43, "invalid_grant"),  # the same letter to the eye
        ("\x00" * 43, "invalid_grant"),
    ],
    ids=lambda value: f"{len(value)}{ascii(value)[-9:]}" if isinstance(value, str) else "none",
)
async def test_no_code_is_redeemed_without_its_verifier(verifier: str | None, error: str) -> None:
    """Whatever else is right; and the right one can still come."""
    stage = make_stage()
    code = query_of(await stage.browser().sign_in())["code"]
    answer = await stage.post("/oauth/token", code_fields(code, code_verifier=verifier))
    assert (400, error) == (answer.status, answer.json["error"])
    assert await stage.store.count(Space.ACCESS) == 0
    assert 200 == (await stage.post("/oauth/token", code_fields(code))).status
