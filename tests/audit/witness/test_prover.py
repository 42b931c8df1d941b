"""A proof is made from what is read once, and holds for whoever verifies it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aegis_trio.audit.checkpoint import Checkpoint
from aegis_trio.audit.checkpoint_files import CheckpointFiles
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.audit.tree import verify_consistency
from aegis_trio.audit.witness import prover as room
from aegis_trio.audit.witness.prover import CannotProve, GrowthProver
from tests.audit.signed import KEY, SignedLog


def checkpoint_of(path: Path) -> Checkpoint:
    """Return the newest checkpoint beside a log."""
    signed = CheckpointFiles(path, FileOps()).read_newest()
    assert signed is not None
    return signed.checkpoint


def proved(prover: GrowthProver, checkpoint: Checkpoint) -> tuple[bytes, ...]:
    """Read to a checkpoint and prove it."""
    while not prover.read_to(checkpoint.size):
        pass
    return prover.prove(checkpoint)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 9), min_size=2, max_size=6), st.integers(1, 5))
def test_growth_is_proved_step_by_step(tmp_path_factory: pytest.TempPathFactory, sizes: list[int], step: int) -> None:
    """Each proof holds between the two checkpoints, however few records are read at once."""
    path = tmp_path_factory.mktemp("log") / "audit.log"
    log = SignedLog(path)
    prover = GrowthProver(path)
    prover.begin(0)
    old = Checkpoint(origin=KEY.name, size=0, root=checkpoint_of(path).root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "STEP_RECORDS", step)
        for size in sizes:
            log.ticks(size)
            log.sign()
            new = checkpoint_of(path)

            proof = proved(prover, new)

            assert verify_consistency(old.size, new.size, old.root, new.root, proof)
            prover.settle()
            old = new
    log.close()


def test_it_begins_anywhere(path: Path) -> None:
    """Where the witness stands is its own affair: any size up to the checkpoint's can be proved from."""
    log = SignedLog(path)
    roots = [log.signer.tree.root()]
    for _ in range(12):
        log.ticks(1)
        roots.append(log.signer.tree.root())
    log.sign()
    new = checkpoint_of(path)

    for size, root in enumerate(roots):
        prover = GrowthProver(path)
        prover.begin(size)
        assert verify_consistency(size, 12, root, new.root, proved(prover, new))
    log.close()


def test_a_log_that_was_rewritten_proves_nothing(path: Path) -> None:
    """What was signed is compared before anything is sent."""
    log = SignedLog(path)
    log.ticks(6)
    log.sign()
    log.close()
    path.write_bytes(path.read_bytes().replace(b'"number": 2', b'"number": 7'))
    prover = GrowthProver(path)
    prover.begin(0)

    with pytest.raises(CannotProve, match="audit verify"):
        proved(prover, checkpoint_of(path))


def test_records_that_are_not_here_are_said_to_be_missing(path: Path) -> None:
    """Pruned, or moved away by hand."""
    log = SignedLog(path)
    log.ticks(6)
    log.sign()
    log.close()
    newest = checkpoint_of(path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:4]))
    prover = GrowthProver(path)
    prover.begin(0)
    with pytest.raises(CannotProve, match="ends with 4 records"):
        proved(prover, newest)
    path.write_bytes(b"".join(lines[2:]))
    with pytest.raises(CannotProve, match="not here"):
        prover.begin(1)
