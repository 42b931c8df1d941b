"""Attack: a code that somebody caught is put into another sign-in (RFC 9700 section 4.5)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.oauth.stage import (
    CALLBACK,
    DOCUMENT,
    DOCUMENT_ID,
    STATIC_CALLBACK,
    STATIC_ID,
    STATIC_SECRET,
    Answer,
    Stage,
    code_fields,
    make_stage,
    query_of,
)

OTHER_ID = "https://other.example.com/oauth/client"
OTHER_CALLBACK = "https://other.example.com/callback"


def _stage() -> Stage:
    stage = make_stage()
    stage.documented.pages[OTHER_ID] = {**DOCUMENT, "client_id": OTHER_ID, "redirect_uris": [OTHER_CALLBACK, CALLBACK]}
    return stage


async def _redeem(stage: Stage, code: str, **changes: str | None) -> Answer:
    return await stage.post("/oauth/token", code_fields(code, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": OTHER_ID, "redirect_uri": OTHER_CALLBACK},
        {"client_id": OTHER_ID},
        {"client_id": OTHER_ID, "redirect_uri": None},
        {"client_id": STATIC_ID, "client_secret": STATIC_SECRET, "redirect_uri": STATIC_CALLBACK},
    ],
    ids=["another client", "with the first one's redirect URI", "without a redirect URI", "the operator's client"],
)
async def test_a_code_of_one_client_gives_another_client_nothing(changes: dict[str, str | None]) -> None:
    """Also a client that knows the verifier: a code is its client's. The first one is not hurt by the attempt."""
    stage = _stage()
    code = query_of(await stage.browser().sign_in())["code"]
    stolen = await _redeem(stage, code, **changes)
    assert (400, "invalid_grant") == (stolen.status, stolen.json["error"])
    assert {"error", "error_description"} == set(stolen.json)
    assert 200 == (await _redeem(stage, code)).status


async def test_a_code_of_one_person_put_into_anothers_sign_in_is_refused_by_its_verifier() -> None:
    """Bob's client holds the verifier of Bob's sign-in; Ann's code was made for Ann's. Neither is used up by it."""
    stage = make_stage()
    ann, bob = stage.browser(), stage.browser()
    caught = query_of(await ann.sign_in())["code"]
    stage.gitea.uid = 2
    challenge_of_bob = "T8xJCiV1AJqcNBbuPZP9S4kqX2xZ0Yb0bX1k7bq0sK4"
    await bob.sign_in(code_challenge=challenge_of_bob)

    injected = await _redeem(stage, caught, code_verifier="b" * 43)
    assert (400, "invalid_grant") == (injected.status, injected.json["error"])
    assert () == await stage.rooms.grants.page()
    good = await _redeem(stage, caught)
    assert 200 == good.status
    [grant] = await stage.rooms.grants.page()
    assert (1, "ann") == (grant.uid, grant.login)


@pytest.mark.parametrize(
    "uri",
    [
        "https://claude.example.com/other?kept=1",
        CALLBACK + "/",
        CALLBACK.upper(),
        CALLBACK + "?x",
        OTHER_CALLBACK,
        "http://127.0.0.1/callback",
    ],
)
async def test_a_code_is_redeemed_for_the_redirect_uri_that_it_was_sent_to(uri: str) -> None:
    """A code that was lured to another address of the same client is worth nothing there (RFC 6749 section 4.1.3)."""
    stage = make_stage()
    code = query_of(await stage.browser().sign_in())["code"]
    answer = await _redeem(stage, code, redirect_uri=uri)
    assert (400, "invalid_grant") == (answer.status, answer.json["error"])
    assert 200 == (await _redeem(stage, code)).status


async def test_a_code_that_is_used_twice_ends_the_whole_family() -> None:
    """Either of the two is a thief: access and refresh tokens, and what came of them, are over; loudly recorded."""
    stage = make_stage()
    code = query_of(await stage.browser().sign_in())["code"]
    first = (await _redeem(stage, code)).json
    refresh = {"grant_type": "refresh_token", "client_id": DOCUMENT_ID}
    second = (await stage.post("/oauth/token", refresh | {"refresh_token": first["refresh_token"]})).json
    told: Any
    with stage.store.subscribe("revoked") as told:
        replayed = await _redeem(stage, code)
        assert (400, "invalid_grant") == (replayed.status, replayed.json["error"])
        [event] = [entry for entry in stage.trail.entries if entry.fields.get("kind") == "oauth_reuse_detected"]
        assert event.fields["grant"] == told.receive_nowait()

    assert () == await stage.rooms.grants.page()
    for pair in (first, second):
        assert await stage.rooms.tokens.find_access(pair["access_token"]) is None
        dead = await stage.post("/oauth/token", refresh | {"refresh_token": pair["refresh_token"]})
        assert "invalid_grant" == dead.json["error"]


async def test_a_used_code_in_a_strangers_hands_ends_nobodys_grant() -> None:
    """Whoever finds an old code in a history cannot disconnect anybody with it by another client."""
    stage = _stage()
    code = query_of(await stage.browser().sign_in())["code"]
    assert 200 == (await _redeem(stage, code)).status
    assert 400 == (await _redeem(stage, code, client_id=OTHER_ID)).status
    assert 1 == len(await stage.rooms.grants.page())
