"""A client id that is an address: what stands there says who the client is, and only that."""

from __future__ import annotations

import json

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from aegis_trio.auth.clients import documents as room
from aegis_trio.auth.clients.client import MAX_NAME_CHARS, MAX_REDIRECT_URIS, Client, ClientAuth, ClientKind
from aegis_trio.auth.clients.documents import (
    DEFAULT_KEPT_S,
    MAX_ID_CHARS,
    MAX_KEPT_S,
    MIN_KEPT_S,
    Documents,
    kept_for_s,
    read_client_address,
    read_document,
)
from aegis_trio.auth.clients.fetching import MAX_FETCHING
from aegis_trio.auth.clients.guarded import NotFetched
from aegis_trio.auth.clients.pinned import CHATGPT, CLAUDE, CLAUDE_CODE, CODEX, PINNED, VS_CODE
from aegis_trio.model.json import JsonObject

ID = "https://client.example/oauth/client.json"
DOCUMENT: JsonObject = {
    "client_id": ID,
    "client_name": "Client",
    "redirect_uris": ["https://client.example/callback"],
    "token_endpoint_auth_method": "none",
}
LIVE: list[tuple[Client, JsonObject]] = [
    (
        CHATGPT,
        {
            "client_id": "https://chatgpt.com/oauth/client.json",
            "client_uri": "https://chatgpt.com/",
            "redirect_uris": ["https://chatgpt.com/connector_platform_oauth_redirect"],
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "client_name": "ChatGPT",
            "logo_uri": "https://persistent.oaistatic.com/sonic/misc/openai-logo.png",
            "token_endpoint_auth_signing_alg": "RS256",
            "jwks_uri": "https://chatgpt.com/oauth/jwks.json",
        },
    ),
    (
        CLAUDE,
        {
            "client_id": "https://claude.ai/oauth/mcp-oauth-client-metadata",
            "client_name": "Claude",
            "client_uri": "https://claude.ai",
            "redirect_uris": ["https://claude.ai/api/mcp/auth_callback"],
            "grant_types": [
                "authorization_code",
                "refresh_token",
                "urn:ietf:params:oauth:grant-type:jwt-bearer",
            ],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        },
    ),
    (
        CLAUDE_CODE,
        {
            "client_id": "https://claude.ai/oauth/claude-code-client-metadata",
            "client_name": "Claude Code",
            "redirect_uris": ["http://localhost/callback", "http://127.0.0.1/callback"],
            "token_endpoint_auth_method": "none",
        },
    ),
    (
        CODEX,
        {
            "client_id": "https://chatgpt.com/oauth/codex/client.json",
            "client_name": "Codex",
            "redirect_uris": ["http://127.0.0.1/callback", "http://localhost/callback"],
            "token_endpoint_auth_method": "none",
        },
    ),
    (
        VS_CODE,
        {
            "client_name": "Visual Studio Code",
            "grant_types": [
                "authorization_code",
                "refresh_token",
                "urn:ietf:params:oauth:grant-type:device_code",
            ],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
            "application_type": "native",
            "client_id": "https://vscode.dev/oauth/client-metadata.json",
            "client_uri": "https://vscode.dev/product",
            "redirect_uris": ["http://127.0.0.1:33418/", "https://vscode.dev/redirect"],
        },
    ),
]


class Web:
    """A guarded fetch whose answers a test writes."""

    def __init__(self, *, document: JsonObject | None = None, cache_control: str = "") -> None:
        self.document = DOCUMENT if document is None else document
        self.cache_control = cache_control
        self.asked: list[tuple[str, str]] = []
        self.down = False
        self.hold: trio.Event | None = None
        self.most_at_once = 0
        self._at_once = 0

    async def __call__(self, host: str, target: str) -> tuple[bytes, str]:
        self.asked.append((host, target))
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        await (self.hold.wait if self.hold is not None else trio.lowlevel.checkpoint)()
        self._at_once -= 1
        if self.down:
            raise NotFetched("the document cannot be fetched")
        return json.dumps(self.document | {"client_id": f"https://{host}{target}"}).encode(), self.cache_control


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (ID, ("client.example", "/oauth/client.json")),
        ("https://client.example/c?v=1", ("client.example", "/c?v=1")),
        ("https://192.0.2.1/c", ("192.0.2.1", "/c")),
        ("http://client.example/c", None),
        ("https://client.example", None),
        ("https://client.example/", None),
        ("https://client.example/c#x", None),
        ("https://client.example/c#", None),
        ("https://client.example:443/c", None),
        ("https://client.example:/c", None),
        ("https://client.example:x/c", None),
        ("https://user@client.example/c", None),
        ("https://CLIENT.example/c", None),
        ("https://client.example/a/../c", None),
        ("https://client.example/./c", None),
        ("https://client.example\\@evil.example/c", None),
        ("https://localhost/c", None),
        ("https://[::1]/c", None),
        ("https://[::1/c", None),
        ("https://clïent.example/c", None),
        ("https://client.example/c d", None),
        ("https://client.example/c\n", None),
        ("https://client.example/c\x00", None),
        ("https:///c", None),
        ("https://client.example/" + "c" * MAX_ID_CHARS, None),
        ("aegis_client_1", None),
        ("", None),
    ],
)
def test_an_address_of_a_document_is_plain(raw: str, place: tuple[str, str] | None) -> None:
    """What two readers could read differently is none, and is never fetched."""
    assert place == read_client_address(raw)


