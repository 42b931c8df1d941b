"""The forge misbehaves on order, and sees what its client does: what the gate's own promises are tested against."""

from __future__ import annotations

import pytest
import trio

from aegis_trio.demo_forge.demo_world import build_demo_world
from aegis_trio.demo_forge.faults import Cut, Fault, Faults
from aegis_trio.demo_forge.request_log import RequestLog
from aegis_trio.demo_forge.wire import MAX_BODY_BYTES, MAX_HEAD_BYTES
from aegis_trio.model.clock import SetClock
from tests.demo_forge.raw_client import RawRequest, open_raw_client
from tests.forge import RunningForge, open_forge

pytestmark = pytest.mark.sockets
VERSION = RawRequest(method="GET", target="/api/v1/version")
LINE = b"GET /api/v1/version HTTP/1.1\r\nHost: x\r\n\r\n"


async def _connect(forge: RunningForge) -> trio.SocketStream:
    host, _, port = forge.url.removeprefix("http://").rpartition(":")
    return await trio.open_tcp_stream(host, int(port))


async def _read_all(stream: trio.SocketStream) -> bytes:
    data = b""
    with trio.fail_after(30):
        async for part in stream:
            data += part
    return data


async def test_a_connection_is_kept_for_the_next_request() -> None:
    """Benches and the gate's pool count on it."""
    async with open_forge() as forge, open_raw_client(forge.url) as client:
        answers = [await client.ask(VERSION) for _ in range(3)]

        assert [200, 200, 200] == [answer.status for answer in answers]
        assert 3 == forge.requests.total == len(forge.requests)


async def test_requests_sent_ahead_are_answered_in_turn() -> None:
    """HTTP/1.1 allows it, and a proxy may do it."""
    async with open_forge() as forge, await _connect(forge) as stream:
        await stream.send_all(LINE * 2 + LINE.replace(b"Host", b"Connection: close\r\nHost"))

        assert 3 == (await _read_all(stream)).count(b'{"version":"1.25.4"}')


async def test_the_log_tells_who_asked_and_never_the_credential() -> None:
    """A log that held tokens would leak them into every failing test's output."""
    async with open_forge() as forge, open_raw_client(forge.url) as client:
        token = forge.world.tokens["alice"]
        query = f"token={token}&x=1&access_token={token}"
        await client.ask(
            RawRequest(method="GET", target=f"/api/v1/user?{query}", headers=(("Authorization", f"token {token}"),))
        )
        await client.ask(VERSION)
        first, second = forge.requests

        assert ("GET", "/api/v1/user", "alice", True, 200) == (
            first.method,
            first.raw_path,
            first.principal,
            first.has_authorization,
            first.status,
        )
        assert "token=(blank)&x=1&access_token=(blank)" == first.raw_query
        assert (None, False) == (second.principal, second.has_authorization)
        assert token not in repr(list(forge.requests)) + repr(forge.world)


async def test_a_waiting_test_is_woken_by_the_request_it_waits_for() -> None:
    """Tests of cancellation wait for the request to arrive, without sleeping."""
    log = RequestLog()
    seen: list[str] = []

    async def wait() -> None:
        seen.append((await log.wait_for(lambda record: record.raw_path == "/b")).raw_path)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        log.add_nowait(method="GET", raw_path="/a", raw_query="", has_authorization=False)
        await trio.testing.wait_all_tasks_blocked()
        assert [] == seen
        log.add_nowait(method="GET", raw_path="/b", raw_query="", has_authorization=False)
    with trio.fail_after(1):
        assert "/a" == (await log.wait_for(lambda record: record.raw_path == "/a")).raw_path
    assert ["/b"] == seen
    assert "/b" == log[-1].raw_path
    log.clear()
    assert 0 == len(log)


async def test_a_client_that_leaves_while_its_answer_is_held_is_noticed() -> None:
    """Promise 5 of the gate: hanging up stops the work, down to the request to the forge."""
    async with open_forge() as forge:
        forge.faults.order(Fault(hold=trio.Event()))
        stream = await _connect(forge)
        await stream.send_all(LINE)
        record = await forge.requests.wait_for(lambda _: True)
        assert not record.client_left
        await stream.aclose()
        with trio.fail_after(10):
            await record.done.wait()

        assert (True, None) == (record.client_left, record.status)


