"""The sign-in side: what Gitea's recorded answers mean, and that nothing else ever means "active"."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.gitea.oauth import (
    GiteaTokens,
    Inactive,
    Introspection,
    UserInfo,
    exchange_code,
    introspect,
    refresh,
    userinfo,
)
from aegis_trio.gitea.provider import ProviderRequest
from aegis_trio.gitea.request import ForgeResponse
from aegis_trio.gitea.users import CurrentUser, current_user
from aegis_trio.model.errors import ClientRefused, Fault, GrantDead, UpstreamBroken, UpstreamFault
from aegis_trio.model.secret import Secret
from tests.gitea.recorded import EXCHANGES, response_of
from tests.gitea.recorded_oauth import LINES, RESPONSES, ids_at, word

TOKEN = Secret("a.b.c")
CODE = exchange_code(Secret("gta_abc"), "https://gate.example/oauth/callback", Secret("v" * 43))
ALL: dict[str, ProviderRequest[Any]] = {
    "code": CODE,
    "refresh": refresh(TOKEN),
    "introspect": introspect(TOKEN),
    "userinfo": userinfo(),
}
# What Gitea said of our own id, secret or redirect URI.
OURS = {
    "oauth.refresh.wrong_secret",
    "oauth.refresh.no_secret",
    "oauth.token.wrong_redirect",
    "oauth.token.wrong_secret",
    "oauth.token.unknown_client",
}
# What a broker never sends.
OTHER = {
    "oauth.token.unsupported_grant",
    "oauth.token.password_grant",
    "oauth.token.no_grant_type",
    "oauth.token.client_mismatch",
}


@pytest.mark.parametrize("id_", ids_at("/access_token", status=200))
def test_every_recorded_exchange_of_tokens_is_read(id_: str) -> None:
    """Two tokens, a lifetime, and an ID token exactly where Gitea gave one."""
    tokens = CODE.decode(RESPONSES[id_])
    recorded = LINES[id_]["body"]

    assert (
        GiteaTokens(
            access_token=Secret(word(recorded["access_token"].strip("<>"))),
            refresh_token=Secret(word(recorded["refresh_token"].strip("<>"))),
            expires_in_s=recorded["expires_in"],
            id_token=word(recorded["id_token"].strip("<>")) if "id_token" in recorded else None,
        )
        == tokens
    )
    assert "access_token" not in repr(tokens).replace("access_token=", "")


@pytest.mark.parametrize("id_", ids_at("/access_token", status=400))
def test_every_recorded_refusal_is_a_fault_of_its_kind(id_: str) -> None:
    """A dead sign-in asks the person, a wrong secret the operator; a mistake here would send the wrong one."""
    expected = ClientRefused if id_ in OURS else UpstreamBroken if id_ in OTHER else GrantDead
    with pytest.raises(Fault) as refusal:
        ALL["refresh"].decode(RESPONSES[id_])

    assert expected is type(refusal.value)
    assert LINES[id_]["body"]["error_description"] not in str(refusal.value)


def test_a_poisoned_session_is_told_how_to_mend_it() -> None:
    """One old flow with a plain challenge breaks every later one of that browser, so the way out is said."""
    with pytest.raises(GrantDead, match="Sign out of Gitea"):
        CODE.decode(RESPONSES["oauth.pkce_poisoned.token"])


ACTIVE = [id_ for id_ in ids_at("/introspect", status=200) if LINES[id_]["body"]["active"]]


@pytest.mark.parametrize("id_", ACTIVE)
def test_every_recorded_active_token_is_read(id_: str) -> None:
    """The grant's own words, and whom and which application it is for."""
    recorded = LINES[id_]["body"]

    assert Introspection(
        scopes=frozenset(recorded.get("scope", "").split()),
        username=recorded["username"],
        uid=int(recorded["sub"]),
        audience=tuple(recorded["aud"]),
        issuer=recorded["iss"],
    ) == ALL["introspect"].decode(RESPONSES[id_])


UNLIMITED = {"none", "empty", "openid", "offline_access", "unknown_word", "upper"}
LIMITED = {"openid_user_repo", "public_only", "comma"}


@pytest.mark.parametrize("name", sorted(UNLIMITED | LIMITED))
def test_a_grant_opens_everything_exactly_where_gitea_let_it_write(name: str) -> None:
    """One word that Gitea does not know is as good as `all`, and so is no word: the recorded calls proved it."""
    found = ALL["introspect"].decode(RESPONSES[f"oauth.scope.{name}.introspect"])

    assert isinstance(found, Introspection)
    assert (name in UNLIMITED) == found.opens_everything


