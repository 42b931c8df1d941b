"""A process that cannot end itself is ended, and one that can is left alone."""

from __future__ import annotations

import threading

from aegis_trio.supervisor.last_resort import EXIT_FORCED, LastResort


def test_the_process_is_ended_when_its_time_is_over() -> None:
    """Even when the event loop no longer turns: a thread does it."""
    ended = threading.Event()
    codes: list[int] = []

    def end(code: int) -> None:
        codes.append(code)
        ended.set()

    resort = LastResort(end)
    resort.arm(0.001)
    resort.arm(0.001)
    assert ended.wait(30)
    assert [EXIT_FORCED] == codes


def test_a_tree_that_ended_by_itself_is_not_ended_again() -> None:
    """Exit status 0 must stay 0."""
    codes: list[int] = []
    resort = LastResort(codes.append)
    resort.arm(3600)
    resort.disarm()
    resort.disarm()
    assert [] == codes


def test_a_second_signal_ends_at_once() -> None:
    """The operator's word is final."""
    codes: list[int] = []
    LastResort(codes.append).now()
    assert [EXIT_FORCED] == codes
