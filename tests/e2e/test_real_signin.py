"""People sign in with a real Gitea, 1.23 or newer: its own pages, its own tokens, its own way of taking things back.

Either set AEGIS_TEST_GITEA_BIN to Gitea's program, which these tests start, end and configure. Or set
AEGIS_TEST_GITEA_URL, AEGIS_TEST_GITEA_ADMIN and AEGIS_TEST_GITEA_PASSWORD: the address of one that runs on loopback,
and the name and password of an administrator without a second factor; each test makes accounts of its own there, and
those that need another configuration or a restart are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from aegis_trio.auth.broker.rows import ACCESS_PREFIX
from tests.e2e.gates import open_gate, run_command
from tests.e2e.messages import open_session
from tests.e2e.official_sign_in import OfficialClient
from tests.e2e.real_sign_ins import SCOPE, any_gitea, open_place, own_gitea
from tests.e2e.sign_ins import Assistant, Visitor, free_url
from tests.gitea_server import GiteaServer
from tests.person import Person

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

LOST_WITHIN_S = 60.0  # promised, by the clock on the wall
_TOKEN_PAGE = "/login/oauth/access_token"


@pytest.fixture(name="gitea", scope="module")
def _fixture_gitea(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GiteaServer]:
    with any_gitea(tmp_path_factory.mktemp("gitea")) as gitea:
        yield gitea


def _wants_sign_in(answer: httpx.Response) -> bool:
    challenge = answer.headers.get("www-authenticate", "")
    return answer.status_code == 401 and 'error="invalid_token"' in challenge and "resource_metadata=" in challenge


async def _wait_end(stream: httpx.Response) -> None:
    with trio.fail_after(LOST_WITHIN_S):
        async for _ in stream.aiter_bytes():
            pass


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_the_official_client_goes_the_whole_way(gitea: GiteaServer, tmp_path: Path, mode: Any) -> None:
    """From nothing but the address: discovery, registration, consent, login, call, refresh, and giving it up."""
    alice = await gitea.add_person("alice")
    async with open_place(gitea, tmp_path) as place, open_gate(place.settings()) as gate:
        official = OfficialClient(f"{gate.url}/mcp", place.visitor(alice).decide)
        async with official.connect(mode) as client:
            me = await client.call_tool("get_me", {})
            assert me.structured_content is not None
            assert alice.login == me.structured_content["login"]
            first = official.tokens

            official.expire_token()
            found = await client.call_tool("get_repository_info", alice.diary)
            assert not found.is_error
            assert first.access_token != official.tokens.access_token
            assert first.refresh_token != official.tokens.refresh_token
        assert 1 == official.times_asked
        assert official.tokens.access_token.startswith(ACCESS_PREFIX)

        assistant = Assistant(gate.url, official.client_id, official.tokens.model_dump())
        assert 200 == (await assistant.use_tool("get_me")).status_code
        assert 200 == (await assistant.revoke()).status_code
        assert _wants_sign_in(await assistant.use_tool("get_me"))
        assert "invalid_grant" == (await assistant.refresh(assistant.tokens["refresh_token"])).json()["error"]
        # Gitea knows nothing of that: its own grant is the person's, for all of their assistants.
        assert set(SCOPE.split()) == set((await place.granted_scope(place.person(alice))).split())
        events = [record["event"] for record in gate.audit_records()]
    assert {"oauth_register", "oauth_authorize", "oauth_grant", "oauth_token", "oauth_refresh", "oauth_revoke"} <= {
        *events
    }


async def test_two_settings_and_one_command_are_enough(gitea: GiteaServer, tmp_path: Path) -> None:
    """`oauth setup` registers the application with an ordinary token, `doctor` finds nothing wrong, people sign in."""
    alice, operator = await gitea.add_person("alice"), await gitea.add_person("operator")
    env_file, public_url = tmp_path / ".env", free_url()
    token = await gitea.add_token(operator, "write:user")
    given = {"GITEA_URL": gitea.url, "PUBLIC_URL": public_url, "AEGIS_SETUP_TOKEN": token}
    files = ["--env-file", str(env_file)]
    done = await run_command(["oauth", "setup", *files, "--state-dir", str(tmp_path / "state"), "--json"], given)
    assert 0 == done.returncode, done.stderr.decode()
    assert token not in env_file.read_text()
    examined = await run_command(["doctor", *files], {"ADMIN_PORT": "0"})
    print(examined.stdout.decode())
    assert 0 == examined.returncode
    async with open_gate({"ADMIN_PORT": "0", "LOG_FORMAT": "json"}, env_file=env_file):
        hers = await Assistant.register(public_url)
        await hers.sign_in(Visitor(public_url, Person(gitea.url, alice.login, alice.password)))
        assert 200 == (await hers.use_tool("get_repository_info", **alice.diary)).status_code


async def test_two_people_at_once_see_their_own(gitea: GiteaServer, tmp_path: Path) -> None:
    """What Gitea hides from one of them does not exist for that one, in every tool, while both call at once."""
    alice, bob = await gitea.add_person("alice"), await gitea.add_person("bob")
    async with open_place(gitea, tmp_path) as place, open_gate(place.settings()) as gate:
        hers, his = await Assistant.register(gate.url), await Assistant.register(gate.url)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hers.sign_in, place.visitor(alice))
            nursery.start_soon(his.sign_in, place.visitor(bob))

        async def look(assistant: Assistant, own: dict[str, str], others: dict[str, str]) -> None:
            for _ in range(5):
                seen = await assistant.repositories()
                assert f"{own['owner']}/diary" in seen
                assert f"{others['owner']}/diary" not in seen
                for tool, more in (("get_repository_info", {}), ("get_file_contents", {"path": "README.md"})):
                    assert 200 == (await assistant.use_tool(tool, **own, **more)).status_code
                    assert 404 == (await assistant.use_tool(tool, **others, **more)).status_code

        async with trio.open_nursery() as nursery:
            nursery.start_soon(look, hers, alice.diary, bob.diary)
            nursery.start_soon(look, his, bob.diary, alice.diary)
        people = {record["principal"] for record in gate.audit_records("tool_intent")}
    assert {f"person:{person.uid}" for person in (alice, bob)} == people


async def test_who_is_blocked_is_out_within_a_minute(gitea: GiteaServer, tmp_path: Path) -> None:
    """In an open stream, in the next call, and on the way to a new sign-in; somebody else notices nothing."""
    alice, bob = await gitea.add_person("alice"), await gitea.add_person("bob")
    async with open_place(gitea, tmp_path) as place, open_gate(place.settings()) as gate:
        hers, his = await Assistant.register(gate.url), await Assistant.register(gate.url)
        visitor = place.visitor(alice)
        await hers.sign_in(visitor)
        await his.sign_in(place.visitor(bob))
        async with hers.http() as client:
            session = await open_session(client)
            async with client.stream("GET", "/mcp", headers={**session, "Accept": "text/event-stream"}) as stream:
                assert 200 == stream.status_code
                await gitea.set_blocked(alice, blocked=True)
                await _wait_end(stream)
        assert _wants_sign_in(await hers.use_tool("list_repositories"))
        assert 200 == (await his.use_tool("get_me")).status_code

        # Her browser is remembered by the gate, but nothing is granted on the strength of that.
        onward = await visitor.consent(hers.ask())
        assert onward.startswith(f"{gitea.url}/login/oauth/authorize?")
        page = await visitor.person.get(onward)
        assert "prohibited" in page.text.lower()

        await gitea.set_blocked(alice, blocked=False)
        await hers.sign_in(visitor)
        assert 200 == (await hers.use_tool("get_repository_info", **alice.diary)).status_code


async def test_who_is_blocked_is_told_to_sign_in_by_the_next_call(gitea: GiteaServer, tmp_path: Path) -> None:
    """A person without an open stream, too, and at once: Gitea refuses the call itself."""
    alice = await gitea.add_person("alice")
    async with open_place(gitea, tmp_path) as place, open_gate(place.settings()) as gate:
        hers = await Assistant.register(gate.url)
        await hers.sign_in(place.visitor(alice))
        await gitea.set_blocked(alice, blocked=True)
        assert _wants_sign_in(await hers.use_tool("list_repositories"))
        assert "invalid_grant" == (await hers.refresh(hers.tokens["refresh_token"])).json()["error"]


async def test_who_takes_the_grant_back_at_gitea_signs_in_again(gitea: GiteaServer, tmp_path: Path) -> None:
    """In Gitea's settings, by the button there; the next call is 401 with the challenge that leads back in."""
    alice = await gitea.add_person("alice")
    async with open_place(gitea, tmp_path) as place, open_gate(place.settings()) as gate:
        hers, visitor = await Assistant.register(gate.url), place.visitor(alice)
        await hers.sign_in(visitor)
        assert 200 == (await hers.use_tool("get_me")).status_code
        await visitor.person.revoke_everything()

        assert _wants_sign_in(await hers.use_tool("list_repositories"))
        assert 400 == (await hers.refresh(hers.tokens["refresh_token"])).status_code
        await hers.sign_in(visitor)
        assert 200 == (await hers.use_tool("get_repository_info", **alice.diary)).status_code


