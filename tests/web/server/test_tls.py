"""Under TLS the same holds as without, and the handshake has a deadline of its own."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trio

from aegis_trio.web.server.tls import open_tls_context
from tests.serving import open_server
from tests.web.server.clients import Http1Client, Http2Client
from tests.web.server.probes import reset_hard
from tests.web.server.stage import Stage, wait_until

pytestmark = pytest.mark.sockets


async def _connect(stage: Stage, alpn: list[str], certificate: Path) -> trio.SSLStream[trio.SocketStream]:
    context = ssl.create_default_context(cafile=certificate)
    context.set_alpn_protocols(alpn)
    stream = trio.SSLStream(await stage.connect(), context, server_hostname="127.0.0.1", https_compatible=True)
    await stream.do_handshake()
    return stream


@pytest.mark.parametrize("offered", [["h2", "http/1.1"], ["http/1.1"], ["h2"]], ids=str)
async def test_alpn_chooses_the_protocol(offered: list[str], certificate_files: tuple[Path, Path]) -> None:
    """Browsers and clients learn in the handshake what we speak, HTTP/2 first."""
    stage = Stage()
    async with open_server(stage, tls=open_tls_context(*certificate_files)) as served:
        stage.served = served
        stream = await _connect(stage, offered, certificate_files[0])
        assert offered[0] == stream.selected_alpn_protocol()
        if offered[0] == "h2":
            http2 = Http2Client(stream)
            await http2.begin()
            assert (200, b"seen") == await http2.read_answer(await http2.request("/scope"))
        else:
            http1 = Http1Client(stream)
            # An upgrade to h2c over TLS is as dead as without.
            await http1.send(b"GET /scope HTTP/1.1\r\nhost: x\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n\r\n")
            assert (200, b"seen") == await http1.read_answer()
        assert "https" == stage.seen[0]["scheme"]
        stage.hang_up()


async def test_http2_by_prior_knowledge_is_refused_under_tls(certificate_files: tuple[Path, Path]) -> None:
    """ALPN has settled the protocol; a preface in spite of it is a trick. Source: RFC 9113 section 3.3."""
    stage = Stage()
    async with open_server(stage, tls=open_tls_context(*certificate_files)) as served:
        stage.served = served
        client = Http1Client(await _connect(stage, ["http/1.1"], certificate_files[0]))
        await client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert (400, b"") == await client.read_answer()
        stage.hang_up()


async def test_failed_handshakes_leave_nothing_behind(certificate_files: tuple[Path, Path]) -> None:
    """Garbage, plain HTTP, resets and silence cost a bounded time and are counted."""
    stage = Stage()
    async with open_server(stage, tls=open_tls_context(*certificate_files), handshake_s=0.5) as served:
        stage.served = served
        for data in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xff" * 508, b""):
            stream = await stage.connect()
            await stream.send_all(data)
        reset_hard(await stage.connect())
        await wait_until(lambda: served.statistics().failed_handshakes_total == 4)
        await wait_until(lambda: served.statistics().open_connections == 0)
        stage.hang_up()


async def test_a_reader_who_stopped_under_tls_is_cut(certificate_files: tuple[Path, Path]) -> None:
    """The write deadline reaches through the encryption."""
    stage = Stage()
    async with open_server(
        stage, tls=open_tls_context(*certificate_files), write_deadline_s=0.5, disconnect_grace_s=0.2
    ) as served:
        stage.served = served
        stream = await _connect(stage, ["http/1.1"], certificate_files[0])
        await stream.send_all(b"GET /flood HTTP/1.1\r\nhost: x\r\n\r\n")
        await wait_until(lambda: served.statistics().cut_reading_slowly_total == 1)
        await wait_until(lambda: served.statistics().open_connections == 0 and stage.open_requests == 0)
        stage.hang_up()


async def test_an_early_answer_reaches_a_client_that_is_still_sending_under_tls(
    certificate_files: tuple[Path, Path],
) -> None:
    """TLS cannot be closed on one side only; the answer must arrive all the same."""
    stage = Stage()
    async with open_server(stage, tls=open_tls_context(*certificate_files), disconnect_grace_s=0.3) as served:
        stage.served = served
        client = Http1Client(await _connect(stage, ["http/1.1"], certificate_files[0]))
        await client.send(b"POST /early HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n" + bytes(500_000))
        assert (401, b"no") == await client.read_answer()
        await wait_until(lambda: served.statistics().open_connections == 0)
        stage.hang_up()


def test_a_key_that_does_not_fit_is_an_os_error(certificate_files: tuple[Path, Path], tmp_path: Path) -> None:
    """The supervisor reports it as a fault of the configuration."""
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("no key")

    with pytest.raises(OSError, match=r"PEM|SSL|NO_START_LINE"):
        open_tls_context(certificate_files[0], wrong)
