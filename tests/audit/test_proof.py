"""A proof file convinces whoever has the log's key, and nobody of anything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.audit.checkpoint import Checkpoint, sign_checkpoint
from aegis_trio.audit.notes import MalformedNote, SignatureKind, SigningKey, UntrustedNote
from aegis_trio.audit.proof import TlogProof, check_proof, parse_proof
from aegis_trio.audit.tree import CompactRange, NodePath, leaf_digest

KEY = SigningKey("gate.example/audit/1", SignatureKind.NOTE, b"\x01" * 32)
OTHER = SigningKey("gate.example/audit/1", SignatureKind.NOTE, b"\x02" * 32)
RECORDS = [f'{{"seq": {number}}}'.encode() for number in range(11)]


def proof_of(index: int, *, key: SigningKey = KEY, extra: bool = True) -> TlogProof:
    """Make the proof of one record."""
    tree, path = CompactRange(), NodePath(index)
    for record in RECORDS:
        tree.add(leaf_digest(record), path)
    signed = sign_checkpoint(Checkpoint(origin=key.name, size=tree.size, root=tree.root()), key)
    return TlogProof(index=index, path=tuple(path.finish(tree)), signed=signed, extra=RECORDS[index] if extra else None)


@pytest.mark.parametrize("extra", [True, False])
@pytest.mark.parametrize("index", range(len(RECORDS)))
def test_a_proof_survives_its_way_and_holds(index: int, *, extra: bool) -> None:
    """With the record inside or beside it."""
    raw = str(proof_of(index, extra=extra))

    proof = parse_proof(raw)

    assert raw == str(proof)
    assert KEY.verifier == check_proof(proof, RECORDS[index], [KEY.verifier])[0].key


def test_a_proof_holds_for_its_own_record_and_log_alone() -> None:
    """Another record, another key, another place."""
    proof = proof_of(4)

    with pytest.raises(UntrustedNote, match="not number 4 of the signed tree"):
        check_proof(proof, RECORDS[5], [KEY.verifier])
    with pytest.raises(UntrustedNote, match="no known key"):
        check_proof(proof_of(4, key=OTHER), RECORDS[4], [KEY.verifier])
    moved = TlogProof(index=5, path=proof.path, signed=proof.signed)
    with pytest.raises(UntrustedNote, match="not number 5"):
        check_proof(moved, RECORDS[4], [KEY.verifier])


@given(st.data())
def test_any_changed_character_is_found(data: st.DataObject) -> None:
    """What is changed is refused, or was the record that travels along and is judged by its own bytes."""
    raw = str(proof_of(6, extra=False))
    place = data.draw(st.integers(0, len(raw) - 1))
    changed = raw[:place] + data.draw(st.characters(codec="utf-8")) + raw[place + 1 :]
    if changed == raw:
        return
    with pytest.raises((MalformedNote, UntrustedNote)):
        check_proof(parse_proof(changed), RECORDS[6], [KEY.verifier])


@pytest.mark.parametrize(
    "head",
    [
        *("", "c2sp.org/tlog-proof@v2\nindex 0", "c2sp.org/tlog-proof@v1", "c2sp.org/tlog-proof@v1\nindex 00"),
        *(
            "c2sp.org/tlog-proof@v1\nextra AAAA",
            "c2sp.org/tlog-proof@v1\nindex 0\nAAAA",
            "c2sp.org/tlog-proof@v1\nindex",
        ),
        "c2sp.org/tlog-proof@v1\nindex 0\n" + "\n".join(["A" * 43 + "="] * 64),
    ],
)
def test_what_is_no_proof_is_refused(head: str) -> None:
    """Every rule of the form has its counterexample."""
    with pytest.raises(MalformedNote):
        parse_proof(f"{head}\n\n{proof_of(0).signed.note}")
