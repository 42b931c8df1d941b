"""`aegis-trio oauth setup`: register the gate's application in Gitea, and write the settings that people sign in by.

Order: settings → credential → look at Gitea → decide → register or renew → try the secret → write. Whatever interrupts
it before the last step leaves the settings as they were; a secret that was lost that way is made anew with
`--new-secret`.

Laws:
    1. The credential is used for this command alone (credential.py), and the secret is printed only by `--print`.
    2. Run twice it does nothing the second time. A secret that works is never ended without `--new-secret`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Final

import trio

from aegis_trio.cli.env_lines import line_of
from aegis_trio.cli.exit_codes import EXIT_OK, EXIT_UNAVAILABLE
from aegis_trio.cli.oauth.application import is_accepted, look
from aegis_trio.cli.oauth.credential import SetupCredential, add_credential_arguments, find_credential
from aegis_trio.cli.oauth.decision import Action, Decision, decide
from aegis_trio.cli.oauth.places import Places, find_places, state_values
from aegis_trio.cli.oauth.target import DEFAULT_NAME, Target, find_target
from aegis_trio.cli.usage import Usage, can_ask
from aegis_trio.config.reader import Reader
from aegis_trio.config.sources import DEFAULT_ENV_FILE, Sources
from aegis_trio.config.variables import access, listening, signin
from aegis_trio.gitea.applications import register_application, update_application
from aegis_trio.gitea.client import open_gitea_client
from aegis_trio.model.errors import (
    Fault,
    UpstreamBusy,
    UpstreamForbade,
    UpstreamRejectedIdentity,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from aegis_trio.model.json import JsonObject
from aegis_trio.model.secret import Secret

DEADLINE_S: Final = 60.0  # a few requests; each has its own, shorter timeouts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `oauth setup` understands to *parser*."""
    parser.add_argument("--gitea-url", metavar="URL", help="Gitea's base URL (default: GITEA_URL)")
    parser.add_argument("--public-url", metavar="URL", help="the URL that people type (default: PUBLIC_URL)")
    parser.add_argument(
        "--name", default=DEFAULT_NAME, help=f"what Gitea's pages call the application (default: {DEFAULT_NAME})"
    )
    add_credential_arguments(parser)
    parser.add_argument(
        "--new-secret",
        action="store_true",
        help="give an application that is there a new secret and our redirect URI; its old secret ends",
    )
    parser.add_argument(
        "--state-dir", type=Path, metavar="DIR", help="folder of store and audit log, written as settings"
    )
    parser.add_argument("--env-file", type=Path, default=DEFAULT_ENV_FILE, help="settings file (default: .env)")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--print", action="store_true", help="print the lines, secret and all, and write no file")
    output.add_argument("--dry-run", action="store_true", help="ask Gitea, say what would be done, and do nothing")


def run(arguments: argparse.Namespace) -> int:
    """Set signing in up; return 0, or 69 when Gitea cannot be reached."""
    reader = Reader(Sources(os.environ, arguments.env_file if arguments.env_file.exists() else None))
    target = find_target(arguments, reader)
    places = None if arguments.print else find_places(arguments.env_file, reader)
    if places is not None:
        # A file that cannot be edited is found out before Gitea makes a secret for it.
        places.edited(_values(arguments, reader, target, "x"))
    for warning in target.warnings:
        _warn(warning)
    credential = find_credential(arguments, os.environ, can_ask=can_ask())
    try:
        decision, secret = trio.run(partial(_converse, arguments, target, credential))
    except (UpstreamUnreachable, UpstreamTimeout, UpstreamBusy) as fault:
        print(f"aegis-trio: {target.gitea.url}: {fault.message} {fault.remedy}", file=sys.stderr)
        return EXIT_UNAVAILABLE
    except Fault as fault:
        raise _explained(fault, target) from fault
    except trio.TooSlowError:
        print(f"aegis-trio: {target.gitea.url}: no answer within {DEADLINE_S:.0f} s.", file=sys.stderr)
        return EXIT_UNAVAILABLE
    values = _values(arguments, reader, target, decision.client_id)
    if places is None or places.secret_file is None:
        values[signin.GITEA_OAUTH_CLIENT_SECRET.name] = secret.reveal()
    written = _write(arguments, places, values, secret)
    _report(arguments, target, decision, values, written)
    return EXIT_OK


