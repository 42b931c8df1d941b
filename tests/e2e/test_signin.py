"""People sign in with Gitea, at a whole gate: from the first refusal to the last token, over real connections."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
import trio
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from aegis_trio.audit.entry import AuditEntry
from aegis_trio.auth.broker.grants import Grants
from aegis_trio.auth.broker.rows import ACCESS_PREFIX, CODE_PREFIX, REFRESH_PREFIX
from aegis_trio.demo_forge import changes
from aegis_trio.demo_forge.demo_world import PASSWORDS
from aegis_trio.model.clock import SystemClock
from aegis_trio.store.sqlite import open_sqlite_store
from tests.e2e.gates import open_gate
from tests.e2e.messages import call, open_session, post_modern
from tests.e2e.sign_ins import BACK, Assistant, Visitor, open_sign_in
from tests.official_client import Official
from tests.person import Person

pytestmark = pytest.mark.e2e

NOTES = {"owner": "alice", "repo": "notes"}
PILOT_LOG = {"owner": "bob", "repo": "pilot-log"}
_JSON_WEB_TOKEN = "eyJhbGciOi"  # how every token of Gitea's begins
ENDED_WITHIN_S = 30.0  # of a shared machine; the gate itself is told at once


_LOOKS_OFTEN = "from aegis_trio.supervisor import upkeep\nupkeep.STILL_HERE_EVERY_S = 0.1"


async def _wait_end(stream: httpx.Response) -> None:
    with trio.fail_after(ENDED_WITHIN_S):
        async for _ in stream.aiter_bytes():
            pass


async def test_everybody_sees_what_they_may_see_at_gitea(tmp_path: Path) -> None:
    """The gate acts as the person who signed in, so that Gitea decides; it has no token of its own."""
    async with open_sign_in(tmp_path) as place, open_gate(place.settings()) as gate:
        alice, bob = await Assistant.register(gate.url), await Assistant.register(gate.url)
        await alice.sign_in(place.visitor("alice"))
        await bob.sign_in(place.visitor("bob"))

        assert "alice/notes" in await alice.repositories()
        assert "bob/pilot-log" in await bob.repositories()
        assert "alice/notes" not in await bob.repositories()
        assert "bob/pilot-log" not in await alice.repositories()
        assert 404 == (await bob.use_tool("get_repository_info", **NOTES)).status_code
        assert 404 == (await alice.use_tool("get_repository_info", **PILOT_LOG)).status_code
        async with alice.http() as client:
            called = await post_modern(client, call("get_repository_info", NOTES))
        assert 200 == called.status_code
        assert not called.json()["result"].get("isError")
        people = {place.account(login).id for login in ("alice", "bob")}
        assert {f"person:{uid}" for uid in people} == {
            record["principal"] for record in gate.audit_records("tool_intent")
        }


async def test_tokens_rotate_and_an_answer_that_was_lost_is_given_again(tmp_path: Path) -> None:
    """A client that did not get the answer asks again and goes on; the token before is soon worth nothing."""
    async with open_sign_in(tmp_path) as place, open_gate(place.settings()) as gate:
        alice = await Assistant.register(gate.url)
        await alice.sign_in(place.visitor("alice"))
        first = alice.tokens["refresh_token"]

        rotated, again = await alice.refresh(first), await alice.refresh(first)
        assert (200, 200) == (rotated.status_code, again.status_code)
        assert rotated.json()["refresh_token"] == again.json()["refresh_token"]
        assert first != rotated.json()["refresh_token"]
        alice.keep(again.json())
        assert 200 == (await alice.use_tool("get_me")).status_code

        # Its successor was used, so nobody can have lost the answer.
        assert 200 == (await alice.refresh(alice.tokens["refresh_token"])).status_code
        stolen = await alice.refresh(first)
        assert (400, "invalid_grant") == (stolen.status_code, stolen.json()["error"])
        assert 401 == (await alice.use_tool("get_me")).status_code
        await gate.wait_record("security_event", lambda record: record["kind"] == "oauth_reuse_detected")


async def test_gitea_may_have_another_address_for_people_than_for_the_gate(tmp_path: Path) -> None:
    """In a compose file the gate asks Gitea by a name that no browser knows."""
    async with open_sign_in(tmp_path) as place:
        public = place.forge.url.replace("127.0.0.1", "localhost")
        async with open_gate(place.settings() | {"GITEA_PUBLIC_URL": public}) as gate:
            alice = await Assistant.register(gate.url)
            await alice.sign_in(Visitor(gate.url, Person(public, "alice", PASSWORDS["alice"])))

            assert "alice/notes" in await alice.repositories()


async def test_every_step_is_recorded_and_counted(tmp_path: Path) -> None:
    """Issue: every step of every sign-in is audited with person and client; and an operator can watch it by numbers."""
    async with open_sign_in(tmp_path) as place, open_gate(place.settings()) as gate:
        alice = await Assistant.register(gate.url)
        await alice.sign_in(place.visitor("alice"))
        first = alice.tokens["refresh_token"]
        alice.keep((await alice.refresh(first)).json())
        assert 400 == (await alice.refresh("aegis_rt_unknown")).status_code
        assert 200 == (await alice.refresh(alice.tokens["refresh_token"])).status_code
        assert 400 == (await alice.refresh(first)).status_code
        await gate.wait_record("oauth_revoke")
        metrics = await gate.metrics()
        uid = place.account("alice").id

        counted = {
            name.removeprefix("aegis_signin_events_total"): value
            for name, value in metrics.items()
            if name.startswith("aegis_signin_events_total")
        }
        assert {
            '{event="oauth_register",kind=""}': 1,
            '{event="oauth_authorize",kind="asked"}': 1,
            '{event="oauth_authorize",kind="agreed"}': 1,
            '{event="oauth_grant",kind=""}': 1,
            '{event="oauth_token",kind=""}': 1,
            '{event="oauth_refresh",kind=""}': 2,
            '{event="oauth_revoke",kind="reused_refresh_token"}': 1,
            '{event="oauth_reuse_detected",kind="refresh_token"}': 1,
        } == counted
        assert 2 == metrics['aegis_signin_refused_total{endpoint="/oauth/token",error="invalid_grant"}']
        assert (1, 0) == (metrics["aegis_signing_keys_keys"], metrics["aegis_signing_keys_failures_total"])
        assert 0 <= metrics["aegis_signing_keys_age_s"] < 600
        for event in ("oauth_grant", "oauth_token", "oauth_refresh", "oauth_revoke"):
            for record in gate.audit_records(event):
                assert (f"person:{uid}", alice.client_id) == (record["principal"], record["client"])
                assert "127.0.0.1" == record["client_ip"]
        [reuse] = [one for one in gate.audit_records("security_event") if one["kind"] == "oauth_reuse_detected"]
        assert "127.0.0.1" == reuse["client_ip"]


async def test_giving_up_a_token_ends_what_runs_for_it(tmp_path: Path) -> None:
    """Whoever takes an assistant's access away wants it gone now, not when its stream happens to end."""
    async with open_sign_in(tmp_path) as place, open_gate(place.settings()) as gate:
        alice, bob = await Assistant.register(gate.url), await Assistant.register(gate.url)
        await alice.sign_in(place.visitor("alice"))
        await bob.sign_in(place.visitor("bob"))
        async with alice.http() as client, bob.http() as other:
            session, others = await open_session(client), await open_session(other)
            async with (
                client.stream("GET", "/mcp", headers={**session, "Accept": "text/event-stream"}) as stream,
                other.stream("GET", "/mcp", headers={**others, "Accept": "text/event-stream"}) as kept,
            ):
                assert (200, 200) == (stream.status_code, kept.status_code)
                assert 200 == (await alice.revoke()).status_code
                await _wait_end(stream)
                assert 200 == (await bob.use_tool("get_me")).status_code
            refused = await client.post("/mcp", json=call("get_me"), headers=session)
        assert 401 == refused.status_code
        assert 'error="invalid_token"' in refused.headers["www-authenticate"]
        assert "invalid_grant" == (await alice.refresh(alice.tokens["refresh_token"])).json()["error"]


