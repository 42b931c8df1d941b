"""A witness cosigns what only grew; every other history is refused, and with the status that the protocol names."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.audit.checkpoint import Checkpoint, SignedCheckpoint, sign_checkpoint
from aegis_trio.audit.notes import NoteSignature, SignatureKind, SignedNote, SigningKey, verify_note
from aegis_trio.audit.witness.judgement import Grown, Judgement, Refusal, Status, judge
from aegis_trio.audit.witness.request import AddCheckpoint
from tests.audit.witness.histories import LOG, History

TRUE = History("true ", shared=10)
FORK = History("fork ", shared=10)
KEYS = [LOG.verifier]


def status_of(request: AddCheckpoint, newest: SignedCheckpoint | None) -> int:
    """Return 200 or the status of the refusal."""
    match judge(request, KEYS, newest):
        case Grown():
            return 200
        case Refusal(status=status):
            return status.value


@given(st.data())
def test_growth_is_cosigned_and_nothing_else(data: st.DataObject) -> None:
    """Whatever is sent, in whatever order, what was cosigned is one history; the fork shares the first ten records."""
    newest: SignedCheckpoint | None = None
    taken: History | None = None
    for _ in range(data.draw(st.integers(1, 8))):
        history = data.draw(st.sampled_from([TRUE, FORK]))
        old_size, size = sorted(data.draw(st.tuples(st.integers(0, 40), st.integers(0, 40))))
        stands_at = 0 if newest is None else newest.checkpoint.size
        old_size = data.draw(st.sampled_from([old_size, min(stands_at, size)]))
        status = status_of(history.request(old_size, size), newest)

        if old_size != stands_at:
            assert Status.CONFLICT == status
        elif taken in {None, history} or stands_at <= 10:
            assert 200 == status
        else:
            assert Status.INCONSISTENT == status
        if status == 200:
            newest = history.checkpoint(size)
            taken = history if size > 10 else None


def test_the_older_of_two_views_is_a_conflict_that_names_the_size() -> None:
    """A log that was set back to yesterday's copy learns that somebody remembers."""
    judgement = judge(TRUE.request(5, 12), KEYS, TRUE.checkpoint(20))

    assert Refusal(Status.CONFLICT, "the newest cosigned checkpoint has 20 records", 20) == judgement


def test_a_split_view_is_refused() -> None:
    """Two histories of one origin, each well formed and signed by the log's own key: the second is never cosigned."""
    newest = TRUE.checkpoint(20)

    assert Status.INCONSISTENT == status_of(FORK.request(20, 30), newest)
    assert Status.INCONSISTENT == status_of(FORK.request(20, 20), newest)
    assert 200 == status_of(TRUE.request(20, 20), newest)


def test_an_empty_log_has_the_empty_root() -> None:
    """Two empty logs are one."""
    invented = sign_checkpoint(Checkpoint(origin=LOG.name, size=0, root=b"\x07" * 32), LOG)

    assert Status.INCONSISTENT == status_of(AddCheckpoint(old_size=0, proof=(), signed=invented), None)
    assert 200 == status_of(TRUE.request(0, 0), None)


def test_a_proof_where_none_is_needed_is_refused() -> None:
    """The empty tree is a beginning of every other; a proof of that is something else."""
    request = replace(TRUE.request(0, 12), proof=TRUE.proof(5, 12))

    assert Status.INCONSISTENT == status_of(request, None)


@given(st.integers(1, 39), st.data())
def test_every_changed_proof_is_refused(old_size: int, data: st.DataObject) -> None:
    """One hash more, less, another or in another place."""
    size = data.draw(st.integers(old_size + 1, 40))
    request = TRUE.request(old_size, size)
    proof = list(request.proof)
    match data.draw(st.sampled_from(["drop", "add", "change", "swap"])):
        case "drop" if proof:
            proof.pop(data.draw(st.integers(0, len(proof) - 1)))
        case "change" if proof:
            proof[data.draw(st.integers(0, len(proof) - 1))] = b"\x09" * 32
        case "swap" if len(proof) > 1 and proof[0] != proof[-1]:
            proof[0], proof[-1] = proof[-1], proof[0]
        case _:
            proof.append(b"\x09" * 32)

    assert Status.INCONSISTENT == status_of(replace(request, proof=tuple(proof)), TRUE.checkpoint(old_size))


def test_only_the_logs_own_key_counts() -> None:
    """The protocol's order: who has not the key learns nothing of sizes."""
    stranger = SigningKey(LOG.name, SignatureKind.NOTE, b"\x02" * 32)
    forged = History(key=stranger).request(5, 12)

    assert Status.UNTRUSTED == status_of(forged, TRUE.checkpoint(20))


def test_a_bad_signature_under_the_right_name_spoils_the_note() -> None:
    """Source: c2sp.org/signed-note: such a note is malformed, even when a good signature stands beside."""
    request = TRUE.request(0, 12)
    good = request.signed.note.signatures[0]
    bad = NoteSignature(good.name, good.key_id, b"\x00" * 64)
    note = SignedNote(request.signed.note.text, (bad, good))

    assert Status.UNTRUSTED == status_of(replace(request, signed=replace(request.signed, note=note)), None)


def test_signatures_of_others_are_not_kept() -> None:
    """What is served to monitors holds what was verified, and no stranger's bytes."""
    request = TRUE.request(0, 12)
    unknown = NoteSignature("stranger.example", b"\x01\x02\x03\x04", b"\x00" * 99)
    note = SignedNote(request.signed.note.text, (unknown, *request.signed.note.signatures))

    judgement = judge(replace(request, signed=replace(request.signed, note=note)), KEYS, None)

    assert Grown(request.signed.note) == judgement
    assert 1 == len(verify_note(request.signed.note, KEYS))


@pytest.mark.parametrize("judgement", [Grown(TRUE.checkpoint(1).note), Refusal(Status.CONFLICT, "")], ids=range(2))
def test_a_decision_is_not_a_truth_value(judgement: Judgement) -> None:
    """`if judge(…)` would cosign what was refused."""
    with pytest.raises(TypeError):
        bool(judgement)