@pytest.mark.parametrize(
    "id_",
    [i for i in ids_at("/introspect", status=200) if i not in ACTIVE]
    + ["variant.introspect.expired", "variant.oauth_off.introspect"],
)
def test_what_gitea_does_not_know_is_inactive(id_: str) -> None:
    """Also in the one case in which Gitea says so with a 401 and a sentence."""
    assert Inactive() == ALL["introspect"].decode(RESPONSES[id_])


@pytest.mark.parametrize(
    "id_", ["oauth.introspect.no_auth", "oauth.introspect.wrong_secret", "oauth.introspect.old_secret"]
)
def test_a_refused_application_is_no_inactive_token(id_: str) -> None:
    """A new secret at Gitea must be the operator's news, not everybody's sign-out."""
    with pytest.raises(ClientRefused, match="GITEA_OAUTH_CLIENT_SECRET"):
        ALL["introspect"].decode(RESPONSES[id_])


@pytest.mark.parametrize("id_", ["oauth.userinfo.ok", "oauth.userinfo.post"])
def test_the_owner_of_a_token_is_read(id_: str) -> None:
    """By number, which is never used again, and by name."""
    assert UserInfo(uid=2, login="alice") == ALL["userinfo"].decode(RESPONSES[id_])


@pytest.mark.parametrize(
    "id_",
    [
        "oauth.userinfo.dave",
        "oauth.userinfo.prohibited_user",
        "oauth.userinfo.inactive_user",
        "oauth.userinfo.bad",
        "oauth.userinfo.revoked",
        "oauth.userinfo.none",
    ],
)
def test_a_blocked_or_unknown_owner_is_a_fault(id_: str) -> None:
    """Gitea shows the blocked a page with status 200: a reader of statuses alone would let them in."""
    with pytest.raises(UpstreamFault):
        ALL["userinfo"].decode(RESPONSES[id_])


PAGE = ForgeResponse(status=200, content_type="text/html", body=b'{"active":true}')


@pytest.mark.parametrize("name", ALL)
def test_a_page_is_never_an_answer(name: str) -> None:
    """Even a page that holds JSON: a proxy's login form must not sign anybody in."""
    with pytest.raises(UpstreamBroken):
        ALL[name].decode(PAGE)


BROKEN: dict[str, tuple[str, dict[str, Any]]] = {
    "an active word instead of a truth value": ("introspect", {"active": "true"}),
    "nothing about active": ("introspect", {"username": "alice"}),
    "no owner": ("introspect", {"active": True, "sub": "2", "aud": ["x"], "username": ""}),
    "owner nobody": ("introspect", {"active": True, "sub": "0", "aud": ["x"], "username": "a"}),
    "owner Actions": ("introspect", {"active": True, "sub": "-2", "aud": ["x"], "username": "a"}),
    "owner as a number": ("introspect", {"active": True, "sub": 2, "aud": ["x"], "username": "a"}),
    "no audience": ("introspect", {"active": True, "sub": "2", "username": "a"}),
    "an empty audience": ("introspect", {"active": True, "sub": "2", "aud": [], "username": "a"}),
    "an odd audience": ("introspect", {"active": True, "sub": "2", "aud": ["x", 1], "username": "a"}),
    "no name": ("userinfo", {"sub": "2", "preferred_username": ""}),
    "no lifetime": ("code", {"access_token": "a", "refresh_token": "b", "token_type": "bearer"}),
    "an endless lifetime": (
        "code",
        {"access_token": "a", "refresh_token": "b", "token_type": "bearer", "expires_in": 10**12},
    ),
    "a token of another kind": (
        "code",
        {"access_token": "a", "refresh_token": "b", "token_type": "mac", "expires_in": 9},
    ),
    "an empty token": ("code", {"access_token": "", "refresh_token": "b", "token_type": "bearer", "expires_in": 9}),
    "two words in a token": (
        "code",
        {"access_token": "a b", "refresh_token": "b", "token_type": "bearer", "expires_in": 9},
    ),
    "a huge ID token": (
        "code",
        {"access_token": "a", "refresh_token": "b", "token_type": "bearer", "expires_in": 9, "id_token": "x" * 20_000},
    ),
}


@pytest.mark.parametrize(("name", "document"), BROKEN.values(), ids=BROKEN.keys())
def test_an_answer_of_another_form_is_broken(name: str, document: dict[str, Any]) -> None:
    """What is not exactly what Gitea says is not believed."""
    with pytest.raises(UpstreamBroken):
        ALL[name].decode(response_of(200, json.dumps(document).encode()))


