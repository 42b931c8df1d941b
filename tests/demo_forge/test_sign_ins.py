"""Signing in at the fake: what no recording tells, and what a hostile browser would try."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.demo_forge import changes
from aegis_trio.demo_forge.demo_world import PASSWORDS, build_demo_world
from aegis_trio.demo_forge.forge import Forge
from aegis_trio.demo_forge.oauth_tokens import api_scopes, issue_tokens, read_token, sign
from aegis_trio.demo_forge.requests import Request
from aegis_trio.demo_forge.sign_ins import MAX_SESSIONS, Application, BrowserSession, Code, SignIns
from aegis_trio.demo_forge.world import World
from tests.demo_forge.exchanges import basic
from tests.demo_forge.web_pages import csrf_of, outline_of
from tests.forge import open_forge
from tests.person import Person

CALLBACK = "https://gate.example/cb"


def _ask(world: World, method: str, target: str, body: str = "", **headers: str) -> tuple[int, dict[str, str], bytes]:
    raw_path, _, raw_query = target.partition("?")
    named = {
        "content-type": "application/x-www-form-urlencoded",
        **{k.replace("_", "-"): v for k, v in headers.items()},
    }
    request = Request(
        method=method, raw_path=raw_path, raw_query=raw_query, headers=tuple(named.items()), body=body.encode()
    )
    answer, _ = Forge(world).answer(request)
    return answer.status, dict(answer.all_headers()), answer.body


@pytest.fixture
def world() -> World:
    """Return a demo world at an address."""
    made = build_demo_world()
    made.root_url = "http://forge.example/"
    return made


def _signed_in(world: World, login: str = "alice") -> str:
    account = world.account_named(login)
    assert account is not None
    return f"i_like_gitea={world.sign_ins.add_session(BrowserSession(account_id=account.id))}"


def _word(world: World, login: str = "alice") -> str:
    """Return the field that a person's forms carry."""
    account = world.account_named(login)
    assert account is not None
    return f"_csrf={world.sign_ins.form_word(account.id)}"


@pytest.mark.sockets
async def test_a_person_comes_back_to_where_the_way_began() -> None:
    """The login page stands between, and the browser gets another cookie than the one it came with."""
    async with open_forge() as forge:
        person = Person(forge.url, "alice", PASSWORDS["alice"])
        login = await person.get(f"{forge.url}/user/settings/applications")
        before = person.cookies["i_like_gitea"]
        page = await person.sign_in(login)

        assert f"{forge.url}/user/settings/applications" == page.url
        assert "You have not authorized any application." in page.text
        assert before != person.cookies["i_like_gitea"]
        assert f"{forge.url}/user/login" != (await person.get(f"{forge.url}/user/login")).url
        left = await person.send(page, "/user/logout")
        assert f"{forge.url}/" == left.url
        assert f"{forge.url}/user/login" == (await person.get(f"{forge.url}/user/settings/applications")).url


@pytest.mark.parametrize("back", ["//evil.example/", "/\\evil.example", "http://evil.example/", "javascript:x", ""])
def test_a_planted_way_back_leads_nowhere_else(world: World, back: str) -> None:
    """The way back is in a cookie, which other sites of the same host may write."""
    cookie = f"{_signed_in(world)}; redirect_to={back}"
    status, headers, _ = _ask(world, "GET", "/user/login", cookie=cookie)

    assert (303, "/") == (status, headers["Location"])


@pytest.mark.parametrize("login", ["alice", "ALICE"])
def test_only_the_right_password_signs_in(world: World, login: str) -> None:
    """Names without regard to case, passwords with."""

    def tried(password: str) -> int:
        # Gitea looks at no word here, and at no cookie.
        return _ask(world, "POST", "/user/login", f"user_name={login}&password={password}")[0]

    assert [303, 200, 200] == [tried(PASSWORDS["alice"]), tried(PASSWORDS["alice"].upper()), tried("")]


def test_who_has_no_password_cannot_sign_in(world: World) -> None:
    """The bot and the administrator of the demo have tokens only; an empty password is none."""
    for login in ("mcp-bot", "harbourmaster", "nobody"):
        status, _, body = _ask(world, "POST", "/user/login", f"user_name={login}&password=")
        assert (200, ["Username or password is incorrect."]) == (status, outline_of(body)["flash"])


