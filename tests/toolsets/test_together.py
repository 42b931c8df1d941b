"""Requests side by side: in the order asked for, bounded, and one plain fault."""

from __future__ import annotations

from typing import Any, cast

import pytest
import trio
import trio.testing

from aegis_trio.gitea.request import AnswerT, Forge, ForgeRequest
from aegis_trio.model.errors import NotFound, UpstreamBusy
from aegis_trio.toolsets.together import AT_ONCE, ask_each, ask_three, ask_two


class _Slow:
    """Answers a number with itself after as many seconds; what is a fault is raised then."""

    def __init__(self) -> None:
        self.running = self.most = 0

    async def ask(self, request: ForgeRequest[AnswerT]) -> AnswerT:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            seconds, answer = cast("Any", request)
            await trio.sleep(seconds)
        finally:
            self.running -= 1
        if isinstance(answer, Exception):
            raise answer
        return cast("AnswerT", answer)


def _requests(*pairs: tuple[float, object]) -> Any:
    return pairs


async def test_answers_stand_in_the_order_of_the_requests(autojump_clock: trio.testing.MockClock) -> None:
    """And the whole takes as long as the slowest."""
    forge = _Slow()
    started = trio.current_time()

    assert ("a", "b", "c") == await ask_three(cast("Forge", forge), *_requests((3, "a"), (1, "b"), (2, "c")))
    assert ("a", "b") == await ask_two(cast("Forge", forge), *_requests((1, "a"), (2, "b")))
    assert 5 == trio.current_time() - started


async def test_one_call_takes_a_bounded_number_of_places(autojump_clock: trio.testing.MockClock) -> None:
    """Whatever it asks for."""
    forge = _Slow()

    assert list(range(30)) == await ask_each(cast("Forge", forge), _requests(*((1, index) for index in range(30))))
    assert AT_ONCE == forge.most


async def test_a_fault_ends_the_others_and_comes_alone(autojump_clock: trio.testing.MockClock) -> None:
    """Not in a group, which nobody above knows."""
    forge = _Slow()
    with pytest.raises(NotFound):
        await ask_each(cast("Forge", forge), _requests((99, "a"), (1, NotFound("gone"))))

    assert (0, 1) == (forge.running, trio.current_time() % 99)


async def test_a_tolerated_fault_stands_in_its_place(autojump_clock: trio.testing.MockClock) -> None:
    """A part of an overview may be missing; what is not tolerated still ends it."""
    forge, gone = _Slow(), NotFound("gone")

    assert ["a", gone] == await ask_each(cast("Forge", forge), _requests((1, "a"), (0, gone)), tolerated=(NotFound,))
    with pytest.raises(UpstreamBusy):
        await ask_each(cast("Forge", forge), _requests((1, "a"), (0, UpstreamBusy("busy"))), tolerated=(NotFound,))
