"""Notes, checkpoints and cosignatures are C2SP's: its examples, notes that Go made, and everything hostile."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.audit.checkpoint import (
    Checkpoint,
    parse_checkpoint,
    parse_signed_checkpoint,
    sign_checkpoint,
    verify_checkpoint,
)
from aegis_trio.audit.notes import (
    MAX_SIGNATURES,
    MalformedNote,
    SignatureKind,
    SigningKey,
    UntrustedNote,
    VerifiedSignature,
    parse_note,
    parse_signatures,
    parse_signing_key,
    parse_verifier_key,
    sign_note,
    verify_note,
)
from aegis_trio.audit.tree import (
    CompactRange,
    ConsistencyProof,
    NodePath,
    leaf_digest,
    verify_consistency,
    verify_inclusion,
)


class GoFixture(TypedDict):
    """What `vectors/go_notes.json` holds; it says itself how it was made."""

    signing_key: str
    verifier_key: str
    second_signing_key: str
    second_verifier_key: str
    witness_signing_key: str
    witness_verifier_key: str
    records: list[str]
    root: str
    root_of_6: str
    inclusion_of_4_in_11: list[str]
    consistency_of_6_and_11: list[str]
    checkpoint: str
    note: str


GO: GoFixture = json.loads((Path(__file__).parent / "vectors" / "go_notes.json").read_text(encoding="utf-8"))
WITNESSED_AT_S = int.from_bytes(bytes.fromhex("000000006b062515"))

# Source: c2sp.org/signed-note, "Example"
C2SP_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
C2SP_NOTE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
# Source: c2sp.org/tlog-cosignature, the checkpoint that contains a cosignature
C2SP_CHECKPOINT = """\
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
"""  # noqa: E501 -- as it is printed

KEY = SigningKey("gate.example/audit/1", SignatureKind.NOTE, b"\x01" * 32)
OTHER = SigningKey("gate.example/audit/1", SignatureKind.NOTE, b"\x02" * 32)
WITNESS = SigningKey("witness.example/w", SignatureKind.COSIGNATURE, b"\x03" * 32)
SIGNED = sign_checkpoint(Checkpoint(origin=KEY.name, size=0, root=CompactRange().root()), KEY)


def test_the_example_of_the_specification_verifies() -> None:
    """The first thing that any other implementation can be held against."""
    key = parse_verifier_key(C2SP_KEY)

    note = parse_note(C2SP_NOTE)

    assert "This is an example message.\n" == note.text
    assert (VerifiedSignature(key, None),) == verify_note(note, [key])
    assert C2SP_NOTE == str(note)
    assert C2SP_KEY == str(key)


def test_the_checkpoint_of_the_specification_is_read_as_it_says() -> None:
    """Its keys are not published, so form and time are what can be compared."""
    signed = parse_signed_checkpoint(C2SP_CHECKPOINT)

    assert ("example.com/behind-the-sofa", 20852163) == (signed.checkpoint.origin, signed.checkpoint.size)
    assert 1679315147 == int.from_bytes(signed.note.signatures[1].signature[:8])
    assert C2SP_CHECKPOINT == str(signed.note)
    assert signed.note.text == str(signed.checkpoint)


def test_a_note_that_go_signed_verifies() -> None:
    """Two signatures and a cosignature, each of another key and program."""
    keys = [parse_verifier_key(GO[name]) for name in ("verifier_key", "second_verifier_key", "witness_verifier_key")]  # type: ignore[literal-required] -- names of the fixture

    signed = parse_signed_checkpoint(GO["checkpoint"])

    expected = tuple(map(VerifiedSignature, keys, (None, None, WITNESSED_AT_S)))
    assert expected == verify_checkpoint(signed, keys)
    assert GO["checkpoint"] == str(signed.note)
    assert GO["root"] in str(signed.checkpoint)


def test_our_signatures_are_those_of_go() -> None:
    """Ed25519 has one signature for a text, so ours must be the same bytes."""
    keys = [parse_signing_key(GO["signing_key"]), parse_signing_key(GO["second_signing_key"])]
    witness = parse_signing_key(GO["witness_signing_key"])
    signed = parse_signed_checkpoint(GO["checkpoint"])

    lines = "".join(f"{signature}\n" for signature in signed.note.signatures)

    text = signed.note.text
    assert lines == "".join(key.sign(text) for key in keys) + witness.sign(text, time_s=WITNESSED_AT_S)
    assert [GO["signing_key"], GO["second_signing_key"]] == [key.reveal() for key in keys]
    assert GO["witness_verifier_key"] == str(witness.verifier)


def test_a_text_may_hold_empty_lines_and_what_looks_like_a_signature() -> None:
    """The signatures begin behind the last empty line, not behind the first."""
    note = parse_note(GO["note"])

    verify_note(note, [parse_verifier_key(GO["second_verifier_key"])])

    assert "Über den Wolken\n\n— kein Schlüssel\n" == note.text


def test_trees_and_proofs_are_those_of_go() -> None:
    """Certificate transparency's own library agrees on roots and proofs."""
    tree, path, growth = CompactRange(), NodePath(4), ConsistencyProof(6)
    old_root = b""
    for record in GO["records"]:
        leaf = leaf_digest(record.encode())
        tree.add(leaf, path)
        growth.add(leaf)
        old_root = tree.root() if tree.size == 6 else old_root
    checkpoint = parse_signed_checkpoint(GO["checkpoint"]).checkpoint
    inclusion = parse_hashes(GO["inclusion_of_4_in_11"])
    consistency = parse_hashes(GO["consistency_of_6_and_11"])

    assert checkpoint.root == tree.root()
    assert [parse_hash(GO["root_of_6"])] == [old_root]
    assert inclusion == path.finish(tree)
    assert consistency == growth.proof()
    assert verify_inclusion(4, 11, leaf_digest(b"record 4"), inclusion, checkpoint.root)
    assert verify_consistency(6, 11, old_root, checkpoint.root, consistency)


