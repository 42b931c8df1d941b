"""TLS: the context for connections that are encrypted to us directly, without a proxy in front.

Law: TLS 1.2 or newer, no compression, and ALPN offers HTTP/2 before HTTP/1.1.

Not here: the private key's secrecy (its file's mode is doctor's business) and its renewal.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

ALPN: Final = ("h2", "http/1.1")


def open_tls_context(certificate_file: Path, key_file: Path) -> ssl.SSLContext:
    """Load a certificate chain and its key for a server.

    Raises:
        OSError: a file cannot be read, or does not hold what it should (`ssl.SSLError` is an OSError).

    Source: RFC 9113 section 9.2 (TLS 1.2, no compression); RFC 9325 (cipher suites with forward secrecy).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    context.set_alpn_protocols(list(ALPN))
    context.load_cert_chain(certificate_file, key_file)
    return context