async def test_a_held_answer_leaves_when_the_test_lets_it_go() -> None:
    """So a deadline of the gate can be tested to the moment; what the client sends ahead is not lost."""
    async with open_forge() as forge, await _connect(forge) as stream:
        release = trio.Event()
        forge.faults.order(Fault(hold=release))
        await stream.send_all(LINE)
        record = await forge.requests.wait_for(lambda _: True)
        await stream.send_all(LINE.replace(b"Host", b"Connection: close\r\nHost"))
        release.set()

        assert 2 == (await _read_all(stream)).count(b'{"version":"1.25.4"}')
        assert (200, False) == (record.status, record.client_left)


async def test_a_fault_replaces_status_type_headers_and_body() -> None:
    """5xx, 429 with Retry-After, HTML in place of JSON: all that a proxy or a sick Gitea says."""
    async with open_forge() as forge, open_raw_client(forge.url) as client:
        forge.faults.order(Fault(status=429, headers=(("Retry-After", "7"),)), path="/version")
        forge.faults.order(Fault(content_type="text/html", body=b"<p>soon</p>"))
        throttled, page, well = [await client.ask(VERSION) for _ in range(3)]

        assert (429, "7", b"") == (throttled.status, throttled.headers["retry-after"], throttled.body)
        assert (200, "text/html", b"<p>soon</p>") == (page.status, page.headers["content-type"], page.body)
        assert b'{"version":"1.25.4"}\n' == well.body


async def test_a_fault_waits_for_the_path_it_is_meant_for() -> None:
    """A start-up probe must not eat the fault of the call under test."""
    faults = Faults()
    faults.order(Fault(status=500), times=2, path="/user")

    assert None is faults.take("/api/v1/version")
    assert faults.take("/api/v1/user") is not None
    assert 1 == len(faults)
    faults.clear()
    assert None is faults.take("/api/v1/user")
    with pytest.raises(ValueError, match="times"):
        faults.order(Fault(), times=0)


@pytest.mark.parametrize(
    ("cut", "head", "body"),
    [(Cut.BEFORE_ANSWER, False, 0), (Cut.AFTER_HEADERS, True, 0), (Cut.IN_BODY, True, 10)],
    ids=["before", "headers", "body"],
)
async def test_a_connection_is_cut_where_it_was_ordered(*, cut: Cut, head: bool, body: int) -> None:
    """An answer that stops must never be taken for a whole one."""
    async with open_forge() as forge, await _connect(forge) as stream:
        forge.faults.order(Fault(cut=cut))
        await stream.send_all(LINE)
        data = await _read_all(stream)
        got_head, _, got_body = data.partition(b"\r\n\r\n")

        assert head is (b"200" in got_head)
        assert body == len(got_body)


async def test_a_slow_body_arrives_piece_by_piece(autojump_clock: trio.testing.MockClock) -> None:
    """Read deadlines are about bytes that do not come, not about answers that do not begin."""
    async with open_forge() as forge, open_raw_client(forge.url) as client:
        forge.faults.order(Fault(slow_s=5.0))
        begun = trio.current_time()
        answer = await client.ask(VERSION)

        assert b'{"version":"1.25.4"}\n' == answer.body
        assert trio.current_time() - begun >= 5.0


@pytest.mark.parametrize("slow_s", [None, 0.001], ids=["fast", "slow"])
async def test_an_endless_body_ends_when_the_client_leaves(slow_s: float | None) -> None:
    """A byte cap is only a cap when the other side does not stop by itself."""
    async with open_forge() as forge:
        forge.faults.order(Fault(endless=True, slow_s=slow_s))
        stream = await _connect(forge)
        await stream.send_all(LINE)
        received = 0
        while received < 200_000:
            received += len(await stream.receive_some(65_536))
        record = await forge.requests.wait_for(lambda _: True)
        await stream.aclose()
        with trio.fail_after(10):
            await record.done.wait()

        assert record.client_left