def parse_hash(raw_hash: str) -> bytes:
    """Return one hash of the fixture."""
    return parse_checkpoint(f"any\n0\n{raw_hash}\n").root


def parse_hashes(raw_hashes: list[str]) -> list[bytes]:
    """Return hashes of the fixture."""
    return [parse_hash(raw_hash) for raw_hash in raw_hashes]


def test_a_signature_of_an_unknown_key_is_ignored() -> None:
    """Witnesses that one does not know must not spoil a note."""
    note = sign_note("text\n", [OTHER, KEY])

    assert (KEY.verifier,) == tuple(one.key for one in verify_note(note, [KEY.verifier]))


def test_a_wrong_signature_of_a_known_key_spoils_the_note() -> None:
    """Somebody claims to be a known signer, and is not."""
    good, other = sign_note("text\n", [KEY]), sign_note("other text\n", [OTHER])
    note = parse_note(f"{good}{other.signatures[0]}\n")

    assert (KEY.verifier,) == tuple(one.key for one in verify_note(note, [KEY.verifier]))
    with pytest.raises(UntrustedNote, match="not on this text"):
        verify_note(note, [KEY.verifier, OTHER.verifier])


def test_a_note_without_a_known_signer_is_not_trusted() -> None:
    """Same name, other key."""
    with pytest.raises(UntrustedNote, match="no known key"):
        verify_note(sign_note("text\n", [OTHER]), [KEY.verifier])


def test_a_checkpoint_needs_the_signature_of_its_own_log() -> None:
    """A witness's cosignature alone, or another log's key, is no statement of the log."""
    stranger = SigningKey("other.example/audit/2", SignatureKind.NOTE, b"\x04" * 32)
    checkpoint = Checkpoint(origin=KEY.name, size=1, root=b"\x00" * 32)

    with pytest.raises(UntrustedNote, match="not the key of its log"):
        verify_checkpoint(sign_checkpoint(checkpoint, stranger), [KEY.verifier, stranger.verifier])


def test_a_cosignature_covers_its_time() -> None:
    """Who could move the time could pass an old copy for a fresh one."""
    cosigned = f"{SIGNED.note}{WITNESS.sign(SIGNED.note.text, time_s=1_771_000_000)}"
    line = parse_note(cosigned).signatures[1]
    moved = line.signature[:7] + bytes((line.signature[7] ^ 1,)) + line.signature[8:]
    keys = [KEY.verifier, WITNESS.verifier]

    assert (None, 1_771_000_000) == tuple(one.time_s for one in verify_note(parse_note(cosigned), keys))
    with pytest.raises(UntrustedNote, match="not on this text"):
        verify_note(parse_note(f"{SIGNED.note}{type(line)(line.name, line.key_id, moved)}\n"), keys)


def test_one_key_has_another_identifier_for_each_kind() -> None:
    """A cosignature must never pass for a note's signature."""
    twin = SigningKey(KEY.name, SignatureKind.COSIGNATURE, b"\x01" * 32)

    assert KEY.verifier.public == twin.verifier.public
    assert KEY.verifier.key_id != twin.verifier.key_id
    with pytest.raises(UntrustedNote, match="no known key"):
        verify_note(SIGNED.note, [twin.verifier])


@pytest.mark.parametrize(("key", "time_s"), [(KEY, 1), (WITNESS, None)])
def test_a_time_stands_in_cosignatures_alone(key: SigningKey, time_s: int | None) -> None:
    """A key of one kind signs nothing of the other."""
    with pytest.raises(ValueError, match="cosignatures have a time"):
        key.sign("text\n", time_s=time_s)


