"""The probe tells who a token is; a site administrator's is recognised whatever its scopes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aegis_trio.demo_forge.faults import Fault
from aegis_trio.gitea.client import open_gitea_client
from aegis_trio.gitea.probe import IdentityReport, probe_identity
from aegis_trio.gitea.request import AnswerT, ForgeRequest, ForgeResponse
from aegis_trio.gitea.settings import GiteaSettings
from aegis_trio.model.errors import UpstreamForbade, UpstreamRejectedIdentity
from aegis_trio.model.secret import Secret
from tests.forge import RunningForge, open_forge
from tests.gitea.recorded import response_of


async def _probe(forge: RunningForge, token: str) -> IdentityReport:
    async with open_gitea_client(GiteaSettings(url=forge.url)) as client:
        return await probe_identity(client.acting_as(Secret(token)))


@pytest.mark.sockets
async def test_a_bot_is_reported_with_its_scopes() -> None:
    """Start-up and the doctor show this."""
    async with open_forge() as forge:
        report = await _probe(forge, forge.world.bot_token)

    assert ("mcp-bot", 5, False, "1.25.4") == (report.login, report.id, report.is_admin, report.version.text)
    assert frozenset({"read:repository", "read:issue", "read:user", "read:organization"}) == report.scopes


@pytest.mark.sockets
@pytest.mark.parametrize(
    "scopes", [("all",), ("read:user",), ("read:user", "read:admin")], ids=["all", "user", "admin"]
)
async def test_an_administrator_is_recognised_whatever_the_scopes(scopes: tuple[str, ...]) -> None:
    """`sudo` is not gated by any scope, so a narrow token of an administrator is as dangerous as a wide one."""
    async with open_forge() as forge:
        administrator = forge.world.accounts[1]
        assert administrator.is_admin
        token = forge.world.add_token(administrator, scopes, name="narrow")

        assert (await _probe(forge, token)).is_admin


@pytest.mark.sockets
async def test_a_token_that_does_not_work_is_no_report() -> None:
    """Nothing may be assumed of it."""
    async with open_forge() as forge:
        with pytest.raises(UpstreamRejectedIdentity):
            await _probe(forge, "0" * 40)


@pytest.mark.sockets
async def test_a_token_that_may_not_read_its_user_says_which_scope_it_lacks() -> None:
    """The operator made a token too narrow for the gate."""
    async with open_forge() as forge:
        token = forge.world.add_token(forge.world.accounts[2], ("read:repository",), name="narrow")
        with pytest.raises(UpstreamForbade, match="read:user"):
            await _probe(forge, token)


class _NewGitea:
    """A Gitea 1.27, of which no recording exists: only its documented `/token`."""

    def __init__(self, token: Callable[[], ForgeResponse]) -> None:
        self._answers: dict[str, Callable[[], ForgeResponse]] = {
            "version": lambda: response_of(200, b'{"version":"1.27.1"}'),
            "user": lambda: response_of(200, b'{"id":7,"login":"bot","is_admin":false}'),
            "admin": lambda: response_of(403, b'{"message":"no"}'),
            "token": token,
        }

    async def ask(self, request: ForgeRequest[AnswerT]) -> AnswerT:
        return request.decode(self._answers[request.segments[0]]())


async def test_a_newer_gitea_is_asked_for_the_tokens_own_page() -> None:
    """From 1.27 on a token may list its scopes."""
    forge = _NewGitea(lambda: response_of(200, b'{"scopes":["read:user","read:repository"]}'))
    assert frozenset({"read:user", "read:repository"}) == (await probe_identity(forge)).scopes


async def test_scopes_that_gitea_does_not_tell_are_unknown() -> None:
    """They are a diagnosis; not knowing them refuses nobody."""
    forge = _NewGitea(lambda: response_of(200, b"[]"))
    assert None is (await probe_identity(forge)).scopes


@pytest.mark.sockets
async def test_a_forge_that_fails_meanwhile_is_no_report() -> None:
    """Half a probe must not admit a token."""
    async with open_forge() as forge:
        forge.faults.order(Fault(status=500), path="admin/cron")
        with pytest.raises(Exception, match="status 500"):
            await _probe(forge, forge.world.bot_token)
