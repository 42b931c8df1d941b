"""Every page of ours in a real browser: everybody can read and use it, on every screen, and there is a picture."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import pytest
import trio
from playwright.sync_api import Route

from aegis_trio.demo_forge.faults import Cut, Fault
from tests.browser.accessibility import (
    DESK,
    PHONE,
    SMALLEST,
    ZOOMED,
    axe_source,
    enlarge_text,
    findings,
    headings,
    overflow_px,
    restore_text,
    small_targets,
)
from tests.browser.browsing import Window
from tests.browser.listeners import Listener
from tests.browser.questions import ask
from tests.browser.site import Site, open_site

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

Sit = Callable[..., Window]
# No setting switches writing on in this version, but its question is there, and is the one that matters most.
_WRITES = (
    "from aegis_trio.auth.signin_settings import SigninSettings\n"
    "SigninSettings.__init__.__kwdefaults__['write_mode'] = True"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Give gate and forge, where assistants may ask for writing."""
    with open_site(tmp_path_factory.mktemp("site"), before=_WRITES) as opened:
        yield opened


@pytest.fixture(scope="module")
def axe() -> str:
    """Give axe-core."""
    return axe_source()


@dataclass(frozen=True)
class Scene:
    """Where a page is looked at."""

    site: Site
    window: Window
    client: Listener

    def ask(self, name: str = "Harbour Desk", **more: str) -> None:
        """Open the question of a new assistant."""
        self.window.go(ask(self.site.register(name), self.client.callback, **more).address)

    def connect(self, name: str, scope: str, *, is_known: bool = False) -> None:
        """Be alice, and have an assistant."""
        assistant = self.site.register(name)
        question = ask(assistant, self.client.callback, scope=scope)
        self.window.go(question.address)
        self.window.press("Allow")
        arrive = self.window.wait_back if is_known else self.window.pass_gitea
        self.site.finish(assistant, question, arrive(self.client.callback))

    def stay(self) -> None:
        """Let the browser go nowhere any more: an answer without content leaves the page where it is."""

        def leave(route: Route) -> None:
            route.fulfill(status=204)

        self.window.page.route("**/login/oauth/authorize**", leave)


def _consent(scene: Scene) -> None:
    scene.ask(scope="read:repository read:issue")


def _consent_to_write(scene: Scene) -> None:
    scene.ask(scope="read:repository read:issue write:issue write:repository")


def _consent_of_somebody_known(scene: Scene) -> None:
    scene.connect("Harbour Desk", "read:repository")
    scene.ask()


def _consent_to_a_long_name(scene: Scene) -> None:
    scene.ask("W" * 120)


def _onward(scene: Scene) -> None:
    scene.ask()
    scene.stay()
    scene.window.press("Allow")


def _about(scene: Scene) -> None:
    scene.window.go(f"{scene.site.url}/oauth/about")


def _sign_in(scene: Scene) -> None:
    scene.window.go(f"{scene.site.url}/oauth/connected")


def _sign_in_refused(scene: Scene) -> None:
    scene.window.go(f"{scene.site.url}/oauth/connected?refused=1")


def _connected(scene: Scene) -> None:
    scene.connect("Harbour Desk", "read:repository read:issue write:issue")
    scene.connect("Pilot's Notebook", "read:repository", is_known=True)
    scene.connect("Tide Table", "read:repository", is_known=True)
    scene.window.go(f"{scene.site.url}/oauth/connected")
    scene.window.press("Disconnect Tide Table")
    scene.window.page.get_by_role("status").wait_for()


def _connected_to_nothing(scene: Scene) -> None:
    scene.window.go(f"{scene.site.url}/oauth/connected")
    scene.window.press("Sign in with Gitea")
    scene.window.log_in("bob")
    scene.window.page.wait_for_url(lambda url: "/login/oauth/authorize?" in url or "/oauth/connected" in url)
    if "/login/oauth/authorize?" in scene.window.address:
        scene.window.press("Authorize Application")
        scene.window.page.wait_for_url("**/oauth/connected")


