"""The sign-in side against the verified fake: whole flows, and what a broker must notice in them."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from aegis_trio.auth.jwks import RefreshTimes, SigningKeys
from aegis_trio.demo_forge import changes
from aegis_trio.demo_forge.faults import Fault
from aegis_trio.gitea.applications import (
    find_application,
    list_applications,
    update_application,
)
from aegis_trio.gitea.id_token import (
    AccessClaims,
    NotSigned,
    Reason,
    read_access_claims,
    verify_id_token,
)
from aegis_trio.gitea.oauth import GiteaOAuth, GiteaTokens, Inactive, Introspection
from aegis_trio.gitea.provider import Application
from aegis_trio.gitea.repositories import get_repository
from aegis_trio.model.errors import (
    ClientRefused,
    GrantDead,
    NotFound,
    UpstreamBroken,
    UpstreamFault,
    UpstreamRejectedIdentity,
)
from aegis_trio.model.refs import parse_repository
from aegis_trio.model.secret import Secret
from tests.gitea.bench import ALICE, CALLBACK, SCOPE, VERIFIER, open_bench
from tests.person import answer_in

pytestmark = pytest.mark.sockets


async def test_two_people_sign_in_and_see_their_own() -> None:
    """Each with rights of their own: the other's private repository does not exist for them."""
    async with open_bench() as bench:
        keys = SigningKeys(RefreshTimes())
        await keys.refresh(bench.oauth.fetch_jwks)
        issuer = (await bench.oauth.discover()).issuer
        own = {"alice": ("alice", "notes"), "bob": ("bob", "pilot-log")}
        for login, other in (("alice", "bob"), ("bob", "alice")):
            tokens = await bench.tokens(bench.person(login))
            uid, now_s = bench.account(login).id, bench.now_s

            assert tokens.id_token is not None
            claims = verify_id_token(
                tokens.id_token,
                keys=keys,
                issuer=issuer,
                client_id=bench.application.client_id,
                nonce="n",
                access_token=tokens.access_token,
                now_s=now_s,
            )
            found = await bench.oauth.introspect(tokens.access_token)
            access = read_access_claims(tokens.access_token.reveal(), keys=keys, now_s=now_s)

            assert (uid, login) == (claims.uid, claims.login)
            assert (
                Introspection(
                    scopes=frozenset(SCOPE.split()),
                    username=login,
                    uid=uid,
                    audience=(bench.application.client_id,),
                    issuer=issuer,
                )
                == found
            )
            assert isinstance(access, AccessClaims)
            assert (uid, uid) == (
                (await bench.oauth.userinfo(tokens.access_token)).uid,
                (await bench.oauth.current_user(tokens.access_token)).uid,
            )
            mine = bench.client.acting_as(tokens.access_token)
            assert own[login][1] == (await mine.ask(get_repository(parse_repository(*own[login])))).name
            with pytest.raises(NotFound):
                await mine.ask(get_repository(parse_repository(*own[other])))


async def test_another_kind_of_token_is_seen_by_its_claims() -> None:
    """Gitea calls a refresh token active, so its kind must be read from the token itself."""
    async with open_bench() as bench:
        keys = SigningKeys()
        await keys.refresh(bench.oauth.fetch_jwks)
        tokens = await bench.tokens(bench.person("alice"))
        now_s = bench.now_s

        assert isinstance(await bench.oauth.introspect(tokens.refresh_token), Introspection)
        assert NotSigned(Reason.CLAIMS) == read_access_claims(tokens.refresh_token.reveal(), keys=keys, now_s=now_s)
        assert NotSigned(Reason.CLAIMS) == read_access_claims(tokens.id_token or "", keys=keys, now_s=now_s)
        with pytest.raises(UpstreamRejectedIdentity):
            await bench.oauth.userinfo(tokens.refresh_token)