@pytest.mark.parametrize(
    "path", ["/login/oauth/grant", "/user/logout", "/user/settings/applications/oauth2/4/revoke/1"]
)
def test_every_form_needs_its_persons_word(world: World, path: str) -> None:
    """Another site's page can send a form, but cannot read one; it is asked for before who is signed in.

    Source: seen at Gitea 1.25.4 and 1.23.8.
    """
    cookie, nobodys = _signed_in(world), f"_csrf={world.sign_ins.form_word(None)}"
    for word in ("_csrf=other", "", _word(world, "bob"), nobodys):
        assert (400, b"Invalid CSRF token.\n") == _ask(world, "POST", path, word, cookie=cookie)[::2]
    for word in ("", _word(world)):
        assert (400, b"Invalid CSRF token.\n") == _ask(world, "POST", path, word)[::2]


def test_nobodys_word_is_good_in_every_browser(world: World) -> None:
    """A login page that was open while Gitea forgot its sessions can be sent; a consent page cannot.

    Source: seen at Gitea 1.25.4 and 1.23.8.
    """
    nobodys = f"_csrf={world.sign_ins.form_word(None)}"
    status, headers, _ = _ask(world, "POST", "/login/oauth/grant", nobodys)
    assert (303, "/user/login") == (status, headers["Location"])
    assert "redirect_to=%2Flogin%2Foauth%2Fgrant" in headers["Set-Cookie"]

    cookie = _signed_in(world)
    changes.forget_sessions(world)
    assert 400 == _ask(world, "POST", "/login/oauth/grant", _word(world), cookie=cookie)[0]


def test_who_is_signed_in_does_not_sign_in_again(world: World) -> None:
    """The login page sends them back, also when its form is sent."""
    body = f"user_name=bob&password={PASSWORDS['bob']}"
    status, headers, _ = _ask(world, "POST", "/user/login", body, cookie=_signed_in(world))
    assert (303, "/") == (status, headers["Location"])
    assert "Set-Cookie" not in headers


def test_a_blocked_person_sees_one_page_everywhere(world: World) -> None:
    """With status 200, which is why statuses alone say nothing."""
    cookie = _signed_in(world)
    alice = world.accounts[2]
    changes.block_account(alice)
    for path in ("/user/login", "/login/oauth/authorize?client_id=x", "/user/settings/applications"):
        status, _, body = _ask(world, "GET", path, cookie=cookie)
        assert (200, "Sign-In Prohibited - Port of Tidewater") == (status, outline_of(body)["title"])


def test_nobody_takes_back_the_consent_of_somebody_else(world: World) -> None:
    """The number of a grant stands in an address that anybody can write."""
    application = world.sign_ins.add_application(2, name="gate", redirect_uris=[CALLBACK])
    grant = world.sign_ins.add_grant(2, application, "read:user")
    path = f"/user/settings/applications/oauth2/{application.id}/revoke"
    bob = _signed_in(world, "bob")

    assert 200 == _ask(world, "POST", f"{path}/{grant.id}", _word(world, "bob"), cookie=bob)[0]
    assert [grant] == list(world.sign_ins.grants.values())
    assert 501 == _ask(world, "POST", f"{path}/first", _word(world, "bob"), cookie=bob)[0]
    assert 501 == _ask(world, "GET", f"{path}/{grant.id}", cookie=bob)[0]
    status, headers, _ = _ask(
        world, "POST", f"{path}/{grant.id}", _word(world), cookie=_signed_in(world), accept="text/html"
    )
    assert (303, "/user/settings/applications", {}) == (status, headers["Location"], world.sign_ins.grants)


def test_a_page_shows_texts_as_texts(world: World) -> None:
    """Names of applications, scopes and addresses come from strangers."""
    hostile = '<script>alert("1")</script>'
    application = world.sign_ins.add_application(2, name=hostile, redirect_uris=[CALLBACK])
    query = f"client_id={application.client_id}&redirect_uri={CALLBACK}&response_type=code&scope={hostile}&state=%22%3E"
    status, _, body = _ask(world, "GET", f"/login/oauth/authorize?{query}", cookie=_signed_in(world))

    assert 200 == status
    assert b"<script" not in body
    assert b"&lt;script&gt;" in body
    assert _word(world) == f"_csrf={csrf_of(body)}"


