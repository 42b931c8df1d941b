"""What a client asks for is judged in an order that never redirects to a stranger."""

from __future__ import annotations

from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.auth.broker.errors import OAuthCode, OAuthRefused
from aegis_trio.auth.broker.request import (
    MAX_STATE_CHARS,
    MAX_VALUE_CHARS,
    AuthorizationRequest,
    RedirectError,
    Resources,
    answer_address,
    choose_redirect,
    choose_resource,
    read_request,
    single,
)
from aegis_trio.auth.clients.client import Client, ClientKind
from aegis_trio.policy.scopes import default_scopes
from tests.auth.broker.stage import (
    CALLBACK,
    CLIENT,
    ISSUER,
    MCP,
    RESOURCES,
    VERIFIER,
    challenge_of,
    parameters,
    refusal,
)

TWO = Client(id="two", kind=ClientKind.STATIC, name="Two", redirect_uris=(CALLBACK, "http://localhost/callback"))
NAMES = (
    *("response_type", "response_mode", "client_id", "redirect_uri", "state", "scope", "prompt", "resource"),
    *("code_challenge", "code_challenge_method", "request", "request_uri"),
)


def read(given_parameters: dict[str, list[str]], *, write_mode: bool = False) -> AuthorizationRequest | RedirectError:
    """Return what is read of parameters whose client and redirect URI are good."""
    return read_request(given_parameters, CLIENT, CALLBACK, RESOURCES, write_mode=write_mode)


def refused(given_parameters: dict[str, list[str]]) -> RedirectError:
    """Return how parameters are refused."""
    found = read(given_parameters)
    assert isinstance(found, RedirectError)
    return found


def test_a_good_request_is_read() -> None:
    """As the large assistants send it."""
    found = read(parameters())

    assert (
        AuthorizationRequest(
            client=CLIENT,
            redirect_uri=CALLBACK,
            state="state of the client",
            scopes=("read:repository", "read:issue"),
            code_challenge=challenge_of(VERIFIER),
            resource=MCP,
        )
        == found
    )


def test_what_a_client_leaves_out_has_a_meaning() -> None:
    """No scope is the default, no resource the canonical one, no state none; empty is as if left out."""
    for absent in (None, ""):
        found = read(parameters(scope=absent, resource=absent, state=absent, response_mode=absent))
        assert isinstance(found, AuthorizationRequest)
        assert (default_scopes(), MCP, None) == (found.scopes, found.resource, found.state)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"response_type": None}, OAuthCode.UNSUPPORTED_RESPONSE_TYPE),
        ({"response_type": "token"}, OAuthCode.UNSUPPORTED_RESPONSE_TYPE),
        ({"response_type": "code token"}, OAuthCode.UNSUPPORTED_RESPONSE_TYPE),
        ({"response_mode": "fragment"}, OAuthCode.INVALID_REQUEST),
        ({"response_mode": "form_post"}, OAuthCode.INVALID_REQUEST),
        ({"request": "eyJ"}, OAuthCode.INVALID_REQUEST),
        ({"request_uri": "https://evil.example/"}, OAuthCode.INVALID_REQUEST),
        ({"resource": "https://other.example/mcp"}, OAuthCode.INVALID_TARGET),
        ({"state": "s" * (MAX_STATE_CHARS + 1)}, OAuthCode.INVALID_REQUEST),
        ({"scope": "s" * (MAX_VALUE_CHARS + 1)}, OAuthCode.INVALID_REQUEST),
    ],
)
def test_what_is_not_supported_is_told_to_the_client(changes: dict[str, str], code: OAuthCode) -> None:
    """With its state, which it waits for."""
    found = refused(parameters(**changes))

    assert (CALLBACK, code) == (found.redirect_uri, found.refusal.code)
    assert (None if "state" in changes else "state of the client") == found.state


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": None},
        {"code_challenge": ""},
        {"code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": "s256"},
        {"code_challenge_method": "S512"},
        {"code_challenge_method": "plain", "code_challenge": VERIFIER},
        {"code_challenge_method": None, "code_challenge": None},
        {"code_challenge": "short"},
        {"code_challenge": challenge_of(VERIFIER)[:-1]},
        {"code_challenge": challenge_of(VERIFIER) + "="},
        {"code_challenge": challenge_of(VERIFIER) + "A"},
        {"code_challenge": challenge_of(VERIFIER)[:-1] + "\n"},
        {"code_challenge": "é" * 43},
    ],
)
def test_without_a_challenge_by_s256_nothing_begins(changes: dict[str, str | None]) -> None:
    """PKCE downgrade: none, plain, or a challenge that is too short to be a digest."""
    assert OAuthCode.INVALID_REQUEST is refused(parameters(**changes)).refusal.code


@pytest.mark.parametrize("name", [name for name in NAMES if name not in {"client_id", "redirect_uri", "prompt"}])
def test_a_parameter_that_stands_twice_is_refused(name: str) -> None:
    """One reader takes the first and another the last: what a proxy checked is not what we would use."""
    doubled = parameters()
    doubled[name] = [*doubled.get(name, ["x"]), "y"]

    assert refused(doubled).refusal.code in {OAuthCode.INVALID_REQUEST, OAuthCode.INVALID_TARGET}


def test_a_doubled_redirect_uri_is_refused_on_a_page() -> None:
    """Nothing is sent to either."""
    with pytest.raises(OAuthRefused, check=refusal(OAuthCode.INVALID_REQUEST)):
        choose_redirect({"redirect_uri": [CALLBACK, "https://evil.example/"]}, CLIENT)


