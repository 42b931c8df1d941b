"""Checks of signing in: our application at Gitea, where people are sent, where they come back, and the store.

Law: what is asked anonymously is what Gitea and the gate tell everybody; a made-up token is all that is introspected.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import trio

from aegis_trio.auth.signin_settings import Flow, SigninSettings
from aegis_trio.cli.checkup.finding import Finding, failure, warning, well
from aegis_trio.cli.checkup.forge import check_clock, judge_version
from aegis_trio.cli.oauth.application import is_accepted
from aegis_trio.cli.oauth.target import CALLBACK
from aegis_trio.config.parsing import is_loopback
from aegis_trio.config.settings import Settings
from aegis_trio.gitea.client import GiteaClient, open_gitea_client
from aegis_trio.gitea.discovery import get_discovery
from aegis_trio.gitea.provider import api_request
from aegis_trio.gitea.server import get_version
from aegis_trio.model.clock import WallClock
from aegis_trio.model.errors import Fault, UpstreamForbade, UpstreamRejectedIdentity
from aegis_trio.model.json import JsonValue
from aegis_trio.web.settings import WebSettings

DEADLINE_S: Final = 15.0
MAX_DOCUMENT_BYTES: Final = 64 * 1024
_METADATA: Final = "/.well-known/oauth-authorization-server"
_APPLICATION: Final = "oauth_application"
_ADDRESS: Final = "oauth_address"
_SETUP: Final = "Run `aegis-trio oauth setup`, with --new-secret where the secret is lost."


async def check_signin(settings: Settings, clock: WallClock) -> list[Finding]:
    """Return how signing in is set up; nothing where nobody signs in."""
    signin = settings.signin
    if signin is None:
        return []
    has_tokens = bool(settings.auth.gitea_tokens())
    findings: list[Finding] = []
    async with open_gitea_client(settings.gitea) as client:
        try:
            with trio.fail_after(DEADLINE_S):
                findings.extend(await _check_provider(client, signin.gitea_public_url or settings.gitea.url))
                findings.append(await _check_application(client, signin))
                if not has_tokens:  # those that there are have told it already
                    findings.append(await _check_version(client))
        except (Fault, trio.TooSlowError) as fault:
            reason = fault.message if isinstance(fault, Fault) else f"No answer within {DEADLINE_S:.0f} s."
            remedy = "Check GITEA_URL and whether Gitea runs."
            findings.append(failure("gitea", f"{settings.gitea.url} cannot be asked: {reason}", remedy))
            return [*findings, *_check_here(settings, signin)]
    if not has_tokens:
        findings.append(await check_clock(settings.gitea, None, clock))
    findings.extend(_check_here(settings, signin))
    if signin.flow is Flow.BROKER:
        findings.append(await check_address(settings.web))
    return findings


def check_store(path: Path) -> Finding:
    """Return whether the store can be written, and by nobody else."""
    remedy = "Give the gate's user the folder, or set STORE_PATH to another place."
    try:
        if path.exists():
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & 0o077:
                return failure("store", f"{path} can be read by others (mode {mode:o}).", f"chmod 600 {path}")
            if not path.is_file() or not os.access(path, os.R_OK | os.W_OK):
                return failure("store", f"{path} cannot be read and written.", remedy)
            return well("store", f"{path} is the gate's alone.")
        folder = next(folder for folder in path.absolute().parents if folder.exists())
    except OSError as error:
        return failure("store", f"{path} cannot be looked at: {(error.strerror or 'error').lower()}.", remedy)
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        return failure("store", f"{folder} cannot be written, and {path} is not there yet.", remedy)
    return well("store", f"{path} will be made at the first start.")


def check_ports(web: WebSettings) -> Finding | None:
    """Return whether PUBLIC_URL leads to the gate itself, where it is an address of this machine."""
    parts = urlsplit(web.public_url)
    if not is_loopback(parts.hostname or "") or web.port == 0:
        return None
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    if port == web.port:
        return None
    return warning(
        _ADDRESS,
        f"PUBLIC_URL says port {port} of this machine, and PORT is {web.port}.",
        "Make them the same, unless a proxy here stands between.",
    )


async def check_address(web: WebSettings) -> Finding:
    """Return whether a gate answers at PUBLIC_URL and calls itself that, so that Gitea sends people back to it."""
    url, back = web.public_url, f"{web.public_url}{CALLBACK}"
    try:
        # Its own certificate may be one that only the clients of this gate trust; what is asked is public.
        async with httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=DEADLINE_S) as client:
            answer = await client.get(f"{url}{_METADATA}")
    except httpx.HTTPError:
        return warning(
            _ADDRESS,
            f"Nobody answers at {url}.",
            f"If the gate runs, look at its proxy, DNS and certificate; Gitea sends people back to {back}",
        )
    if not answer.is_success or _issuer(answer.content) != url:
        return failure(
            _ADDRESS,
            f"What answers at {url} is not a gate with this PUBLIC_URL (status {answer.status_code}).",
            "Make the proxy pass every path on as it is, and PUBLIC_URL the address that people type.",
        )
    return well(_ADDRESS, f"The gate answers at {url}; in Gitea its redirect URI must be {back}")


def _issuer(body: bytes) -> JsonValue:
    """Return what a metadata document says the server calls itself; None of anything else."""
    try:
        document: JsonValue = json.loads(body) if len(body) <= MAX_DOCUMENT_BYTES else None
    except (ValueError, RecursionError):
        return None
    return document.get("issuer") if isinstance(document, dict) else None


def _check_here(settings: Settings, signin: SigninSettings) -> list[Finding]:
    findings = [check_store(signin.store_path)] if signin.flow is Flow.BROKER else []
    ports = check_ports(settings.web)
    return findings if ports is None else [*findings, ports]


async def _check_provider(client: GiteaClient, url: str) -> list[Finding]:
    discovery = await client.ask_provider(get_discovery(), None)
    findings: list[Finding] = []
    if discovery.signs_with_shared_secret:
        findings.append(
            failure(
                "gitea_signing",
                "Gitea signs with a shared secret, which nobody else can check.",
                "In Gitea set [oauth2] JWT_SIGNING_ALGORITHM = RS256, ES256 or EdDSA.",
            )
        )
    if _place(discovery.issuer) != _place(url):
        findings.append(
            warning(
                "gitea_url",
                f"Gitea calls itself {discovery.issuer}, and browsers are sent to {url}.",
                "Set GITEA_PUBLIC_URL to the address that people type, or ROOT_URL in Gitea to that of GITEA_URL.",
            )
        )
    return findings


async def _check_application(client: GiteaClient, signin: SigninSettings) -> Finding:
    if await is_accepted(client, signin.client_id, signin.client_secret):
        return well(_APPLICATION, f"Gitea accepts the application {signin.client_id}.")
    return failure(_APPLICATION, "Gitea refuses GITEA_OAUTH_CLIENT_ID and GITEA_OAUTH_CLIENT_SECRET.", _SETUP)


async def _check_version(client: GiteaClient) -> Finding:
    try:
        return judge_version(await client.ask_provider(api_request(get_version()), None))
    except (UpstreamForbade, UpstreamRejectedIdentity):
        return warning(
            "gitea_version",
            "Gitea tells its version only to who signed in.",
            "See at the foot of its pages that it is 1.23 or newer.",
        )


def _place(url: str) -> tuple[str, str, int | None, str]:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), port, parts.path.rstrip("/")