@given(st.text() | st.text().map("https://client.example/".__add__) | st.text().map("https://".__add__))
def test_any_text_is_an_address_or_none(raw: str) -> None:
    """And what is one leads to where it says."""
    place = read_client_address(raw)
    if place is not None:
        assert raw in {f"https://{place[0]}{place[1]}", f"https://{place[0]}{place[1]}?"}


@pytest.mark.parametrize(("pinned", "document"), LIVE, ids=[client.name for client, _ in LIVE])
def test_the_copies_are_what_the_documents_say(pinned: Client, document: JsonObject) -> None:
    """As their owners published them; a copy gives nobody more than that."""
    assert pinned == read_document(pinned.id, json.dumps(document).encode())
    assert pinned in PINNED
    assert len(PINNED) == len(LIVE)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"client_id": "https://client.example/oauth/client.json/"}, "another client's"),
        ({"client_id": None}, "another client's"),
        ({"client_name": ""}, "client_name"),
        ({"client_name": "\u202e\u200b"}, "client_name"),
        ({"client_name": 5}, "client_name"),
        ({"redirect_uris": []}, "redirect_uris"),
        ({"redirect_uris": "https://client.example/callback"}, "redirect_uris"),
        ({"redirect_uris": [5, None, {}]}, "redirect_uris"),
        ({"redirect_uris": ["http://client.example/", "javascript:alert(1)", "cursor://x"]}, "redirect_uris"),
        ({"token_endpoint_auth_method": "client_secret_basic"}, "token_endpoint_auth_method"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "token_endpoint_auth_method"),
        ({"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": 5, "jwks": []}, "token_endpoint_auth_method"),
        ({"token_endpoint_auth_method": []}, "token_endpoint_auth_method"),
        ({"token_endpoint_auth_method": "x", "token_endpoint_auth_methods_supported": "none"}, "auth_method"),
    ],
)
def test_a_document_that_does_not_say_who_it_is_says_nothing(changes: JsonObject, rule: str) -> None:
    """The person reads which rule it breaks."""
    with pytest.raises(NotFetched, match=rule):
        read_document(ID, json.dumps(DOCUMENT | changes).encode())


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"<html>", b"\xff", b'{"client_id":1,"client_id":2}', b"[" * 5000]
)
def test_what_is_no_json_object_is_no_document(body: bytes) -> None:
    """Also where two parsers would read it differently."""
    with pytest.raises(NotFetched, match="JSON object"):
        read_document(ID, body)


@given(
    st.dictionaries(
        st.sampled_from(
            [*DOCUMENT, "jwks", "jwks_uri", "token_endpoint_auth_methods_supported", "grant_types", "logo_uri"]
        ),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([ID, "none", "private_key_jwt"]),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
            max_leaves=5,
        ),
    )
)
def test_any_document_is_a_client_or_a_refusal(changes: JsonObject) -> None:
    """Nothing else is raised, whatever stands in which field."""
    try:
        client = read_document(ID, json.dumps(DOCUMENT | changes).encode())
    except NotFetched:
        return
    assert (ID, ClientKind.DOCUMENT, None) == (client.id, client.kind, client.secret_sha256)
    assert client.redirect_uris


def test_one_bad_redirect_uri_does_not_spoil_the_others() -> None:
    """Cursor registers three at once, one of a scheme of its own; names are cleaned, and shortened."""
    uris = ["cursor://x", "http://localhost:8787/callback", "http://localhost:8787/callback"]
    client = read_document(
        ID, json.dumps(DOCUMENT | {"redirect_uris": uris, "client_name": "A\u202e\n" * 200}).encode()
    )
    assert ("http://localhost:8787/callback",) == client.redirect_uris
    assert MAX_NAME_CHARS == len(client.name)
    assert "\u202e" not in client.name

    many = [f"https://client.example/{n}" for n in range(100)]
    assert MAX_REDIRECT_URIS == len(
        read_document(ID, json.dumps(DOCUMENT | {"redirect_uris": many}).encode()).redirect_uris
    )


