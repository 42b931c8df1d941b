"""Our own listening sockets: what must hold for every connection, and ports that cannot be had."""

from __future__ import annotations

import errno
import os
import resource
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress

import pytest
import trio

from aegis_trio.web.server.limits import ConnectionLimits
from aegis_trio.web.server.sockets import bound_port, open_listeners
from tests.serving import open_server
from tests.web.server.stage import Stage, open_stage, wait_until

pytestmark = pytest.mark.sockets


@contextmanager
def no_descriptors_left() -> Generator[None]:
    """Take every file descriptor that this process may open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
    try:
        with suppress(OSError):
            while True:
                held.append(os.open(os.devnull, os.O_RDONLY))
        yield
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_the_kernel_chooses_a_port_that_can_be_read(host: str) -> None:
    """Tests and the demo need a free port, and must be able to say which."""
    listeners = await open_listeners(host, 0)

    assert 1 == len(listeners)
    assert bound_port(listeners[0]) > 0
    await listeners[0].aclose()


async def test_a_name_with_several_addresses_gets_one_port_for_all() -> None:
    """`localhost` may mean IPv4 or IPv6 to a client; both must find us."""
    listeners = await open_listeners("localhost", 0)

    assert 1 == len({bound_port(listener) for listener in listeners})
    for listener in listeners:
        await listener.aclose()


async def test_a_port_that_is_taken_is_named_with_a_way_out() -> None:
    """The operator must read which port, and what to do; and nothing may stay open."""
    first = await open_listeners("127.0.0.1", 0)
    port = bound_port(first[0])

    with pytest.raises(OSError, match=rf"127\.0\.0\.1 port {port}: .*choose another") as fault:
        await open_listeners("127.0.0.1", port)

    assert errno.EADDRINUSE == fault.value.errno
    await first[0].aclose()
    await (await open_listeners("127.0.0.1", port))[0].aclose()


async def test_every_accepted_connection_has_our_options() -> None:
    """A peer that vanished without a word is given up by the kernel, and small answers leave at once."""
    listeners = await open_listeners("127.0.0.1", 0, limits=ConnectionLimits(write_deadline_s=7))
    async with listeners[0] as listener:
        client = await trio.open_tcp_stream("127.0.0.1", bound_port(listener))
        accepted = await listener.accept()
        options = {
            (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT): 7000,
            (socket.SOL_SOCKET, socket.SO_KEEPALIVE): 1,
            (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE): 30,
            (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL): 10,
            (socket.IPPROTO_TCP, socket.TCP_KEEPCNT): 3,
            (socket.IPPROTO_TCP, socket.TCP_NODELAY): 1,
        }

        assert options == {option: accepted.getsockopt(*option) for option in options}
        assert 1 == listener.socket.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
        await client.aclose()
        await accepted.aclose()


async def test_running_out_of_descriptors_is_survived() -> None:
    """EMFILE is an attack or a mistake of the operator's; neither may end the process."""
    async with open_stage() as (stage, bystander):
        waiting = trio.socket.socket()
        with no_descriptors_left():
            await waiting.connect((stage.served.host, stage.served.port))
            await wait_until(lambda: stage.served.statistics().accept_failures_total >= 1)
            await bystander.must_still_hear()

        client = trio.SocketStream(waiting)
        await client.send_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert (await client.receive_some()).startswith(b"HTTP/1.1 200 ")
        await client.aclose()
        assert stage.served.log.take("accept_failed")


async def test_connections_above_the_limit_are_closed_and_places_come_back() -> None:
    """Refusing must cost nothing, and must end when the others leave."""
    stage = Stage()
    async with open_server(stage, max_connections=2) as served:
        stage.served = served
        first, second = await stage.http1(), await stage.http1()
        await wait_until(lambda: served.statistics().open_connections == 2)

        assert b"" == await stage.raw(b"")

        assert 1 == served.statistics().refused_in_all_total
        await first.close()
        await wait_until(lambda: served.statistics().open_connections == 1)
        third = await stage.http1()
        await third.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert (200, b"ok 0") == await third.read_answer()
        await second.close()
        stage.hang_up()


async def test_connections_of_one_address_above_its_limit_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The count per address is asked for real connections too; loopback is excepted, so it is renamed here."""
    monkeypatch.setattr("aegis_trio.web.server.admission._counted_as", lambda address: address)
    stage = Stage()
    async with open_server(stage, max_connections_per_address=1) as served:
        stage.served = served
        first = await stage.http1()
        await wait_until(lambda: served.statistics().open_connections == 1)

        assert b"" == await stage.raw(b"")

        assert (1, 1) == (served.statistics().refused_per_address_total, served.statistics().open_addresses)
        await first.close()
        stage.hang_up()
