"""Checks of this machine: the audit folder, the ports, the TLS files, what proxies may say, and the keys' age."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import ssl
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509

from aegis_trio.audit.settings import AuditSettings
from aegis_trio.cli.checkup.finding import Finding, failure, warning, well
from aegis_trio.cli.key_age import KeyStatus, judge_key
from aegis_trio.config.key_metadata import read_key_metadata
from aegis_trio.config.settings import Settings
from aegis_trio.model.clock import WallClock
from aegis_trio.web.server.tls import open_tls_context

MIN_FREE_BYTES: Final = 256 * 1024 * 1024  # about a million records
CERTIFICATE_DAYS: Final = 14
WIDE_PREFIX: Final = {4: 8, 6: 32}
_READABLE_BY_OTHERS: Final = 0o004
_DAY_S: Final = 86_400


def check_machine(settings: Settings, clock: WallClock) -> list[Finding]:
    """Return how this machine suits *settings*."""
    return [
        check_audit_folder(settings.audit.path),
        check_signing(settings.audit),
        check_port("port", settings.web.host, settings.web.port, "PORT"),
        check_port("admin_port", settings.supervisor.admin_host, settings.supervisor.admin_port, "ADMIN_PORT"),
        *check_tls(settings.web.tls_cert_file, settings.web.tls_key_file, clock),
        check_proxies(settings),
        *check_keys(settings, clock),
    ]


def check_audit_folder(log: Path) -> Finding:
    """Return whether the audit log can be written and has room."""
    remedy = "Give the gate's user the folder, or set AUDIT_LOG_PATH to another place."
    folder = log.absolute().parent
    try:
        if log.exists() and (not log.is_file() or not os.access(log, os.R_OK | os.W_OK)):
            return failure("audit_log", f"{log} cannot be read and written.", remedy)
        folder = next(folder for folder in log.absolute().parents if folder.exists())
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"\n")
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        reason = (error.strerror or "error").lower()
        return failure("audit_log", f"{folder} cannot be written: {reason}.", remedy)
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < MIN_FREE_BYTES:
        return warning(
            "audit_log",
            f"{folder} has {free_bytes // 1024 // 1024} MiB left; a full disk stops every call.",
            "Make room.",
        )
    return well("audit_log", f"{log} can be written.")


def check_signing(audit: AuditSettings) -> Finding:
    """Return whether the audit log can be proved later."""
    if audit.signing_key is None:
        return warning(
            "audit_signing",
            "The audit log is not signed: who can write it can rewrite it, and nobody can tell.",
            "Run `aegis-trio audit init` and set AUDIT_SIGNING_KEY_FILE.",
        )
    witnesses = 0 if audit.witnessing is None else len(audit.witnessing.witnesses)
    copies = f"{witnesses} witness(es) cosign it" if witnesses else "no witness outside has a copy of its checkpoints"
    return well("audit_signing", f"The audit log is signed as {audit.signing_key.name}; {copies}.")


def check_port(check: str, host: str, port: int, variable: str) -> Finding:
    """Return whether the gate could listen there now."""
    if port == 0:
        return well(check, "Any free port will be taken.")
    where = f"{host} port {port}"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in found:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(address)
                probe.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return failure(
                check, f"{where} is in use.", f"If that is not the gate itself, end it or set {variable} to another."
            )
        reason = (error.strerror or "error").lower()
        return failure(check, f"{where} cannot be listened on: {reason}.", f"Set HOST or {variable} to another.")
    return well(check, f"{where} is free.")


def check_tls(cert_file: Path | None, key_file: Path | None, clock: WallClock) -> list[Finding]:
    """Return whether certificate and key can be served with; nothing when there are none."""
    if cert_file is None or key_file is None:
        return []
    try:
        open_tls_context(cert_file, key_file)
        certificate = x509.load_pem_x509_certificate(cert_file.read_bytes())
        mode = key_file.stat().st_mode
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        reason = error.reason if isinstance(error, ssl.SSLError) and error.reason else "they cannot be read"
        return [
            failure("tls", f"TLS_CERT_FILE and TLS_KEY_FILE do not serve: {reason}.", "Name a chain and its own key.")
        ]
    findings: list[Finding] = []
    now = datetime.fromtimestamp(clock.now_ns() / 1e9, UTC)
    left_days = int((certificate.not_valid_after_utc - now).total_seconds() // _DAY_S)
    until = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
    if certificate.not_valid_after_utc <= now or certificate.not_valid_before_utc > now:
        findings.append(failure("tls", f"The certificate is not valid now (until {until}).", "Renew it."))
    elif left_days < CERTIFICATE_DAYS:
        findings.append(warning("tls", f"The certificate ends in {left_days} day(s).", "Renew it."))
    else:
        findings.append(well("tls", f"The certificate is valid until {until}."))
    if mode & _READABLE_BY_OTHERS:
        findings.append(warning("tls_key", f"{key_file} can be read by everybody.", f"chmod 600 {key_file}"))
    return findings


def check_proxies(settings: Settings) -> Finding:
    """Return whether addresses will be those of callers."""
    web = settings.web
    wide = [str(network) for network in web.trusted_proxies if network.prefixlen < WIDE_PREFIX[network.version]]
    if wide:
        return warning(
            "trusted_proxies", f"{', '.join(wide)} is very wide: all of it may forge addresses.", "Name the proxies."
        )
    if web.public_url.startswith("https://") and web.tls_cert_file is None and not web.trusted_proxies:
        return warning(
            "trusted_proxies",
            "PUBLIC_URL is https, so a proxy stands before the gate, and TRUSTED_PROXIES names none: every caller "
            "has the proxy's address, and five wrong keys block it.",
            "Set TRUSTED_PROXIES to the proxy's address or network.",
        )
    if web.trusted_proxies:
        return well(
            "trusted_proxies", f"{len(web.trusted_proxies)} trusted: {', '.join(map(str, web.trusted_proxies))}."
        )
    return well("trusted_proxies", "No proxy is trusted; forwarded headers are ignored.")


def check_keys(settings: Settings, clock: WallClock) -> list[Finding]:
    """Return how old the keys are, as far as their metadata says."""
    if not settings.auth.enabled:
        return [warning("keys", "AUTH_ENABLED is false: everybody on this machine may read.", "Set AUTH_ENABLED=true.")]
    known, _ = read_key_metadata(settings.auth.keys_folder)
    findings: list[Finding] = []
    for key in settings.auth.keys:
        found = [m for m in known if key.kid == m.kid or (key.kid is None and key.hint == m.hint)]
        label = key.hint or f"{key.scheme.value}:{key.digest.hex()[:8]}"
        if not found:
            findings.append(well("keys", f"{label}: nothing is known of its age."))
            continue
        age = judge_key(found[0], clock.now_ns())
        remedy = "Run `aegis-trio rotate`."
        match age.status:
            case KeyStatus.EXPIRED:
                findings.append(failure("keys", f"{label} has expired and is refused.", remedy))
            case KeyStatus.EXPIRING:
                findings.append(warning("keys", f"{label} expires in {age.left_days} day(s).", remedy))
            case KeyStatus.REVOKED:
                findings.append(well("keys", f"{label} is revoked."))
            case KeyStatus.OK | KeyStatus.NOTE | KeyStatus.UNKNOWN:
                left = "never expires" if age.left_days is None else f"expires in {age.left_days} day(s)"
                findings.append(well("keys", f"{label} {left}."))
    return findings
