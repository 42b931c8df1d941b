"""The sign-in side over a socket: the guard, the credentials, no redirect, and no second use of what works once."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from aegis_trio.gitea.applications import list_applications, register_application
from aegis_trio.gitea.client import GiteaClient, open_gitea_client
from aegis_trio.gitea.oauth import GiteaOAuth, Inactive, exchange_code, introspect, refresh, userinfo
from aegis_trio.gitea.provider import Application, Password, ProviderRequest, authorization_of
from aegis_trio.gitea.settings import GiteaSettings
from aegis_trio.model.errors import UpstreamBroken, UpstreamFault, UpstreamRejectedIdentity, UpstreamTooLarge
from aegis_trio.model.errors import UpstreamUnreachable as Unreachable
from aegis_trio.model.secret import Secret
from aegis_trio.policy.pathguard import Route, WirePathViolation
from tests.gitea.scripted import HANG_UP, Script, answer, open_script

pytestmark = pytest.mark.sockets

APPLICATION = Application(client_id="c13016af-4b61", client_secret=Secret("gto_secret"))
BASIC = b"Basic " + base64.b64encode(b"c13016af-4b61:gto_secret")
TOKEN = Secret("a.b.c")
INACTIVE = answer('{"active":false}')


@asynccontextmanager
async def _against(*answers: bytes) -> AsyncGenerator[tuple[GiteaOAuth, Script, GiteaClient]]:
    async with open_script(*answers) as script, open_gitea_client(GiteaSettings(url=script.url + "/sub")) as client:
        yield GiteaOAuth(client, APPLICATION), script, client


async def test_a_question_names_our_application_and_stands_below_the_base_url() -> None:
    """The sub-path is Gitea's own, and `/api/v1` is not in it."""
    async with _against(INACTIVE) as (oauth, script, client):
        assert Inactive() == await oauth.introspect(TOKEN)

        head, _, body = script.requests[0].partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        assert b"POST /sub/login/oauth/introspect HTTP/1.1" == lines[0]
        assert b'{"token": "a.b.c"}' == body
        assert {b"Authorization: " + BASIC, b"Content-Type: application/json", b"Content-Length: 18"} < set(lines)
        assert (1, 0) == (client.statistics().requests_total, client.statistics().requests_in_flight)


async def test_every_question_can_be_asked() -> None:
    """Discovery and keys of nobody, the rest of our application or of the token's owner."""
    tokens = answer('{"access_token":"a","refresh_token":"b","token_type":"bearer","expires_in":9}')
    answers = (
        answer('{"issuer":"http://g","id_token_signing_alg_values_supported":["EdDSA"]}'),
        answer('{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","alg":"EdDSA","x":"AAAA"}]}'),
        tokens,
        tokens,
        answer('{"sub":"2","preferred_username":"alice"}'),
        answer('{"id":2,"login":"alice","active":true}'),
    )
    async with _against(*answers) as (oauth, script, _):
        discovery = await oauth.discover()
        keys = await oauth.fetch_jwks()
        first = await oauth.exchange_code(Secret("gta_x"), "https://gate.example/cb", Secret("v"))
        second = await oauth.refresh(first.refresh_token)
        owner = await oauth.userinfo(second.access_token)
        person = await oauth.current_user(second.access_token)

        assert ("http://g", 1, 2, 2) == (
            discovery.issuer,
            len(str(keys.get("keys")).split("kty")) - 1,
            owner.uid,
            person.uid,
        )
        named = [b"Authorization: " + BASIC in raw for raw in script.requests]
        bearer = [b"Authorization: Bearer a" in raw for raw in script.requests]
        assert ([False] * 2 + [True] * 2 + [False] * 2, [False] * 4 + [True] * 2) == (named, bearer)
        assert [
            b"GET /sub/.well-known/openid-configuration",
            b"GET /sub/login/oauth/keys",
            b"POST /sub/login/oauth/access_token",
            b"POST /sub/login/oauth/access_token",
            b"GET /sub/login/oauth/userinfo",
            b"GET /sub/api/v1/user",
        ] == [raw.split(b" HTTP/")[0] for raw in script.requests]


