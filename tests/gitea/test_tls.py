"""TLS to Gitea is verified, with the built-in authorities or the operator's own, and never turned off."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from aegis_trio.gitea.client import open_gitea_client
from aegis_trio.gitea.server import get_version
from aegis_trio.gitea.settings import GiteaSettings
from aegis_trio.model.errors import UpstreamUnreachable
from aegis_trio.model.secret import Secret
from tests.gitea.scripted import answer

pytestmark = pytest.mark.sockets

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _write_certificate(folder: Path, address: str) -> tuple[Path, Path]:
    """Write a certificate for *address* that is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test's forge")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=3650))
        .not_valid_after(NOW + timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_file, key_file


@asynccontextmanager
async def _open_forge(folder: Path, address: str = "127.0.0.1") -> AsyncGenerator[tuple[str, Path]]:
    """Serve one version over TLS, with a certificate for *address*."""
    certificate_file, key_file = _write_certificate(folder, address)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file, key_file)

    async def serve(stream: trio.SSLStream[trio.SocketStream]) -> None:
        try:
            await stream.receive_some()
            await stream.send_all(answer('{"version":"1.25.4"}'))
        except trio.BrokenResourceError:
            return  # the client refused our certificate, which is what some tests are about

    async with trio.open_nursery() as nursery:
        listeners = await trio.open_ssl_over_tcp_listeners(0, context, host="127.0.0.1", https_compatible=True)
        port = listeners[0].transport_listener.socket.getsockname()[1]
        await nursery.start(trio.serve_listeners, serve, listeners)
        yield f"https://127.0.0.1:{port}", certificate_file
        nursery.cancel_scope.cancel()


async def _version(settings: GiteaSettings) -> str:
    async with open_gitea_client(settings) as client:
        return (await client.acting_as(Secret("0" * 40)).ask(get_version())).text


async def test_the_operators_own_authority_is_trusted(tmp_path: Path) -> None:
    """Many a Gitea stands behind a private authority; turning verification off must never be the way."""
    async with _open_forge(tmp_path) as (url, certificate):
        assert "1.25.4" == await _version(GiteaSettings(url=url, ca_file=certificate))


async def test_an_unknown_authority_is_refused(tmp_path: Path) -> None:
    """Whoever stands between would get every token."""
    async with _open_forge(tmp_path) as (url, _):
        with pytest.raises(UpstreamUnreachable, match="certificate is not trusted"):
            await _version(GiteaSettings(url=url))


async def test_a_certificate_for_another_host_is_refused(tmp_path: Path) -> None:
    """A valid certificate of somebody else is no proof."""
    async with _open_forge(tmp_path, "127.0.0.2") as (url, certificate):
        with pytest.raises(UpstreamUnreachable, match="certificate is not trusted"):
            await _version(GiteaSettings(url=url, ca_file=certificate))


async def test_the_environment_cannot_change_whom_we_trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SSL_CERT_FILE and proxies of the environment are not ours to follow."""
    async with _open_forge(tmp_path) as (url, certificate):
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
        with pytest.raises(UpstreamUnreachable, match="certificate is not trusted"):
            await _version(GiteaSettings(url=url))
