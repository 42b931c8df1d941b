"""No client harms another: every probe, in front of bystanders whose streams must go on."""

from __future__ import annotations

import pytest

from tests.web.server.probes import PROBES, Probe
from tests.web.server.stage import open_stage
from tests.web.server.websocket_probes import WEBSOCKET_PROBES

ALL = [*PROBES, *WEBSOCKET_PROBES]


@pytest.mark.sockets
@pytest.mark.parametrize("probe", ALL, ids=[probe.__name__.replace("_", " ") for probe in ALL])
async def test_a_probe_sees_its_answer_and_the_bystanders_hear_on(probe: Probe) -> None:
    """One connection's fault ends that connection only, and leaves neither a task nor a descriptor behind.

    Leaving the stage waits until the counts of connections, requests, tasks and descriptors are what they were.
    """
    async with open_stage() as (stage, bystander):
        await bystander.must_still_hear()
        await probe(stage)
        await bystander.must_still_hear()
        assert 0 == stage.served.statistics().contained_faults_total


def test_there_are_as_many_probes_as_were_promised() -> None:
    """Nobody may drop a probe in passing; the count only grows."""
    assert 66 <= len(PROBES)
    assert 21 <= len(WEBSOCKET_PROBES)
