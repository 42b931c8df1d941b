"""Whose rights register the application: a token or a password of Gitea, used for this one command.

Laws:
    1. It comes from a file, from standard input, from the environment or from the person; never from the command line,
       which every user of the machine can read.
    2. It is kept nowhere and shown nowhere.
"""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeAlias

from aegis_trio.cli.usage import Usage
from aegis_trio.config.faults import Misfit
from aegis_trio.config.parsing import parse_token
from aegis_trio.config.sources import MAX_FILE_BYTES
from aegis_trio.gitea.provider import Password
from aegis_trio.model.secret import Secret

TOKEN_VARIABLE: Final = "AEGIS_SETUP_TOKEN"  # noqa: S105 -- the name of a variable
PASSWORD_VARIABLE: Final = "AEGIS_SETUP_PASSWORD"  # noqa: S105 -- the same
CODE_VARIABLE: Final = "AEGIS_SETUP_OTP"
_STDIN: Final = Path("-")

SetupCredential: TypeAlias = Password | Secret


def add_credential_arguments(parser: argparse.ArgumentParser) -> None:
    """Add where the credential comes from to *parser*."""
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="PATH",
        help=f"file with a token of Gitea with write:user; - is standard input (default: {TOKEN_VARIABLE}, or asked)",
    )
    parser.add_argument("--user", metavar="LOGIN", help="sign in with login and password in place of a token")
    parser.add_argument(
        "--password-file",
        type=Path,
        metavar="PATH",
        help=f"file with that password; - is standard input (default: {PASSWORD_VARIABLE}, or asked)",
    )
    parser.add_argument(
        "--otp",
        action="store_true",
        help=f"the account has two factors: take a one-time code (asked, or {CODE_VARIABLE})",
    )


def find_credential(arguments: argparse.Namespace, environ: Mapping[str, str], *, can_ask: bool) -> SetupCredential:
    """Return the credential.

    Raises:
        Usage: there is none, two are given, or it cannot be one; nothing of it is repeated.
        OSError: its file cannot be read.
    """
    if arguments.user is None:
        for flag, given in (("--password-file", arguments.password_file), ("--otp", arguments.otp)):
            if given:
                raise Usage(f"{flag} belongs to a password: give --user too.")
        raw_token = _given(arguments.token_file, environ.get(TOKEN_VARIABLE))
        if raw_token is None and can_ask:
            raw_token = _ask("A token of Gitea with write:user (not shown; empty to sign in with login and password): ")
            if not raw_token:
                return _password(_ask_login(), arguments, environ, can_ask=can_ask, asks_code=True)
        if raw_token is None:
            raise Usage(
                f"no credential: give --token-file, {TOKEN_VARIABLE}, or --user, where nobody can be asked. It is used "
                "once, and kept nowhere."
            )
        return _token(raw_token)
    if arguments.token_file is not None:
        raise Usage("--user and --token-file are two credentials: give one of them.")
    return _password(arguments.user, arguments, environ, can_ask=can_ask, asks_code=arguments.otp)


def _password(
    login: str, arguments: argparse.Namespace, environ: Mapping[str, str], *, can_ask: bool, asks_code: bool
) -> Password:
    raw_password = _given(arguments.password_file, environ.get(PASSWORD_VARIABLE))
    if raw_password is None and can_ask:
        raw_password = _ask(f"Password of {login} (not shown): ")
    if not raw_password:
        raise Usage(f"no password of {login}: give --password-file or {PASSWORD_VARIABLE} where nobody can be asked.")
    raw_code = environ.get(CODE_VARIABLE, "").strip()
    if not raw_code and asks_code and can_ask:
        raw_code = _ask("One-time code (not shown; empty without two factors): ")
    if not raw_code and arguments.otp:
        raise Usage(f"--otp: no one-time code; set {CODE_VARIABLE} where nobody can be asked.")
    try:
        return Password(
            login=login, password=Secret(raw_password), one_time_code=Secret(raw_code) if raw_code else None
        )
    except ValueError as error:
        raise Usage(f"{error}. Give the login and the code as Gitea shows them.") from None


def _token(raw_token: str) -> Secret:
    try:
        return parse_token(raw_token)
    except Misfit as misfit:
        raise Usage(f"the token {misfit.rule}. Make one in Gitea under Settings, Applications.") from None


def _given(path: Path | None, raw_value: str | None) -> str | None:
    if path is None:
        return raw_value.strip() if raw_value and raw_value.strip() else None
    if path == _STDIN:
        return sys.stdin.readline().strip()
    with path.open("rb") as file:
        return file.read(MAX_FILE_BYTES).decode("utf-8", "replace").strip()


def _ask(question: str) -> str:
    try:
        return getpass.getpass(question).strip()
    except EOFError:
        raise Usage("no answer; nothing was done.") from None


def _ask_login() -> str:
    try:
        login = input("Login at Gitea: ").strip()
    except EOFError:
        raise Usage("no answer; nothing was done.") from None
    if not login:
        raise Usage("no login; nothing was done.")
    return login
