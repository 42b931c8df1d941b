"""`aegis-trio audit prove`: a file that proves one record to somebody who has not the log."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from aegis_trio.audit.checkpoint_files import CheckpointFiles
from aegis_trio.audit.notes import MalformedNote
from aegis_trio.audit.prove import CannotProve, NotSignedYet, prove_record
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.cli.audit.sources import (
    EXIT_TAMPERED,
    EXIT_UNREADABLE,
    EXIT_UNSIGNED,
    add_identity_argument,
    add_log_argument,
    log_files,
    read_identities,
)
from aegis_trio.cli.exit_codes import EXIT_OK
from aegis_trio.cli.safe_write import write_new


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `audit prove` understands to *parser*."""
    add_log_argument(parser)
    add_identity_argument(parser)
    parser.add_argument("--seq", type=int, required=True, help="sequence of the record")
    parser.add_argument("-o", "--out", type=Path, help="the file, ending in .tlog-proof (default: standard output)")


def run(arguments: argparse.Namespace) -> int:
    """Make the proof; return 0, 1 when the log is not what was signed, 2 when the record is not signed yet, or 3."""
    try:
        files, log = log_files(arguments)
        signed = CheckpointFiles(log, FileOps()).read_newest()
        if signed is None:
            return _tell(f"no checkpoint stands beside {log}: nothing is signed.", EXIT_UNREADABLE)
        proof = prove_record(files, signed, arguments.seq, identities=read_identities(arguments.identity))
    except NotSignedYet as early:
        return _tell(f"{early}.", EXIT_UNSIGNED)
    except CannotProve as fault:
        return _tell(f"{fault}.", EXIT_TAMPERED)
    except MalformedNote as malformed:
        return _tell(f"the checkpoint beside the log is damaged: {malformed}.", EXIT_UNREADABLE)
    if arguments.out is None:
        print(proof, end="")
    else:
        write_new(arguments.out, str(proof).encode())
    return EXIT_OK


def _tell(sentence: str, code: int) -> int:
    print(f"aegis-trio: {sentence}", file=sys.stderr)
    return code
