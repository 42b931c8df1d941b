"""Programs that register themselves: bounded, named as unverified, and refused with an error of the RFC."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.auth.broker.errors import OAuthCode, OAuthRefused
from aegis_trio.auth.clients.client import MAX_NAME_CHARS, MAX_REDIRECT_URIS, ClientAuth, ClientKind
from aegis_trio.auth.clients.registry import (
    HOUR_S,
    ID_PREFIX,
    MAX_PER_ADDRESS,
    MAX_PER_HOUR,
    SECRET_PREFIX,
    TOUCH_STEP_S,
    UNUSED_KEPT_S,
    USED_KEPT_S,
    Registry,
    is_allowed_host,
)
from aegis_trio.model.clock import SetClock
from aegis_trio.model.errors import RateLimited
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.store.interface import Space, Store
from aegis_trio.store.memory import MemoryStore
from aegis_trio.store.sqlite import open_sqlite_store
from tests.auth.broker.stage import START_S, S, refusal
from tests.auth.places import FakeTrail

HERE = "203.0.113.42"
REDIRECT = "https://assistant.example/callback"
GOOD: JsonObject = {
    "client_name": "Assistant",
    "redirect_uris": [REDIRECT],
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "none",
    "application_type": "web",
}


class Gate:
    """A registry with everything around it."""

    def __init__(self, store: Store, clock: SetClock, allowed: tuple[str, ...] = ()) -> None:
        self.store = store
        self.clock = clock
        self.trail = FakeTrail()
        self.registry = Registry(store, clock=clock, audit=self.trail, allowed_domains=allowed)

    async def register(self, address: str = HERE, **changes: JsonValue) -> JsonObject:
        """Register the usual client with *changes*."""
        return await self.registry.register(GOOD | changes, address)

    async def refused(self, document: JsonValue, code: OAuthCode) -> None:
        """Check that *document* is refused."""
        with pytest.raises(OAuthRefused, check=refusal(code)):
            await self.registry.register(document, HERE)

    def pass_s(self, seconds: int) -> None:
        """Let time pass."""
        self.clock.set_ns(self.clock.now_ns() + seconds * S)


@pytest.fixture(params=["memory", "sqlite"])
async def gate(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Gate]:
    """Give a registry over each store, at the beginning of an hour."""
    clock = SetClock(START_S // HOUR_S * HOUR_S * S)
    if request.param == "memory":
        yield Gate(MemoryStore(clock), clock)
        return
    async with open_sqlite_store(tmp_path / "state" / "store.sqlite3", clock=clock) as store:
        yield Gate(store, clock)


def memory_gate(*allowed: str) -> Gate:
    """Return a registry over a store of its own."""
    clock = SetClock(START_S // HOUR_S * HOUR_S * S)
    return Gate(MemoryStore(clock), clock, allowed)


async def test_a_client_that_registers_is_known_by_its_id(gate: Gate) -> None:
    """What it gets back is what was registered."""
    told = await gate.register()
    client = await gate.registry.find(str(told["client_id"]))

    assert client is not None
    assert (ClientKind.REGISTERED, ClientAuth.NONE, "Assistant", (REDIRECT,)) == (
        client.kind,
        client.auth,
        client.name,
        client.redirect_uris,
    )
    assert client.host is None
    assert {
        "client_id": client.id,
        "client_id_issued_at": client.created_at,
        "client_name": "Assistant",
        "redirect_uris": [REDIRECT],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    } == told
    (record,) = gate.trail.named("oauth_register")
    assert (client.id, ["assistant.example"], HERE) == (record["client"], record["hosts"], record["client_ip"])


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_a_client_that_wants_a_secret_gets_one_that_is_not_kept(gate: Gate, method: str) -> None:
    """The store has its digest only."""
    told = await gate.register(token_endpoint_auth_method=method)
    secret = str(told["client_secret"])
    client = await gate.registry.find(str(told["client_id"]))
    row = await gate.store.get(Space.CLIENT, str(told["client_id"]))

    assert client is not None
    assert row is not None
    assert (method, 0, True) == (
        told["token_endpoint_auth_method"],
        told["client_secret_expires_at"],
        secret.startswith(SECRET_PREFIX),
    )
    assert (ClientAuth.SECRET, hashlib.sha256(secret.encode()).digest()) == (client.auth, client.secret_sha256)
    assert secret.encode() not in row.value
    assert secret not in repr([entry.fields for entry in gate.trail.entries])


@pytest.mark.parametrize("document", [None, [], "x", 5, True])
async def test_what_is_no_object_is_no_client(document: JsonValue) -> None:
    """An error of the RFC."""
    await memory_gate().refused(document, OAuthCode.INVALID_CLIENT_METADATA)


@pytest.mark.parametrize(
    "uris",
    [
        None,
        [],
        "https://assistant.example/callback",
        [5, None],
        ["cursor://x/y", "http://assistant.example/", "javascript:alert(1)", "https://x@evil.example/", ""],
        [*["cursor://x/y"] * MAX_REDIRECT_URIS, REDIRECT],
    ],
)
async def test_a_client_without_a_redirect_uri_that_may_be_used_is_refused(uris: JsonValue) -> None:
    """It could never be answered."""
    await memory_gate().refused(GOOD | {"redirect_uris": uris}, OAuthCode.INVALID_REDIRECT_URI)


async def test_one_redirect_uri_that_may_not_be_used_does_not_spoil_the_others() -> None:
    """Law 2: Cursor registers three at once, one with a scheme of its own."""
    uris: list[JsonValue] = ["cursor://x/y", REDIRECT, REDIRECT, "http://localhost:8787/callback"]
    told = await memory_gate().register(redirect_uris=uris)

    assert [REDIRECT, "http://localhost:8787/callback"] == told["redirect_uris"]


async def test_cursor_is_called_by_the_scheme_that_it_is_known_by() -> None:
    """Its desktop program asks with that address whatever else it registered; only this one is taken, whole."""
    known = "cursor://anysphere.cursor-mcp/oauth/callback"
    uris: list[JsonValue] = [known, f"{known}/more", "cursor://anysphere.cursor-mcp/", "evil://anysphere.cursor-mcp/"]
    told = await memory_gate("example.com").register(redirect_uris=uris)

    assert [known] == told["redirect_uris"]


@pytest.mark.parametrize(
    "changes",
    [
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"token_endpoint_auth_method": "tls_client_auth"},
        {"token_endpoint_auth_method": None},
        {"token_endpoint_auth_method": []},
        {"token_endpoint_auth_method": {}},
        {"grant_types": ["client_credentials"]},
        {"grant_types": []},
        {"grant_types": "authorization_code"},
        {"grant_types": None},
    ],
)
async def test_what_is_not_supported_is_refused(changes: JsonObject) -> None:
    """Law 4: by an error that names the field."""
    await memory_gate().refused(GOOD | changes, OAuthCode.INVALID_CLIENT_METADATA)


async def test_what_is_left_out_has_a_default() -> None:
    """A public client, with a name of ours."""
    gate = memory_gate()
    told = await gate.registry.register({"redirect_uris": [REDIRECT]}, HERE)

    assert ("none", "a program that gave no name") == (told["token_endpoint_auth_method"], told["client_name"])


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("  Assis\u202etant\n\u200b ", "Assistant"),
        ("A" * 500, "A" * (MAX_NAME_CHARS - 1) + "…"),
        ("\u200b", "a program that gave no name"),
        (5, "a program that gave no name"),
        ("<b>ChatGPT</b>", "<b>ChatGPT</b>"),
    ],
)
async def test_a_name_is_cleaned_and_bounded(raw: JsonValue, shown: str) -> None:
    """It is shown to people; markup is the page's to escape."""
    assert shown == (await memory_gate().register(client_name=raw))["client_name"]


