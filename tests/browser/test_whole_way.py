"""People sign in with a real browser: from an assistant's request over our page and Gitea's to a call that works."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.browser.browsing import Window, open_window
from tests.browser.listeners import Listener
from tests.browser.questions import ask
from tests.browser.site import Site

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

Sit = Callable[..., Window]
CONSENT = "Allow this assistant?"
CURSOR = "cursor://anysphere.cursor-mcp/oauth/callback"
NOT_ME = "Not me: use another account"


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_person_goes_the_whole_way_and_comes_back(
    site: Site, person: Sit, client: Listener, *, scripts: bool
) -> None:
    """The whole promise: a URL, a question that is understood, Gitea's login, and an assistant that works."""
    window = person(java_script_enabled=scripts)
    name = f"Harbour Desk {scripts}"
    assistant = site.register(name)
    question = ask(assistant, client.callback)

    window.go(question.address)
    assert CONSENT == window.title
    words = window.words
    assert name in words
    assert f"127.0.0.1:{client.port}" in words
    assert "Read only" in words
    assert "You are not signed in here" in words
    assert 0 == window.page.get_by_role("button", name=NOT_ME).count()
    window.press("Allow")
    site.finish(assistant, question, window.pass_gitea(client.callback))
    assert 200 == site.use(assistant)
    assert 1 == len(client.visits("/callback"))

    again = ask(assistant, client.callback)
    window.go(again.address)
    assert "You are signed in as alice" in window.words
    window.press("Allow")
    site.finish(assistant, again, window.wait_back(client.callback))
    assert 200 == site.use(assistant)
    assert [] == window.complaints


def test_a_person_who_denies_goes_back_without_a_code(site: Site, person: Sit, client: Listener) -> None:
    """No means no, and the assistant is told in the words of its protocol."""
    window, assistant, before = person(), site.register(), site.grants()
    question = ask(assistant, client.callback)
    window.go(question.address)
    window.press("Deny")
    back = window.wait_back(client.callback)
    assert "error=access_denied" in back
    assert f"state={question.state}" in back
    assert "code=" not in back
    assert before == site.grants()


def test_a_person_who_refuses_at_gitea_goes_back_without_a_code(site: Site, person: Sit, client: Listener) -> None:
    """Who has second thoughts there is not asked a third time."""
    window, assistant = person(), site.register()
    window.go(ask(assistant, client.callback).address)
    window.press("Allow")
    site.forget_consents("bob")
    window.log_in("bob")
    assert window.is_asked_by_gitea(client.callback)
    window.press("Cancel")
    assert "error=access_denied" in window.wait_back(client.callback)


def test_not_me_lets_another_person_answer(site: Site, person: Sit, client: Listener) -> None:
    """A shared machine: the account stands on the page, and whoever it is not can say so."""
    window = person()
    site.connect(window, client)
    assistant = site.register()
    question = ask(assistant, client.callback)
    window.go(question.address)
    assert "You are signed in as alice" in window.words
    window.press(NOT_ME)
    window.wait_title(CONSENT)
    assert "You are not signed in here" in window.words
    # Gitea has its own session, which the page says how to leave.
    window.go(f"{site.place.forge.url}/user/settings/applications")
    window.press("Sign Out")
    window.go(question.address)
    window.press("Allow")
    site.finish(assistant, question, window.pass_gitea(client.callback, "bob"))
    answer = site.run(assistant.use_tool, "get_me").json()
    assert "bob" == answer["result"]["login"]


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_person_sees_who_is_connected_and_ends_it(
    site: Site, person: Sit, client: Listener, *, scripts: bool
) -> None:
    """What was granted can be found again and taken back, and then it is gone at once."""
    window = person(java_script_enabled=scripts)
    kept = site.connect(window, client, f"Kept {scripts}")
    ended = site.register(f"Ended {scripts}")
    question = ask(ended, client.callback)
    window.go(question.address)
    window.press("Allow")
    site.finish(ended, question, window.wait_back(client.callback))
    assert (200, 200) == (site.use(kept), site.use(ended))

    window.go(f"{site.url}/oauth/connected")
    assert "Connected assistants" == window.title
    card = window.page.get_by_role("listitem").filter(has_text=f"Ended {scripts}")
    assert re.search(r"Last used\s+\d{4}-\d\d-\d\d \d\d:\d\d UTC", card.inner_text())
    card.get_by_role("button", name=f"Disconnect Ended {scripts}").click()
    assert "Disconnected. It has no access any more." == window.page.get_by_role("status").inner_text()
    assert f"Ended {scripts}" not in window.words
    assert f"Kept {scripts}" in window.words
    assert (200, 401) == (site.use(kept), site.use(ended))

    window.press("Sign out here")
    window.press("Sign in with Gitea")
    window.wait_title("Connected assistants")
    assert f"Kept {scripts}" in window.words  # Gitea knew the person still
    assert [] == window.complaints


