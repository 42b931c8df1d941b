"""The client: every request carries a token, passes the guard, and comes back as a value or a fault."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import trio

from aegis_trio import __version__
from aegis_trio.gitea.client import GiteaClient, open_gitea_client
from aegis_trio.gitea.contents import get_contents
from aegis_trio.gitea.repositories import get_repository
from aegis_trio.gitea.request import Forge, ForgeRequest
from aegis_trio.gitea.server import ServerVersion, get_version
from aegis_trio.gitea.settings import GiteaSettings
from aegis_trio.gitea.users import get_me
from aegis_trio.model.errors import (
    Conflict,
    NotFound,
    UpstreamBroken,
    UpstreamFault,
    UpstreamRejectedIdentity,
    UpstreamTimeout,
    UpstreamTooLarge,
    UpstreamUnreachable,
)
from aegis_trio.model.refs import parse_file_path, parse_git_ref, parse_repository
from aegis_trio.model.secret import Secret
from aegis_trio.policy.pathguard import Route, WirePathViolation
from tests.gitea.scripted import HANG_UP, SILENCE, Script, answer, open_script

pytestmark = pytest.mark.sockets

TOKEN = "0123456789abcdef0123456789abcdef01234567"
VERSION = answer('{"version":"1.25.4"}')


@asynccontextmanager
async def _against(*answers: bytes, **limits: float) -> AsyncGenerator[tuple[Forge, Script, GiteaClient]]:
    async with open_script(*answers) as script:
        settings = GiteaSettings(url=script.url + "/sub", **limits)  # type: ignore[arg-type]  # limits of several types
        async with open_gitea_client(settings) as client:
            yield client.acting_as(Secret(TOKEN)), script, client


@pytest.mark.parametrize("token", ["", " ", "a b", "a\r\nSudo: root", "ä", "a\n", "x" * 4097, "a:b"])
async def test_there_is_no_forge_without_a_valid_token(token: str) -> None:
    """Gitea answers an empty or double token as anonymous, so such a request must not exist."""
    async with open_gitea_client(GiteaSettings(url="http://127.0.0.1:9")) as client:
        with pytest.raises(UpstreamRejectedIdentity):
            client.acting_as(Secret(token))
        with pytest.raises(UpstreamRejectedIdentity):
            await client.ask(Secret(token), get_version())


async def test_a_request_has_exactly_our_headers() -> None:
    """No cookie, no forwarded header, no compression: a fixed set, and the token in one place."""
    async with _against(VERSION) as (forge, script, _):
        await forge.ask(get_version())

        lines = script.requests[0].decode().split("\r\n")
        assert "GET /sub/api/v1/version HTTP/1.1" == lines[0]
        assert sorted(
            [
                f"Host: {script.url.removeprefix('http://')}",
                f"Authorization: Bearer {TOKEN}",
                "Accept: application/json",
                "Accept-Encoding: identity",
                f"User-Agent: aegis-trio/{__version__}",
            ]
        ) == sorted(lines[1:-2])


async def test_cookies_of_gitea_are_not_kept() -> None:
    """A session cookie would be a second identity beside the token."""
    cookie = answer('{"version":"1.25.4"}', headers=["Set-Cookie: i_like_gitea=x; Path=/"])
    async with _against(cookie, VERSION) as (forge, script, _):
        await forge.ask(get_version())
        await forge.ask(get_version())

        assert b"cookie" not in script.requests[1].lower()
        assert 1 == script.connections


async def test_arguments_arrive_as_they_were_meant() -> None:
    """Every character that means something in a URL is encoded, `;` too."""
    place = parse_file_path("odd/#?%25 é +&;=.txt")
    async with _against(answer(status=404)) as (forge, script, _):
        with pytest.raises(NotFound):
            await forge.ask(get_contents(parse_repository("acme", "back.end"), place, parse_git_ref("feature/a;b")))

        expected = "GET /sub/api/v1/repos/acme/back.end/contents/odd/%23%3F%2525%20%C3%A9%20%2B%26%3B%3D.txt"
        assert f"{expected}?ref=feature%2Fa%3Bb HTTP/1.1" == script.requests[0].decode().split("\r\n")[0]


async def test_a_request_outside_its_route_never_leaves() -> None:
    """A tool that builds a path wrongly is a bug that must end here, with nothing sent."""
    route = Route(segments=("repos", "*", "*"))
    for segments in (
        ("repos", "..", "admin"),
        ("repos", "a", ""),
        ("admin", "users", "x"),
        ("repos", "a", "b", "keys"),
    ):
        async with _against() as (forge, script, _):
            request = ForgeRequest(route=route, segments=segments, decode=lambda r: r.status, subject="x")
            with pytest.raises(WirePathViolation):
                await forge.ask(request)

            assert [] == script.requests


REPOSITORY = '{"id":1,"owner":{"login":"bob"},"name":"new"}'


@pytest.mark.parametrize("status", [301, 307])
async def test_a_renamed_repository_is_followed_once(status: int) -> None:
    """People keep old names in their notes; Gitea knows the new one."""
    moved = answer("", status=status, headers=["Location: /sub/api/v1/repos/bob/new"])
    async with _against(moved, answer(REPOSITORY)) as (forge, script, client):
        found = await forge.ask(get_repository(parse_repository("bob", "old")))

        assert ("bob", "new") == (found.owner, found.name)
        assert b"GET /sub/api/v1/repos/bob/new HTTP/1.1" == script.requests[1].split(b"\r\n")[0]
        assert f"Bearer {TOKEN}".encode() in script.requests[1]
        assert 1 == client.statistics().renames_followed_total


async def test_a_second_redirect_is_not_followed() -> None:
    """Two names that point at each other would never end."""
    moved = answer("", status=301, headers=["Location: /sub/api/v1/repos/bob/new"])
    async with _against(moved, moved) as (forge, script, _):
        with pytest.raises(Conflict, match="moved"):
            await forge.ask(get_repository(parse_repository("bob", "old")))

        assert 2 == len(script.requests)


@pytest.mark.parametrize(
    "location",
    ["http://evil.example/sub/api/v1/repos/bob/new", "/sub/api/v1/admin/users", "/login", "//evil.example/x"],
)
async def test_a_redirect_elsewhere_is_a_fault(location: str) -> None:
    """The token is never carried to another place, and the place is never named."""
    async with _against(answer("", status=302, headers=[f"Location: {location}"])) as (forge, script, _):
        with pytest.raises(Conflict) as refusal:
            await forge.ask(get_repository(parse_repository("bob", "old")))

        assert 1 == len(script.requests)
        assert "evil" not in str(refusal.value)


async def test_a_connection_that_died_while_idle_is_replaced_once() -> None:
    """Gitea may close a kept connection in the moment in which it is used again."""
    async with _against(VERSION, HANG_UP, VERSION) as (forge, script, client):
        await forge.ask(get_version())
        await forge.ask(get_version())

        assert (3, 2, 1) == (len(script.requests), script.connections, client.statistics().retries_total)


async def test_a_forge_that_hangs_up_twice_is_unreachable() -> None:
    """One retry, not a loop."""
    async with _against(HANG_UP, HANG_UP, VERSION) as (forge, script, _):
        with pytest.raises(UpstreamUnreachable):
            await forge.ask(get_version())

        assert 2 == len(script.requests)


async def test_a_forge_that_does_not_listen_is_unreachable() -> None:
    """Said as such, with what to do."""
    async with open_script() as script:
        url = script.url
    async with open_gitea_client(GiteaSettings(url=url)) as client:
        with pytest.raises(UpstreamUnreachable, match="cannot be reached"):
            await client.acting_as(Secret(TOKEN)).ask(get_version())

        assert {"upstream_unreachable": 1} == dict(client.statistics().errors_total)


BROKEN = {
    "no http": (b"SSH-2.0-OpenSSH_9\r\n\r\n", UpstreamBroken),
    "cut in its body": (
        b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\nContent-Length : 9\r\n\r\n{",
        UpstreamBroken,
    ),
    "cut short": (answer('{"version":"1.25.4"}')[:-4].replace(b"Content-Length", b"content-length"), UpstreamBroken),
    "compressed": (answer("x", headers=["Content-Encoding: gzip"]), UpstreamBroken),
    "a page": (answer("<html>", headers=["Content-Type: text/html"]), UpstreamBroken),
    "no json": (answer("{"), UpstreamBroken),
    "a list": (answer("[]"), UpstreamBroken),
    "nothing": (answer("", status=204), UpstreamBroken),
    "too large": (answer("x" * 300_000), UpstreamTooLarge),
    "a failure with a page": (answer("<html>", status=500, headers=["Content-Type: text/html"]), UpstreamBroken),
}


@pytest.mark.parametrize(("raw", "expected"), BROKEN.values(), ids=BROKEN.keys())
async def test_an_answer_that_is_none_is_a_fault(raw: bytes, expected: type[UpstreamFault]) -> None:
    """And the client serves the next request as if nothing had been."""
    async with _against(raw, VERSION) as (forge, _, client):
        with pytest.raises(expected):
            await forge.ask(get_version())

        assert isinstance(await forge.ask(get_version()), ServerVersion)
        assert (2, 0, 1) == (
            client.statistics().requests_total,
            client.statistics().requests_in_flight,
            sum(client.statistics().errors_total.values()),
        )


async def test_an_endless_answer_is_cut_at_its_bound() -> None:
    """Without an announced length only counting helps; the rest is never read."""
    head = b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\n\r\n"
    async with _against(head + b"x" * 40_000_000) as (forge, script, client):
        with pytest.raises(UpstreamTooLarge):
            await forge.ask(get_version())

        assert client.statistics().received_bytes_total == 0
        assert script.written < 40_000_000


async def test_a_long_error_page_is_not_read_to_its_end() -> None:
    """Errors are decided by status; a page of megabytes is left where it is."""
    async with _against(answer("x" * 5_000_000, status=500), VERSION) as (forge, _, client):
        with pytest.raises(UpstreamBroken):
            await forge.ask(get_version())

        assert 16 * 1024 == client.statistics().received_bytes_total
        await forge.ask(get_version())


async def test_a_silent_forge_is_a_timeout(mock_clock: trio.testing.MockClock) -> None:
    """Gitea that accepts and says nothing must not hold a connection longer than the cap."""
    async with _against(SILENCE, read_timeout_s=20) as (forge, script, client):

        async def ask() -> None:
            with pytest.raises(UpstreamTimeout):
                await forge.ask(get_version())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await script.silent.wait()
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(20.5)

        assert 20.5 == client.statistics().seconds_max


async def test_hanging_up_on_a_call_ends_its_request() -> None:
    """A cancelled call must not leave Gitea working, nor a request counted as running."""
    async with _against(SILENCE, VERSION) as (forge, script, client):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(forge.ask, get_version())
            await script.silent.wait()
            assert 1 == client.statistics().requests_in_flight
            nursery.cancel_scope.cancel()

        assert 0 == client.statistics().requests_in_flight
        await forge.ask(get_version())


async def test_requests_beyond_the_connections_wait_outside_the_pool() -> None:
    """The pool's own queue is what leaks and costs; ours is counted."""
    async with _against(VERSION, VERSION, VERSION, max_connections=1) as (forge, script, client):
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(forge.ask, get_version())
            await trio.testing.wait_all_tasks_blocked()
            assert 3 >= client.statistics().requests_in_flight >= client.statistics().requests_waiting

        assert (1, 3, 0) == (script.connections, len(script.requests), client.statistics().requests_waiting)


async def test_a_token_is_not_in_what_is_shown_of_a_forge() -> None:
    """A tool's context may end in a traceback."""
    async with _against() as (forge, _, client):
        assert TOKEN not in repr(forge)
        assert TOKEN not in repr(client.statistics())


async def test_a_rejected_token_says_so() -> None:
    """The operator has to renew it; trying again does not help."""
    async with _against(answer('{"message":"invalid username, password or token"}', status=401)) as (forge, _, client):
        with pytest.raises(UpstreamRejectedIdentity, match="no longer accepts"):
            await forge.ask(get_me())

        assert {"upstream_rejected_identity": 1} == dict(client.statistics().errors_total)


async def test_a_forge_at_an_ipv6_address_is_asked() -> None:
    """The guard compares hosts; brackets must not look like another server."""
    async with open_gitea_client(GiteaSettings(url="http://[::1]:9")) as client:
        with pytest.raises(UpstreamUnreachable):
            await client.acting_as(Secret(TOKEN)).ask(get_version())
