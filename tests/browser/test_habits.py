"""What people do with a browser: click twice, go back, reload, open two tabs, come late; and Gitea fails meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import pytest

from aegis_trio.demo_forge.faults import Cut, Fault
from aegis_trio.model.clock import SystemClock
from aegis_trio.store.interface import Put, Space
from aegis_trio.store.sqlite import open_sqlite_store
from tests.browser.browsing import Window, open_window
from tests.browser.listeners import Listener
from tests.browser.questions import Question, ask
from tests.browser.site import Site
from tests.e2e.sign_ins import Assistant

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

Sit = Callable[..., Window]
CONSENT = "Allow this assistant?"
ELSEWHERE = "This form came from somewhere else"
LOST = "This sign-in is not here any more"


def _ask(site: Site, window: Window, client: Listener) -> tuple[Assistant, Question]:
    """Open the question of a new assistant."""
    assistant = site.register()
    question = ask(assistant, client.callback)
    window.go(question.address)
    return assistant, question


def test_a_double_click_grants_once(site: Site, person: Sit, client: Listener) -> None:
    """Impatience is no second grant, and the person still learns what happened."""
    window = person()
    site.connect(window, client)
    assistant, question = _ask(site, window, client)
    before = site.grants()
    posts: list[str] = []
    window.page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    window.page.get_by_role("button", name="Allow", exact=True).dblclick()
    window.page.get_by_text("Done.").or_(window.page.get_by_role("heading", name=LOST)).wait_for()
    if window.address.startswith(client.callback):
        site.finish(assistant, question, window.address)
    assert posts
    assert before + 1 == site.grants()


def test_back_and_reload_grant_nothing_again(site: Site, person: Sit, client: Listener) -> None:
    """Who goes back finds a question, never a second answer; a way back from Gitea is good once."""
    window = person()
    assistant, question = _ask(site, window, client)
    login = window.hidden_fields()["login"]
    ways: list[str] = []
    window.page.on("request", lambda request: ways.append(request.url) if "/oauth/callback?" in request.url else None)
    window.press("Allow")
    site.finish(assistant, question, window.pass_gitea(client.callback))
    before = site.grants()

    window.go(ways[0])  # as a history has it
    assert LOST == window.title
    window.page.reload()
    assert LOST == window.title
    assert "Go back to your assistant and connect it again" in window.words
    window.go(f"{site.url}/oauth/consent?{urlencode({'login': login})}")
    assert LOST == window.title
    assert before == site.grants()
    assert 200 == site.use(assistant)

    window.go(question.address)
    window.press("Deny")
    window.wait_back(client.callback)
    window.page.go_back()
    window.wait_title(CONSENT)  # asked anew: no cache keeps the page
    window.press("Allow")
    window.wait_back(client.callback)
    assert before + 1 == site.grants()


def test_two_tabs_ask_two_questions(site: Site, person: Sit, client: Listener) -> None:
    """People connect two assistants at once, and change between their windows."""
    one = person()
    other = open_window(one.page.context)
    first, asked_first = _ask(site, one, client)
    second, asked_second = _ask(site, other, client)
    one.press("Allow")
    site.finish(first, asked_first, one.pass_gitea(client.callback))
    # The sign-in changed the cookie, and with it went what was open; the page says what to do.
    other.press("Allow")
    other.wait_title(ELSEWHERE)
    assert "Go back to your assistant and connect it again" in other.words
    other.go(asked_second.address)
    other.press("Allow")
    site.finish(second, asked_second, other.wait_back(client.callback))
    # Once signed in, two questions stand side by side.
    third, asked_third = _ask(site, one, client)
    fourth, asked_fourth = _ask(site, other, client)
    one.press("Allow")
    site.finish(third, asked_third, one.wait_back(client.callback))
    other.press("Allow")
    site.finish(fourth, asked_fourth, other.wait_back(client.callback))
    assert [200] * 4 == [site.use(assistant) for assistant in (first, second, third, fourth)]


def test_a_question_that_waited_too_long_says_what_to_do(site: Site, person: Sit, client: Listener) -> None:
    """Ten minutes are over when somebody comes back from lunch."""
    window = person()
    assistant, question = _ask(site, window, client)
    login = window.hidden_fields()["login"]

    async def age() -> None:
        path = site.place.state / "store" / "store.sqlite3"
        async with open_sqlite_store(path, clock=SystemClock()) as store:
            row = await store.get(Space.LOGIN, login)
            assert row is not None
            await store.put(Put(space=Space.LOGIN, key=login, value=row.value, expires_at=1))

    site.run(age)
    window.press("Allow")
    window.wait_title(LOST)
    assert "more than ten minutes old" in window.words
    assert "Nothing was granted" in window.words
    window.go(question.address)
    window.press("Allow")
    site.finish(assistant, question, window.pass_gitea(client.callback))


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("/login/oauth/access_token", Fault(cut=Cut.BEFORE_ANSWER)),
        ("/login/oauth/access_token", Fault(status=500)),
        ("/login/oauth/introspect", Fault(status=200, body=b"<p>nonsense", content_type="text/html")),
    ],
    ids=["no answer", "an error", "nonsense"],
)
def test_a_gitea_that_fails_in_the_middle_is_a_page_and_trying_again_works(
    site: Site, person: Sit, client: Listener, path: str, fault: Fault
) -> None:
    """Nothing half-granted, nothing lost: the same question again, and this time it works."""
    window = person()
    assistant, question = _ask(site, window, client)
    before = site.grants()
    site.order(fault, path)
    window.press("Allow")
    window.pass_gitea(f"{site.url}/oauth/callback")
    window.wait_title("Gitea does not answer")
    assert "Nothing was granted" in window.words
    assert before == site.grants()
    window.page.get_by_role("link", name="Try again").click()
    window.wait_title(CONSENT)
    window.press("Allow")
    site.finish(assistant, question, window.wait_back(client.callback))
    assert 200 == site.use(assistant)