def test_a_program_that_the_system_opens_is_called_too(site: Site, person: Sit) -> None:
    """Cursor listens nowhere: the browser hands the answer to the system, and our policy for forms lets it."""
    first = person()
    assistant = site.register("Cursor", redirect_uri=CURSOR)
    # From Gitea's way back, and from our own form. A window that asks whether to open a program takes no more clicks.
    for window in (first, open_window(first.page.context)):
        question = ask(assistant, CURSOR)
        window.go(question.address)
        assert "cursor://anysphere.cursor-mcp (a program on your own computer)" in window.words
        assert "Did you start this?" in window.words
        # For the browser itself that request has failed: it is the system's now.
        with window.page.expect_event("requestfailed", lambda one: one.url.startswith(f"{CURSOR}?")) as called:
            window.press("Allow")
            if window is first:
                window.pass_gitea(f"{site.url}/oauth/callback")
        window.wait_title("One moment")
        assert "then you can close this window" in window.words
        way = window.page.get_by_role("link", name="Continue to cursor://anysphere.cursor-mcp")
        address = way.get_attribute("href")
        assert address is not None
        assert address == called.value.url  # by itself
        site.finish(assistant, question, address)
        assert 200 == site.use(assistant)
        assert [] == [words for words in window.complaints if "Failed to launch" not in words]  # no Cursor is here


def test_the_whole_way_needs_no_mouse(site: Site, person: Sit, client: Listener) -> None:
    """Who cannot point presses Tab and Enter; the order of the page is the order of its reading."""
    window, assistant = person(), site.register()
    question = ask(assistant, client.callback)
    window.go(question.address)
    assert ["connected assistants", "Sign out there", "Allow", "Deny"] == _tab_to(window, "Deny")
    window.page.keyboard.press("Shift+Tab")
    window.page.keyboard.press("Enter")
    window.page.wait_for_url("**/user/login")
    window.page.get_by_label("Username").focus()  # Gitea's own pages are Gitea's to order
    window.page.keyboard.type("alice")
    window.page.keyboard.press("Tab")
    window.page.keyboard.type("low tide at alice's")
    window.page.keyboard.press("Enter")
    if window.is_asked_by_gitea(client.callback):
        window.page.get_by_role("button", name="Authorize Application").focus()
        window.page.keyboard.press("Enter")
    site.finish(assistant, question, window.wait_back(client.callback))

    window.go(f"{site.url}/oauth/connected")
    _tab_to(window, "Disconnect Harbour Desk")
    window.page.keyboard.press("Enter")
    window.page.get_by_role("status").wait_for()
    window.go(ask(assistant, client.callback).address)
    _tab_to(window, "Deny")
    window.page.keyboard.press("Enter")
    assert "error=access_denied" in window.wait_back(client.callback)


def _tab_to(window: Window, wanted: str) -> list[str]:
    """Press Tab until the focus stands on *wanted*; return the names of all that it stood on, each of them visibly."""
    names: list[str] = []
    for _ in range(40):
        window.page.keyboard.press("Tab")
        found = window.page.evaluate(
            "() => { const here = document.activeElement; const style = getComputedStyle(here);"
            " return [here.textContent.trim(), style.outlineStyle, parseFloat(style.outlineWidth)]; }"
        )
        names.append(found[0])
        assert "none" != found[1], names
        assert found[2] >= 2, names
        if names[-1] == wanted:
            return names
    raise AssertionError(f"{wanted} cannot be reached by Tab: {names}")