def test_what_stood_in_a_redirect_uri_stays_there(world: World) -> None:
    """An application may have a query of its own in it."""
    application = world.sign_ins.add_application(2, name="a", redirect_uris=[f"{CALLBACK}?tenant=7"])
    query = f"client_id={application.client_id}&redirect_uri={CALLBACK}%3Ftenant%3D7&response_type=token&state=s"
    _, headers, _ = _ask(world, "GET", f"/login/oauth/authorize?{query}", cookie=_signed_in(world))

    assert headers["Location"].startswith(f"{CALLBACK}?error=unsupported_response_type&error_description=")
    assert headers["Location"].endswith("&state=s&tenant=7")


def test_an_application_that_is_trusted_shows_no_page_twice(world: World) -> None:
    """`skip_secondary_authorization` does for a public application what confidentiality does."""
    application = world.sign_ins.add_application(
        2, name="a", redirect_uris=[CALLBACK], confidential=False, skip_secondary=True
    )
    query = (
        f"client_id={application.client_id}&redirect_uri={CALLBACK}&response_type=code"
        "&code_challenge=x&code_challenge_method=S256"
    )
    cookie = _signed_in(world)
    shown = _ask(world, "GET", f"/login/oauth/authorize?{query}", cookie=cookie)[0]
    world.sign_ins.add_grant(2, application, "")
    _, headers, _ = _ask(world, "GET", f"/login/oauth/authorize?{query}", cookie=cookie)

    assert 200 == shown
    assert headers["Location"].startswith(f"{CALLBACK}?code=gta_")
    world.sign_ins.remove_application(application)
    body = f"{_word(world)}&client_id={application.client_id}&redirect_uri={CALLBACK}&state=&granted=true"
    assert (400, {}) == (_ask(world, "POST", "/login/oauth/grant", body, cookie=cookie)[0], world.sign_ins.grants)


@pytest.mark.parametrize(
    ("uri", "confidential", "expected"),
    [
        ("http://127.0.0.1:9999/cb", False, True),
        ("http://127.0.0.1/cb/", False, True),
        ("http://127.0.0.1:9999/cb", True, False),
        ("http://127.0.0.2:9999/cb", False, False),
        ("https://127.0.0.1:9999/cb", False, False),
        ("http://[::1]:9999/cb", False, False),
        ("http://[", False, False),
        ("", False, False),
    ],
)
def test_a_port_is_free_only_at_a_loopback_address(uri: str, *, confidential: bool, expected: bool) -> None:
    """And only for a program on the person's own machine."""
    application = Application(
        id=1,
        owner_id=1,
        name="a",
        client_id="c",
        client_secret="s",
        confidential=confidential,
        redirect_uris=("http://127.0.0.1/cb",),
    )
    assert expected == application.redirects_to(uri)


def test_a_form_field_called_token_is_a_sign_in_where_gitea_takes_tokens_in_queries(world: World) -> None:
    """Gitea's default: garbage is a 401 text, a blocked person's token a page, and neither is an introspection."""
    application = world.sign_ins.add_application(2, name="gate", redirect_uris=[CALLBACK])
    grant = world.sign_ins.add_grant(2, application, "read:user")
    token = issue_tokens(world, grant)["access_token"]
    mine = basic(application.client_id, application.client_secret)

    def asked(body: str, kind: str = "application/x-www-form-urlencoded") -> tuple[int, bytes]:
        status, _, answered = _ask(
            world, "POST", "/login/oauth/introspect", body, authorization=mine, content_type=kind
        )
        return status, answered[:20]

    assert (401, b"Failed to authentica") == asked("token=garbage")
    assert (200, b'{"active":false}\n') == asked('{"token":"garbage"}', "application/json")
    assert (200, b'{"active":true,"scop') == asked(f"token={token}")
    changes.block_account(world.accounts[2])
    assert (200, b"<!DOCTYPE html>\n<htm") == asked(f"token={token}")
    world.sign_ins.query_tokens = False
    assert (200, b'{"active":false}\n') == asked("token=garbage")


def test_a_bad_token_in_the_header_is_refused_before_the_client_is_looked_at(world: World) -> None:
    """As on every page of Gitea's; no challenge, and no JSON.

    Source: seen at Gitea 1.25.4.
    """
    status, headers, body = _ask(
        world,
        "POST",
        "/login/oauth/introspect",
        '{"token":"x"}',
        authorization="Bearer x",
        content_type="application/json",
    )
    assert (401, b"Failed to authenticate user\n") == (status, body)
    assert "WWW-Authenticate" not in headers