def _unknown(scene: Scene) -> None:
    scene.window.go(f"{scene.site.url}/oauth/authorize?client_id=nobody&response_type=code")


def _refused(scene: Scene) -> None:
    scene.window.go(ask(scene.site.register(), "https://elsewhere.example/callback").address)


def _lost(scene: Scene) -> None:
    scene.window.go(f"{scene.site.url}/oauth/callback?state=nothing&code=nothing")


def _from_elsewhere(scene: Scene) -> None:
    scene.ask()
    scene.window.page.evaluate("() => { document.querySelector('input[name=token]').value = '0'; }")
    scene.window.press("Deny")


def _gitea_down(scene: Scene) -> None:
    scene.site.order(Fault(cut=Cut.BEFORE_ANSWER), "/login/oauth/access_token")
    scene.ask()
    scene.window.press("Allow")
    scene.window.log_in()
    scene.window.page.wait_for_url(lambda url: "/login/oauth/authorize?" in url or "/oauth/callback?" in url)
    if "/login/oauth/authorize?" in scene.window.address:
        scene.window.press("Authorize Application")


def _older_permission(scene: Scene) -> None:
    place = scene.site.place
    scene.site.forget_consents("bob")
    add = partial(place.forge.world.sign_ins.add_grant, place.account("bob").id, place.application, "openid read:user")
    trio.from_thread.run_sync(add, trio_token=scene.site.token)
    scene.ask()
    scene.window.press("Allow")
    scene.window.log_in("bob")
    scene.window.wait_title("Gitea still holds an older permission")
    scene.site.forget_consents("bob")


PAGES: Mapping[str, tuple[Callable[[Scene], None], str]] = MappingProxyType(
    {
        "consent": (_consent, "Allow this assistant?"),
        "consent-write": (_consent_to_write, "Allow this assistant?"),
        "consent-known": (_consent_of_somebody_known, "Allow this assistant?"),
        "consent-long-name": (_consent_to_a_long_name, "Allow this assistant?"),
        "onward": (_onward, "One moment"),
        "about": (_about, "About this server"),
        "sign-in": (_sign_in, "Connected assistants"),
        "sign-in-refused": (_sign_in_refused, "Connected assistants"),
        "connected": (_connected, "Connected assistants"),
        "connected-to-nothing": (_connected_to_nothing, "Connected assistants"),
        "error-unknown-assistant": (_unknown, "This assistant is not known here"),
        "error-request": (_refused, "This request cannot be served"),
        "error-lost": (_lost, "This sign-in is not here any more"),
        "error-other-site": (_from_elsewhere, "This form came from somewhere else"),
        "error-gitea": (_gitea_down, "Gitea does not answer"),
        "error-older-permission": (_older_permission, "Gitea still holds an older permission"),
    }
)


@pytest.mark.parametrize("name", PAGES)
def test_everybody_can_use_every_page(name: str, site: Site, person: Sit, client: Listener, axe: str) -> None:
    """Read aloud, in the dark, on a phone, enlarged: it is the page on which people decide, so all of them must."""
    window = person(viewport=DESK)
    open_page, title = PAGES[name]
    open_page(Scene(site, window, client))
    window.wait_title(title)
    page = window.page

    assert "en" == page.locator("html").get_attribute("lang")
    assert page.title().startswith(f"{title} \N{EN DASH} ")
    levels = headings(page)
    assert 1 == levels[0]
    assert 1 == levels.count(1)
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert [] == findings(page, axe), scheme
        window.shoot(f"{name}-{scheme}")
    page.emulate_media(color_scheme="light")
    for size in (ZOOMED, PHONE, SMALLEST):
        page.set_viewport_size(size)
        assert 0 == overflow_px(page), size
        assert [] == small_targets(page), size
    page.set_viewport_size(PHONE)
    window.shoot(f"{name}-phone")
    assert [] == findings(page, axe)
    enlarge_text(page)
    assert 0 == overflow_px(page)
    restore_text(page)
    assert [] == window.complaints