@given(st.binary(min_size=1, max_size=4), st.data())
def test_any_changed_byte_of_a_note_is_found(change: bytes, data: st.DataObject) -> None:
    """In text, name, identifier, signature or between them."""
    raw = str(SIGNED.note).encode()
    place = data.draw(st.integers(0, len(raw) - 1))
    changed = raw[:place] + change + raw[place + 1 :]
    if changed == raw:
        return
    try:
        note = parse_note(changed.decode())
    except ValueError:
        return
    with pytest.raises(UntrustedNote):
        verify_note(note, [KEY.verifier])


@given(st.text(max_size=200))
def test_whatever_is_parsed_is_written_as_it_was(raw: str) -> None:
    """Two spellings of one note would be two notes for whoever compares bytes."""
    for parse in (parse_note, parse_signed_checkpoint):
        try:
            parsed = parse(raw)
        except MalformedNote:
            continue
        assert raw == str(parsed if parse is parse_note else parsed.note)  # type: ignore[union-attr] -- of the second


@pytest.mark.parametrize(
    "raw",
    [
        *("", "text", "text\n", "text\n\n", "text\n\nno signature\n", "text\n\n— name\n", "text\n\n— name AAAA\n"),
        *(
            "text\n\n— name AAAAAA==",
            "text\n\n— name AAAAAB==\n",
            "text\n\n- name AAAAAAA=\n",
            "text\n\n— a+b AAAAAAA=\n",
        ),
        *("te\rxt\n\n— name AAAAAAA=\n", "text\n\n— na\u00a0me AAAAAAA=\n", "text\n\n—  AAAAAAA=\n"),
        "text\n\n" + "— name AAAAAAA=\n" * (MAX_SIGNATURES + 1),
        "x" * 1_000_001,
    ],
)
def test_what_is_no_note_is_refused(raw: str) -> None:
    """Every rule of the form has its counterexample."""
    with pytest.raises(MalformedNote):
        parse_note(raw)


def test_as_many_signatures_as_the_specification_demands_are_read() -> None:
    """At least sixteen."""
    assert MAX_SIGNATURES == len(parse_signatures("— name AAAAAAA=\n" * MAX_SIGNATURES))


@pytest.mark.parametrize(
    "raw",
    [
        *(
            "a\n1\n",
            "a\n1\nAAAA\n",
            "\n1\n{root}\n",
            "a\n01\n{root}\n",
            "a\n-1\n{root}\n",
            "a\n1\n{root}",
            "a\n+1\n{root}\n",
        ),
        *("a\n1\n{root}\n\n", "a\n1\n{root}\n\nextension\n", "a\n9223372036854775808\n{root}\n", "a\n\u0661\n{root}\n"),
    ],
)
def test_what_is_no_checkpoint_is_refused(raw: str) -> None:
    """The size decides which records are covered; it has one spelling."""
    with pytest.raises(MalformedNote):
        parse_checkpoint(raw.format(root="A" * 43 + "="))


def test_extension_lines_are_kept_and_signed() -> None:
    """Others may write them; what was signed is the whole text."""
    checkpoint = parse_checkpoint(f"a\n1\n{'A' * 43}=\nfirst\nsecond\n")

    assert ("first", "second") == checkpoint.extensions
    assert str(checkpoint).endswith("=\nfirst\nsecond\n")


@pytest.mark.parametrize(
    "raw",
    [
        *(
            "",
            "name",
            "name+00000000",
            "na me+00000000+AAAA",
            C2SP_KEY.upper(),
            C2SP_KEY.replace("530d903a", "530d903b"),
        ),
        *(C2SP_KEY[:-4], C2SP_KEY.replace("+Ae", "+Be"), C2SP_KEY.replace("example", "exam ple"), f"{C2SP_KEY}\n"),
    ],
)
def test_what_is_no_key_is_refused(raw: str) -> None:
    """A key that was copied badly must not be one that verifies nothing."""
    with pytest.raises(MalformedNote):
        parse_verifier_key(raw)
    with pytest.raises(MalformedNote):
        parse_signing_key(raw)
    with pytest.raises(MalformedNote):
        parse_signing_key(f"PRIVATE+KEY+{raw}")


def test_a_signing_key_does_not_show_itself() -> None:
    """Settings are printed and logged."""
    seed = KEY.reveal().rpartition("+")[2]

    assert "SigningKey(gate.example/audit/1, ****)" == repr(KEY) == str(KEY)
    assert seed not in f"{KEY}"
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(KEY)
    assert KEY.verifier == parse_signing_key(KEY.reveal()).verifier
    assert SigningKey.generate("a").verifier != SigningKey.generate("a").verifier