async def test_another_process_that_ends_a_grant_ends_what_runs_for_it(tmp_path: Path) -> None:
    """An operator's command writes into the same store, and need not know where the gate listens."""
    async with open_sign_in(tmp_path) as place, open_gate(place.settings()) as gate:
        alice = await Assistant.register(gate.url)
        await alice.sign_in(place.visitor("alice"))
        async with alice.http() as client:
            session = await open_session(client)
            async with client.stream("GET", "/mcp", headers={**session, "Accept": "text/event-stream"}) as stream:
                assert 200 == stream.status_code
                clock = SystemClock()
                async with open_sqlite_store(Path(place.settings()["STORE_PATH"]), clock=clock) as store:
                    grants = Grants(store, clock, _NoTrail())
                    [grant] = await grants.of_person(place.account("alice").id)
                    await grants.end(grant.id, "operator")
                await _wait_end(stream)
        assert 401 == (await alice.use_tool("get_me")).status_code


async def test_nobody_signs_in_again_because_the_gate_was_restarted(tmp_path: Path) -> None:
    """Grants are on disk; an update of the gate is no event in anybody's day."""
    async with open_sign_in(tmp_path) as place:
        async with open_gate(place.settings()) as gate:
            alice = await Assistant.register(gate.url)
            visitor = place.visitor("alice")
            await alice.sign_in(visitor)
            gate.process.terminate()
            assert 0 == await gate.wait_end()
        start = len(place.forge.requests)
        async with open_gate(place.settings()) as gate:
            assert "alice/notes" in await alice.repositories()
            alice.keep((await alice.refresh(alice.tokens["refresh_token"])).json())
            assert "alice/notes" in await alice.repositories()
            # The browser is remembered too: a second assistant needs a yes, and no login.
            second = await Assistant.register(gate.url)
            await second.sign_in(visitor)
            assert "alice/notes" in await second.repositories()
            asked = [record.raw_path for record in list(place.forge.requests)[start:]]
        assert "/api/v1/user/repos" in asked
        assert "/login/oauth/authorize" not in asked