async def test_a_new_key_of_gitea_is_fetched_when_its_first_token_comes() -> None:
    """An unknown key id asks for a fetch; until then the proof is refused, not believed."""
    async with open_bench() as bench:
        keys = SigningKeys()
        await keys.refresh(bench.oauth.fetch_jwks)
        changes.change_signing_key(bench.forge.world)
        tokens = await bench.tokens(bench.person("alice"))

        def verified() -> int:
            return verify_id_token(
                tokens.id_token or "",
                keys=keys,
                issuer=bench.forge.url,
                client_id=bench.application.client_id,
                nonce="n",
                access_token=tokens.access_token,
                now_s=bench.now_s,
            ).uid

        with pytest.raises(UpstreamBroken, match="unknown key"):
            verified()
        await keys.wait_wanted()
        await keys.refresh(bench.oauth.fetch_jwks)

        assert 2 == verified()


@pytest.mark.parametrize("rotates", [True, False])
async def test_a_refresh_token_works_once_where_gitea_rotates(*, rotates: bool) -> None:
    """Both are found in the field, and a broker must live with either."""
    async with open_bench() as bench:
        bench.forge.world.sign_ins.rotates = rotates
        first = await bench.tokens(bench.person("alice"))
        second = await bench.oauth.refresh(first.refresh_token)

        assert isinstance(await bench.oauth.introspect(second.access_token), Introspection)
        if rotates:
            with pytest.raises(GrantDead):
                await bench.oauth.refresh(first.refresh_token)
        else:
            assert isinstance(await bench.oauth.refresh(first.refresh_token), GiteaTokens)


async def test_a_code_works_once() -> None:
    """Whoever reads it out of an address later has nothing."""
    async with open_bench() as bench:
        code = Secret(answer_in(await bench.person("bob").authorize(bench.url()))["code"])
        await bench.oauth.exchange_code(code, CALLBACK, VERIFIER)
        with pytest.raises(GrantDead):
            await bench.oauth.exchange_code(code, CALLBACK, VERIFIER)


async def test_a_refused_consent_comes_back_as_an_error() -> None:
    """No code, and no grant at Gitea."""
    async with open_bench() as bench:
        answered = answer_in(await bench.person("bob").authorize(bench.url(), allow=False))

        assert ("access_denied", None) == (answered["error"], answered.get("code"))
        assert {} == bench.forge.world.sign_ins.grants


async def test_an_old_grant_keeps_its_scope_and_is_found_out() -> None:
    """The person said yes to less, or to more, a year ago; only introspection shows it."""
    async with open_bench() as bench:
        person = bench.person("alice")
        await bench.tokens(person, scope="openid read:user offline_access")
        found = await bench.oauth.introspect((await bench.tokens(person)).access_token)

        assert isinstance(found, Introspection)
        assert (frozenset({"openid", "read:user", "offline_access"}), True) == (found.scopes, found.opens_everything)
        assert await bench.oauth.opens_everything((await bench.tokens(person)).access_token)
        await person.revoke_everything()
        tokens = await bench.tokens(person)
        again = await bench.oauth.introspect(tokens.access_token)
        assert isinstance(again, Introspection)
        assert not await bench.oauth.opens_everything(tokens.access_token)
        assert (frozenset(SCOPE.split()), False) == (again.scopes, again.opens_everything)


async def test_a_revoked_consent_ends_every_token() -> None:
    """At once, and in a way in which each of our questions says so."""
    async with open_bench() as bench:
        tokens = await bench.tokens(bench.person("alice"))

        assert 1 == changes.revoke_grants(bench.forge.world, bench.account("alice"))
        assert Inactive() == await bench.oauth.introspect(tokens.access_token)
        with pytest.raises(GrantDead):
            await bench.oauth.refresh(tokens.refresh_token)
        with pytest.raises(UpstreamRejectedIdentity):
            await bench.oauth.userinfo(tokens.access_token)
        with pytest.raises(UpstreamRejectedIdentity):
            await bench.oauth.current_user(tokens.access_token)


