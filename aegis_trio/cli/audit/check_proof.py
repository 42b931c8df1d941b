"""`aegis-trio audit check-proof`: does this file prove its record? Without the log, its server or the network."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from aegis_trio.audit.canonical import is_canonical, parse
from aegis_trio.audit.notes import MAX_NOTE_BYTES, MalformedNote, UntrustedNote
from aegis_trio.audit.proof import check_proof, parse_proof
from aegis_trio.cli.audit.sources import EXIT_TAMPERED, EXIT_UNREADABLE, add_key_argument, verifier_keys
from aegis_trio.cli.exit_codes import EXIT_OK
from aegis_trio.cli.usage import Usage

_MAX_PROOF_BYTES: Final = 4 * MAX_NOTE_BYTES  # characters may take four


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `audit check-proof` understands to *parser*."""
    parser.add_argument("file", metavar="FILE", type=Path, help="the proof")
    add_key_argument(parser)
    parser.add_argument("--record", metavar="FILE", type=Path, help="the record's line (default: the one in the proof)")


def run(arguments: argparse.Namespace) -> int:
    """Check it and print the record; return 0, 1 when it proves nothing, or 3 when it is no proof."""
    keys = verifier_keys(arguments.vkey)
    if not keys:
        raise Usage("--vkey is needed: a proof is about a log that somebody known signs.")
    try:
        proof = parse_proof(_read(arguments.file).decode())
        line = proof.extra if arguments.record is None else _read(arguments.record).removesuffix(b"\n")
    except OSError as fault:
        return _tell(f"{fault.filename}: {fault.strerror}", EXIT_UNREADABLE)
    except (MalformedNote, UnicodeDecodeError) as malformed:
        return _tell(f"{arguments.file} is no proof: {malformed}", EXIT_UNREADABLE)
    if line is None:
        raise Usage("the record does not travel along in this proof; give it with --record.")
    try:
        verified = check_proof(proof, line, keys)
    except UntrustedNote as untrusted:
        return _tell(f"NOT PROVED: {untrusted}", EXIT_TAMPERED)
    record = parse(line)
    if record is None or not is_canonical(record, line):
        return _tell("NOT PROVED: what was logged there is not a record in the one form", EXIT_TAMPERED)
    checkpoint = proof.signed.checkpoint
    print(f"PROVED: record {proof.index} of {checkpoint.origin}, in its tree of {checkpoint.size} records")
    for signature in verified:
        when = "" if signature.time_s is None else f", which saw that tree at {signature.time_s} (Unix time)"
        print(f"  signed by {signature.key.name}{when}")
    print(line.decode("ascii"))
    return EXIT_OK


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MAX_PROOF_BYTES)


def _tell(sentence: str, code: int) -> int:
    print(f"aegis-trio: {sentence}.", file=sys.stderr)
    return code
