"""The public keys of clients: from their own hosts, kept a while, and exchanged when a client exchanges them."""

from __future__ import annotations

import json
from dataclasses import replace

import jwt
import pytest
import trio
import trio.testing
from trio.testing import MockClock

from aegis_trio.auth.broker.errors import OAuthCode, OAuthRefused
from aegis_trio.auth.clients import keys as room
from aegis_trio.auth.clients.fetching import MAX_FAMILIAR
from aegis_trio.auth.clients.guarded import NotFetched
from aegis_trio.auth.clients.keys import MAX_KEYS, MIN_INTERVAL_S, ClientKeys
from aegis_trio.auth.clients.pinned import CHATGPT
from aegis_trio.model.json import JsonObject, JsonValue
from tests.auth.broker.stage import refusal


def signed_by(kid: str | None) -> str:
    """Return an assertion that names the key *kid*; who signed it is another room's question."""
    headers = None if kid is None else {"kid": kid}
    return jwt.encode({"sub": CHATGPT.id}, "k" * 32, algorithm="HS256", headers=headers)


class Web:
    """A guarded fetch whose key sets a test writes."""

    def __init__(self, *kids: str) -> None:
        self.keys: JsonValue = [{"kty": "RSA", "kid": kid} for kid in kids]
        self.body: bytes | None = None
        self.asked: list[tuple[str, str]] = []
        self.down = False
        self.cache_control = "max-age=3600"
        self.hold: trio.Event | None = None

    async def __call__(self, host: str, target: str) -> tuple[bytes, str]:
        self.asked.append((host, target))
        await (self.hold.wait if self.hold is not None else trio.lowlevel.checkpoint)()
        if self.down:
            raise NotFetched("the document cannot be fetched")
        return self.body if self.body is not None else json.dumps({"keys": self.keys}).encode(), self.cache_control


def kids(found: JsonObject | None) -> list[JsonValue]:
    """Return the names of keys."""
    assert found is not None
    listed = found["keys"]
    assert isinstance(listed, list)
    return [key["kid"] for key in listed if isinstance(key, dict)]


async def test_keys_are_fetched_once_and_kept(autojump_clock: MockClock) -> None:
    """As long as their server says."""
    web = Web("one")
    keys = ClientKeys(web)
    for _ in range(3):
        assert ["one"] == kids(await keys.of(CHATGPT, signed_by("one")))
    assert [("chatgpt.com", "/oauth/jwks.json")] == web.asked
    await trio.sleep(3600)
    await keys.of(CHATGPT, signed_by("one"))
    assert 2 == len(web.asked)


async def test_a_new_key_is_fetched_when_it_is_first_used(autojump_clock: MockClock) -> None:
    """Rotation at the client; strangers who make key ids up cause a fetch a minute."""
    web = Web("one")
    keys = ClientKeys(web)
    await keys.of(CHATGPT, signed_by("one"))
    await trio.sleep(MIN_INTERVAL_S)
    web.keys = [{"kid": "one"}, {"kid": "two"}]
    assert ["one", "two"] == kids(await keys.of(CHATGPT, signed_by("two")))
    for number in range(10):
        assert ["one", "two"] == kids(await keys.of(CHATGPT, signed_by(f"made-up-{number}")))
    assert 2 == len(web.asked)
    await trio.sleep(MIN_INTERVAL_S)
    await keys.of(CHATGPT, signed_by("made-up"))
    assert 3 == len(web.asked)


@pytest.mark.parametrize("assertion", [signed_by(None), "no assertion", ""])
async def test_an_assertion_that_names_no_key_is_served_from_what_is_kept(
    autojump_clock: MockClock, assertion: str
) -> None:
    """Nothing tells that there is a newer one."""
    web = Web("one")
    keys = ClientKeys(web)
    await keys.of(CHATGPT, assertion)
    await trio.sleep(MIN_INTERVAL_S)
    await keys.of(CHATGPT, assertion)
    assert 1 == len(web.asked)


async def test_keys_that_were_good_stay_good_until_their_time_is_over(autojump_clock: MockClock) -> None:
    """A client is not locked out because its server has a bad minute; nor is it asked at each request then."""
    web = Web("one")
    keys = ClientKeys(web)
    await keys.of(CHATGPT, signed_by("one"))
    await trio.sleep(MIN_INTERVAL_S)
    web.down = True
    for _ in range(3):
        assert ["one"] == kids(await keys.of(CHATGPT, signed_by("two")))
    assert 2 == len(web.asked)
    await trio.sleep(3600)
    with pytest.raises(NotFetched, match="cannot be fetched"):
        await keys.of(CHATGPT, signed_by("one"))
    web.down = False
    assert ["one"] == kids(await keys.of(CHATGPT, signed_by("one")))


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/oauth/jwks.json",
        "https://sub.chatgpt.com/oauth/jwks.json",
        "https://chatgpt.com.evil.example/jwks.json",
        "https://chatgpt.com:8443/oauth/jwks.json",
        "https://chatgpt.com@evil.example/jwks.json",
        "http://chatgpt.com/oauth/jwks.json",
        "https://chatgpt.com/../jwks.json",
        "https://169.254.169.254/latest",
        "file:///etc/passwd",
        "",
    ],
)
async def test_keys_come_from_the_clients_own_host(uri: str) -> None:
    """SSRF, and a client that another's server would speak for; nothing is fetched at all."""
    web = Web("one")
    with pytest.raises(OAuthRefused, match="own host", check=refusal(OAuthCode.INVALID_CLIENT)):
        await ClientKeys(web).of(replace(CHATGPT, jwks_uri=uri), signed_by("one"))
    assert [] == web.asked


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"keys":{}}', b'{"keys":[]}', b'{"keys":[5,null]}', b'{"keys":[{"kid":[]}]}']
)
async def test_what_holds_no_keys_is_no_key_set(body: bytes) -> None:
    """And it is not kept."""
    web = Web()
    web.body = body
    keys = ClientKeys(web)
    for _ in range(2):
        with pytest.raises(NotFetched, match="holds no keys"):
            await keys.of(CHATGPT, signed_by("one"))
    assert 2 == len(web.asked)


async def test_a_few_keys_are_read_of_a_set() -> None:
    """Each may be tried for each assertion."""
    web = Web(*(f"k{number}" for number in range(100)))

    assert MAX_KEYS == len(kids(await ClientKeys(web).of(CHATGPT, signed_by("k0"))))


async def test_a_client_that_brings_its_keys_or_has_none_is_not_asked() -> None:
    """They stand in its document."""
    web = Web()
    inline: JsonObject = {"keys": []}

    assert inline is await ClientKeys(web).of(replace(CHATGPT, jwks=inline), signed_by("one"))
    assert await ClientKeys(web).of(replace(CHATGPT, jwks_uri=None), signed_by("one")) is None
    assert [] == web.asked


async def test_memory_and_fetches_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has a thousand documents gets a queue."""
    monkeypatch.setattr(room, "MAX_KEPT", 2)
    web = Web("one")
    web.hold = trio.Event()
    keys = ClientKeys(web)
    many = [replace(CHATGPT, jwks_uri=f"https://chatgpt.com/{number}") for number in range(3 * MAX_FAMILIAR)]
    async with trio.open_nursery() as nursery:
        for client in many:
            nursery.start_soon(keys.of, client, signed_by("one"))
        await trio.testing.wait_all_tasks_blocked()
        assert MAX_FAMILIAR == len(web.asked)
        web.hold.set()

    assert 2 == len(keys._kept)
