"""Gitea's login: one constant scope, and three witnesses of who signed in."""

from __future__ import annotations

from dataclasses import replace
from typing import cast
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from aegis_trio.auth.broker.ports import UpstreamGrantDead, UpstreamIdentity, UpstreamOtherGrant, UpstreamTokens
from aegis_trio.auth.jwks import SigningKeys
from aegis_trio.auth.upstream import GiteaLogin
from aegis_trio.gitea.oauth import GiteaOAuth, Inactive, Introspection
from aegis_trio.gitea.users import CurrentUser
from aegis_trio.model.clock import SetClock
from aegis_trio.model.errors import GrantDead, UpstreamBroken, UpstreamForbade, UpstreamRejectedIdentity
from aegis_trio.model.secret import Secret
from aegis_trio.policy.scopes import gitea_scopes
from tests.auth.signed import ISSUER, NOW_S, OURS, FakeOAuth, signed, signing_keys

CALLBACK = "https://gate.example/oauth/callback"


def login(gitea: FakeOAuth, keys: SigningKeys | None = None, *, write_mode: bool = False) -> GiteaLogin:
    """Return the login at *gitea*."""
    return GiteaLogin(
        oauth=cast("GiteaOAuth", gitea),
        keys=keys or SigningKeys(),
        clock=SetClock(NOW_S * 1_000_000_000),
        browser_url="https://git.example/",
        client_id=OURS,
        redirect_uri=CALLBACK,
        write_mode=write_mode,
    )


def tokens(**claims: object) -> UpstreamTokens:
    """Return tokens with an ID token of this sign-in."""
    id_token = signed(**{"iss": ISSUER, "aud": OURS, "sub": "1", "nonce": "n", "preferred_username": "ada", **claims})
    return UpstreamTokens(access=Secret("a"), refresh=Secret("r"), expires_in_s=3600, id_token=Secret(id_token))


@given(state=st.text(), nonce=st.text(), challenge=st.text(), write_mode=st.booleans())
def test_the_authorize_address_carries_exactly_the_constant_scopes(
    *, state: str, nonce: str, challenge: str, write_mode: bool
) -> None:
    """An unknown word would widen the grant to everything: nothing that is handed in can add one."""
    address = login(FakeOAuth(), write_mode=write_mode).authorize_address(state=state, nonce=nonce, challenge=challenge)
    query = parse_qs(urlsplit(address).query, keep_blank_values=True)

    assert [" ".join(gitea_scopes(write_mode=write_mode))] == query["scope"]
    assert ([state], [nonce], [challenge]) == (query["state"], query["nonce"], query["code_challenge"])
    assert ([CALLBACK], [OURS], ["S256"]) == (
        query["redirect_uri"],
        query["client_id"],
        query["code_challenge_method"],
    )


async def test_who_signed_in_is_what_three_witnesses_agree_on() -> None:
    """With the scope that the grant really holds."""
    found = await login(FakeOAuth(), await signing_keys()).identify(tokens(), "n")

    assert UpstreamIdentity(uid=1, login="ada", scope="openid read:repository") == found


@pytest.mark.parametrize("claims", [{"nonce": "another"}, {"aud": "another"}, {"iss": "https://x"}, {"sub": "2"}])
async def test_a_proof_that_is_not_this_sign_ins_is_refused(claims: dict[str, object]) -> None:
    """Another browser's code, another application's, another Gitea's, another person's."""
    with pytest.raises(UpstreamBroken):
        await login(FakeOAuth(), await signing_keys()).identify(tokens(**claims), "n")


async def test_a_sign_in_without_a_proof_is_refused() -> None:
    """An access token alone does not say for whom it was made."""
    with pytest.raises(UpstreamBroken):
        await login(FakeOAuth()).identify(replace(tokens(), id_token=None), "n")


