"""Attack: an address that looks like a client's, or is read otherwise by a browser (RFC 9700 section 4.1)."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.oauth.stage import (
    CALLBACK,
    DOCUMENT,
    DOCUMENT_ID,
    Answer,
    Stage,
    authorize_address,
    make_stage,
    request_fields,
)

LOOPBACK = "http://127.0.0.1/callback"
NAMED = "http://localhost/callback"
HOST = "claude.example.com"
SMUGGLED = {
    "userinfo": f"https://{HOST}@evil.example/callback",
    "userinfo with a password": f"https://{HOST}:443@evil.example/callback",
    "userinfo before the right host": f"https://evil.example@{HOST}/callback",
    "empty userinfo": f"https://@{HOST}/callback",
    "fragment": f"{CALLBACK}#https://evil.example",
    "empty fragment": f"{CALLBACK}#",
    "path traversal": f"https://{HOST}/callback/../evil",
    "path traversal that comes back": f"https://{HOST}/evil/../callback",
    "encoded path traversal": f"https://{HOST}/callback/%2e%2e/evil",
    "half encoded path traversal": f"https://{HOST}/callback/.%2E/evil",
    "encoded letter": f"https://{HOST}/%63allback",
    "doubly encoded": f"https://{HOST}/callback%252f..%252fevil",
    "deeper path": f"{CALLBACK}/evil",
    "slash at the end": f"{CALLBACK}/",
    "doubled slash": f"https://{HOST}//callback",
    "upper case path": f"https://{HOST}/Callback",
    "upper case host": f"https://{HOST.upper()}/callback",
    "upper case scheme": f"HTTPS://{HOST}/callback",
    "dot behind the host": f"https://{HOST}./callback",
    "suffix of the host": f"https://{HOST}.evil.example/callback",
    "prefix of the host": f"https://evil-{HOST}/callback",
    "encoded host": "https://claude%2eexample.com/callback",
    "encoded slash in the host": f"https://evil.example%2f{HOST}/callback",
    "wide letters": "https://\uff43laude.example.com/callback",
    "wide dot": "https://claude\u3002example.com/callback",
    "soft hyphen": "https://cl\u00adaude.example.com/callback",
    "backslash": f"https://evil.example\\@{HOST}/callback",
    "backslashes for slashes": f"https:\\\\{HOST}\\callback",
    "tab": f"https://{HOST}/call\tback",
    "new line": f"https://{HOST}/callback\r\nSet-Cookie: a=b",
    "null": f"{CALLBACK}\x00.evil.example",
    "space at the end": f"{CALLBACK} ",
    "space at the beginning": f" {CALLBACK}",
    "port": f"https://{HOST}:8443/callback",
    "default port": f"https://{HOST}:443/callback",
    "empty port": f"https://{HOST}:/callback",
    "port that is no number": f"https://{HOST}:44x/callback",
    "port out of range": f"https://{HOST}:65536/callback",
    "query": f"{CALLBACK}?next=https://evil.example",
    "empty query": f"{CALLBACK}?",
    "no scheme": f"//{HOST}/callback",
    "http": f"http://{HOST}/callback",
    "javascript": "javascript:alert(1)//claude.example.com/callback",
    "data": "data:text/html,<script>alert(1)</script>",
    "file": "file:///callback",
    "scheme of an app": "claude://callback",
    "loopback below a domain": "http://127.0.0.1.evil.example/callback",
    "loopback as a name below a domain": "http://localhost.evil.example/callback",
    "loopback with userinfo": "http://127.0.0.1@evil.example/callback",
    "loopback with a port and userinfo": "http://127.0.0.1:80@evil.example/callback",
    "loopback with two ports": "http://127.0.0.1:80:81/callback",
    "loopback by another name": NAMED,
    "loopback by IPv6": "http://[::1]/callback",
    "loopback in IPv6's clothes": "http://[::ffff:127.0.0.1]/callback",
    "loopback with a zone": "http://[::1%25eth0]/callback",
    "IPv6 before a domain": "http://[::1].evil.example/callback",
    "loopback in short": "http://127.1/callback",
    "loopback as a number": "http://2130706433/callback",
    "loopback in octal": "http://0177.0.0.1/callback",
    "loopback in hexadecimal": "http://0x7f.0.0.1/callback",
    "every interface": "http://0.0.0.0/callback",
    "another loopback address": "http://127.0.0.2/callback",
    "loopback by https": "https://127.0.0.1/callback",
    "loopback with another path": "http://127.0.0.1:1234/evil",
    "loopback with a query": "http://127.0.0.1:1234/callback?x=1",
}


def _stage() -> Stage:
    stage = make_stage()
    stage.documented.pages[DOCUMENT_ID] = {**DOCUMENT, "redirect_uris": [CALLBACK, LOOPBACK]}
    return stage


def _leads_nowhere(answer: Answer) -> None:
    assert 400 == answer.status
    assert "" == answer.location
    assert b"refresh" not in {name for name, _ in answer.headers}
    assert 'http-equiv="refresh"' not in answer.text
    assert "evil.example" not in answer.text
    assert "" == answer.header(b"set-cookie")


@pytest.mark.parametrize("uri", SMUGGLED.values(), ids=SMUGGLED.keys())
async def test_an_address_that_is_not_the_clients_is_led_to_by_nothing(uri: str) -> None:
    """Neither a code nor an error goes there, whether the rest of the request is right or wrong."""
    stage = _stage()
    _leads_nowhere(await stage.ask("GET", authorize_address(redirect_uri=uri)))
    _leads_nowhere(await stage.ask("GET", authorize_address(redirect_uri=uri, response_type="token")))


@pytest.mark.parametrize("uri", SMUGGLED.values(), ids=SMUGGLED.keys())
async def test_an_address_that_looks_like_a_registered_one_does_not_count_for_it(uri: str) -> None:
    """The same for clients that registered themselves."""
    stage = make_stage()
    registered = await stage.register({"redirect_uris": [CALLBACK, LOOPBACK]})
    _leads_nowhere(await stage.ask("GET", authorize_address(client_id=registered.json["client_id"], redirect_uri=uri)))


@pytest.mark.parametrize("uri", ["http://127.0.0.1:1/callback", "http://127.0.0.1:65535/callback", LOOPBACK])
async def test_the_port_of_the_persons_own_machine_is_free(uri: str) -> None:
    """RFC 8252 section 7.3; and nothing else of the address is."""
    browser = _stage().browser()
    assert (await browser.sign_in(redirect_uri=uri)).startswith(f"{uri}?code=")


@pytest.mark.parametrize("order", [[CALLBACK, "https://evil.example/"], ["https://evil.example/", CALLBACK]])
async def test_two_addresses_are_none(order: list[str]) -> None:
    """Doubled parameters: whoever checks the one must not send to the other."""
    others = urlencode({name: value for name, value in request_fields().items() if name != "redirect_uri"})
    pairs = urlencode([("redirect_uri", uri) for uri in order])
    for query in (f"{others}&{pairs}", f"{pairs}&{others}"):
        answer = await _stage().ask("GET", f"/oauth/authorize?{query}")
        _leads_nowhere(answer)
        assert "redirect_uri: stands more than once" in answer.text


@given(
    tail=st.text(max_size=20),
    head=st.text(max_size=12),
    base=st.sampled_from([CALLBACK, LOOPBACK, f"https://{HOST}"]),
)
async def test_no_text_around_an_address_leads_to_another_place(*, head: str, base: str, tail: str) -> None:
    """Whatever is put before or behind it."""
    answer = await _stage().ask("GET", authorize_address(redirect_uri=head + base + tail, response_type="token"))
    if answer.location:
        goes_to = urlsplit(answer.location)
        assert (goes_to.scheme, goes_to.hostname) in {("https", HOST), ("http", "127.0.0.1")}
        assert "/callback" == goes_to.path
    else:
        assert 400 == answer.status