@pytest.mark.parametrize("asked", ["offline_access foo", "offline_access foo read:repository all", "all", "sudo"])
async def test_no_word_of_a_client_reaches_the_grant(gitea: GiteaServer, tmp_path: Path, asked: str) -> None:
    """One unknown word would open everything at Gitea; introspection says that the grant is the constant set."""
    alice = await gitea.add_person("alice")
    async with open_place(gitea, tmp_path) as place, open_gate(place.settings()) as gate:
        hers, visitor = await Assistant.register(gate.url), place.visitor(alice)
        await hers.sign_in(visitor, scope=asked)
        assert 200 == (await hers.use_tool("get_repository_info", **alice.diary)).status_code
        granted = (await place.granted_scope(visitor.person)).split()
    assert sorted(SCOPE.split()) == sorted(granted)


@pytest.mark.parametrize("old", ["read:user", "openid all", "openid offline_access", ""], ids=str)
async def test_an_older_grant_with_other_rights_is_not_used(gitea: GiteaServer, tmp_path: Path, old: str) -> None:
    """Gitea keeps a grant's first scope silently; the person is told where to revoke it, and then it works."""
    alice = await gitea.add_person("alice")
    async with open_place(gitea, tmp_path) as place, open_gate(place.settings()) as gate:
        hers, visitor = await Assistant.register(gate.url), place.visitor(alice)
        await place.tokens(visitor.person, scope=old)

        onward = await visitor.consent(hers.ask())
        page = await visitor.arrive(await visitor.person.authorize(onward))
        assert 409 == page.status_code, page.text
        assert f'href="{gitea.url}/user/settings/applications"' in page.text
        assert [] == gate.audit_records("oauth_grant")

        await visitor.person.revoke_everything()
        await hers.sign_in(visitor)
        assert 200 == (await hers.use_tool("get_repository_info", **alice.diary)).status_code
        assert set(SCOPE.split()) == set((await place.granted_scope(visitor.person)).split())


