"""Attack: a person's consent is given by somebody else's page (CSRF), or under a cover (click-jacking)."""

from __future__ import annotations

import pytest

from aegis_trio.store.interface import Space
from tests.web.oauth.stage import (
    GITEA,
    PUBLIC,
    STATIC_CALLBACK,
    STATIC_ID,
    Answer,
    authorize_address,
    make_stage,
)

FORGED = {
    "another site": [(b"origin", b"https://evil.example"), (b"sec-fetch-site", b"cross-site")],
    "a page of the same domain": [(b"origin", b"https://other.example.org"), (b"sec-fetch-site", b"same-site")],
    "a frame without an origin": [(b"origin", b"null"), (b"sec-fetch-site", b"cross-site")],
    "the forge": [(b"origin", GITEA.encode()), (b"sec-fetch-site", b"same-site")],
    "another port of ours": [(b"origin", f"{PUBLIC}:8443".encode())],
    "http instead of https": [(b"origin", b"http://mcp.example.org"), (b"sec-fetch-site", b"cross-site")],
    "an address that begins with ours": [(b"origin", f"{PUBLIC}.evil.example".encode())],
    "two origins": [(b"origin", PUBLIC.encode()), (b"origin", b"https://evil.example")],
    "only a referer": [(b"referer", b"https://evil.example/?https://mcp.example.org/")],
}


def _cannot_be_framed(page: Answer) -> None:
    policy = page.header(b"content-security-policy")
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert "form-action 'self'" in policy
    assert "base-uri 'none'" in policy
    assert "script" not in policy
    assert "DENY" == page.header(b"x-frame-options")
    assert "no-referrer" == page.header(b"referrer-policy")
    assert "no-store" == page.header(b"cache-control")


@pytest.mark.parametrize("headers", FORGED.values(), ids=FORGED.keys())
@pytest.mark.parametrize("decision", ["allow", "deny", "not_me"])
async def test_a_consent_that_another_page_posts_is_none(headers: list[tuple[bytes, bytes]], decision: str) -> None:
    """Also with the right token: it may have been read off a screen. The question stays open."""
    stage = make_stage()
    browser = stage.browser()
    await browser.sign_in()
    page = await browser.get(authorize_address())
    codes = await stage.store.count(Space.CODE)
    before = dict(browser.cookies)

    answer = await browser.post("/oauth/consent", page.fields | {"decision": decision}, *headers)

    assert (403, "") == (answer.status, answer.location)
    assert (codes, before) == (await stage.store.count(Space.CODE), browser.cookies)
    assert 200 == (await browser.decide(page, "allow")).status


@pytest.mark.parametrize("token", ["", "0" * 64, "f" * 63, "x", "\u00fc" * 32, "0" * 9000])
async def test_a_consent_without_the_token_of_its_form_is_none(token: str) -> None:
    """The attacker's page may post, and does not know it."""
    stage = make_stage()
    browser = stage.browser()
    page = await browser.get(authorize_address())
    answer = await browser.post("/oauth/consent", page.fields | {"decision": "allow", "token": token})
    assert answer.status in {400, 403}
    assert 'http-equiv="refresh"' not in answer.text
    assert 200 == (await browser.decide(page, "allow")).status


async def test_a_consent_by_get_is_none() -> None:
    """An image in a mail would give it."""
    stage = make_stage()
    browser = stage.browser()
    page = await browser.get(authorize_address())
    query = "&".join(f"{name}={value}" for name, value in (page.fields | {"decision": "allow"}).items())
    answer = await browser.get(f"/oauth/consent?{query}")
    assert 'http-equiv="refresh"' not in answer.text
    assert 0 == await stage.store.count(Space.CODE)
    assert 0 == stage.gitea.asked


async def test_consent_is_asked_again_for_each_sign_in() -> None:
    """Agreed once is not agreed for whoever uses the same client id later (confused deputy)."""
    stage = make_stage()
    browser = stage.browser()
    await browser.sign_in()
    for changes in ({}, {"client_id": STATIC_ID, "redirect_uri": STATIC_CALLBACK}, {"prompt": "none"}):
        page = await browser.get(authorize_address(**changes))
        assert (200, "") == (page.status, page.location)
        assert 'name="decision"' in page.text


async def test_every_page_of_a_sign_in_refuses_frames_scripts_and_referers() -> None:
    """Click-jacking: nobody is made to press what they do not see; no address leaks by a link."""
    stage = make_stage()
    browser = stage.browser()
    question = await browser.get(authorize_address())
    onward = await browser.decide(question, "allow")
    pages = [
        question,
        onward,
        await browser.decide(question, "allow"),
        await browser.get("/oauth/callback?state=x&code=y"),
        await browser.get(authorize_address(client_id="nobody")),
        await browser.get(authorize_address(redirect_uri="https://evil.example/")),
        await browser.get("/oauth/connected"),
        await browser.post("/oauth/consent", {}),
    ]
    for page in pages:
        _cannot_be_framed(page)
        assert "<script" not in page.text
    back = await browser.at_gitea(onward.onward)
    assert ("no-referrer", "no-store") == (back.header(b"referrer-policy"), back.header(b"cache-control"))
