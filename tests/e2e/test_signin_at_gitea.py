"""What signing in with a real Gitea taught (test_real_signin.py, test_real_bearer.py), held at the demo forge."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from aegis_trio.demo_forge import changes
from tests.e2e.gates import open_gate
from tests.e2e.official_sign_in import OfficialClient, known_client
from tests.e2e.sign_ins import BACK, Assistant, Place, Visitor, open_sign_in
from tests.person import Person

pytestmark = pytest.mark.e2e


def _authorize_url(place: Place, scope: str) -> str:
    asked = {
        "client_id": place.application.client_id,
        "redirect_uri": BACK,
        "response_type": "code",
        "state": "s",
        "scope": scope,
    }
    return f"{place.forge.url}/login/oauth/authorize?{urlencode(asked)}"


def _person(place: Place, visitor: Visitor) -> Person:
    place.application.redirect_uris += (BACK,)
    return visitor.person


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_the_official_client_signs_in_at_gitea_itself(tmp_path: Path, mode: Any) -> None:
    """What the challenge tells it to ask for is enough for Gitea to say whose token it is."""
    async with open_sign_in(tmp_path) as place, open_gate(place.settings() | {"OAUTH_FLOW": "gitea"}) as gate:
        decide = _person(place, place.visitor("alice")).authorize
        pair = (place.application.client_id, place.application.client_secret)
        official = OfficialClient(f"{gate.url}/mcp", decide, client=known_client(pair, place.forge.url))
        async with official.connect(mode) as client:
            me = await client.call_tool("get_me", {})
            assert me.structured_content is not None
            assert "alice" == me.structured_content["login"]
        assert 1 == official.times_asked


async def test_who_is_blocked_is_told_to_sign_in_by_the_next_call(tmp_path: Path) -> None:
    """Without an open stream, too: the sign-in ends with the first call that Gitea refuses to the account."""
    async with open_sign_in(tmp_path) as place, open_gate(place.settings()) as gate:
        alice = await Assistant.register(gate.url)
        await alice.sign_in(place.visitor("alice"))
        changes.block_account(place.account("alice"))

        refused = await alice.use_tool("list_repositories")
        assert 401 == refused.status_code, refused.text
        assert 'error="invalid_token"' in refused.headers["www-authenticate"]
        assert "invalid_grant" == (await alice.refresh(alice.tokens["refresh_token"])).json()["error"]


@pytest.mark.parametrize("old", ["", "read:user", "all", "openid all"], ids=["none", "one", "all", "openid"])
async def test_an_older_grant_leads_to_where_it_is_revoked(tmp_path: Path, old: str) -> None:
    """Also one without `openid`, for which Gitea never proves who signed in."""
    async with open_sign_in(tmp_path) as place, open_gate(place.settings()) as gate:
        alice, visitor = await Assistant.register(gate.url), place.visitor("alice")
        await _person(place, visitor).authorize(_authorize_url(place, old))

        page = await visitor.arrive(await visitor.person.authorize(await visitor.consent(alice.ask())))
        assert 409 == page.status_code, page.text
        assert f'href="{place.forge.url}/user/settings/applications"' in page.text
        assert [] == gate.audit_records("oauth_grant")

        await visitor.person.revoke_everything()
        await alice.sign_in(visitor)
        assert "alice/notes" in await alice.repositories()


async def test_gitea_forgets_its_sessions_in_the_middle(tmp_path: Path) -> None:
    """The consent page that was open then is refused there; nothing was granted, and beginning again works."""
    async with open_sign_in(tmp_path) as place, open_gate(place.settings()) as gate:
        alice, visitor = await Assistant.register(gate.url), place.visitor("alice")
        page = await visitor.person.sign_in(await visitor.person.get(await visitor.consent(alice.ask())))
        changes.forget_sessions(place.forge.world)
        refused = await visitor.person.send(page, "/login/oauth/grant", granted="true")
        assert (400, "Invalid CSRF token.\n") == (refused.status, refused.text)
        assert [] == gate.audit_records("oauth_grant")

        await alice.sign_in(visitor)
        assert "alice/notes" in await alice.repositories()