async def test_who_is_blocked_at_gitea_is_out(tmp_path: Path) -> None:
    """The token is still good here; what counts is what Gitea says of the person, in calls and in open streams."""
    async with open_sign_in(tmp_path) as place, open_gate(place.settings(), before=_LOOKS_OFTEN) as gate:
        alice, bob = await Assistant.register(gate.url), await Assistant.register(gate.url)
        await alice.sign_in(place.visitor("alice"))
        await bob.sign_in(place.visitor("bob"))
        async with alice.http() as client:
            session = await open_session(client)
            async with client.stream("GET", "/mcp", headers={**session, "Accept": "text/event-stream"}) as stream:
                assert 200 == stream.status_code
                changes.block_account(place.account("alice"))
                await _wait_end(stream)
        refused = await alice.use_tool("list_repositories")
        assert 401 == refused.status_code, refused.text
        assert 'error="invalid_token"' in refused.headers["www-authenticate"]
        assert 200 == (await bob.use_tool("get_me")).status_code


async def test_who_takes_the_consent_back_at_gitea_signs_in_again(tmp_path: Path) -> None:
    """The first call that Gitea rejects ends the sign-in here too, or the browser would get codes worth nothing."""
    async with open_sign_in(tmp_path) as place, open_gate(place.settings()) as gate:
        alice, visitor = await Assistant.register(gate.url), place.visitor("alice")
        await alice.sign_in(visitor)
        await visitor.person.revoke_everything()

        refused = await alice.use_tool("list_repositories")
        assert 401 == refused.status_code, refused.text
        assert 'error="invalid_token"' in refused.headers["www-authenticate"]
        assert 400 == (await alice.refresh(alice.tokens["refresh_token"])).status_code
        await alice.sign_in(visitor)
        assert "alice/notes" in await alice.repositories()


async def test_what_was_not_granted_is_refused_with_the_scope_that_is_missing(tmp_path: Path) -> None:
    """A client that is told what it lacks asks for it; the person's rights at Gitea are no reason to go on."""
    async with open_sign_in(tmp_path) as place, open_gate(place.settings()) as gate:
        alice, visitor = await Assistant.register(gate.url), place.visitor("alice")
        await alice.sign_in(visitor, scope="read:user")
        assert 200 == (await alice.use_tool("get_me")).status_code
        refused = await alice.use_tool("list_repositories")
        assert 403 == refused.status_code
        challenge = refused.headers["www-authenticate"]
        assert 'error="insufficient_scope"' in challenge
        assert 'scope="read:repository read:user"' in challenge
        await alice.sign_in(visitor, scope="read:user read:repository")
        assert "alice/notes" in await alice.repositories()