async def test_who_refuses_at_gitea_grants_nothing(gitea: GiteaServer, tmp_path: Path) -> None:
    """`Cancel` on Gitea's page is told to the client as the refusal that it is."""
    alice = await gitea.add_person("alice")
    async with open_place(gitea, tmp_path) as place, open_gate(place.settings()) as gate:
        hers, visitor = await Assistant.register(gate.url), place.visitor(alice)
        onward = await visitor.consent(hers.ask())
        back = await visitor.arrive(await visitor.person.authorize(onward, allow=False))
        assert 303 == back.status_code
        assert "error=access_denied" in back.headers["location"]
        assert [] == gate.audit_records("oauth_grant")


@pytest.mark.parametrize("where", ["at the login page", "at the consent page"])
async def test_gitea_forgets_its_sessions_in_the_middle(tmp_path: Path, where: str) -> None:
    """They are in its memory by default; nothing is half granted, and whoever begins again gets through."""
    with own_gitea(tmp_path / "gitea") as gitea:
        alice = await gitea.add_person("alice")
        async with open_place(gitea, tmp_path) as place, open_gate(place.settings()) as gate:
            hers, visitor = await Assistant.register(gate.url), place.visitor(alice)
            page = await visitor.person.get(await visitor.consent(hers.ask()))
            assert page.url.endswith("/user/login")
            if where == "at the consent page":
                page = await visitor.person.sign_in(page)
                assert page.has_form("/login/oauth/grant")
            await trio.to_thread.run_sync(gitea.restart)
            if where == "at the consent page":
                page = await visitor.person.send(page, "/login/oauth/grant", granted="true")
            else:
                page = await visitor.person.sign_in(page)
            print(f"{where}: {page.status} {page.url.split('?')[0]} {page.text[:200]!r}")
            assert not page.url.startswith(gate.url)
            assert [] == gate.audit_records("oauth_grant")

            await hers.sign_in(visitor)
            assert 200 == (await hers.use_tool("get_repository_info", **alice.diary)).status_code