@pytest.mark.parametrize("header", ["Basic !!!", "Basic", "Bearer", "Basic eDp5"])
def test_only_an_application_may_introspect(world: World, header: str) -> None:
    """Broken Basic is no Basic."""
    status, headers, _ = _ask(
        world, "POST", "/login/oauth/introspect", '{"token":"x"}', authorization=header, content_type="application/json"
    )
    assert (401, 'Basic realm="Gitea OAuth2"') == (status, headers["WWW-Authenticate"])


def test_tokens_end_with_everything_that_they_hang_on(world: World) -> None:
    """Time, key, account, application."""
    application = world.sign_ins.add_application(2, name="gate", redirect_uris=[CALLBACK])
    grant = world.sign_ins.add_grant(2, application, "read:user")
    token = str(issue_tokens(world, grant)["access_token"])
    world.sign_ins.access_ttl_s = 0
    expired = str(issue_tokens(world, grant)["access_token"])
    now_s = int(world.now().timestamp())
    odd = [sign(world.sign_ins.key, claims) for claims in ({"exp": now_s + 9}, {"exp": now_s + 9, "gnt": 1, "tt": "0"})]

    assert world.accounts[2] is getattr(read_token(world, token), "account", None)
    assert [None] * 5 == [read_token(world, raw) for raw in (expired, "a.b.c", "é.b.c", *odd)]
    alice = world.accounts.pop(2)
    assert None is read_token(world, token)
    world.accounts[2] = alice
    changes.change_signing_key(world)
    assert None is read_token(world, token)


@pytest.mark.parametrize(
    ("method", "verifier", "expected"),
    [("plain", "v", True), ("plain", "w", False), ("", "w", True), ("S256", "v", False)],
)
def test_a_verifier_is_compared_where_gitea_remembers_the_challenge(
    method: str, verifier: str, *, expected: bool
) -> None:
    """After the consent page an S256 challenge is forgotten, so any verifier will do."""
    assert expected == Code(grant_id=1, challenge="v", method=method).admits(verifier)


@given(words=st.lists(st.sampled_from(["openid", "read:user", "write:issue", "all", "x", "READ:USER", "", "a,b"])))
def test_what_is_not_known_opens_everything(words: list[str]) -> None:
    """The rule that makes a broker send words of its own only."""
    opened = api_scopes(" ".join(words))
    known = {"read:user", "write:issue", "all"} & set(words)
    strange = {"x", "READ:USER", "a,b"} & set(words)

    assert ({"all"} if strange or not known else known) == opened


def test_browsers_are_forgotten_in_turn() -> None:
    """A test that opens a thousand pages must not fill the memory."""
    sign_ins = SignIns()
    first = sign_ins.add_session(BrowserSession())
    for _ in range(MAX_SESSIONS):
        sign_ins.add_session(BrowserSession())

    assert (MAX_SESSIONS, False) == (len(sign_ins.sessions), first in sign_ins.sessions)


def test_nothing_secret_is_shown_by_a_repr(world: World) -> None:
    """Worlds are printed by failing tests."""
    application = world.sign_ins.add_application(2, name="gate", redirect_uris=[CALLBACK])
    cookie = _signed_in(world).partition("=")[2]
    code = world.sign_ins.add_code(Code(grant_id=1))
    shown = repr(world) + repr(world.sign_ins)

    assert [] == [word for word in (application.client_secret, cookie, code, PASSWORDS["alice"]) if word in shown]


@pytest.mark.parametrize("body", ["{", "[]", '{"token":1}', "\x00"])
def test_a_body_that_cannot_be_read_has_no_fields(world: World, body: str) -> None:
    """As at Gitea, whose answer is then about what is missing."""
    status, _, answered = _ask(world, "POST", "/login/oauth/access_token", body, content_type="application/json")

    assert (400, b'{"error":"unsupported') == (status, answered[:21])


def test_a_broken_cookie_is_no_cookie(world: World) -> None:
    """A browser sends what any page of the host once set."""
    assert 200 == _ask(world, "GET", "/user/login", cookie="a[]=1; i_like_gitea=x; =;;")[0]
    assert 405 == _ask(world, "DELETE", "/user/login")[0]