def test_one_audience_may_stand_alone() -> None:
    """RFC 7662 allows a text in place of the list."""
    document = {"active": True, "sub": "2", "aud": "x", "username": "a"}
    found = ALL["introspect"].decode(response_of(200, json.dumps(document).encode()))

    assert isinstance(found, Introspection)
    assert (("x",), "") == (found.audience, found.issuer)


@pytest.mark.parametrize("code", ["", "a b", "a&grant_type=x", "\ud800", "é", "x" * 513])
def test_a_code_that_gitea_never_gives_is_not_sent(code: str) -> None:
    """The callback's address is open to everybody."""
    with pytest.raises(GrantDead):
        exchange_code(Secret(code), "https://gate.example/oauth/callback", Secret("v"))


def test_bodies_are_those_that_gitea_reads() -> None:
    """A form for tokens; JSON for introspection, because a form field `token` would be a sign-in."""
    assert CODE.content is not None
    assert {
        "grant_type": ["authorization_code"],
        "code": ["gta_abc"],
        "redirect_uri": ["https://gate.example/oauth/callback"],
        "code_verifier": ["v" * 43],
    } == parse_qs(CODE.content.decode())
    assert b"grant_type=refresh_token&refresh_token=a.b.c" == ALL["refresh"].content
    assert (b'{"token": "a.b.c"}', "application/json") == (ALL["introspect"].content, ALL["introspect"].content_type)
    assert [False, False, True, True] == [request.repeatable for request in ALL.values()]
    assert "gta_abc" not in repr(CODE)


@pytest.mark.parametrize(
    ("id_", "expected"),
    [
        ("oauth.api.user", CurrentUser(uid=2, login="alice", active=True, prohibited=False, is_admin=False)),
        ("auth.sudo.user_inactive", CurrentUser(uid=6, login="erin", active=False, prohibited=False, is_admin=False)),
        ("auth.sudo.case", CurrentUser(uid=1, login="root1", active=True, prohibited=False, is_admin=True)),
    ],
)
def test_the_person_behind_a_token_is_read_with_the_state_of_the_account(id_: str, expected: CurrentUser) -> None:
    """An account that may not be used must be seen as one where Gitea still answers."""
    assert expected == current_user().decode(EXCHANGES[id_].response)


@pytest.mark.parametrize("document", [{"id": 0, "login": "ghost"}, {"id": 3, "login": ""}])
def test_nobody_is_no_person(document: dict[str, Any]) -> None:
    """A ghost's token is nobody's."""
    with pytest.raises(UpstreamBroken, match="nobody"):
        current_user().decode(response_of(200, json.dumps(document).encode()))


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_FIELDS = st.sampled_from(
    [
        *("active", "scope", "username", "iss", "sub", "aud", "error", "error_description", "preferred_username"),
        *("access_token", "refresh_token", "token_type", "expires_in", "id_token"),
    ]
)


@given(
    name=st.sampled_from(sorted(ALL)),
    status=st.sampled_from([200, 400, 401]),
    kind=st.sampled_from(["application/json", "text/html", "text/plain", ""]),
    document=st.binary(max_size=64) | st.dictionaries(_FIELDS, _VALUES).map(lambda d: json.dumps(d).encode()),
)
def test_whatever_comes_is_a_value_or_a_fault(name: str, status: int, kind: str, document: bytes) -> None:
    """A decoder that crashes on a hostile answer would be an outage that strangers order."""
    with contextlib.suppress(Fault):
        ALL[name].decode(ForgeResponse(status=status, content_type=kind, body=document))


@given(broken=_VALUES, field=st.sampled_from(["active", "sub", "aud", "username"]))
def test_an_active_token_always_has_owner_and_audience(broken: Any, field: str) -> None:
    """Whatever one field turns into: no half of an answer is active."""
    good = {"active": True, "scope": "read:user", "username": "alice", "iss": "i", "sub": "2", "aud": ["x"]}
    try:
        found = ALL["introspect"].decode(response_of(200, json.dumps({**good, field: broken}).encode()))
    except UpstreamBroken:
        return

    match found:
        case Introspection():
            assert found.uid > 0
            assert found.audience
            assert found.username
        case _:
            assert broken is False


def test_the_wrong_status_with_the_right_body_is_no_token() -> None:
    """A 401 that carries tokens is still a refusal."""
    with pytest.raises(UpstreamFault):
        CODE.decode(replace(RESPONSES["oauth.main.token"], status=401))