async def test_gitea_is_away_when_the_browser_comes_back(tmp_path: Path) -> None:
    """The page says so, `Try again` asks once more, and the sign-in that was begun is finished."""
    with own_gitea(tmp_path / "gitea") as gitea:
        alice = await gitea.add_person("alice")
        async with open_place(gitea, tmp_path) as place, open_gate(place.settings()) as gate:
            hers, visitor = await Assistant.register(gate.url), place.visitor(alice)
            callback = await visitor.person.authorize(await visitor.consent(hers.ask()))
            await trio.to_thread.run_sync(gitea.stop)
            page = await visitor.arrive(callback)
            assert 503 == page.status_code, page.text
            assert [] == gate.audit_records("oauth_grant")

            await trio.to_thread.run_sync(gitea.start)
            [again] = [way for way in page.text.split('href="')[1:] if "oauth/consent" in way]
            asked = await visitor.arrive(f"{gate.url}{again.partition(chr(34))[0].removeprefix(gate.url)}")
            back = await visitor.arrive(await visitor.person.authorize(await visitor.answer(asked)))
            assert 303 == back.status_code, back.text
            await hers.redeem(back.headers["location"])
            assert 200 == (await hers.use_tool("get_repository_info", **alice.diary)).status_code


@pytest.mark.parametrize("rotates", ["false", "true"])
async def test_giteas_tokens_are_exchanged_once_for_many_calls(tmp_path: Path, rotates: str) -> None:
    """They live for two seconds here; with rotation a second exchange of one token would end the sign-in."""
    times = {"ACCESS_TOKEN_EXPIRATION_TIME": "2", "INVALIDATE_REFRESH_TOKENS": rotates}
    with own_gitea(tmp_path / "gitea", {"oauth2": times}) as gitea:
        alice = await gitea.add_person("alice")
        async with open_place(gitea, tmp_path) as place, open_gate(place.settings()) as gate:
            hers = await Assistant.register(gate.url)
            await hers.sign_in(place.visitor(alice))
            for _ in range(3):
                before = gitea.times_asked("POST", _TOKEN_PAGE)
                answers: list[httpx.Response] = []

                async def call(answers: list[httpx.Response] = answers) -> None:
                    answers.append(await hers.use_tool("get_repository_info", **alice.diary))

                async with trio.open_nursery() as nursery:
                    for _ in range(8):
                        nursery.start_soon(partial(call))
                assert [200] * 8 == [answer.status_code for answer in answers]
                exchanged = gitea.times_asked("POST", _TOKEN_PAGE) - before
                print(f"rotation {rotates}: 8 calls at once, {exchanged} exchanges")
                assert 1 <= exchanged < 8
