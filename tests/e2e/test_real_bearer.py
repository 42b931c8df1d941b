"""`OAUTH_FLOW=gitea` at a real Gitea, and every algorithm that it signs with; set AEGIS_TEST_GITEA_BIN.

What is needed of a Gitea that runs already stands in test_real_signin.py.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import trio

from tests.e2e.gates import open_gate, run_command
from tests.e2e.messages import use_tool
from tests.e2e.official_sign_in import OfficialClient, known_client
from tests.e2e.real_sign_ins import RealPlace, any_gitea, open_place, own_gitea, register
from tests.e2e.sign_ins import BACK, Assistant
from tests.gitea_server import GiteaServer

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SEEN_WITHIN_S: Final = 60.0  # promised, by the clock on the wall
_LOOK_S: Final = 0.5
_FORGED: Final = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJnbnQiOjEsInR0IjowfQ.c2lnbmVk"
ALGORITHMS: Final = ("RS256", "ES256", "EdDSA")


@pytest.fixture(name="gitea", scope="module")
def _fixture_gitea(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GiteaServer]:
    with any_gitea(tmp_path_factory.mktemp("gitea")) as gitea:
        yield gitea


def _flow(place: RealPlace, **more: str) -> dict[str, str]:
    return place.settings(OAUTH_FLOW="gitea", **more)


async def _call(url: str, token: str, tool: str, **arguments: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=60) as client:
        return await use_tool(client, tool, **arguments)


async def test_a_token_of_gitea_opens_what_its_owner_may_see(gitea: GiteaServer, tmp_path: Path) -> None:
    """Checked by signature and by introspection; a refresh token, an ID token and a forged one open nothing."""
    alice, bob = await gitea.add_person("alice"), await gitea.add_person("bob")
    async with open_place(gitea, tmp_path) as place, open_gate(_flow(place)) as gate:
        hers, his = await place.tokens(place.person(alice)), await place.tokens(place.person(bob))
        for person, tokens, other in ((alice, hers, bob), (bob, his, alice)):
            me = await _call(gate.url, tokens["access_token"], "get_me")
            assert (200, person.login) == (me.status_code, me.json()["result"]["login"])
            assert (
                200
                == (await _call(gate.url, tokens["access_token"], "get_repository_info", **person.diary)).status_code
            )
            assert (
                404 == (await _call(gate.url, tokens["access_token"], "get_repository_info", **other.diary)).status_code
            )
        for wrong in (hers["refresh_token"], hers["id_token"], _FORGED, f"{hers['access_token'][:-4]}AAAA"):
            assert 401 == (await _call(gate.url, wrong, "get_me")).status_code
        records = gate.audit_path.read_text() + "\n".join(gate.log)
    assert {f"person:{person.uid}" for person in (alice, bob)} == {
        record["principal"] for record in gate.audit_records("tool_intent")
    }
    assert hers["access_token"] not in records


async def test_another_applications_token_is_refused(gitea: GiteaServer, tmp_path: Path) -> None:
    """Gitea would serve it; but the person agreed to another application, not to this gate."""
    alice = await gitea.add_person("alice")
    async with open_place(gitea, tmp_path) as place, open_gate(_flow(place)) as gate:
        theirs = await place.tokens(place.person(alice), application=await register(gitea, BACK))
        refused = await _call(gate.url, theirs["access_token"], "get_me")
        assert 401 == refused.status_code
        assert "resource_metadata=" in refused.headers["www-authenticate"]


@pytest.mark.parametrize("allowed", [False, True])
async def test_a_personal_token_is_taken_only_where_that_is_allowed(
    gitea: GiteaServer, tmp_path: Path, *, allowed: bool
) -> None:
    """It is bound to no application, so the operator has to say so."""
    alice = await gitea.add_person("alice")
    token = await gitea.add_token(alice, "read:repository", "read:user")
    async with (
        open_place(gitea, tmp_path) as place,
        open_gate(_flow(place, ALLOW_GITEA_PAT=str(allowed).lower())) as gate,
    ):
        found = await _call(gate.url, token, "get_repository_info", **alice.diary)
        assert (200 if allowed else 401) == found.status_code
        assert 401 == (await _call(gate.url, "0" * 40, "get_me")).status_code


async def test_the_end_of_access_at_gitea_is_seen_within_a_minute(gitea: GiteaServer, tmp_path: Path) -> None:
    """A blocked account, and a grant that was taken back: 401 instead of an answer, whatever was remembered."""
    alice, bob = await gitea.add_person("alice"), await gitea.add_person("bob")
    async with open_place(gitea, tmp_path) as place, open_gate(_flow(place)) as gate:
        person = place.person(bob)
        hers, his = await place.tokens(place.person(alice)), await place.tokens(person)
        for tokens in (hers, his):
            assert 200 == (await _call(gate.url, tokens["access_token"], "get_me")).status_code
        await gitea.set_blocked(alice, blocked=True)
        await person.revoke_everything()

        async def wait_refused(token: str) -> None:
            answer = await _call(gate.url, token, "get_me")
            while answer.status_code != 401:
                # What Gitea has ended gives nothing to anybody meanwhile either.
                assert "result" not in answer.json() or answer.json()["result"] is None, answer.text
                await trio.sleep(_LOOK_S)
                answer = await _call(gate.url, token, "get_me")
            assert "resource_metadata=" in answer.headers["www-authenticate"]

        with trio.fail_after(SEEN_WITHIN_S):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(wait_refused, hers["access_token"])
                nursery.start_soon(wait_refused, his["access_token"])


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_the_official_client_signs_in_at_gitea_itself(gitea: GiteaServer, tmp_path: Path, mode: Any) -> None:
    """Gitea registers nobody and calls its metadata OpenID's: with the application's id typed in, it works."""
    alice = await gitea.add_person("alice")
    async with open_place(gitea, tmp_path) as place, open_gate(_flow(place)) as gate:
        pair = (place.application.client_id, place.application.client_secret.reveal())
        issuer = await gitea.issuer()
        decide = place.person(alice).authorize
        official = OfficialClient(f"{gate.url}/mcp", decide, client=known_client(pair, issuer))
        async with official.connect(mode) as client:
            me = await client.call_tool("get_me", {})
            assert me.structured_content is not None
            assert alice.login == me.structured_content["login"]
            official.expire_token()
            assert not (await client.call_tool("get_repository_info", alice.diary)).is_error
        assert 1 == official.times_asked


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_every_public_algorithm_of_gitea_is_understood(tmp_path: Path, algorithm: str) -> None:
    """The ID token of a sign-in with the gate, and the access token that a client presents itself."""
    with own_gitea(tmp_path / "gitea", {"oauth2": {"JWT_SIGNING_ALGORITHM": algorithm}}) as gitea:
        alice = await gitea.add_person("alice")
        async with open_place(gitea, tmp_path) as place:
            async with open_gate(place.settings()) as gate:
                hers = await Assistant.register(gate.url)
                await hers.sign_in(place.visitor(alice))
                assert 200 == (await hers.use_tool("get_repository_info", **alice.diary)).status_code
            async with open_gate(_flow(place)) as gate:
                tokens = await place.tokens(place.person(alice))
                assert (
                    200
                    == (await _call(gate.url, tokens["access_token"], "get_repository_info", **alice.diary)).status_code
                )


async def test_a_gitea_that_signs_with_a_shared_secret_is_refused_at_the_start(tmp_path: Path) -> None:
    """With what to set, and where; `doctor` fails, too."""
    with own_gitea(tmp_path / "gitea", {"oauth2": {"JWT_SIGNING_ALGORITHM": "HS256"}}) as gitea:
        async with open_place(gitea, tmp_path) as place:
            for given in (place.settings(), _flow(place)):
                ended = await run_command(["serve", "--env-file", os.devnull], given)
                said = ended.stderr.decode()
                print(said)
                assert 78 == ended.returncode
                for word in ("HS256", "JWT_SIGNING_ALGORITHM", "RS256, ES256 or EdDSA"):
                    assert word in said
                examined = await run_command(["doctor", "--env-file", os.devnull], given)
                print(examined.stdout.decode())
                assert 78 == examined.returncode
                assert "JWT_SIGNING_ALGORITHM" in examined.stdout.decode()