def test_a_client_that_may_be_public_and_has_no_keys_is_public() -> None:
    """One that prefers keys, and publishes them, has to use them."""
    listed: JsonObject = {"token_endpoint_auth_method": "x", "token_endpoint_auth_methods_supported": ["none"]}
    assert ClientAuth.NONE is read_document(ID, json.dumps(DOCUMENT | listed).encode()).auth
    inline: JsonObject = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": []}}
    client = read_document(ID, json.dumps(DOCUMENT | inline).encode())
    assert (ClientAuth.KEY, {"keys": []}, None) == (client.auth, client.jwks, client.jwks_uri)


@pytest.mark.parametrize(
    ("cache_control", "seconds"),
    [
        ("", DEFAULT_KEPT_S),
        ("max-age=600", 600.0),
        ("public, max-age=600, must-revalidate", 600.0),
        ("Max-Age=600", 600.0),
        ("max-age=1", MIN_KEPT_S),
        ("max-age=999999999", MAX_KEPT_S),
        ("max-age=99999999999", DEFAULT_KEPT_S),
        ("max-age=x", DEFAULT_KEPT_S),
        ("s-maxage=600", DEFAULT_KEPT_S),
        ("no-store", MIN_KEPT_S),
        ("private, no-cache", MIN_KEPT_S),
    ],
)
def test_a_document_is_kept_as_its_server_says_within_bounds(cache_control: str, seconds: float) -> None:
    """A stranger's server makes us neither fetch at each request nor believe for ever."""
    assert seconds == kept_for_s(cache_control)


async def test_a_document_is_fetched_once_and_again_in_time(autojump_clock: MockClock) -> None:
    """Law 2."""
    web = Web(cache_control="max-age=600")
    documents = Documents(web)
    first = await documents.find(ID)
    assert first is not None
    assert first is await documents.find(ID)
    await trio.sleep(600)
    assert first == await documents.find(ID)

    assert [("client.example", "/oauth/client.json")] * 2 == web.asked


async def test_a_failure_is_told_and_not_kept(autojump_clock: MockClock) -> None:
    """The next one who asks may have more luck; a document that was good is not used beyond its time."""
    web = Web(cache_control="max-age=600")
    documents = Documents(web)
    await documents.find(ID)
    await trio.sleep(600)
    web.down = True
    with pytest.raises(NotFetched):
        await documents.find(ID)
    web.down = False

    assert await documents.find(ID) is not None


async def test_what_is_no_address_is_nobody_and_nothing_is_fetched() -> None:
    """Other kinds of ids are asked for elsewhere."""
    web = Web()

    assert await Documents(web).find("aegis_client_1") is None
    assert [] == web.asked


async def test_a_copy_serves_when_the_document_cannot_be_had(autojump_clock: MockClock) -> None:
    """Servers that refuse data centres; the document itself is asked for again after an hour."""
    web = Web()
    web.down = True
    documents = Documents(web, pinned=PINNED)
    assert CLAUDE is await documents.find(CLAUDE.id)
    assert CLAUDE is await documents.find(CLAUDE.id)
    assert 1 == len(web.asked)
    web.down = False
    await trio.sleep(DEFAULT_KEPT_S)
    found = await documents.find(CLAUDE.id)

    assert found is not None
    assert "Client" == found.name
    web.down = True
    with pytest.raises(NotFetched):
        await documents.find("https://claude.ai/oauth/another")


@pytest.mark.parametrize(
    ("client_id", "is_admitted"),
    [
        (ID, True),
        ("https://sub.client.example/c", True),
        ("https://evilclient.example/c", False),
        ("https://client.example.evil.example/c", False),
        ("https://example/c", None),
    ],
)
async def test_an_operator_may_admit_some_domains_only(client_id: str, *, is_admitted: bool | None) -> None:
    """The others are not even fetched."""
    web = Web()
    documents = Documents(web, allowed_domains=("client.example",))
    if is_admitted is False:
        with pytest.raises(NotFetched, match="does not admit"):
            await documents.find(client_id)
    else:
        assert is_admitted is (True if await documents.find(client_id) is not None else None)
    assert bool(is_admitted) is bool(web.asked)


async def test_strangers_make_us_fetch_a_few_at_once() -> None:
    """Whoever sends a thousand ids gets a queue, not a thousand connections."""
    web = Web()
    web.hold = trio.Event()
    documents = Documents(web)
    async with trio.open_nursery() as nursery:
        for number in range(3 * MAX_FETCHING):
            nursery.start_soon(documents.find, f"https://client.example/{number}")
        await trio.testing.wait_all_tasks_blocked()
        web.hold.set()

    assert (MAX_FETCHING, 3 * MAX_FETCHING) == (web.most_at_once, len(web.asked))


async def test_memory_is_bounded_and_the_oldest_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked for often stays."""
    monkeypatch.setattr(room, "MAX_KEPT", 2)
    web = Web()
    documents = Documents(web)
    for name in ("a", "b", "a", "c", "a", "b"):
        await documents.find(f"https://client.example/{name}")

    assert ["/a", "/b", "/c", "/b"] == [target for _, target in web.asked]
