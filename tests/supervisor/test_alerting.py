"""What is worth an alert is told, and targets lead nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address

import pytest
import trio
from trio.testing import MockClock

from aegis_trio.audit.entry import access_denied, security_event, service_event
from aegis_trio.auth.clients.guarded import Address, PinnedBackend
from aegis_trio.model.clock import SetClock
from aegis_trio.model.errors import Severity
from aegis_trio.model.identity import DEFAULT_INSTANCE, Origin, Principal, PrincipalId, PrincipalKind
from aegis_trio.supervisor.alerting import LOOK_EVERY_S, AlertBackend, Conditions, alert_of, run_conditions
from aegis_trio.supervisor.readiness import Unready
from aegis_trio.telemetry.alerts.alert import Notice
from aegis_trio.telemetry.alerts.notifier import AlertNotifier
from aegis_trio.telemetry.alerts.posting import NotDelivered
from aegis_trio.telemetry.alerts.settings import AlertSettings, AlertTarget

DAY_S = 86_400.0
WRITES = frozenset({"create_issue"})
ORIGIN = Origin(address="203.0.113.42")
PRINCIPAL = Principal(
    id=PrincipalId("key:0123456789ab"), kind=PrincipalKind.API_KEY, instance=DEFAULT_INSTANCE, scopes=frozenset()
)


def test_a_security_event_is_told_with_what_it_says() -> None:
    """Kind, severity, whom it is about, and the fields of its record."""
    entry = security_event("auth_rate_limit_exceeded", Severity.HIGH, client_ip="203.0.113.42", blocked_for_s=300)

    alert = alert_of(entry, WRITES, 5)

    assert alert is not None
    assert ("auth_rate_limit_exceeded", Severity.HIGH, "203.0.113.42", 5) == (
        alert.kind,
        alert.severity,
        alert.subject,
        alert.at_ns,
    )
    assert (("client_ip", "203.0.113.42"), ("blocked_for_s", "300")) == alert.fields


def test_a_kind_that_is_not_known_yet_is_told_too() -> None:
    """Whoever records a new security event has told it."""
    alert = alert_of(security_event("new_address_for_key", Severity.MEDIUM), WRITES, 0)

    assert alert is not None
    assert "new_address_for_key" == alert.kind


def test_a_refused_write_is_told_and_a_refused_read_is_not() -> None:
    """Reads are refused every day; a write that is refused was tried by somebody."""
    write = alert_of(access_denied("insufficient_scope", ORIGIN, principal=PRINCIPAL, tool="create_issue"), WRITES, 0)

    assert write is not None
    assert ("write_refused", "key:0123456789ab") == (write.kind, write.subject)
    for entry in (
        access_denied("insufficient_scope", ORIGIN, principal=PRINCIPAL, tool="get_me"),
        access_denied("invalid_api_key", ORIGIN),
        service_event("service_started"),
    ):
        assert alert_of(entry, WRITES, 0) is None


class Gate:
    """A gate whose state is what the test says."""

    def __init__(self) -> None:
        self.unready: list[Unready] = []
        self.notes: list[Unready] = []
        self.keys: list[tuple[str, float]] = []
        self.blocks = 0
        self.conditions = Conditions(
            lambda: self.unready, lambda: self.notes, lambda _: self.keys, SetClock(0), blocks=lambda: self.blocks
        )

    def kinds(self) -> list[str]:
        """Return what one look tells."""
        return [alert.kind for alert in self.conditions.look()]


def test_what_lasts_is_told_when_it_begins_and_when_it_is_over() -> None:
    """And not in between."""
    gate = Gate()
    gate.unready = [Unready("starting", "x"), Unready("audit_unavailable", "no space left on device")]
    assert ["audit_unavailable"] == gate.kinds()
    assert [] == gate.kinds()
    gate.unready = []
    assert ["audit_unavailable_over"] == gate.kinds()
    assert [] == gate.kinds()


def test_a_log_that_could_not_be_written_for_a_moment_is_told_once() -> None:
    """Between two looks calls were refused with 503: nobody may have to find that out from callers."""
    gate = Gate()
    assert [] == gate.kinds()
    gate.blocks = 2
    assert ["audit_unavailable"] == gate.kinds()
    assert [] == gate.kinds()
    gate.blocks, gate.unready = 3, [Unready("audit_unavailable", "no space left on device")]
    assert ["audit_unavailable"] == gate.kinds()
    gate.unready = []
    assert ["audit_unavailable_over"] == gate.kinds()


def test_how_the_gate_is_set_up_is_no_news() -> None:
    """The note stands on the operator's page; an alert at each start would be ignored soon."""
    gate = Gate()
    gate.notes = [Unready("audit_unsigned", "x")]
    assert [] == gate.kinds()


