"""Attack: answers of one authorization server are brought to another (RFC 9700 section 4.4, RFC 9207)."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from aegis_trio.model.errors import UpstreamUnreachable
from tests.web.oauth.stage import GITEA, PUBLIC, Visitor, authorize_address, code_fields, make_stage, query_of


async def _onward(browser: Visitor) -> str:
    return (await browser.decide(await browser.get(authorize_address()), "allow")).onward


@pytest.mark.parametrize(
    "issuer", ["https://other.example", f"{GITEA}/", GITEA.upper(), "http://git.example.org", PUBLIC, "x", "null"]
)
async def test_an_answer_that_names_another_server_is_refused_before_its_code_goes_anywhere(issuer: str) -> None:
    """Compared letter by letter; Gitea's own answer is still taken afterwards."""
    stage = make_stage()
    browser = stage.browser()
    onward = await _onward(browser)
    code = stage.gitea.code()
    foreign = await browser.at_gitea(onward, code=code, iss=issuer)
    assert (400, "") == (foreign.status, foreign.location)
    assert "iss: is not this server" in foreign.text
    assert code in stage.gitea.codes  # was sent to nobody
    assert 303 == (await browser.at_gitea(onward, code=code, iss=GITEA)).status


async def test_an_error_that_names_another_server_ends_nothing() -> None:
    """A stranger's refusal is not the person's."""
    stage = make_stage()
    browser = stage.browser()
    onward = await _onward(browser)
    foreign = await browser.at_gitea(onward, error="access_denied", iss="https://other.example")
    assert (400, "") == (foreign.status, foreign.location)
    assert query_of((await browser.at_gitea(onward)).location)["code"]


async def test_a_doubled_issuer_is_refused() -> None:
    """One reader would take the first, another the last."""
    stage = make_stage()
    browser = stage.browser()
    state = query_of(await _onward(browser))["state"]
    pairs = [("state", state), ("code", stage.gitea.code()), ("iss", GITEA), ("iss", "https://other.example")]
    answer = await browser.get(f"/oauth/callback?{urlencode(pairs)}")
    assert (400, "", 0) == (answer.status, answer.location, stage.gitea.asked)


async def test_an_answer_without_an_issuer_is_giteas_by_its_state() -> None:
    """Gitea does not name itself; the state is good for this one server, this browser and once."""
    stage = make_stage()
    browser = stage.browser()
    assert 303 == (await browser.at_gitea(await _onward(browser))).status


async def test_where_gitea_cannot_be_asked_for_its_name_nothing_is_granted_and_trying_again_works() -> None:
    """A check that cannot be made has not passed."""
    stage = make_stage()
    browser = stage.browser()
    onward = await _onward(browser)
    stage.gitea.fault = UpstreamUnreachable("no connection")
    assert 503 == (await browser.at_gitea(onward, code=stage.gitea.code(), iss=GITEA)).status
    assert () == await stage.rooms.grants.page()
    stage.gitea.fault = None
    assert 303 == (await browser.at_gitea(onward, code=stage.gitea.code(), iss=GITEA)).status


@pytest.mark.parametrize("decision", ["allow", "deny"])
async def test_every_answer_of_ours_names_us(decision: str) -> None:
    """So that a client of several servers sends a code to the one that made it."""
    stage = make_stage()
    browser = stage.browser()
    answer = await browser.decide(await browser.get(authorize_address()), decision)
    end = answer.onward
    if end.startswith(GITEA):
        end = (await browser.at_gitea(end)).location
    assert PUBLIC == query_of(end)["iss"]
    refused = await browser.get(authorize_address(response_type="token"))
    assert PUBLIC == query_of(refused.location)["iss"]


async def test_a_code_of_another_server_is_a_code_of_nobody_here() -> None:
    """A client that was tricked into sending us a foreign code gives it to an audience that forgets it."""
    stage = make_stage()
    foreign = "gta_a-code-of-gitea-itself"
    answer = await stage.post("/oauth/token", code_fields(foreign))
    assert (400, "invalid_grant") == (answer.status, answer.json["error"])
    assert foreign not in answer.text
    assert foreign not in repr(stage.trail.entries)
    assert 0 == stage.gitea.asked
