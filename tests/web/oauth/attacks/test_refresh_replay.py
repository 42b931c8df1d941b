"""Attack: a refresh token that was copied is used beside its owner's (RFC 9700 section 4.14, OAuth 2.1 section 4.3)."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from aegis_trio.auth.broker.tokens import GRACE_S
from aegis_trio.store.interface import Space
from tests.web.oauth.stage import (
    DOCUMENT_ID,
    PUBLIC,
    STATIC_ID,
    STATIC_SECRET,
    Answer,
    Stage,
    code_fields,
    make_stage,
    query_of,
)


async def _first(stage: Stage) -> dict[str, Any]:
    code = query_of(await stage.browser().sign_in())["code"]
    return dict((await stage.post("/oauth/token", code_fields(code))).json)


async def _refresh(stage: Stage, token: str, **changes: str) -> Answer:
    given = {"grant_type": "refresh_token", "client_id": DOCUMENT_ID, "refresh_token": token}
    return await stage.post("/oauth/token", given | changes)


async def _is_over(stage: Stage, *pairs: dict[str, Any]) -> None:
    """Check that nothing of the family works any more, and that it was recorded."""
    assert () == await stage.rooms.grants.page()
    for pair in pairs:
        assert await stage.rooms.tokens.find_access(pair["access_token"]) is None
        assert "invalid_grant" == (await _refresh(stage, pair["refresh_token"])).json["error"]
    assert (0, 0) == (await stage.store.count(Space.ACCESS), await stage.store.count(Space.REFRESH))
    loud = [entry for entry in stage.trail.entries if entry.fields.get("kind") == "oauth_reuse_detected"]
    assert 1 == len(loud)
    assert ("high", "refresh_token", "person:1", DOCUMENT_ID) == (
        loud[0].fields["severity"],
        loud[0].fields["what"],
        loud[0].fields["principal"],
        loud[0].fields["client"],
    )


@pytest.mark.parametrize("passed_s", [0, 1, GRACE_S - 1, GRACE_S])
async def test_within_the_grace_the_very_same_answer_comes_again(passed_s: int) -> None:
    """An answer that was lost on the way is no theft; a thief gets nothing that lives longer by it."""
    stage = make_stage()
    first = await _first(stage)
    answer = (await _refresh(stage, first["refresh_token"])).json
    stage.later(passed_s)
    for _ in range(3):
        assert answer == (await _refresh(stage, first["refresh_token"])).json
    assert 1 == len(await stage.rooms.grants.page())


@pytest.mark.parametrize("passed_s", [GRACE_S + 1, 3600, 29 * 86_400])
async def test_after_the_grace_it_is_stolen_and_everything_ends(passed_s: int) -> None:
    """Nobody can tell the thief from the owner; whoever it was signs in again. Open streams are told."""
    stage = make_stage()
    first = await _first(stage)
    second = (await _refresh(stage, first["refresh_token"])).json
    [grant] = await stage.rooms.grants.page()
    stage.later(passed_s)
    with stage.store.subscribe("revoked") as told:
        stolen = await _refresh(stage, first["refresh_token"])
        assert grant.id == told.receive_nowait()
    assert (400, "invalid_grant") == (stolen.status, stolen.json["error"])
    await _is_over(stage, first, second)


async def test_within_the_grace_but_after_its_answer_was_used_it_is_stolen() -> None:
    """Whoever used the answer had not lost it."""
    stage = make_stage()
    first = await _first(stage)
    second = (await _refresh(stage, first["refresh_token"])).json
    third = (await _refresh(stage, second["refresh_token"])).json
    assert 400 == (await _refresh(stage, first["refresh_token"])).status
    await _is_over(stage, first, second, third)


async def test_many_refreshes_at_once_with_one_token_get_one_successor() -> None:
    """An assistant with several windows; none of them is taken for a thief."""
    stage = make_stage()
    first = await _first(stage)
    answers: list[Answer] = []

    async def ask() -> None:
        answers.append(await _refresh(stage, first["refresh_token"]))

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(ask)
    assert {200} == {answer.status for answer in answers}
    assert 1 == len({answer.body for answer in answers})
    assert 1 == len(await stage.rooms.grants.page())


async def test_a_copied_token_is_worth_nothing_to_another_client() -> None:
    """It is bound to its client; and the owner is not disconnected by the attempt."""
    stage = make_stage()
    first = await _first(stage)
    stolen = await _refresh(stage, first["refresh_token"], client_id=STATIC_ID, client_secret=STATIC_SECRET)
    assert (400, "invalid_grant") == (stolen.status, stolen.json["error"])
    assert 200 == (await _refresh(stage, first["refresh_token"])).status


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scope": "read:repository read:issue write:repository"}, "invalid_scope"),
        ({"scope": "all"}, "invalid_scope"),
        ({"scope": "sudo"}, "invalid_scope"),
        ({"resource": "https://other.example/mcp"}, "invalid_target"),
        ({"resource": f"{PUBLIC}/mcp/sse"}, "invalid_target"),
    ],
    ids=str,
)
async def test_a_refresh_makes_nothing_wider(changes: dict[str, str], error: str) -> None:
    """Neither the rights nor the place, and the token is still good for what it was."""
    stage = make_stage()
    first = await _first(stage)
    answer = await _refresh(stage, first["refresh_token"], **changes)
    assert (400, error) == (answer.status, answer.json["error"])
    assert 200 == (await _refresh(stage, first["refresh_token"])).status


async def test_access_refresh_and_code_are_not_taken_for_each_other() -> None:
    """Each opens its own door only."""
    stage = make_stage()
    first = await _first(stage)
    assert "invalid_grant" == (await _refresh(stage, first["access_token"])).json["error"]
    as_code = await stage.post("/oauth/token", code_fields(first["refresh_token"]))
    assert "invalid_grant" == as_code.json["error"]
    assert await stage.rooms.tokens.find_access(first["refresh_token"]) is None
    assert 1 == len(await stage.rooms.grants.page())
