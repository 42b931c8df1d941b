"""The documents by which clients find us: byte for byte as reviewed, wherever clients look for them."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from mcp.client.auth.utils import (
    build_oauth_authorization_server_metadata_discovery_urls,
    build_protected_resource_metadata_discovery_urls,
)
from mcp.shared.auth import OAuthMetadata, ProtectedResourceMetadata

from aegis_trio.auth.clients import proving
from aegis_trio.policy.scopes import OFFLINE_ACCESS
from aegis_trio.web.oauth.metadata import ASSERTION_ALGORITHMS, authorization_server, documents, protected_resource
from aegis_trio.web.oauth.pages import PagePrinter
from aegis_trio.web.oauth.routes import document_routes
from aegis_trio.web.oauth.settings import OAuthFlow, OAuthSettings
from tests.web.oauth.stage import GITEA, PUBLIC, make_stage

GOLDEN = Path(__file__).parent / "golden"
READING = OAuthSettings(public_url=PUBLIC, gitea_url=GITEA)
WRITING = OAuthSettings(public_url=PUBLIC, gitea_url=GITEA, write_mode=True)
BELOW_URL = "https://example.org/gate"
BELOW = OAuthSettings(public_url=BELOW_URL, gitea_url=GITEA)
OF_GITEA = OAuthSettings(public_url=PUBLIC, gitea_url=f"{GITEA}/forge", flow=OAuthFlow.GITEA)
RESOURCE = "/.well-known/oauth-protected-resource"
SERVER = "/.well-known/oauth-authorization-server"
CASES = {
    "resource": (READING, RESOURCE),
    "resource-mcp": (READING, f"{RESOURCE}/mcp"),
    "resource-mcp-sse": (READING, f"{RESOURCE}/mcp/sse"),
    "resource-of-gitea": (OF_GITEA, f"{RESOURCE}/mcp"),
    "resource-of-gitea-mcp-sse": (OF_GITEA, f"{RESOURCE}/mcp/sse"),
    "server": (READING, SERVER),
    "server-writing": (WRITING, SERVER),
    "resource-below": (BELOW, f"{RESOURCE}/gate"),
    "resource-below-mcp": (BELOW, f"{RESOURCE}/gate/mcp"),
    "resource-below-mcp-sse": (BELOW, f"{RESOURCE}/gate/mcp/sse"),
    "server-below": (BELOW, f"{SERVER}/gate"),
}
PLACES = {"at the root": READING, "below a path": BELOW, "with Gitea's tokens": OF_GITEA}


@pytest.mark.parametrize("name", CASES)
def test_a_document_is_the_one_that_was_reviewed(name: str) -> None:
    """Clients compare issuer and resource byte for byte; a change is meant, or it is not made."""
    settings, path = CASES[name]
    golden = (GOLDEN / f"{name}.json").read_bytes()
    assert golden == documents(settings)[path] + b"\n"


@pytest.mark.parametrize("name", CASES)
def test_the_official_sdk_reads_a_document(name: str) -> None:
    """What its models refuse, no client that is built on it can use."""
    text = (GOLDEN / f"{name}.json").read_bytes()
    if name.startswith("resource"):
        issuer = f"{GITEA}/forge" if "gitea" in name else CASES[name][0].public_url
        assert [issuer] == [
            str(server) for server in ProtectedResourceMetadata.model_validate_json(text).authorization_servers
        ]
    else:
        metadata = OAuthMetadata.model_validate_json(text)
        assert metadata.client_id_metadata_document_supported is True
        assert ["S256"] == metadata.code_challenge_methods_supported


def test_every_document_is_where_it_was_reviewed_to_be() -> None:
    """Every place at which a client looks, and what it finds there; a place more may belong to somebody else."""
    golden = json.loads((GOLDEN / "places.json").read_bytes())
    found = {
        where: {
            path: next(name for name, case in CASES.items() if case[0] == settings and document == _golden(name))
            for path, document in sorted(documents(settings).items())
        }
        for where, settings in PLACES.items()
    }
    assert golden == found


def _golden(name: str) -> bytes:
    return (GOLDEN / f"{name}.json").read_bytes().removesuffix(b"\n")


@pytest.mark.parametrize("settings", [READING, BELOW], ids=["at the root", "below a path"])
@pytest.mark.parametrize("served", ["/mcp", "/mcp/sse"])
def test_the_official_sdk_finds_a_document_wherever_it_looks(settings: OAuthSettings, served: str) -> None:
    """With a challenge or without one, knowing the issuer or taking the endpoint for it as clients of 2025-03-26 do."""
    url, found = f"{settings.public_url}{served}", documents(settings)
    origin = url.removesuffix(urlsplit(url).path)
    first, *others = build_protected_resource_metadata_discovery_urls(None, url)
    assert url == json.loads(found[first.removeprefix(origin)])["resource"]
    for address in others:
        assert json.loads(found[address.removeprefix(origin)])["resource"] == f"{settings.public_url}/mcp"
    for issuer in (settings.public_url, url, None):
        for address in build_oauth_authorization_server_metadata_discovery_urls(issuer, url):
            assert settings.public_url == json.loads(found[address.removeprefix(origin)])["issuer"], address


def test_no_golden_file_is_left_over() -> None:
    """A file that nothing reads reviews nothing."""
    assert sorted([*CASES, "places"]) == sorted(path.stem for path in GOLDEN.glob("*.json"))


async def test_below_a_path_everything_is_served_where_it_stands() -> None:
    """Proxies that keep the path and proxies that take it away both reach the document."""
    stage = make_stage(BELOW)
    for path, document in documents(BELOW).items():
        answer = await stage.ask("GET", path)
        assert (200, document) == (answer.status, answer.body), path


@pytest.mark.parametrize("name", ["oauth-authorization-server", "openid-configuration"])
@pytest.mark.parametrize("served", ["", "/mcp", "/mcp/sse"])
async def test_the_server_is_found_wherever_clients_look_for_it(name: str, served: str) -> None:
    """Path inserted (RFC 8414), path appended (OpenID Connect Discovery), and below the endpoint that was typed."""
    stage = make_stage()
    for path in (f"/.well-known/{name}{served}", f"{served}/.well-known/{name}"):
        answer = await stage.ask("GET", path)
        assert (200, PUBLIC) == (answer.status, answer.json["issuer"])


async def test_a_document_is_for_every_page_and_kept_for_a_moment() -> None:
    """Browser clients read it from any origin; a changed one is seen within minutes."""
    stage = make_stage()
    for method in ("GET", "HEAD"):
        answer = await stage.ask(method, f"{RESOURCE}/mcp", (b"origin", b"https://inspector.example"))
        assert (200, "*") == (answer.status, answer.header(b"access-control-allow-origin"))
        assert "" == answer.header(b"access-control-allow-credentials")
        assert ("application/json", "public, max-age=300") == (
            answer.header(b"content-type"),
            answer.header(b"cache-control"),
        )
        assert (method == "HEAD") == (answer.body == b"")
        assert int(answer.header(b"content-length")) > 100


async def test_a_browser_client_may_ask_before_it_calls() -> None:
    """The preflight of a token request, from any origin and without cookies; pages for people have none."""
    stage = make_stage()
    origin = (b"origin", b"https://inspector.example")
    for path in ("/oauth/token", "/oauth/register", "/oauth/revoke", RESOURCE):
        answer = await stage.ask("OPTIONS", path, origin, (b"access-control-request-method", b"POST"))
        assert (204, "*") == (answer.status, answer.header(b"access-control-allow-origin"))
        assert "authorization" in answer.header(b"access-control-allow-headers")
    for path in ("/oauth/consent", "/oauth/authorize", "/oauth/connected", "/oauth/callback"):
        answer = await stage.ask("OPTIONS", path, origin)
        assert (405, "") == (answer.status, answer.header(b"access-control-allow-origin"))
    page = await stage.ask("GET", "/oauth/about", origin)
    assert (200, "") == (page.status, page.header(b"access-control-allow-origin"))


def test_only_what_is_built_is_said() -> None:
    """ID tokens are not offered, and the algorithms of assertions are those that are checked."""
    document = authorization_server(READING)
    assert set() == {"jwks_uri", "userinfo_endpoint", "id_token_signing_alg_values_supported"} & set(document)
    assert set(ASSERTION_ALGORITHMS) == set(proving._ALGORITHMS)
    assert OFFLINE_ACCESS in json.dumps(document)
    assert OFFLINE_ACCESS not in json.dumps(protected_resource(WRITING, f"{PUBLIC}/mcp"))


async def test_every_endpoint_that_is_named_is_there() -> None:
    """A document that leads to a 404 is worse than none."""
    stage = make_stage()
    for name, address in authorization_server(READING).items():
        if name.endswith(("_endpoint", "_documentation")):
            path = str(address).removeprefix(PUBLIC)
            assert any(there == path for _, there in stage.front._routes.direct), name


def test_with_giteas_own_tokens_we_are_no_authorization_server() -> None:
    """The document points to Gitea, and nothing of ours pretends to give tokens."""
    paths = {path for _, path in document_routes(OF_GITEA, PagePrinter(OF_GITEA))}
    assert {RESOURCE, f"{RESOURCE}/mcp", f"{RESOURCE}/mcp/sse", "/oauth/about", "/oauth/style.css"} == paths


def test_below_a_path_the_documents_stand_where_the_rfcs_put_them() -> None:
    """`https://example.org/gate` is an issuer with a path: RFC 8414 section 3.1, RFC 9728 section 3.1."""
    found = documents(OAuthSettings(public_url="https://example.org/gate", gitea_url=GITEA))
    assert "https://example.org/gate" == json.loads(found[f"{SERVER}/gate"])["issuer"]
    assert "https://example.org/gate/mcp" == json.loads(found[f"{RESOURCE}/gate/mcp"])["resource"]
    assert "/gate/mcp/.well-known/openid-configuration" in found