async def test_a_blocked_person_is_seen_by_the_api_alone() -> None:
    """Introspection and refresh go on as if nothing had been: who trusts them alone lets the blocked in."""
    async with open_bench() as bench:
        tokens = await bench.tokens(bench.person("bob"))
        changes.block_account(bench.account("bob"))

        assert isinstance(await bench.oauth.introspect(tokens.access_token), Introspection)
        assert isinstance(await bench.oauth.refresh(tokens.refresh_token), GiteaTokens)
        with pytest.raises(UpstreamBroken):
            await bench.oauth.userinfo(tokens.access_token)
        with pytest.raises(UpstreamRejectedIdentity, match="blocked"):
            await bench.oauth.current_user(tokens.access_token)
        changes.admit_account(bench.account("bob"))
        assert "bob" == (await bench.oauth.current_user(tokens.access_token)).login


async def test_a_token_that_expired_is_inactive_though_gitea_reads_the_body_as_a_sign_in() -> None:
    """The question is JSON, which Gitea does not take for a form."""
    async with open_bench() as bench:
        bench.forge.world.sign_ins.access_ttl_s = -1
        code = answer_in(await bench.person("alice").authorize(bench.url()))["code"]
        with pytest.raises(UpstreamBroken):
            await bench.oauth.exchange_code(Secret(code), CALLBACK, VERIFIER)
        bench.forge.world.sign_ins.access_ttl_s = 3600
        tokens = await bench.tokens(bench.person("alice"))
        changes.change_signing_key(bench.forge.world)

        assert Inactive() == await bench.oauth.introspect(tokens.access_token)


async def test_a_new_secret_at_gitea_refuses_the_old_one() -> None:
    """The operator's setup made a new one; the gate that still runs says whose fault it is."""
    async with open_bench() as bench:
        tokens = await bench.tokens(bench.person("alice"))
        listed = await bench.client.ask_provider(list_applications(page=1), ALICE)
        ours = find_application(listed, name="gate", redirect_uri=CALLBACK)

        assert ours is not None
        made = await bench.client.ask_provider(
            update_application(ours, name="gate", redirect_uris=(CALLBACK, "https://gate.example/two")), ALICE
        )
        assert bench.application.client_id == made.application.client_id
        for call in (bench.oauth.refresh, bench.oauth.introspect):
            with pytest.raises(ClientRefused):
                await call(tokens.refresh_token)
        renewed = GiteaOAuth(
            bench.client, Application(client_id=made.application.client_id, client_secret=made.client_secret)
        )
        assert isinstance(await renewed.refresh(tokens.refresh_token), GiteaTokens)


PAGE = Fault(status=200, body=b"<html>maintenance</html>", content_type="text/html; charset=utf-8")
BAD_DAYS = {"500": Fault(status=500), "a page": PAGE, "a redirect": Fault(status=302, headers=(("Location", "/x"),))}


@pytest.mark.parametrize("fault", BAD_DAYS.values(), ids=BAD_DAYS.keys())
async def test_a_bad_day_of_gitea_is_never_a_yes(fault: Fault) -> None:
    """Every question of ours, each on its own page."""
    async with open_bench() as bench:
        tokens = await bench.tokens(bench.person("alice"))
        asked = {
            "/login/oauth/introspect": lambda: bench.oauth.introspect(tokens.access_token),
            "/login/oauth/access_token": lambda: bench.oauth.refresh(tokens.refresh_token),
            "/login/oauth/userinfo": lambda: bench.oauth.userinfo(tokens.access_token),
            "/login/oauth/keys": bench.oauth.fetch_jwks,
            "/.well-known/openid-configuration": bench.oauth.discover,
        }
        for path, ask in asked.items():
            bench.forge.faults.order(fault, path=path)
            with pytest.raises(UpstreamFault) as fault_of_ours:
                await ask()
            assert not isinstance(fault_of_ours.value, GrantDead | ClientRefused)


async def test_a_slow_gitea_is_left_when_the_callers_time_is_up(autojump_clock: trio.testing.MockClock) -> None:
    """The deadline is the caller's; the connection is given back."""
    del autojump_clock
    async with open_bench() as bench:
        hold = trio.Event()
        bench.forge.faults.order(Fault(hold=hold), path="/login/oauth/introspect")
        with trio.move_on_after(5) as scope:
            await bench.oauth.introspect(Secret("a.b.c"))

        assert scope.cancelled_caught
        assert Inactive() == await bench.oauth.introspect(Secret("a.b.c"))