@given(
    st.dictionaries(
        st.sampled_from([*GOOD, "scope", "jwks", "software_id"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([REDIRECT, "none"]),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
            max_leaves=6,
        ),
    )
)
async def test_any_document_is_a_client_or_a_refusal(changes: JsonObject) -> None:
    """Law 4: never a fault of ours."""
    try:
        told = await memory_gate().registry.register(GOOD | changes, HERE)
    except OAuthRefused:
        return
    assert told["redirect_uris"]


async def test_one_address_registers_so_often_in_an_hour(gate: Gate) -> None:
    """Registration flood: from one place. Others are served, and the hour ends."""
    for _ in range(MAX_PER_ADDRESS):
        await gate.register()
    gate.pass_s(600)
    with pytest.raises(RateLimited) as raised:
        await gate.register()
    assert HOUR_S - 600 == raised.value.retry_after_s
    assert MAX_PER_ADDRESS == await gate.store.count(Space.CLIENT)

    await gate.register("198.51.100.7")
    gate.pass_s(HOUR_S - 600)
    await gate.register()


async def test_all_addresses_together_register_so_often_in_an_hour() -> None:
    """Registration flood: from everywhere."""
    gate = memory_gate()
    for number in range(MAX_PER_HOUR):
        await gate.register(f"2001:db8:{number:x}::1")
    with pytest.raises(RateLimited):
        await gate.register("198.51.100.7")


async def test_one_line_of_ipv6_counts_as_one_address() -> None:
    """Registration flood: one house has more addresses than there are registrations."""
    gate = memory_gate()
    for number in range(MAX_PER_ADDRESS):
        await gate.register(f"2001:db8::{number:x}")
    with pytest.raises(RateLimited):
        await gate.register("2001:db8::ffff")
    await gate.register("2001:db8:0:1::1")


async def test_in_a_flood_the_oldest_unused_client_makes_room(gate: Gate) -> None:
    """Registration flood: slowly, from everywhere. Who is used stays, and whoever comes is served."""
    gate.registry = Registry(gate.store, clock=gate.clock, audit=gate.trail, max_clients=3)
    used = str((await gate.register())["client_id"])
    await gate.registry.note_use(used)
    old = str((await gate.register("192.0.2.0"))["client_id"])
    gate.pass_s(UNUSED_KEPT_S // 2)
    came = [str((await gate.register(f"192.0.2.{number}"))["client_id"]) for number in range(1, 10)]

    assert await gate.registry.find(used) is not None
    assert await gate.registry.find(old) is None
    assert await gate.registry.find(came[-1]) is not None
    assert 3 >= await gate.store.count(Space.CLIENT)


async def test_where_all_clients_are_used_a_further_one_is_refused(gate: Gate) -> None:
    """Nobody who is connected loses that to a stranger."""
    gate.registry = Registry(gate.store, clock=gate.clock, audit=gate.trail, max_clients=2)
    used = [str((await gate.register())["client_id"]) for _ in range(2)]
    for client_id in used:
        await gate.registry.note_use(client_id)
    with pytest.raises(RateLimited, match="as many clients"):
        await gate.register()
    assert all([await gate.registry.find(client_id) is not None for client_id in used])


async def test_asking_for_a_client_does_not_keep_it(gate: Gate) -> None:
    """Registration flood: a stranger would keep ten thousand clients alive by naming them once a week."""
    client_id = str((await gate.register())["client_id"])
    for _ in range(6):
        gate.pass_s(UNUSED_KEPT_S // 7)
        assert await gate.registry.find(client_id) is not None
    gate.pass_s(UNUSED_KEPT_S // 7)
    assert await gate.registry.find(client_id) is None
    await gate.registry.note_use(client_id)
    assert await gate.registry.find(client_id) is None


async def test_a_refused_document_costs_its_sender_nothing() -> None:
    """Only what would be kept is counted."""
    gate = memory_gate()
    for _ in range(MAX_PER_ADDRESS + 1):
        await gate.refused({}, OAuthCode.INVALID_REDIRECT_URI)
    await gate.register()


async def test_a_client_that_is_used_is_kept(gate: Gate) -> None:
    """Longer than any refresh token lives, from the last time that it came for tokens."""
    used, unused = str((await gate.register())["client_id"]), str((await gate.register())["client_id"])
    await gate.registry.note_use(used)
    gate.pass_s(UNUSED_KEPT_S)
    assert (True, None) == (await gate.registry.find(used) is not None, await gate.registry.find(unused))
    await gate.registry.note_use(used)
    gate.pass_s(USED_KEPT_S - 1)
    assert await gate.registry.find(used) is not None
    gate.pass_s(1)
    assert await gate.registry.find(used) is None


async def test_being_used_is_written_once_a_day(gate: Gate) -> None:
    """Each note is a write."""
    client_id = str((await gate.register())["client_id"])
    versions = []
    for passed in (0, TOUCH_STEP_S, 1):
        gate.pass_s(passed)
        await gate.registry.note_use(client_id)
        row = await gate.store.get(Space.CLIENT, client_id)
        assert row is not None
        versions.append(row.version)

    assert [2, 2, 3] == versions


@pytest.mark.parametrize(
    "raw", ["", "x", ID_PREFIX, ID_PREFIX + "0" * 32, ID_PREFIX + "0" * 1000, "https://x.example/c"]
)
async def test_an_id_that_nobody_has_is_nobody(gate: Gate, raw: str) -> None:
    """Whatever its length."""
    assert await gate.registry.find(raw) is None


async def test_an_operator_may_admit_some_domains_only() -> None:
    """Beside loopback, which is the person's own machine."""
    gate = memory_gate("assistant.example")
    uris: list[JsonValue] = [REDIRECT, "https://evil.example/", "https://localhost/", "http://localhost/callback"]
    assert [REDIRECT, "http://localhost/callback"] == (await gate.register(redirect_uris=uris))["redirect_uris"]
    await gate.refused(GOOD | {"redirect_uris": ["https://evil.example/"]}, OAuthCode.INVALID_REDIRECT_URI)


@pytest.mark.parametrize(
    ("host", "is_allowed"),
    [
        ("a.example", True),
        ("b.a.example", True),
        ("ba.example", False),
        ("a.example.evil.example", False),
        ("example", False),
        ("", False),
    ],
)
def test_a_domain_contains_what_is_below_it(host: str, *, is_allowed: bool) -> None:
    """And nothing that only ends alike."""
    assert is_allowed is is_allowed_host(host, ("a.example",))
    assert is_allowed_host(host, ())