@pytest.mark.parametrize("scope", ["", "all", "read:user", "read:repository offline_access"])
async def test_an_older_grant_that_proves_nobody_is_another_grant(scope: str) -> None:
    """Gitea gives no ID token for it, ever, so the person must be told where to revoke it; seen at a real Gitea."""
    gitea = FakeOAuth()
    assert isinstance(gitea.found, Introspection)
    gitea.found = replace(gitea.found, scopes=frozenset(scope.split()))
    with pytest.raises(UpstreamOtherGrant) as raised:
        await login(gitea).identify(replace(tokens(), id_token=None), "n")
    assert "ada" == raised.value.person


@pytest.mark.parametrize("id_token", [True, False])
async def test_a_token_of_another_application_names_nobody(*, id_token: bool) -> None:
    """Not even where its grant proves nobody: the page that names a person is for grants to this gate."""
    gitea = FakeOAuth()
    assert isinstance(gitea.found, Introspection)
    gitea.found = replace(gitea.found, audience=("another",), scopes=frozenset())
    given = tokens() if id_token else replace(tokens(), id_token=None)
    with pytest.raises(UpstreamBroken):
        await login(gitea, await signing_keys()).identify(given, "n")


@pytest.mark.parametrize("why", ["inactive", "blocked", "without the scope", "prohibited", "waiting", "somebody else"])
async def test_an_account_that_may_not_be_used_signs_in_nobody(why: str) -> None:
    """Gitea gives a blocked person tokens all the same."""
    gitea = FakeOAuth()
    assert isinstance(gitea.user, CurrentUser)
    match why:
        case "inactive":
            gitea.found = Inactive()
        case "blocked":
            gitea.user = UpstreamRejectedIdentity("no")
        case "without the scope":
            gitea.user = UpstreamForbade("no")
        case "prohibited":
            gitea.user = replace(gitea.user, prohibited=True)
        case "waiting":
            gitea.user = replace(gitea.user, active=False)
        case _:
            gitea.user = replace(gitea.user, uid=2)
    with pytest.raises(UpstreamGrantDead):
        await login(gitea, await signing_keys()).identify(tokens(), "n")


async def test_tokens_are_exchanged_until_the_grant_is_dead() -> None:
    """A dead grant is the broker's word for it, a fault of Gitea's is another."""
    gitea = FakeOAuth()
    under_test = login(gitea)
    expected = UpstreamTokens(access=Secret("a"), refresh=Secret("r"), expires_in_s=3600, id_token=Secret("i"))
    assert expected == await under_test.exchange(Secret("code"), Secret("v"))
    assert expected == await under_test.refresh(Secret("r"))
    gitea.tokens = GrantDead("no")
    with pytest.raises(UpstreamGrantDead):
        await under_test.exchange(Secret("code"), Secret("v"))
    with pytest.raises(UpstreamGrantDead):
        await under_test.refresh(Secret("r"))


async def test_who_is_blocked_at_gitea_may_not_go_on() -> None:
    """By what the API says of the account."""
    gitea = FakeOAuth()
    under_test = login(gitea)
    assert await under_test.may_be_used(Secret("a"))
    assert isinstance(gitea.user, CurrentUser)
    answers = (
        replace(gitea.user, prohibited=True),
        replace(gitea.user, active=False),
        UpstreamForbade("no"),
        UpstreamRejectedIdentity("no"),
    )
    for answer in answers:
        gitea.user = answer
        assert not await under_test.may_be_used(Secret("a"))


async def test_an_older_grant_to_everything_is_told_as_what_it_is() -> None:
    """Its token opens everything because the grant says so: the person can revoke it, and no newer Gitea is needed."""
    gitea = FakeOAuth(ignores_scopes=True)
    assert isinstance(gitea.found, Introspection)
    gitea.found = replace(gitea.found, scopes=frozenset({"openid", "all"}))

    assert "all openid" == (await login(gitea, await signing_keys()).identify(tokens(), "n")).scope


async def test_a_gitea_that_ignores_scopes_signs_in_nobody() -> None:
    """Before 1.23 introspection shows the words that were asked for, while the token opens everything."""
    gitea = FakeOAuth(ignores_scopes=True)
    with capture_logs() as logs, pytest.raises(UpstreamBroken, match=r"1\.23"):
        await login(gitea, await signing_keys()).identify(tokens(), "n")

    assert ["gitea_ignores_scopes"] == [line["event"] for line in logs]