async def test_an_operator_registers_by_name_and_password() -> None:
    """A password beside the token's way, for whoever has no token yet."""
    async with _against(answer("[]"), answer('{"message":"no"}', status=403)) as (_, script, client):
        alice = Password(login="alice", password=Secret("pass:word é"))
        assert () == await client.ask_provider(list_applications(page=1), alice)
        with pytest.raises(UpstreamFault):
            await client.ask_provider(register_application(name="a", redirect_uris=("http://x/",)), alice)

        assert script.requests[0].startswith(b"GET /sub/api/v1/user/applications/oauth2?page=1&limit=50 HTTP/1.1\r\n")
        assert b"Basic " + base64.b64encode("alice:pass:word é".encode()) in script.requests[1]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(status: int) -> None:
    """A redirect would carry our secret, or a person's token, to whoever wrote it."""
    moved = answer('{"active":true}', status=status, headers=["Location: /sub/login/oauth/keys"])
    async with _against(moved, INACTIVE) as (oauth, script, client):
        with pytest.raises(UpstreamBroken):
            await oauth.introspect(TOKEN)

        assert (1, {"upstream_broken": 1}) == (len(script.requests), dict(client.statistics().errors_total))


@pytest.mark.parametrize(
    "request_",
    [exchange_code(Secret("gta_x"), "http://x/", Secret("v")), refresh(TOKEN)],
    ids=["code", "refresh token"],
)
async def test_what_works_once_is_sent_once(request_: ProviderRequest[Any]) -> None:
    """Gitea may have used it before the connection broke: a second time would look like theft."""
    async with _against(INACTIVE, HANG_UP, INACTIVE) as (oauth, script, client):
        await oauth.introspect(TOKEN)
        with pytest.raises(Unreachable):
            await client.ask_provider(request_, APPLICATION)

        assert (2, 0) == (len(script.requests), client.statistics().retries_total)


async def test_what_changes_nothing_is_asked_again() -> None:
    """A kept connection that Gitea closed is no outage."""
    async with _against(INACTIVE, HANG_UP, INACTIVE) as (oauth, _, client):
        await oauth.introspect(TOKEN)
        await oauth.introspect(TOKEN)

        assert 1 == client.statistics().retries_total


@pytest.mark.parametrize("status", [403, 404, 418, 500, 503])
async def test_a_status_that_no_decoder_reads_is_a_fault(status: int) -> None:
    """Whatever its body says."""
    async with _against(answer('{"active":true}', status=status)) as (oauth, _, _client):
        with pytest.raises(UpstreamFault):
            await oauth.introspect(TOKEN)


async def test_a_huge_answer_is_cut() -> None:
    """The same bound as everywhere."""
    async with _against(answer(" " * 300_000)) as (oauth, _, _client):
        with pytest.raises(UpstreamTooLarge):
            await oauth.introspect(TOKEN)


@pytest.mark.parametrize(
    "segments", [("login", "oauth", "authorize"), ("login", "..", "keys"), ("login", "", "keys"), ("login",)]
)
async def test_a_request_outside_its_route_never_leaves(segments: tuple[str, ...]) -> None:
    """The guard of the API stands here, too."""
    route = Route(segments=("login", "oauth", "keys"))
    request = ProviderRequest(route=route, segments=segments, decode=lambda response: response.status, subject="x")
    async with _against(INACTIVE) as (_, script, client):
        with pytest.raises(WirePathViolation):
            await client.ask_provider(request, APPLICATION)

        assert [] == script.requests


@pytest.mark.parametrize(("name", "secret"), [("", "s"), ("a", ""), ("a:b", "s"), ("a", "s\r\n"), ("a", "ä")])
def test_an_application_has_an_id_and_a_secret(name: str, secret: str) -> None:
    """An empty one would make every sign-in fail at its last step."""
    with pytest.raises(ValueError, match="of the Gitea application"):
        Application(client_id=name, client_secret=Secret(secret))


@pytest.mark.parametrize("login", ["", "a:b"])
def test_a_name_ends_at_the_colon(login: str) -> None:
    """In HTTP Basic the rest would be the password."""
    with pytest.raises(ValueError, match="colon"):
        Password(login=login, password=Secret("x"))


def test_an_empty_token_is_nobodys() -> None:
    """Gitea would answer as to anybody."""
    with pytest.raises(UpstreamRejectedIdentity):
        authorization_of(Secret(""))
    assert "secret" not in repr(APPLICATION).replace("client_secret", "").replace("Secret", "")
    assert "a.b.c" not in repr(introspect(TOKEN))
    assert b"Bearer a.b.c" == authorization_of(TOKEN)
    assert None is userinfo().content