async def test_a_gate_that_was_killed_forgets_nobody(tmp_path: Path) -> None:
    """What a client was told is on disk before it is told, also where Gitea's tokens work once only."""
    async with open_sign_in(tmp_path) as place:
        sign_ins = place.forge.world.sign_ins
        sign_ins.rotates, sign_ins.access_ttl_s = True, 30  # each call of the gate exchanges the tokens
        async with open_gate(place.settings()) as gate:
            alice = await Assistant.register(gate.url)
            await alice.sign_in(place.visitor("alice"))
            assert 200 == (await alice.use_tool("get_me")).status_code
            alice.keep((await alice.refresh(alice.tokens["refresh_token"])).json())
            gate.process.kill()
            await gate.wait_end()
        async with open_gate(place.settings()) as gate:
            assert "alice/notes" in await alice.repositories()
            assert 200 == (await alice.refresh(alice.tokens["refresh_token"])).status_code


async def test_nothing_secret_of_a_sign_in_is_written_anywhere(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Logs are copied, shipped and read by many; what opens a door is in none of them, and the store has digests."""
    async with open_sign_in(tmp_path) as place, open_gate(place.settings() | {"LOG_LEVEL": "DEBUG"}) as gate:
        alice = await Assistant.register(gate.url)
        visitor = place.visitor("alice")
        await alice.sign_in(visitor)
        alice.keep((await alice.refresh(alice.tokens["refresh_token"])).json())
        assert 200 == (await alice.use_tool("get_me")).status_code
        async with alice.http() as client:  # where a token does not belong
            await client.get("/mcp", params={"access_token": alice.tokens["access_token"]})
        assert 200 == (await alice.revoke()).status_code
        await gate.wait_record("oauth_revoke")
        gate.process.terminate()
        assert 0 == await gate.wait_end()
        sign_ins = place.forge.world.sign_ins
        secret = [*alice.seen, *visitor.cookies.values(), place.application.client_secret, visitor.person.password]
        secret += [*filter(None, visitor.person.cookies.values()), *sign_ins.codes]
        secret += [ACCESS_PREFIX, REFRESH_PREFIX, CODE_PREFIX, _JSON_WEB_TOKEN]
        output = capfd.readouterr()
        written = {"stdout": output.out, "stderr": "\n".join(gate.log), "audit": gate.audit_path.read_text()}

    files = [path for path in tmp_path.rglob("*") if path.is_file()]  # noqa: ASYNC240 -- nothing else runs
    written |= {path.name: path.read_bytes().decode("latin-1") for path in files}
    assert {"audit.log", "store.sqlite3"} <= written.keys()
    assert [] == [(name, word[:10]) for name, text in written.items() for word in secret if word in text]
    events = {record["event"] for record in gate.audit_records()}
    assert {
        "oauth_register",
        "oauth_authorize",
        "oauth_grant",
        "oauth_token",
        "oauth_refresh",
        "oauth_revoke",
    } <= events


class _NoTrail:
    """The other process records elsewhere."""

    def append_nowait(self, entry: AuditEntry) -> None:
        """Let it go."""


@pytest.mark.parametrize("path", ["/mcp", "/mcp/sse"])
@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_the_official_client_signs_a_person_in(tmp_path: Path, mode: Any, path: str) -> None:
    """It is given nothing but the address; everything else it finds, and then it works as that person."""
    async with open_sign_in(tmp_path) as place, open_gate(place.settings()) as gate:
        official = Official(place.visitor("alice").decide, BACK)
        provider = official.provider(f"{gate.url}{path}")
        async with (
            httpx2.AsyncClient(auth=provider, trust_env=False, timeout=60) as http,
            Client(streamable_http_client(f"{gate.url}{path}", http_client=http), mode=mode) as client,
        ):
            listed = await client.list_tools()
            assert "get_me" in {tool.name for tool in listed.tools}
            found = await client.call_tool("get_repository_info", NOTES)
            assert not found.is_error
            me = await client.call_tool("get_me", {})
            assert me.structured_content is not None
            assert "alice" == me.structured_content["login"]

    assert 1 == len(official.answered)
    assert official.kept.tokens is not None
    assert official.kept.tokens.access_token.startswith("aegis_at_")