async def _converse(
    arguments: argparse.Namespace, target: Target, credential: SetupCredential
) -> tuple[Decision, Secret]:
    with trio.fail_after(DEADLINE_S):
        async with open_gitea_client(target.gitea) as client:
            sight = await look(client, credential, name=target.name, redirect_uri=target.redirect_uri)
            known = target.known
            works = known is not None and await is_accepted(client, known[0], known[1])
            decision = decide(sight, target, known_works=works, new_secret=arguments.new_secret)
            if decision.action is Action.KEEP and known is not None:
                return decision, known[1]
            if arguments.dry_run:
                return decision, Secret("")
            if sight.application is None or decision.action is Action.REGISTER:
                request = register_application(name=target.name, redirect_uris=(target.redirect_uri,))
            else:
                uris = decision.redirect_uris
                request = update_application(sight.application, name=sight.application.name, redirect_uris=uris)
            made = await client.ask_provider(request, credential)
            if not await is_accepted(client, made.application.client_id, made.client_secret):
                raise Usage("Gitea made the application and does not accept its secret. Try again with --new-secret.")
            return decision.of(made.application.client_id), made.client_secret


def _explained(fault: Fault, target: Target) -> Usage:
    match fault:
        case UpstreamRejectedIdentity():
            return Usage(
                "Gitea does not accept this credential. A token must be whole and not revoked; with a password check "
                "the login, and give --otp where the account has two factors. An account that signs in by a security "
                "key or by another service needs a token with write:user."
            )
        case UpstreamForbade():
            return Usage(
                "Gitea forbids this to the credential. A token needs the scope write:user; an account that is blocked "
                "or has to change its password can do nothing."
            )
        case _:
            return Usage(
                f"GITEA_URL {target.gitea.url}: {fault.message} Give the URL as the browser shows it on Gitea's front "
                "page, sub-path included, without a login page of a proxy before it."
            )


def _values(arguments: argparse.Namespace, reader: Reader, target: Target, client_id: str) -> dict[str, str]:
    values = {
        access.GITEA_URL.name: target.gitea.url,
        listening.PUBLIC_URL.name: target.public_url,
        signin.OAUTH_MODE.name: "true",
        signin.GITEA_OAUTH_CLIENT_ID.name: client_id,
    }
    if target.port is not None:
        values[listening.PORT.name] = str(target.port)
    return values | state_values(reader, arguments.env_file, arguments.state_dir)


def _write(
    arguments: argparse.Namespace, places: Places | None, values: dict[str, str], secret: Secret
) -> tuple[Path, ...]:
    if places is None or arguments.dry_run:
        return ()
    try:
        return places.write(values, secret, arguments.clock)
    except (Usage, OSError):
        print(
            "aegis-trio: the application is registered, and its secret was not written. Mend what follows, then run "
            "this again with --new-secret.",
            file=sys.stderr,
        )
        raise


def _warn(sentence: str) -> None:
    print(f"aegis-trio: warning: {sentence}", file=sys.stderr)


def _report(
    arguments: argparse.Namespace,
    target: Target,
    decision: Decision,
    values: dict[str, str],
    backups: tuple[Path, ...],
) -> None:
    warnings = [*decision.warnings, *_overrides(values)]
    for warning in warnings:
        _warn(warning)
    lines = [line_of(name, value) for name, value in values.items()]
    if arguments.json:
        document: JsonObject = {
            **decision.document(target, dry_run=arguments.dry_run),
            "settings": [*sorted(values)],
            "settings_file": None if arguments.print else str(arguments.env_file),
            "backups": [str(path) for path in backups],
            "warnings": [*target.warnings, *warnings],
        }
        if arguments.print:
            document["lines"] = [*lines]
        print(json.dumps(document, indent=2))
        return
    if arguments.print:
        # Comments, so that what is printed can be taken as a settings file as it is.
        print("\n".join([*(f"# {line}" for line in decision.lines(target, dry_run=False)), *lines]))
        return
    print("\n".join(decision.lines(target, dry_run=arguments.dry_run)))
    verb = "would get" if arguments.dry_run else "has"
    print(f"{arguments.env_file} {verb}: {', '.join(values)}.")
    for backup in backups:
        print(f"The file as it was: {backup}")
    if not arguments.dry_run:
        print("\n".join(_next_steps(target)))


def _overrides(values: dict[str, str]) -> list[str]:
    return [
        f"{name} is also set in this environment, to something else, and goes before the file. Unset or change it."
        for name, value in values.items()
        if os.environ.get(name, "").strip() not in {"", value}
    ]


def _next_steps(target: Target) -> list[str]:
    return [
        "",
        "Next steps:",
        "1. `aegis-trio doctor`, then `aegis-trio serve`.",
        f"2. Give people one address: {target.public_url}/mcp",
        "3. `aegis-trio connect CLIENT` prints what each assistant is told; there are no keys.",
    ]
