"""Requests side by side: an overview takes as long as its slowest part, not as all of them.

Laws:
    1. At most `AT_ONCE` requests of one call run at a time; each still waits for its place at Gitea (the bulkhead).
    2. When one fails the others are cancelled, and the fault that is raised is the first in the order of the requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar, cast

import trio

from aegis_trio.gitea.request import Forge, ForgeRequest
from aegis_trio.model.errors import Fault

AT_ONCE: Final = 8  # a fourth of the usual 32 places: one overview leaves room for others

AnswerT = TypeVar("AnswerT")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")


async def ask_each(
    forge: Forge, requests: Sequence[ForgeRequest[AnswerT]], *, tolerated: tuple[type[Fault], ...] = ()
) -> list[AnswerT | Fault]:
    """Ask all *requests* and return their answers in the same order.

    Args:
        tolerated: faults that stand in the place of their answer, where a part may be missing.

    Raises:
        Fault: any other; the first of them in the order of *requests*.
    """
    answers: dict[int, AnswerT | Fault] = {}
    faults: dict[int, Fault] = {}
    places = trio.Semaphore(AT_ONCE)

    async def ask(index: int, request: ForgeRequest[AnswerT], scope: trio.CancelScope) -> None:
        async with places:
            try:
                answer: AnswerT = await forge.ask(request)
                answers[index] = answer
            except tolerated as fault:
                answers[index] = fault
            except Fault as fault:
                faults[index] = fault  # raised below, without the group that a nursery makes of it
                scope.cancel()

    async with trio.open_nursery() as nursery:
        for index, request in enumerate(requests):
            nursery.start_soon(ask, index, request, nursery.cancel_scope)
    if faults:
        raise faults[min(faults)]
    return [answers[index] for index in range(len(requests))]


async def ask_two(forge: Forge, a: ForgeRequest[A], b: ForgeRequest[B]) -> tuple[A, B]:
    """Ask two different things; raises as `ask_each` does."""
    first, second = await ask_each(forge, (_erased(a), _erased(b)))
    return cast("A", first), cast("B", second)


async def ask_three(forge: Forge, a: ForgeRequest[A], b: ForgeRequest[B], c: ForgeRequest[C]) -> tuple[A, B, C]:
    """Ask three different things; raises as `ask_each` does."""
    first, second, third = await ask_each(forge, (_erased(a), _erased(b), _erased(c)))
    return cast("A", first), cast("B", second), cast("C", third)


def _erased(request: ForgeRequest[AnswerT]) -> ForgeRequest[object]:
    return cast("ForgeRequest[object]", request)
