"""Checks of Gitea: can it be asked, how old is it, whose are the tokens, what may they, and does its clock agree.

Law: every question about a token carries that token. Without any, only the clock is asked for, of a page that is
everybody's.
"""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from typing import Final

import httpx
import trio

from aegis_trio.cli.checkup.finding import Finding, failure, warning, well
from aegis_trio.config.settings import Settings
from aegis_trio.gitea.client import open_gitea_client
from aegis_trio.gitea.probe import IdentityReport, probe_identity
from aegis_trio.gitea.request import Forge
from aegis_trio.gitea.server import ServerVersion
from aegis_trio.gitea.settings import API_PATH, GiteaSettings
from aegis_trio.model.clock import WallClock
from aegis_trio.model.errors import Fault, NotFound, UpstreamForbade, UpstreamRejectedIdentity
from aegis_trio.model.secret import Secret

DEADLINE_S: Final = 15.0
MINIMUM: Final = (1, 23, 0)  # older ones do not keep tokens within their scopes (PR 32573)
ADVISED: Final = (1, 26, 2)  # GHSA-9r5x-wg6m-x2rc: before, a token sent in another way ignored its scopes
NEEDED_SCOPES: Final = ("read:repository", "read:user")
SKEW_WARNING_S: Final = 5.0  # the Date header counts whole seconds
SKEW_FAILURE_S: Final = 300.0  # what most protocols that carry times forgive
_PUBLIC_PAGE: Final = "/.well-known/openid-configuration"
_NUMBER: Final = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")


async def check_forge(settings: Settings, clock: WallClock) -> list[Finding]:
    """Return how Gitea and every token are."""
    findings: list[Finding] = []
    tokens = settings.auth.gitea_tokens()
    async with open_gitea_client(settings.gitea) as client:
        versions: dict[str, ServerVersion] = {}
        for name, token in tokens.items():
            try:
                with trio.fail_after(DEADLINE_S):
                    report = await _probe(name, client.acting_as(token), findings)
            except NotFound:
                findings.append(
                    failure(
                        "gitea",
                        f"{settings.gitea.url} answers, but not as Gitea does.",
                        "Give GITEA_URL as the browser shows it on Gitea's front page, sub-path included.",
                    )
                )
                return findings
            except (Fault, trio.TooSlowError) as fault:
                reason = fault.message if isinstance(fault, Fault) else f"No answer within {DEADLINE_S:.0f} s."
                findings.append(
                    failure(
                        "gitea",
                        f"{settings.gitea.url} cannot be asked: {reason}",
                        "Check GITEA_URL and whether Gitea runs.",
                    )
                )
                return findings  # the other tokens would only say the same
            if report is not None:
                versions[report.version.text] = report.version
                findings.extend(judge_identity(name, report))
    findings[:0] = [judge_version(version) for version in versions.values()]
    if versions:
        findings.append(await check_clock(settings.gitea, next(iter(tokens.values())), clock))
    return findings


def judge_version(version: ServerVersion) -> Finding:
    """Return whether the gate suits Gitea's *version*."""
    if version.is_forgejo:
        return well("gitea_version", f"Forgejo {version.text}.")
    number = _number(version.text)
    if number < MINIMUM:
        return failure("gitea_version", f"Gitea {version.text} is too old.", f"Use {_dotted(ADVISED)} or newer.")
    if number < ADVISED:
        return warning(
            "gitea_version",
            f"Gitea {version.text} has known holes in how it limits tokens.",
            f"Use {_dotted(ADVISED)} or newer.",
        )
    return well("gitea_version", f"Gitea {version.text}.")


def judge_identity(name: str, report: IdentityReport) -> list[Finding]:
    """Return whether the gate may use the token called *name*, and whether it can do with it what it must."""
    if report.is_admin:
        return [
            failure(
                "gitea_token",
                f"{name} belongs to {report.login}, a site administrator, who may act as anybody.",
                "Use the token of an ordinary account.",
            )
        ]
    findings = [well("gitea_token", f"{name} acts as {report.login}.")]
    scopes = report.scopes
    if scopes is None:
        return findings
    shown = ", ".join(sorted(scopes))
    lacking = [scope for scope in NEEDED_SCOPES if not _covers(scopes, scope)]
    if lacking:
        findings.append(
            failure(
                "gitea_scopes",
                f"{name} lacks {', '.join(lacking)} (it has: {shown or 'none'}).",
                "Make a token with read:repository and read:user.",
            )
        )
    elif "all" in scopes or any(scope.startswith("write:") for scope in scopes):
        findings.append(
            warning(
                "gitea_scopes",
                f"{name} may write ({shown}), and the gate only reads.",
                "Make a token with read:repository and read:user alone.",
            )
        )
    else:
        findings.append(well("gitea_scopes", f"{name}: {shown}."))
    return findings


def judge_skew(skew_s: float) -> Finding:
    """Return whether our clock, *skew_s* seconds ahead of Gitea's, is right enough."""
    if abs(skew_s) <= SKEW_WARNING_S:
        return well("clock", "Our clock and Gitea's agree.")
    message = f"Our clock is {abs(skew_s):.0f} s {'ahead of' if skew_s > 0 else 'behind'} Gitea's."
    remedy = "Synchronise both by NTP: expiry and the audit log depend on it."
    if abs(skew_s) > SKEW_FAILURE_S:
        return failure("clock", message, remedy)
    return warning("clock", message, remedy)


async def _probe(name: str, forge: Forge, findings: list[Finding]) -> IdentityReport | None:
    try:
        return await probe_identity(forge)
    except UpstreamRejectedIdentity:
        findings.append(failure("gitea_token", f"Gitea does not accept {name}.", "Make a new token and set it."))
    except UpstreamForbade:
        findings.append(
            failure(
                "gitea_token",
                f"{name} may not read its own user.",
                "Make a token with read:repository and read:user, of an account that is not blocked.",
            )
        )
    return None


async def check_clock(gitea: GiteaSettings, token: Secret | None, clock: WallClock) -> Finding:
    """Return whether our clock and Gitea's agree.

    Args:
        token: whom to ask as; None asks for what is everybody's.
    """
    verify: str | bool = True if gitea.ca_file is None else str(gitea.ca_file)
    headers = {} if token is None else {"Authorization": f"token {token.reveal()}"}
    url = f"{gitea.url}{_PUBLIC_PAGE}" if token is None else f"{gitea.url}{API_PATH}/version"
    try:
        async with httpx.AsyncClient(
            verify=verify, trust_env=False, follow_redirects=False, timeout=DEADLINE_S
        ) as client:
            before_ns = clock.now_ns()
            answer = await client.get(url, headers=headers)
            ours_ns = (before_ns + clock.now_ns()) // 2
        theirs = parsedate_to_datetime(answer.headers["date"])
    except (httpx.HTTPError, KeyError, ValueError):
        return warning("clock", "Gitea did not tell the time.", "Compare the clocks by hand.")
    # The header is cut to whole seconds, so on average the moment lies half a second later.
    return judge_skew(ours_ns / 1e9 - theirs.timestamp() - 0.5)


def _number(text: str) -> tuple[int, int, int]:
    found = _NUMBER.match(text)
    return (0, 0, 0) if found is None else (int(found[1]), int(found[2]), int(found[3] or 0))


def _covers(scopes: frozenset[str], needed: str) -> bool:
    return bool({needed, "all", needed.replace("read:", "write:")} & scopes)


def _dotted(number: tuple[int, int, int]) -> str:
    return ".".join(map(str, number))
