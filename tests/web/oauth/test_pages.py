"""Pages for people: nothing of a stranger's becomes markup, nothing is loaded or framed, everybody can read them."""

from __future__ import annotations

import html
import itertools
import re
from html.parser import HTMLParser
from urllib.parse import urlencode

import hypothesis
import pytest
import trio
from hypothesis import strategies as st

from aegis_trio.policy.scopes import gitea_scopes
from aegis_trio.web.oauth.pages import STYLE
from aegis_trio.web.oauth.settings import OAuthSettings
from tests.web.oauth.stage import (
    CALLBACK,
    DOCUMENT,
    DOCUMENT_ID,
    GITEA,
    PUBLIC,
    Answer,
    authorize_address,
    code_fields,
    make_stage,
    query_of,
)

POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
VOID = {"meta", "link", "input"}


class Outline(HTMLParser):
    """What stands on a page: elements, and whether they are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.words: dict[str, str] = {}
        self._within: list[str] = []
        self.feed(text)
        assert [] == self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)
            self._within.append(dict(attrs).get("id") or "")

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()
        self._within.pop()

    def handle_data(self, data: str) -> None:
        for name in self._within:
            if name:
                self.words[name] = f"{self.words.get(name, '')} {data.strip()}".strip()

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def check_page(answer: Answer) -> Outline:
    """Check what holds for every page, whatever it says."""
    assert "text/html; charset=utf-8" == answer.header(b"content-type")
    assert POLICY == answer.header(b"content-security-policy")
    assert "DENY" == answer.header(b"x-frame-options")
    assert "no-referrer" == answer.header(b"referrer-policy")
    assert "no-store" == answer.header(b"cache-control")
    assert "nosniff" == answer.header(b"x-content-type-options")
    assert "" == answer.header(b"access-control-allow-origin")
    outline = Outline(answer.text)
    names = {name for name, _ in outline.elements}
    assert set() == names & {"script", "style", "img", "iframe", "object", "embed", "base", "svg"}
    attributes = {name for _, given in outline.elements for name in given}
    assert set() == {name for name in attributes if name.startswith("on") or name == "style"}
    assert [{"lang": "en"}] == outline.all("html")
    assert any(meta.get("name") == "viewport" for meta in outline.all("meta"))
    assert 1 == len(outline.all("h1")) == len(outline.all("main")) == len(outline.all("title"))
    ids = [given["id"] for _, given in outline.elements if "id" in given]
    assert len(ids) == len(set(ids))
    for _, given in outline.elements:
        if "aria-labelledby" in given:
            assert outline.words[given["aria-labelledby"]]
    _check_headings(outline)
    _check_controls(outline, answer.text)
    return outline


def _check_headings(outline: Outline) -> None:
    levels = [int(name[1]) for name, _ in outline.elements if re.fullmatch(r"h[1-6]", name)]
    assert 1 == levels[0]
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def _check_controls(outline: Outline, text: str) -> None:
    for given in outline.all("input"):
        assert "hidden" == given["type"], "a field that people see needs a label"
    for given in outline.all("form"):
        assert "post" == given["method"]
        assert given["action"].startswith("/")
    for words in re.findall(r"<(?:button|a)\b[^>]*>(.*?)</(?:button|a)>", text, re.DOTALL):
        assert re.sub(r"<[^>]*>", "", words).strip()
    for given in outline.all("a"):
        assert given["href"].startswith(("/", "https://", "http://"))
    for given in outline.all("th"):
        assert given["scope"] in {"col", "row"}


async def test_every_page_loads_nothing_is_framed_nowhere_and_can_be_read_aloud() -> None:
    """Click-jacking, smuggled markup, and people who see or hold a screen differently."""
    stage = make_stage()
    browser = stage.browser()
    consent = await browser.get(authorize_address())
    pages = [
        consent,
        await browser.get(f"/oauth/consent?login={consent.fields['login']}"),
        await browser.decide(consent, "allow"),
        await browser.decide(consent, "allow"),
        await browser.get("/oauth/authorize?client_id=nobody"),
        await browser.get(authorize_address(redirect_uri="https://evil.example")),
        await browser.get("/oauth/callback"),
        await browser.get("/oauth/connected"),
        await browser.get("/oauth/about"),
        await browser.post("/oauth/consent", {}),
    ]
    await browser.sign_in()
    pages.append(await browser.get("/oauth/connected"))
    pages.append(await browser.get(authorize_address()))

    assert [200, 200, 200, 400, 400, 400, 400, 200, 200, 400, 200, 200] == [page.status for page in pages]
    for page in pages:
        check_page(page)


async def test_the_consent_says_who_asks_for_what_and_where_the_answer_goes() -> None:
    """MCP: the redirect host is shown, and what is proved is told from what is claimed."""
    stage = make_stage(OAuthSettings(public_url=PUBLIC, gitea_url=GITEA, write_mode=True))
    stage.gitea.scope = " ".join(gitea_scopes(write_mode=True))
    browser = stage.browser()

    page = await browser.get(authorize_address(scope="read:repository write:issue"))

    outline = check_page(page)
    assert "Claude (what it calls itself)" in re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", page.text))
    assert "<dd><strong>claude.example.com</strong></dd>" in page.text
    assert "read repositories that you can see" in page.text
    assert "<strong>write issues, comments and reviews</strong>" in page.text
    assert "It may change things in your name." in page.text
    assert "git.example.org" in page.text
    buttons = [given["value"] for given in outline.all("button")]
    assert ["allow", "deny"] == buttons
    await browser.decide(page, "deny")
    await browser.sign_in()
    signed_in = check_page(await browser.get(authorize_address()))
    assert ["allow", "deny", "not_me"] == [given["value"] for given in signed_in.all("button")]


async def test_a_client_whose_document_has_gone_meanwhile_is_not_verified() -> None:
    """What cannot be looked up any more is not vouched for."""
    stage = make_stage()
    browser = stage.browser()
    page = await browser.get(authorize_address())
    stage.rooms.directory._documents._kept.clear()  # type: ignore[attr-defined]  # the directory of the stage
    stage.documented.pages.clear()
    again = await browser.get(f"/oauth/consent?login={page.fields['login']}")
    assert 'class="bad">No.' in again.text


HOSTILE = st.one_of(
    st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=80),
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            '"><img src=x onerror=alert(1)>',
            "{{ 7*7 }}{% raw %}",
            "</title><base href=//evil>",
            "&lt;b&gt;",
            "' onclick='x",
            "\u202eedualC",
            "--><style>*{}</style>",
            "\0",
        ]
    ),
)
# What a redirect URI may hold at all: is_valid_redirect refuses everything else before a page is made.
TAIL = st.one_of(
    st.text(alphabet=[chr(code) for code in range(0x21, 0x7F) if chr(code) not in "#\\"], max_size=60),
    st.sampled_from(["<script>alert(1)</script>", '"><base/href=//evil>', "'onclick='x", "%3Cb%3E", "&amp;"]),
)


@hypothesis.given(name=HOSTILE, state=HOSTILE, tail=TAIL)
@hypothesis.settings(max_examples=60)
def test_nothing_that_a_client_says_becomes_markup(name: str, state: str, tail: str) -> None:
    """A name, a state and a redirect URI are strangers' text on a page that people trust."""

    async def look() -> None:
        stage = make_stage()
        redirect_uri = f"{CALLBACK}?q={tail}"
        stage.documented.pages[DOCUMENT_ID] = DOCUMENT | {
            "client_name": name,
            "redirect_uris": [redirect_uri, CALLBACK],
        }
        given = {"state": state, "redirect_uri": redirect_uri}
        browser = stage.browser()
        page = await browser.get(authorize_address(**given))
        outline = check_page(page)
        if page.status != 200:  # a name of which nothing is left once it is cleaned
            assert "the document has no client_name" in html.unescape(page.text)
            return
        assert 1 == len(outline.all("form"))
        assert 2 == len(outline.all("input"))
        onward = await browser.decide(page, "deny")
        check_page(onward)
        assert onward.onward.startswith(redirect_uri)
        assert state == query_of(f"?{onward.onward.removeprefix(redirect_uri)[1:]}")["state"]

    trio.run(look)


