"""`aegis-trio audit verify`: is this log what was written?

Exit codes: 0 yes, 1 no, 2 too much of it is unsigned, 3 it cannot be told, 4 the newest checkpoint is too old.

Without a key and a pin only the records themselves are compared, and code 0 says no more: the verdict then is
`unproved` and not `good`, since whoever can write the files can have made all of them, checkpoints included.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Final

from aegis_trio.audit.claims import UnusablePin
from aegis_trio.audit.notes import SignatureKind, VerifierKey, encode_base64
from aegis_trio.audit.verify import Findings, Incomplete, verify_log
from aegis_trio.cli.audit.sources import (
    EXIT_STALE,
    EXIT_TAMPERED,
    EXIT_UNREADABLE,
    EXIT_UNSIGNED,
    add_identity_argument,
    add_key_argument,
    add_log_argument,
    log_files,
    parse_duration,
    parse_moment,
    read_identities,
    verifier_keys,
)
from aegis_trio.cli.exit_codes import EXIT_OK
from aegis_trio.cli.usage import Usage
from aegis_trio.model.clock import NS_PER_S
from aegis_trio.model.json import JsonObject, JsonValue

MAX_UNSIGNED: Final = 5_000
"""A gate signs after 1,000 records and once a minute; what one commit takes at most comes on top."""

_VERDICTS: Final = {
    EXIT_OK: "good",
    EXIT_TAMPERED: "tampered",
    EXIT_UNSIGNED: "unsigned",
    EXIT_UNREADABLE: "unreadable",
    EXIT_STALE: "stale",
}
_UNPROVED: Final = "unproved"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `audit verify` understands to *parser*."""
    add_log_argument(parser)
    add_key_argument(parser)
    add_identity_argument(parser)
    parser.add_argument(
        "--pin",
        metavar="FILE",
        action="append",
        default=[],
        type=Path,
        help="checkpoints that were kept elsewhere; several times for several files",
    )
    parser.add_argument(
        "--witness-vkey",
        metavar="TEXT|FILE",
        action="append",
        default=[],
        help="key of a witness, or a file of them: what it cosigned, beside the log, must be there and counts as a pin",
    )
    parser.add_argument("--since", metavar="TIME", help="look into records from this moment on; only hash older ones")
    parser.add_argument("--max-age", metavar="DURATION", help="how old the newest checkpoint (or pin) may be: 15m")
    parser.add_argument(
        "--max-unsigned",
        metavar="N",
        type=int,
        default=MAX_UNSIGNED,
        help=f"how many records may stand behind the newest checkpoint (default: {MAX_UNSIGNED})",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Verify, say what was found, and return the exit code."""
    keys = verifier_keys(arguments.vkey)
    witnesses = verifier_keys(arguments.witness_vkey)
    if any(key.kind is not SignatureKind.COSIGNATURE for key in witnesses):
        raise Usage("--witness-vkey holds the key of a log; `audit witness list` shows a witness's.")
    now_ns: int = arguments.clock.now_ns()
    max_age_s = None if arguments.max_age is None else parse_duration(arguments.max_age)
    since = "" if arguments.since is None else parse_moment(arguments.since, now_ns)
    try:
        files, log = log_files(arguments)
        findings = verify_log(
            files,
            log,
            pins=arguments.pin,
            keys=keys,
            witnesses=witnesses,
            since=since,
            now_s=now_ns / NS_PER_S,
            identities=read_identities(arguments.identity),
        )
    except (OSError, UnusablePin, Incomplete, Usage) as fault:
        reason = f"{fault.filename}: {fault.strerror}" if isinstance(fault, OSError) else str(fault)
        if arguments.json:
            print(json.dumps({"verdict": _VERDICTS[EXIT_UNREADABLE], "exit": EXIT_UNREADABLE, "reason": reason}))
        else:
            print(f"UNREADABLE: {reason}", file=sys.stderr)
        return EXIT_UNREADABLE
    has_claims = bool(keys or witnesses or arguments.pin)
    code = _judge(findings, has_claims=has_claims, most=arguments.max_unsigned, max_age_s=max_age_s)
    verdict = _UNPROVED if code == EXIT_OK and not has_claims else _VERDICTS[code]
    if arguments.json:
        print(json.dumps(_document(findings, code, verdict, keys), indent=2))
    else:
        print("\n".join(_lines(findings, verdict, keys, has_claims=has_claims)))
    return code


def _judge(findings: Findings, *, has_claims: bool, most: int, max_age_s: int | None) -> int:
    if findings.fault is not None:
        return EXIT_TAMPERED
    # A log that nobody signs has no unsigned end; with a key or pin at hand it was meant to be signed.
    if (has_claims or findings.checkpoints) and findings.unsigned > most:
        return EXIT_UNSIGNED
    if has_claims and not findings.checkpoints and findings.records:
        return EXIT_UNSIGNED
    age_s = findings.newest_age_s
    if max_age_s is not None and (age_s is None or age_s > max_age_s):
        return EXIT_STALE
    return EXIT_OK


def _document(findings: Findings, code: int, verdict: str, keys: list[VerifierKey]) -> JsonObject:
    fault = findings.fault
    where: JsonValue = None
    if fault is not None:
        where = {
            "file": str(fault.file),
            "line": fault.line,
            "seq": fault.seq,
            "offset": fault.offset,
            "reason": fault.reason,
        }
    return {
        "verdict": verdict,
        "exit": code,
        "fault": where,
        "records": findings.records,
        "first_seq": findings.first_seq,
        "pruned_records": findings.pruned,
        "last_seq": findings.head.next_seq - 1 if findings.records else None,
        "root": None if findings.root is None else encode_base64(findings.root),
        "signatures_checked": bool(keys),
        "checkpoints": findings.checkpoints,
        "covered_records": findings.covered,
        "unsigned_records": findings.unsigned,
        "newest_age_s": findings.newest_age_s,
        "torn_bytes": findings.torn_bytes,
        "losses": [{"seq": loss.seq, "reason": loss.reason} for loss in findings.losses],
        "unfinished_total": findings.intents.total,
        "unfinished": list(findings.intents.listed()),
    }


def _lines(findings: Findings, verdict: str, keys: list[VerifierKey], *, has_claims: bool) -> list[str]:
    fault = findings.fault
    lines = [f"{verdict.upper()}: {_sentence(findings, verdict)}"]
    if fault is not None:
        line = "" if fault.line is None else f", line {fault.line}"
        seq = "" if fault.seq is None else f" (record {fault.seq})"
        lines.append(f"  {fault.file}{line}, byte {fault.offset}{seq}: {fault.reason}")
    if findings.records:
        right = "are right" if fault is None else "were read before it"
        lines.append(f"  records {findings.first_seq} to {findings.head.next_seq - 1} {right}")
        lines += _before(findings)
    which = "checkpoints and pins that hold" if has_claims else "checkpoints, by whoever wrote them"
    lines.append(
        f"  {which}: {findings.checkpoints}; they cover {findings.covered} records, "
        f"{findings.unsigned} stand behind the newest"
    )
    if not keys:
        lines.append("  signatures were NOT checked: give the log's verifier key with --vkey")
    if findings.torn_bytes:
        lines.append(f"  {findings.torn_bytes} bytes at the end are no whole record (a crash, or a copy while writing)")
    lines += [f"  LOSS: record {loss.seq} says that the operator went on: {loss.reason}" for loss in findings.losses]
    if findings.intents.total:
        lines.append(f"  calls that have an intent and no outcome: {findings.intents.total}")
        lines += [f"    {json.dumps(intent)}" for intent in findings.intents.listed()]
    return lines


def _before(findings: Findings) -> list[str]:
    first = findings.first_seq or 0
    if not first:
        return []
    if findings.pruned >= first:
        return [f"  records 0 to {first - 1} are not here: the gate pruned them by its rule, and recorded it"]
    told = "no record that was looked into says that the gate pruned them: ask for the older files"
    return [f"  records {findings.pruned} to {first - 1} are NOT HERE, and {told}"]


def _sentence(findings: Findings, verdict: str) -> str:
    match verdict:
        case "good":
            kept = "what is here is" if findings.losses else "every record is"
            return f"{kept} what was written"
        case "unproved":
            return "no record contradicts another, and nothing tells who wrote them: give --vkey, --pin or both"
        case "tampered":
            return "this is not what was written"
        case "unsigned":
            return f"{findings.unsigned} records stand behind the newest checkpoint; nothing proves them"
        case _:
            age_s = findings.newest_age_s
            return "nothing tells how old the newest checkpoint is" if age_s is None else (
                f"the newest checkpoint is {age_s:.0f} seconds old"
            )  # fmt: skip
