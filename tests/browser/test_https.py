"""The gate behind a certificate, as it is run: what browsers promise for https alone, and a Gitea on another site."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from aegis_trio.model.clock import SystemClock, unix_seconds
from tests.browser.browsing import Window
from tests.browser.listeners import Listener
from tests.browser.questions import ask, code_in
from tests.browser.site import Site, open_site
from tests.e2e.sign_ins import Assistant

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

Sit = Callable[..., Window]
NAME = "gate.example"


@dataclass(frozen=True)
class Certificate:
    """A certificate of our own making."""

    chain: Path
    key: Path
    key_digest: str
    """SHA-256 of its public key, in base64: how chromium is told to trust it."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Give a certificate for the gate's name."""
    folder = tmp_path_factory.mktemp("certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.fromtimestamp(unix_seconds(SystemClock()), UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, private = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.touch(mode=0o600)
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return Certificate(chain, private, base64.b64encode(hashlib.sha256(public).digest()).decode())


@pytest.fixture(scope="module")
def chromium_arguments(certificate: Certificate) -> tuple[str, ...]:
    """Trust this one key: with errors ignored altogether, a browser would keep no HSTS."""
    return (f"--ignore-certificate-errors-spki-list={certificate.key_digest}",)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> Iterator[Site]:
    """Give a gate that speaks TLS, and a forge on another site."""
    more = {"TLS_CERT_FILE": str(certificate.chain), "TLS_KEY_FILE": str(certificate.key)}
    with open_site(tmp_path_factory.mktemp("site"), origin=f"https://{NAME}", more=more) as opened:
        yield opened


def _fetch(window: Window, address: str, **init: Any) -> Any:
    """Let the page where the window is ask the gate for JSON, as assistants that live in a browser do."""
    return window.page.evaluate(
        "([address, init]) => fetch(address, init).then(answer => answer.json())", [address, init]
    )


def test_the_whole_way_over_https(site: Site, person: Sit, client: Listener) -> None:
    """Gitea is another site here, so the cookie has to come along when Gitea sends the browser back."""
    window = person()
    window.go(client.url)
    registered = _fetch(
        window,
        f"{site.url}/oauth/register",
        method="POST",
        headers={"Content-Type": "application/json"},
        body=json.dumps({"client_name": "Harbour Desk", "redirect_uris": [client.callback]}),
    )
    assistant = Assistant(site.url, registered["client_id"])
    question = ask(assistant, client.callback)
    window.go(question.address)
    window.press("Allow")
    code = code_in(question, window.pass_gitea(client.callback), site.url)
    form = (
        f"grant_type=authorization_code&code={code}&redirect_uri={client.callback}"
        f"&client_id={assistant.client_id}&code_verifier={question.verifier}"
    )
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    tokens = _fetch(window, f"{site.url}/oauth/token", method="POST", headers=headers, body=form)
    assert tokens["access_token"].startswith("aegis_at_")
    [came] = client.visits("/callback")
    assert came.referer is None
    window.go(f"{site.url}/oauth/connected")
    assert "Harbour Desk" in window.words
    window.press("Disconnect Harbour Desk")
    window.page.get_by_role("status").wait_for()
    assert [] == window.complaints


def test_the_cookie_is_closed_to_other_hosts_and_to_plain_http(site: Site, person: Sit) -> None:
    """`__Host-`: a browser keeps it only with `Secure`, without a domain, for every path; no other host can set it."""
    window = person()
    window.go(f"{site.url}/oauth/connected")
    [cookie] = window.page.context.cookies(site.url)
    found = [cookie[part] for part in ("name", "httpOnly", "sameSite", "secure", "path", "domain")]
    assert ["__Host-aegis_session", True, "Lax", True, "/", NAME] == found
    assert "" == window.page.evaluate("() => document.cookie")


def test_plain_http_is_not_tried_again(site: Site, person: Sit) -> None:
    """HSTS: who was here once is never sent to us unprotected, whatever is typed or linked."""
    window = person()
    window.go(f"{site.url}/oauth/about")
    answer = window.go(f"{site.url.replace('https://', 'http://')}/oauth/about")
    assert window.address == f"{site.url}/oauth/about"
    before = answer.request.redirected_from
    assert before is not None
    redirect = before.response()
    assert redirect is not None
    assert "HSTS" == redirect.headers["non-authoritative-reason"]  # the browser's own, before anything was sent


def test_the_certificate_is_the_one_that_was_made(site: Site, certificate: Certificate) -> None:
    """What the tests above trust is the gate's own TLS, and nothing else."""
    port = urlsplit(site.url).port
    assert port is not None
    served = ssl.get_server_certificate(("127.0.0.1", port))
    assert served.split() == certificate.chain.read_text().split()
