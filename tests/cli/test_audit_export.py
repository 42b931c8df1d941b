"""`audit export`: to standard output, TCP and TLS, each record at least once, and no gap without a word."""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from aegis_trio.audit.export import delivery
from aegis_trio.cli.audit import export as room
from tests.audit.conftest import NOON_NS
from tests.audit.export.samples import sample_lines
from tests.audit.logs import lines_of
from tests.cli.places import run as run_at


def run(*words: str) -> int:
    """Run `audit export` with words."""
    return run_at("audit", "export", *words, now_ns=NOON_NS)


@pytest.fixture
def log(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Name a log of nine records in the settings."""
    path = folder / "audit.log"
    path.write_bytes(b"".join(lines_of(9)[0]))
    monkeypatch.setenv("AUDIT_LOG_PATH", str(path))
    return path


@pytest.fixture
def certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "collector")])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


def seqs_of(data: str) -> list[int]:
    """Return the numbers of ECS documents."""
    return [json.loads(line)["event"]["sequence"] for line in data.splitlines()]


class Collector:
    """Takes everything, over as many connections as come."""

    def __init__(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        self.port: int = listener.getsockname()[1]
        self.data = b""
        self._listener = listener
        self._tls = tls
        self._last: object = None
        self._thread = threading.Thread(target=self._take)
        self._thread.start()

    def _take(self) -> None:
        while True:
            plain, address = self._listener.accept()
            with plain:
                if address == self._last:
                    return
                try:
                    with plain if self._tls is None else self._tls.wrap_socket(plain, server_side=True) as stream:
                        while piece := stream.recv(65536):
                            self.data += piece
                except OSError:
                    continue

    def end(self) -> bytes:
        """Take what is still waiting, stop, and return what came."""
        if self._thread.is_alive():
            with socket.socket() as last:
                last.bind(("127.0.0.1", 0))
                self._last = last.getsockname()
                last.connect(("127.0.0.1", self.port))
                self._thread.join()
            self._listener.close()
        return self.data


@contextmanager
def collecting(tls: ssl.SSLContext | None = None) -> Iterator[Collector]:
    """Listen beside the test."""
    collector = Collector(socket.create_server(("127.0.0.1", 0)), tls)
    try:
        yield collector
    finally:
        collector.end()


def test_a_cursor_goes_on_behind_what_was_delivered(log: Path, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Each run delivers what is new, and nothing twice while nothing goes wrong."""
    words = ("--format", "ecs", "--cursor", str(folder / "cursor"))
    lines, _ = lines_of(12)

    assert 0 == run(*words)
    assert list(range(9)) == seqs_of(capfd.readouterr().out)
    assert 0 == run(*words)
    assert "" == capfd.readouterr().out
    log.rename(log.with_name(f"{log.name}.{0:020}"))
    log.write_bytes(b"".join(lines[9:]))
    assert 0 == run(*words)
    assert [9, 10, 11] == seqs_of(capfd.readouterr().out)


def test_what_was_not_delivered_comes_again(
    log: Path, folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cursor moves after delivery: a fault in between costs a second copy, never a record."""
    monkeypatch.setattr(room, "AT_ONCE", 4)
    words = ("--format", "ecs", "--cursor", str(folder / "cursor"))
    taken = 0

    def deliver(self: delivery.StreamDelivery, data: bytes) -> None:
        nonlocal taken
        taken += 1
        self._stream.write(data)
        self._stream.flush()
        if taken == 2:
            raise OSError(5, "after half of the work")

    with monkeypatch.context() as patch:
        patch.setattr(delivery.StreamDelivery, "deliver", deliver)
        assert 74 == run(*words)
    first = seqs_of(capfd.readouterr().out)
    assert 0 == run(*words)
    second = seqs_of(capfd.readouterr().out)

    assert [0, 1, 2, 3, 4, 5, 6, 7] == first
    assert [4, 5, 6, 7, 8] == second


def test_filters_choose_what_is_delivered(log: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The cursor covers what was left out, too."""
    assert 0 == run("--format", "ecs", "--grep", '"number": [24],')

    assert [2, 4] == seqs_of(capfd.readouterr().out)


def test_missing_records_are_an_error_that_says_what_to_do(
    log: Path, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Undelivered records were pruned; the operator decides."""
    words = ("--format", "ecs", "--cursor", str(folder / "cursor"))
    lines, _ = lines_of(14)
    assert 0 == run(*words)
    capfd.readouterr()
    log.write_bytes(b"".join(lines[11:13]))

    assert 3 == run(*words)
    told = capfd.readouterr()
    assert "" == told.out
    assert "--accept-gap" in told.err
    assert 0 == run(*words, "--accept-gap")
    told = capfd.readouterr()
    assert [11, 12] == seqs_of(told.out)
    assert "going on" in told.err
    assert 0 == run(*words)


def test_another_log_is_an_error(log: Path, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Numbers that fit are not the same records."""
    words = ("--format", "ecs", "--cursor", str(folder / "cursor"))
    assert 0 == run(*words)
    capfd.readouterr()
    log.write_bytes(b"".join(lines_of(12, size=2)[0]))

    assert 3 == run(*words)
    assert 0 == run(*words, "--accept-gap")
    assert list(range(12)) == seqs_of(capfd.readouterr().out)


def test_a_line_that_is_no_record_stops_it(log: Path, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A SIEM that misses records must not look complete."""
    words = ("--format", "ecs", "--cursor", str(folder / "cursor"))
    lines, _ = lines_of(9)
    log.write_bytes(b"".join(lines[:5]) + b"nonsense\n" + b"".join(lines[5:]))

    assert 1 == run(*words)
    told = capfd.readouterr()
    assert "after record 4" in told.err
    assert not (folder / "cursor").exists()
    assert 0 == run(*words, "--accept-gap")
    assert list(range(9)) == seqs_of(capfd.readouterr().out)


@pytest.mark.sockets
def test_syslog_over_tcp_is_octet_counted(log: Path) -> None:
    """Each message is as long as it says."""
    log.write_bytes(b"".join(line + b"\n" for line in sample_lines()))
    with collecting() as collector:
        assert 0 == run("--format", "syslog", "--to", f"tcp://127.0.0.1:{collector.port}", "--hostname", "gate")
        data = collector.end()

    messages = []
    while data:
        length, _, rest = data.partition(b" ")
        messages.append(rest[: int(length)])
        data = rest[int(length) :]
    assert 14 == len(messages)
    assert all(re.match(rb"<1[01]\d>1 2026-02-13T", message) for message in messages)


@pytest.mark.sockets
def test_tls_checks_who_collects(log: Path, certificate: tuple[Path, Path], folder: Path) -> None:
    """Records name people and addresses: they go to the collector that was meant, and to no other."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate)
    words = ("--format", "ocsf", "--cursor", str(folder / "cursor"))
    with collecting(tls) as collector:
        assert 74 == run(*words, "--to", f"tls://127.0.0.1:{collector.port}")
        assert not (folder / "cursor").exists()
        assert 0 == run(*words, "--to", f"tls://127.0.0.1:{collector.port}", "--ca", str(certificate[0]))
        lines = collector.end().splitlines()

    assert list(range(9)) == [json.loads(line)["metadata"]["sequence"] for line in lines]


@pytest.mark.sockets
def test_nobody_there_moves_no_cursor(log: Path, folder: Path) -> None:
    """74, and everything again next time."""
    with collecting() as collector:
        port = collector.port

    assert 74 == run("--format", "ecs", "--to", f"tcp://127.0.0.1:{port}", "--cursor", str(folder / "cursor"))
    assert not (folder / "cursor").exists()


@pytest.mark.sockets
def test_while_following_it_is_tried_again(
    log: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The pauses grow; what was not taken comes over the next connection."""
    pauses: list[float] = []
    attempts = 0
    real = delivery.SocketDelivery.deliver

    def deliver(self: delivery.SocketDelivery, data: bytes) -> None:
        nonlocal attempts
        attempts += 1
        if attempts < 4:
            raise ConnectionRefusedError(111, "Connection refused")
        real(self, data)

    def sleep(seconds: float) -> None:
        if attempts == 4 and seconds == room.LOOK_EVERY_S:
            raise KeyboardInterrupt
        pauses.append(seconds)

    monkeypatch.setattr(delivery.SocketDelivery, "deliver", deliver)
    monkeypatch.setattr(room.time, "sleep", sleep)
    with collecting() as collector:
        assert 130 == run("--format", "ecs", "--follow", "--to", f"tcp://127.0.0.1:{collector.port}")
        data = collector.end()

    assert [1.0, 2.0, 4.0] == [pause for pause in pauses if pause >= 1]
    assert list(range(9)) == seqs_of(data.decode())
    assert 3 == capfd.readouterr().err.count("not delivered")


@pytest.mark.parametrize(
    "words",
    [
        ("--to", "udp://host:1"),
        ("--to", "tcp://"),
        ("--to", "tcp://host:99999"),
        ("--to", "tcp://host:1/path"),
        ("--to", "tcp://host:1", "--ca", "x.pem"),
        ("--to", "tls://host:1", "--cert", "x.pem"),
        ("--grep", "("),
    ],
    ids=range(7),
)
def test_words_that_cannot_be_meant_are_refused(log: Path, words: tuple[str, ...]) -> None:
    """64 before anything is sent."""
    assert 64 == run("--format", "syslog", *words)
