"""One place to ask who a client id is."""

from __future__ import annotations

import json

import jwt
import pytest
import trio

from aegis_trio.auth.clients.client import Client, ClientKind
from aegis_trio.auth.clients.directory import ClientDirectory
from aegis_trio.auth.clients.documents import Documents
from aegis_trio.auth.clients.guarded import NotFetched
from aegis_trio.auth.clients.keys import ClientKeys
from aegis_trio.auth.clients.pinned import CHATGPT, CLAUDE, PINNED
from aegis_trio.auth.clients.proving import Presented, check_proof
from aegis_trio.auth.clients.registry import Registry
from aegis_trio.auth.clients.static import StaticClients, gitea_application
from aegis_trio.model.clock import SetClock
from aegis_trio.model.secret import Secret
from aegis_trio.store.memory import MemoryStore
from tests.auth.broker.stage import START_S, S
from tests.auth.clients.signing import RSA_KEY, public
from tests.auth.places import FakeTrail

STATIC = gitea_application("c5e0a4c1-6f0e-4c3e-9d7b-0b5d9f1b2a3c", Secret("s" * 32))


class Web:
    """Serves keys, and no document."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.has_keys = True

    async def __call__(self, host: str, target: str) -> tuple[bytes, str]:
        await trio.lowlevel.checkpoint()
        self.asked.append(f"https://{host}{target}")
        if not (self.has_keys and target.endswith("jwks.json")):
            raise NotFetched("the document cannot be fetched")
        return json.dumps({"keys": [public("RS256", RSA_KEY, kid="1")]}).encode(), ""


def directory(web: Web) -> ClientDirectory:
    """Return a directory with one static client and the copies."""
    clock = SetClock(START_S * S)
    return ClientDirectory(
        static=StaticClients((STATIC,)),
        registry=Registry(MemoryStore(clock), clock=clock, audit=FakeTrail()),
        documents=Documents(web, pinned=PINNED),
        keys=ClientKeys(web),
    )


async def test_every_kind_of_client_is_found_by_its_id() -> None:
    """The operator's first, then registered ones, then documents; and nothing is fetched for the first two."""
    web = Web()
    clients = directory(web)
    told = await clients.registry.register({"redirect_uris": ["http://localhost/callback"]}, "203.0.113.42")
    registered = await clients.find(str(told["client_id"]))

    assert STATIC is await clients.find(STATIC.id)
    assert registered is not None
    assert ClientKind.REGISTERED is registered.kind
    assert [] == web.asked
    assert CLAUDE is await clients.find(CLAUDE.id)
    for nobody in ("", "x", "https://x", "aegis_client_" + "0" * 32):
        assert await clients.find(nobody) is None


async def test_a_document_that_cannot_be_had_is_told() -> None:
    """The page says what happened, and to whom to turn."""
    with pytest.raises(NotFetched, match="cannot be fetched"):
        await directory(Web()).find("https://client.example/c")


def assertion() -> str:
    """Return a good assertion of ChatGPT's, as far as this test's keys go."""
    claims = {"iss": CHATGPT.id, "sub": CHATGPT.id, "aud": "https://gate.example", "jti": "1", "exp": START_S + 60}
    return jwt.encode(claims, RSA_KEY, algorithm="RS256", headers={"kid": "1"})


async def check(client: Client | None) -> None:
    """Check that *client* is proved by the assertion."""
    assert client is not None

    async def spend(key: str, until: int) -> bool:
        await trio.lowlevel.checkpoint()
        return True

    given = Presented(client_id=client.id, assertion=assertion())
    await check_proof(client, given, audiences=("https://gate.example",), now_s=START_S, spend=spend)


async def test_a_client_that_signs_is_found_with_its_keys() -> None:
    """From its own host; for the others nothing is fetched."""
    web = Web()
    clients = directory(web)
    await check(await clients.find_signer(CHATGPT.id, assertion()))
    assert ["https://chatgpt.com/oauth/client.json", "https://chatgpt.com/oauth/jwks.json"] == web.asked

    assert STATIC is await clients.find_signer(STATIC.id, assertion())
    assert CHATGPT is await clients.find_signer(CHATGPT.id, None)
    assert await clients.find_signer("x", assertion()) is None
    assert 2 == len(web.asked)


async def test_a_client_whose_keys_cannot_be_had_is_told_to_come_again() -> None:
    """Never taken for one that needs none."""
    web = Web()
    web.has_keys = False
    with pytest.raises(NotFetched, match="cannot be fetched"):
        await directory(web).find_signer(CHATGPT.id, assertion())