async def test_a_long_body_leaves_in_chunks_and_a_short_one_with_its_length() -> None:
    """Go does so at 2,048 bytes, and a client that counts on a length would fail with the real one."""
    async with open_forge() as forge, open_raw_client(forge.url) as client:
        token = (("Authorization", f"Bearer {forge.world.tokens['alice']}"),)
        short = await client.ask(VERSION)
        long = await client.ask(RawRequest(method="GET", target="/api/v1/user/repos", headers=token))

        assert "21" == short.headers["content-length"]
        assert "content-length" not in long.headers
        assert "chunked" == long.headers["transfer-encoding"]


async def test_every_answer_says_the_time_of_the_worlds_clock() -> None:
    """Real Gitea does, and `doctor` measures the clocks' difference by it."""
    world = build_demo_world()
    world.clock = SetClock(1_756_060_320 * 10**9)
    async with open_forge(world) as forge, open_raw_client(forge.url) as client:
        answers = [await client.ask(VERSION), await client.ask(RawRequest(method="GET", target="/api/v1/user"))]

        assert ["Sun, 24 Aug 2025 18:32:00 GMT"] * 2 == [answer.headers["date"] for answer in answers]


async def test_a_head_request_has_no_body_and_does_not_disturb_the_next() -> None:
    """A body after HEAD would be read as the next answer."""
    async with open_forge() as forge, open_raw_client(forge.url) as client:
        refused = await client.ask(RawRequest(method="HEAD", target="/api/v1/version"))
        forge.faults.order(Fault(status=404, body=b"words"))
        spoiled = await client.ask(RawRequest(method="HEAD", target="/api/v1/version"))

        assert (405, b"") == (refused.status, refused.body)
        assert (404, b"") == (spoiled.status, spoiled.body)
        assert 200 == (await client.ask(VERSION)).status


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n\x00",
        b"GET /" + b"a" * (MAX_HEAD_BYTES + 200_000) + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=["nonsense", "no host", "bytes", "long"],
)
async def test_nonsense_ends_its_own_connection_only(raw: bytes) -> None:
    """One broken client must not take the forge from all tests."""
    async with open_forge() as forge:
        async with await _connect(forge) as stream:
            try:
                await stream.send_all(raw)
                answered = await _read_all(stream)
            except trio.BrokenResourceError:
                answered = b"HTTP/1.1 4"
            assert answered.startswith((b"HTTP/1.1 4", b"HTTP/1.1 200"))
        async with open_raw_client(forge.url) as client:
            assert 200 == (await client.ask(VERSION)).status


async def test_a_body_above_the_cap_is_refused() -> None:
    """The forge runs in the tests' own process: nobody may fill its memory."""
    async with open_forge() as forge, await _connect(forge) as stream:
        size = MAX_BODY_BYTES + 1
        await stream.send_all(b"POST /api/v1/version HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
        part = bytes(1024 * 1024)
        try:
            for _ in range(size // len(part) + 1):
                await stream.send_all(part)
            answered = await _read_all(stream)
        except trio.BrokenResourceError:
            answered = b"HTTP/1.1 413"

        assert answered.startswith(b"HTTP/1.1 413")
        assert 0 == len(forge.requests)


async def test_a_client_that_leaves_in_its_own_body_is_no_request() -> None:
    """Half a request has no meaning."""
    async with open_forge() as forge:
        stream = await _connect(forge)
        await stream.send_all(b"POST /api/v1/version HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")
        await stream.aclose()
        async with open_raw_client(forge.url) as client:
            assert 200 == (await client.ask(VERSION)).status
        assert 1 == forge.requests.total


async def test_a_client_that_waits_for_leave_to_send_gets_it() -> None:
    """curl asks so for long bodies."""
    async with open_forge() as forge, await _connect(forge) as stream:
        await stream.send_all(
            b"POST /api/v1/version HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\n"
            b"Content-Length: 2\r\n\r\n"
        )
        with trio.fail_after(10):
            assert (await stream.receive_some(4096)).startswith(b"HTTP/1.1 100 ")
        await stream.send_all(b"{}")

        assert b"HTTP/1.1 405 " in await _read_all(stream)
