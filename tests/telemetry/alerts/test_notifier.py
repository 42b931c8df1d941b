"""Nobody waits for an alert: not for a dead target, not for a slow one, and not for a broken notifier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from aegis_trio.model.errors import Severity
from aegis_trio.model.secret import Secret
from aegis_trio.telemetry.alerts.alert import Alert, Notice
from aegis_trio.telemetry.alerts.folding import WINDOW_S
from aegis_trio.telemetry.alerts.lane import BACKOFF_S, QUEUE
from aegis_trio.telemetry.alerts.notifier import INTAKE, AlertNotifier
from aegis_trio.telemetry.alerts.posting import NotDelivered
from aegis_trio.telemetry.alerts.settings import AlertSettings, AlertTarget, TargetKind

ALERT = Alert(kind="blocked", severity=Severity.HIGH, summary="Blocked.", subject="a", at_ns=0)
GOOD = AlertTarget(kind=TargetKind.SLACK, number=1, url=Secret("https://good.example"))
BAD = AlertTarget(kind=TargetKind.DISCORD, number=1, url=Secret("https://bad.example"))


class Chat:
    """Takes notices at its good target, and does at the bad one what it is told."""

    def __init__(self, answer: Callable[[], NotDelivered] | None = None) -> None:
        self.taken: list[tuple[float, Notice]] = []
        self.tried: list[tuple[float, str]] = []
        self.answer = answer

    async def deliver(self, target: AlertTarget, notice: Notice, message_id: str) -> None:
        """Take a notice."""
        if target is GOOD:
            self.taken.append((trio.current_time(), notice))
            return
        self.tried.append((trio.current_time(), message_id))
        if self.answer is None:
            await trio.sleep_forever()
        else:
            raise self.answer()


def settings(*targets: AlertTarget, per_minute: int = 60) -> AlertSettings:
    """Return settings with *targets*."""
    return AlertSettings(targets=targets, per_minute=per_minute)


async def test_a_target_that_never_answers_holds_up_nobody(autojump_clock: MockClock) -> None:
    """The caller goes on at once, the other target is told, and memory stays bounded."""
    chat = Chat()
    notifier = AlertNotifier(settings(GOOD, BAD), chat.deliver)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(notifier.run)
        began_s = trio.current_time()
        for number in range(QUEUE * 2):
            notifier.offer(replace(ALERT, kind=f"kind_{number}"))
        assert began_s == trio.current_time()
        await trio.sleep(WINDOW_S / 2)
        statistics = notifier.statistics()
        nursery.cancel_scope.cancel()

    assert QUEUE < statistics.sent_total[("slack-1",)]
    assert 1 == len(chat.tried)
    assert QUEUE == statistics.queue_notices[("discord-1",)]
    assert 0 < statistics.dropped_total[("discord-1",)]
    assert {0} == {statistics.dropped_total[(at,)] for at in ("intake", "ended")}


async def test_a_full_intake_drops_and_counts() -> None:
    """Before the notifier runs, or while it is behind."""
    notifier = AlertNotifier(settings(GOOD), Chat().deliver)
    for _ in range(INTAKE + 3):
        notifier.offer(ALERT)

    assert 3 == notifier.statistics().dropped_total[("intake",)]


async def test_repetitions_become_one_notice(autojump_clock: MockClock) -> None:
    """Told at once, and then with the number of the others."""
    chat = Chat()
    notifier = AlertNotifier(settings(GOOD), chat.deliver)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(notifier.run)
        for _ in range(100):
            notifier.offer(ALERT)
        await trio.sleep(WINDOW_S + 1)
        nursery.cancel_scope.cancel()

    assert [(0, 0.0), (99, WINDOW_S)] == [(notice.repeated, round(at_s, 3)) for at_s, notice in chat.taken]
    assert 99 == notifier.statistics().folded_total


async def test_a_notice_is_tried_again_under_its_id_and_then_given_up(autojump_clock: MockClock) -> None:
    """A target that saw it twice can tell; one that is away does not keep the queue for ever."""
    chat = Chat(lambda: NotDelivered("it answered 503"))
    notifier = AlertNotifier(settings(BAD), chat.deliver)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(notifier.run)
        notifier.offer(ALERT)
        await trio.sleep(sum(BACKOFF_S) + 1)
        nursery.cancel_scope.cancel()

    assert [0.0, 2.0, 10.0, 42.0] == [round(at_s, 3) for at_s, _ in chat.tried]
    assert 1 == len({message_id for _, message_id in chat.tried})
    statistics = notifier.statistics()
    assert (3, 1, 0) == tuple(
        number[("discord-1",)] for number in (statistics.retries_total, statistics.failed_total, statistics.sent_total)
    )


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (NotDelivered("it answered 404", is_final=True), [0.0]),
        (NotDelivered("it answered 429", retry_after_s=20.0), [0.0, 20.0, 40.0, 72.0]),
    ],
)
async def test_what_the_target_says_counts(
    fault: NotDelivered, expected: list[float], autojump_clock: MockClock
) -> None:
    """A final answer ends it; a wait that is asked for is kept."""
    chat = Chat(lambda: fault)
    notifier = AlertNotifier(settings(BAD), chat.deliver)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(notifier.run)
        notifier.offer(ALERT)
        await trio.sleep(100)
        nursery.cancel_scope.cancel()

    assert expected == [round(at_s, 3) for at_s, _ in chat.tried]


async def test_a_target_gets_no_more_than_its_number_a_minute(autojump_clock: MockClock) -> None:
    """What is above it waits for its turn."""
    chat = Chat()
    notifier = AlertNotifier(settings(GOOD, per_minute=2), chat.deliver)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(notifier.run)
        for number in range(6):
            notifier.offer(replace(ALERT, kind=f"kind_{number}"))
        await trio.sleep(WINDOW_S)
        nursery.cancel_scope.cancel()

    assert [0.0, 0.0, 30.0, 60.0, 90.0, 120.0] == [round(at_s, 1) for at_s, _ in chat.taken]


async def test_less_severe_alerts_are_not_told() -> None:
    """The operator chose from where on."""
    notifier = AlertNotifier(AlertSettings(targets=(GOOD,), min_severity=Severity.HIGH), Chat().deliver)
    notifier.offer(replace(ALERT, severity=Severity.MEDIUM))
    notifier.offer(ALERT)

    assert 1 == notifier.statistics().offered_total


async def test_a_broken_notifier_ends_alone(autojump_clock: MockClock) -> None:
    """It is counted, what comes later is dropped, and the task beside it goes on."""

    async def broken(_target: AlertTarget, _notice: Notice, _message_id: str) -> None:
        await trio.lowlevel.checkpoint()
        raise RuntimeError("a bug")

    notifier = AlertNotifier(settings(GOOD), broken)
    async with trio.open_nursery() as tree:
        tree.start_soon(notifier.run)
        notifier.offer(ALERT)
        await trio.sleep(1)
        notifier.offer(ALERT)
        assert not tree.cancel_scope.cancel_called

    statistics = notifier.statistics()
    assert (1, 1) == (statistics.deaths_total, statistics.dropped_total[("ended",)])
