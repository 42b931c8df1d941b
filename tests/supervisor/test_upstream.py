"""No token is used before Gitea has said whose it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest
import trio
import trio.testing

from aegis_trio.gitea.probe import IdentityReport
from aegis_trio.gitea.request import Forge
from aegis_trio.gitea.server import ServerVersion
from aegis_trio.model.errors import Fault, UpstreamForbade, UpstreamRejectedIdentity, UpstreamUnreachable
from aegis_trio.model.identity import DEFAULT_INSTANCE, Caller, Origin, Principal, PrincipalId, PrincipalKind
from aegis_trio.model.secret import Secret
from aegis_trio.supervisor import upstream
from aegis_trio.supervisor.upstream import CALM_S, RETRY_S, UpstreamWatch

TOKEN = Secret("a" * 40)
Answer = Fault | bool | None
"""What a probe comes to: a fault, whether the owner is an administrator, or None for never."""


def _caller(token: Secret = TOKEN) -> Caller:
    principal = Principal(
        id=PrincipalId("key:1"), kind=PrincipalKind.API_KEY, instance=DEFAULT_INSTANCE, scopes=frozenset()
    )
    return Caller(principal=principal, gitea_token=token, origin=Origin(address="192.0.2.1"))


@pytest.fixture
def gitea(monkeypatch: pytest.MonkeyPatch) -> list[Answer]:
    """Answer probes with the last of these; the test changes it."""
    answers: list[Answer] = [False]

    async def probe(_forge: Forge) -> IdentityReport:
        answer = answers[-1]
        if answer is None:
            await trio.sleep_forever()
        if isinstance(answer, Fault):
            raise answer
        version = ServerVersion(text="1.25.4", number=(1, 25), is_forgejo=False)
        return IdentityReport(login="bot", id=1, is_admin=bool(answer), scopes=None, version=version)

    monkeypatch.setattr(upstream, "probe_identity", probe)
    return answers


@pytest.fixture
def watch() -> UpstreamWatch:
    """Watch one token."""
    acting_as: Callable[[Secret], Forge] = lambda _token: cast("Forge", object())  # noqa: E731  # typed in one line
    return UpstreamWatch({"GITEA_TOKEN": TOKEN}, acting_as)


async def test_calls_are_refused_until_gitea_was_asked(watch: UpstreamWatch, gitea: list[Answer]) -> None:
    """Nothing fails open at the start."""
    fault = watch.closed_for(_caller())
    assert fault is not None
    assert "not_ready" == fault.code
    await watch.check()
    assert watch.closed_for(_caller()) is None
    assert watch.unready() is None


@pytest.mark.parametrize(
    ("answer", "code", "reason"),
    [
        (UpstreamUnreachable("gone"), "not_ready", "gitea_unreachable"),
        (UpstreamRejectedIdentity("no"), "upstream_rejected_identity", "gitea_token_rejected"),
        (UpstreamForbade("no"), "upstream_rejected_identity", "gitea_token_rejected"),
        (True, "not_ready", "gitea_token_is_administrator"),
    ],
    ids=["unreachable", "rejected", "forbidden", "administrator"],
)
async def test_every_trouble_closes_the_gate_and_has_a_name(
    watch: UpstreamWatch, gitea: list[Answer], answer: Answer, code: str, reason: str
) -> None:
    """The caller is told what to do, the operator which setting."""
    gitea.append(answer)
    await watch.check()
    fault = watch.closed_for(_caller())
    unready = watch.unready()
    assert fault is not None
    assert unready is not None
    assert (code, reason) == (fault.code, unready.code)
    assert "GITEA_TOKEN" in unready.detail
    assert (("GITEA_TOKEN",) if answer is True else ()) == watch.administrators()


async def test_a_gitea_that_hangs_is_unreachable(
    watch: UpstreamWatch, gitea: list[Answer], autojump_clock: trio.testing.MockClock
) -> None:
    """A probe ends by its own deadline."""
    gitea.append(None)
    await watch.check()
    unready = watch.unready()
    assert unready is not None
    assert "gitea_unreachable" == unready.code


async def test_it_heals_quickly_and_watches_calmly(
    watch: UpstreamWatch, gitea: list[Answer], autojump_clock: trio.testing.MockClock
) -> None:
    """Quick while something is wrong, calm otherwise; a later administrator closes the gate again."""
    gitea.append(UpstreamUnreachable("gone"))
    await watch.check()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch.run)
        gitea.append(False)
        await trio.sleep(RETRY_S + 0.5)
        assert watch.closed_for(_caller()) is None
        gitea.append(True)
        await trio.sleep(CALM_S / 2)
        assert watch.closed_for(_caller()) is None
        await trio.sleep(CALM_S)
        assert watch.closed_for(_caller()) is not None
        nursery.cancel_scope.cancel()
    statistics = watch.statistics()
    assert 0 == statistics.tokens_usable
    assert statistics.failures_total == statistics.checks_total - 1


async def test_a_token_that_nobody_configured_is_never_used(watch: UpstreamWatch, gitea: list[Answer]) -> None:
    """A caller whose token was taken away by a reload is refused."""
    await watch.check()
    assert watch.closed_for(_caller(Secret("b" * 40))) is not None
    watch.replace_tokens({"GITEA_KEY_TOKENS x": Secret("b" * 40)})
    assert watch.closed_for(_caller()) is not None
    await watch.check()
    assert watch.closed_for(_caller(Secret("b" * 40))) is None


async def test_a_version_is_reached_once_gitea_said_it(watch: UpstreamWatch, gitea: list[Answer]) -> None:
    """Before that nothing newer is offered: it could not be kept."""
    assert not watch.reaches((1, 20))
    await watch.check()
    assert (True, True, False) == (watch.reaches((1, 20)), watch.reaches((1, 25)), watch.reaches((1, 26)))
    gitea.append(UpstreamUnreachable("gone"))
    await watch.check()
    assert watch.reaches((1, 25))