def test_a_client_with_one_redirect_uri_need_not_name_it() -> None:
    """One with several has to."""
    assert CALLBACK == choose_redirect({}, CLIENT)
    assert "http://localhost:4711/callback" == choose_redirect(
        {"redirect_uri": ["http://localhost:4711/callback"]}, TWO
    )
    with pytest.raises(OAuthRefused, match="several"):
        choose_redirect({}, TWO)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (MCP, MCP),
        (MCP + "/", MCP),
        (MCP + "/sse", MCP + "/sse"),
        ("HTTPS://GATE.EXAMPLE/mcp", MCP),
        ("https://gate.example:443/mcp", MCP),
        (ISSUER, MCP),
        (ISSUER + "/", MCP),
        ("https://gate.example:8443/mcp", None),
        ("http://gate.example/mcp", None),
        ("https://gate.example/MCP", None),
        ("https://gate.example/mcp?x=1", None),
        ("https://gate.example/mcp#x", None),
        ("https://user@gate.example/mcp", None),
        ("https://gate.example.evil.example/mcp", None),
        ("https://gate.example/mcp/../mcp", None),
        ("https://gate.example:x/mcp", None),
        ("https://[gate/mcp", None),
        ("gate.example/mcp", None),
        ("mcp", None),
        ("*", None),
    ],
)
def test_a_resource_is_one_of_ours(raw: str, expected: str | None) -> None:
    """RFC 8707: compared as addresses are, and never nearly."""
    if expected is not None:
        assert expected == choose_resource({"resource": [raw]}, RESOURCES)
        return
    with pytest.raises(OAuthRefused, check=refusal(OAuthCode.INVALID_TARGET)):
        choose_resource({"resource": [raw]}, RESOURCES)


def test_one_resource_is_named_at_most() -> None:
    """A token for several would be good where its client never meant it to be."""
    with pytest.raises(OAuthRefused, check=refusal(OAuthCode.INVALID_TARGET)):
        choose_resource({"resource": [MCP, MCP]}, RESOURCES)
    assert MCP == choose_resource({"resource": ["", MCP]}, RESOURCES)


def test_a_gate_on_a_port_of_its_own_is_named_with_it() -> None:
    """The default port is the only one that may be left out."""
    resources = Resources(issuer="http://127.0.0.1:8080", urls=("http://127.0.0.1:8080/mcp",))

    assert "http://127.0.0.1:8080/mcp" == choose_resource({"resource": ["http://127.0.0.1:8080/mcp/"]}, resources)
    with pytest.raises(OAuthRefused):
        choose_resource({"resource": ["http://127.0.0.1/mcp"]}, resources)


@pytest.mark.parametrize("answer", [{"code": "c", "state": "s"}, {"error": "access_denied", "state": None}])
@pytest.mark.parametrize(
    "uri", [CALLBACK, CALLBACK + "?tenant=1", CALLBACK + "?", CALLBACK + "?tenant=1&", "http://localhost:4711/callback"]
)
def test_every_answer_says_whose_it_is(uri: str, answer: dict[str, str | None]) -> None:
    """Mix-up: `iss` on success and on error, so that a client of several servers sends a code to the right one."""
    address = answer_address(uri, ISSUER, **answer)
    query = parse_qs(urlsplit(address).query)

    assert address.startswith(uri)
    assert [ISSUER] == query["iss"]
    assert {name: [value] for name, value in answer.items() if value} == {
        name: values for name, values in query.items() if name not in {"iss", "tenant"}
    }


@given(state=st.text(), code=st.text())
def test_a_state_comes_back_as_it_was_sent(state: str, code: str) -> None:
    """Whatever is in it, it adds no parameter and changes none."""
    query = parse_qsl(urlsplit(answer_address(CALLBACK, ISSUER, code=code, state=state)).query, keep_blank_values=True)

    assert [("code", code), ("state", state), ("iss", ISSUER)] == query


@given(
    st.dictionaries(
        st.sampled_from(NAMES) | st.text(max_size=10),
        st.lists(
            st.text(max_size=60)
            | st.sampled_from(
                [
                    "code",
                    "S256",
                    challenge_of(VERIFIER),
                    MCP,
                    CALLBACK,
                    "https://evil.example/",
                    "//evil.example",
                    ISSUER,
                ]
            ),
            max_size=3,
        ),
    )
)
def test_any_parameters_are_a_request_or_a_refusal_and_lead_to_no_stranger(raw: dict[str, list[str]]) -> None:
    """Nothing else is raised, and no address is made up that the client had not registered."""
    try:
        redirect_uri = choose_redirect(raw, CLIENT)
    except OAuthRefused:
        return
    assert CALLBACK == redirect_uri
    found = read_request(raw, CLIENT, redirect_uri, RESOURCES, write_mode=True)
    assert CALLBACK == found.redirect_uri
    if isinstance(found, AuthorizationRequest):
        assert found.resource in RESOURCES.urls
        assert found.scopes


@given(st.lists(st.text(max_size=20), max_size=3))
def test_a_single_value_is_one_or_none(values: list[str]) -> None:
    """The one reader of parameters, alone."""
    try:
        found = single({"x": values}, "x", max_chars=10)
    except OAuthRefused:
        assert len(values) > 1 or len(values[0]) > 10
        return
    assert (values[0] if values and values[0] else None) == found


def test_no_refusal_repeats_what_was_sent() -> None:
    """It is shown on pages and written into logs."""
    marked = "<script>marked</script>"
    for name in NAMES:
        found = read(parameters(**{name: marked}))
        if isinstance(found, RedirectError):
            assert "marked" not in str(found.refusal)