def test_the_style_sheet_loads_nothing() -> None:
    """It is the one thing that pages load, and a second address in it would be the second."""
    assert b"url(" not in STYLE
    assert b"@import" not in STYLE
    assert b"prefers-color-scheme: dark" in STYLE


async def test_the_style_sheet_is_served_under_an_address_of_its_content() -> None:
    """So it can be kept for long, and a new one is seen at once."""
    stage = make_stage()
    href = check_page(await stage.ask("GET", "/oauth/about")).all("link")[0]["href"]
    answer = await stage.ask("GET", href)
    assert (200, STYLE) == (answer.status, answer.body)
    assert "text/css; charset=utf-8" == answer.header(b"content-type")


@pytest.mark.parametrize(
    ("public_url", "cookie"),
    [
        (PUBLIC, r"__Host-aegis_session=[\w-]{43}; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure"),
        ("http://127.0.0.1:8080", r"aegis_session=[\w-]{43}; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax"),
    ],
)
async def test_the_cookie_is_as_closed_as_its_scheme_allows(public_url: str, cookie: str) -> None:
    """`__Host-` keeps other hosts from planting one; plain http on loopback cannot have it."""
    stage = make_stage(OAuthSettings(public_url=public_url, gitea_url=GITEA))
    answer = await stage.browser().get(authorize_address(resource=None))
    assert re.fullmatch(cookie, answer.header(b"set-cookie"))