def test_what_the_operator_should_see_is_told_more_quietly() -> None:
    """The gate serves; a faulty file of keys is no outage."""
    gate = Gate()
    gate.notes = [Unready("configuration_faulty", "MCP_API_KEYS: x")]
    gate.unready = [Unready("gitea_unreachable", "y")]

    assert [("configuration_faulty", Severity.MEDIUM), ("gitea_unreachable", Severity.HIGH)] == [
        (alert.kind, alert.severity) for alert in gate.conditions.look()
    ]
    gate.notes = gate.unready = []
    assert [("configuration_faulty_over", Severity.MEDIUM), ("gitea_unreachable_over", Severity.HIGH)] == sorted(
        (alert.kind, alert.severity) for alert in gate.conditions.look()
    )


def test_a_key_is_told_once_for_each_day_and_once_when_it_has_expired() -> None:
    """Often enough to be seen, not so often that it is ignored."""
    gate = Gate()
    told: list[list[str]] = []
    for left_s in (6.5 * DAY_S, 6.4 * DAY_S, 5.9 * DAY_S, 60.0, -1.0, -3 * DAY_S):
        gate.keys = [("a1b2c3d4...e1f2", left_s)]
        told.append(gate.kinds())

    assert [["api_key_expires"], [], ["api_key_expires"], ["api_key_expires"], ["api_key_expired"], []] == told


async def test_a_look_that_breaks_ends_its_task_alone(autojump_clock: MockClock) -> None:
    """A bug in a condition must not end the gate."""

    def broken() -> list[Unready]:
        raise RuntimeError("a bug")

    async def deliver(_target: AlertTarget, _notice: Notice, _message_id: str) -> None:
        await trio.lowlevel.checkpoint()

    notifier = AlertNotifier(AlertSettings(), deliver)
    with trio.fail_after(3 * LOOK_EVERY_S):
        conditions = Conditions(broken, list[Unready], lambda _: [], SetClock(0), blocks=lambda: 0)
        await run_conditions(conditions, notifier)

    assert 1 == notifier.statistics().deaths_total


@pytest.mark.parametrize(
    ("host", "address", "allow_private", "is_reached"),
    [
        ("hooks.example", "93.184.216.34", False, True),
        ("hooks.example", "10.0.0.7", False, False),
        ("hooks.example", "10.0.0.7", True, True),
        ("hooks.example", "127.0.0.1", False, False),
        ("hooks.example", "169.254.169.254", False, False),
        ("localhost", "127.0.0.1", False, True),
        ("localhost", "10.0.0.7", True, False),
        ("127.0.0.1", "127.0.0.1", False, True),
    ],
)
async def test_a_target_is_reached_only_where_it_may_be(
    host: str, address: str, *, allow_private: bool, is_reached: bool
) -> None:
    """The name says loopback and leads elsewhere, or the other way round: neither is followed."""

    async def resolve(_host: str, _port: int) -> tuple[str, ...]:
        await trio.lowlevel.checkpoint()
        return (address,)

    checked: list[Address] = []

    def pinned(may_reach: Callable[[Address], bool]) -> PinnedBackend:
        def check(found: Address) -> bool:
            if may_reach(found):
                checked.append(found)
            return False  # nothing is connected to in this test

        return PinnedBackend(resolve, check)

    with pytest.raises(NotDelivered):
        await AlertBackend(allow_private=allow_private, pinned=pinned).connect_tcp(host, 443)

    assert ([ip_address(address)] if is_reached else []) == checked
