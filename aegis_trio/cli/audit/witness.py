"""`aegis-trio audit witness`: a witness for another machine than the gate's, that cosigns only consistent growth.

audit witness init   make its folder and key
audit witness add    know a log, by its verifier key
audit witness list   show its own verifier key, the logs that it knows, and what it cosigned last
audit witness run    serve C2SP's witness protocol

Law: everything stands in its folder and in the flags of `run`; neither settings nor `.env` are read.
"""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path
from typing import Final

import trio

from aegis_trio.audit.notes import MalformedNote, SignatureKind, VerifierKey, parse_verifier_key
from aegis_trio.audit.system_calls import FileOps
from aegis_trio.audit.witness.request import origin_digest
from aegis_trio.audit.witness.vault import KnownLog, VaultFault, WitnessVault, make_vault, open_vault
from aegis_trio.cli.exit_codes import EXIT_CONFIGURATION, EXIT_OK
from aegis_trio.cli.usage import Usage
from aegis_trio.model.json import JsonObject
from aegis_trio.supervisor.witness import run_witness
from aegis_trio.telemetry.logs import configure_logging
from aegis_trio.telemetry.settings import LogFormat, LogLevel, TelemetrySettings
from aegis_trio.web.server.tls import open_tls_context

DEFAULT_FOLDER: Final = Path("/var/lib/aegis-witness")
DEFAULT_PORT: Final = 8070


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `audit witness` understands to *parser*."""
    commands = parser.add_subparsers(dest="witness_command", metavar="COMMAND")
    init = commands.add_parser("init", help="make the witness's folder and key")
    init.add_argument("--name", required=True, help="name of the witness, such as witness.example.com")
    add = commands.add_parser("add", help="know a log from now on; a running witness sees it")
    add.add_argument("vkey", metavar="VKEY", nargs="+", help="verifier key of the log, as `audit init` printed it")
    listed = commands.add_parser("list", help="show its verifier key, and the logs that it knows")
    listed.add_argument("--json", action="store_true", help="print one JSON object")
    run_parser = commands.add_parser("run", help="serve until TERM or INT")
    run_parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    run_parser.add_argument("--port", type=int, default=DEFAULT_PORT, help=f"port (default: {DEFAULT_PORT})")
    run_parser.add_argument("--tls-cert", metavar="FILE", type=Path, help="certificate chain, in PEM")
    run_parser.add_argument("--tls-key", metavar="FILE", type=Path, help="its key, in PEM")
    run_parser.add_argument(
        "--log-format", choices=[one.value for one in LogFormat], default="console", help="form of log lines"
    )
    for command in (init, add, listed, run_parser):
        command.add_argument(
            "--folder", type=Path, default=DEFAULT_FOLDER, help=f"the witness's folder (default: {DEFAULT_FOLDER})"
        )
        command.add_argument("--traceback", action="store_true", help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand; return 0, or 78 when the folder is not a witness's or cannot be used."""
    try:
        match arguments.witness_command:
            case "init":
                return _init(arguments)
            case "add":
                return _add(arguments)
            case "list":
                return _list(arguments)
            case "run":
                return _run(arguments)
            case _:
                raise Usage("name what to do: aegis-trio audit witness {init,add,list,run}; each has --help.")
    except VaultFault as fault:
        print(f"aegis-trio: {fault}.", file=sys.stderr)
        return EXIT_CONFIGURATION


def _init(arguments: argparse.Namespace) -> int:
    folder: Path = arguments.folder
    try:
        vault = make_vault(folder, arguments.name, FileOps())
    except MalformedNote as malformed:
        raise Usage(f"--name {arguments.name!r}: {malformed}.") from None
    except FileExistsError:
        raise Usage(f"{folder} is a witness's folder already; `audit witness list` shows its key.") from None
    print(
        f"The witness's key is in {folder} (mode 0600).\n\n"
        f"Its verifier key, which everybody may know:\n\n    {vault.verifier}\n\n"
        "Next steps:\n"
        "1. Here: `aegis-trio audit witness add VKEY`, with the verifier key of each log.\n"
        "2. Here: `aegis-trio audit witness run --host … --tls-cert … --tls-key …`.\n"
        f"3. At the gate:  AUDIT_WITNESSES=https://<this host>:{DEFAULT_PORT}#{vault.verifier}"
    )
    return EXIT_OK


def _add(arguments: argparse.Namespace) -> int:
    vault = open_vault(arguments.folder, FileOps())
    keys: list[VerifierKey] = []
    for raw_key in arguments.vkey:
        try:
            key = parse_verifier_key(raw_key)
        except MalformedNote as malformed:
            raise Usage(f"{raw_key} is no verifier key: {malformed}.") from None
        if key.kind is not SignatureKind.NOTE:
            raise Usage(f"{raw_key} is the key of a witness; a log's is needed, as `audit init` prints it.")
        keys.append(key)
    for key in keys:
        print(f"{key.name}: {'is known from now on' if vault.add(key) else 'was known already'}.")
    return EXIT_OK


def _list(arguments: argparse.Namespace) -> int:
    vault = open_vault(arguments.folder, FileOps())
    logs = list(vault.logs())
    if arguments.json:
        print(json.dumps({"vkey": str(vault.verifier), "logs": [_document(log) for log in logs]}, indent=2))
        return EXIT_OK
    print(f"vkey  {vault.verifier}")
    for log in logs:
        size = "nothing cosigned yet" if log.newest is None else f"{log.newest.checkpoint.size} records cosigned"
        print(f"log   {log.origin!a}: {size}")
        for key in log.keys:
            print(f"      {ascii(str(key))[1:-1]}")
    return EXIT_OK


def _document(log: KnownLog) -> JsonObject:
    return {
        "origin": log.origin,
        "digest": origin_digest(log.origin),
        "vkeys": [str(key) for key in log.keys],
        "size": None if log.newest is None else log.newest.checkpoint.size,
        "checkpoint": None if log.newest is None else str(log.newest.note),
    }


def _run(arguments: argparse.Namespace) -> int:
    if (arguments.tls_cert is None) != (arguments.tls_key is None):
        raise Usage("--tls-cert and --tls-key belong together.")
    if not 0 <= arguments.port <= 65_535:
        raise Usage("--port is 0 to 65535.")
    vault: WitnessVault = open_vault(arguments.folder, FileOps())
    for log in vault.logs():  # what is damaged is said at the start
        del log
    tls = None if arguments.tls_cert is None else open_tls_context(arguments.tls_cert, arguments.tls_key)
    telemetry = TelemetrySettings(log_level=LogLevel.INFO, log_format=LogFormat(arguments.log_format))
    configure_logging(telemetry, arguments.clock)
    witness = partial(run_witness, vault, host=arguments.host, port=arguments.port, tls=tls, clock=arguments.clock)
    trio.run(witness)
    return EXIT_OK