@pytest.mark.parametrize(
    "cookies",
    [
        "{name}={value}; {name}={value}",
        "{name}=short",
        "{name}=",
        "other={value}",
        "x" * 20_000,
        "aegis_session={value}",
    ],
    ids=["doubled", "short", "empty", "other", "long", "without prefix"],
)
async def test_a_cookie_that_is_not_ours_is_no_cookie(cookies: str) -> None:
    """Fixation: a planted or doubled cookie gets a fresh browser instead."""
    stage = make_stage()
    browser = stage.browser()
    await browser.get(authorize_address())
    ((name, value),) = browser.cookies.items()
    text = cookies.replace("{name}", name).replace("{value}", value)
    answer = await stage.ask("GET", authorize_address(), (b"cookie", text.encode()))
    assert answer.header(b"set-cookie")
    kept = await stage.ask("GET", authorize_address(), (b"cookie", b"a=b"), (b"cookie", f"{name}={value}".encode()))
    assert "" == kept.header(b"set-cookie")


async def test_signing_in_changes_the_cookie() -> None:
    """Whoever knew it before does not know it afterwards."""
    browser = make_stage().browser()
    await browser.get(authorize_address())
    before = dict(browser.cookies)
    await browser.sign_in()
    assert before != browser.cookies


async def test_below_a_path_forms_and_links_stay_below_it() -> None:
    """A proxy may serve us at https://example.org/gate, and takes that away before we see it."""
    stage = make_stage(OAuthSettings(public_url="https://example.org/gate", gitea_url=GITEA))
    browser = stage.browser()
    page = await browser.get(authorize_address(resource=None))
    outline = check_page(page)
    assert ["/gate/oauth/consent"] == [form["action"] for form in outline.all("form")]
    assert outline.all("link")[0]["href"].startswith("/gate/oauth/style.css?v=")


async def test_no_code_and_no_token_stands_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither ours nor Gitea's, nor in the audit trail; and no page that has one in its address sends a Referer."""
    stage = make_stage()
    browser = stage.browser()
    page = await browser.get(authorize_address())
    onward = (await browser.decide(page, "allow")).onward
    back = await browser.at_gitea(onward)
    assert "no-referrer" == back.header(b"referrer-policy")
    code = query_of(back.location)["code"]
    tokens = (await stage.post("/oauth/token", code_fields(code))).json
    await stage.post("/oauth/token", code_fields(code))
    await stage.ask("GET", f"/oauth/callback?{urlencode(query_of(onward) | {'code': 'gta_secret'})}")

    seen = "".join(capsys.readouterr()) + repr(stage.trail.entries)
    secrets = [code, tokens["access_token"], tokens["refresh_token"], "gta_", "gitea-access", query_of(onward)["state"]]
    secrets += list(browser.cookies.values())
    assert [] == [secret for secret in secrets if secret in seen]
