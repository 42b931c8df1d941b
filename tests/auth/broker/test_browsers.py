"""Which browser a sign-in belongs to, and which forms are its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.auth.broker.browsers import Browser, Browsers
from aegis_trio.model.clock import SetClock
from aegis_trio.model.secret import Secret
from aegis_trio.store.memory import MemoryStore
from tests.auth.broker.stage import START_S, S, Stage


def browsers(form_key: bytes = b"f" * 32) -> Browsers:
    """Return sessions in a store of their own."""
    clock = SetClock(START_S * S)
    return Browsers(MemoryStore(clock), clock, form_key)


@pytest.mark.parametrize("raw", [None, "", "guessed", "\ud800", "x" * 10_000])
async def test_a_cookie_that_is_none_of_ours_is_replaced(stage: Stage, raw: str | None) -> None:
    """Session fixation: nobody chooses a cookie but we."""
    met = await stage.browsers.meet(raw)

    assert met.is_new
    assert raw != met.cookie.reveal()
    assert 43 == len(met.cookie)


async def test_a_browser_that_comes_again_is_known(stage: Stage) -> None:
    """By its cookie alone, which is not set again."""
    met = await stage.browser()
    again = await stage.browsers.meet(met.cookie.reveal())

    assert (met.id, False) == (again.id, again.is_new)


async def test_signing_out_leaves_nothing_behind(stage: Stage) -> None:
    """The old cookie is nobody's, the new one is nobody's yet."""
    signed_in = await stage.browsers.sign_in(await stage.browser(), 1, "ada")
    assert (1, "ada") == ((await stage.browsers.meet(signed_in.cookie.reveal())).uid, signed_in.login)
    signed_out = await stage.browsers.sign_out(signed_in)

    assert (None, None) == (signed_out.uid, signed_out.login)
    assert (await stage.browsers.meet(signed_in.cookie.reveal())).uid is None


async def test_a_form_counts_in_its_browser_and_for_its_purpose_only() -> None:
    """Consent CSRF: a page elsewhere can neither make the token nor use one of another browser or sign-in."""
    sessions = browsers()
    one, other = await sessions.meet(None), await sessions.meet(None)
    token = sessions.form_token(one, "consent login-1")

    assert sessions.is_form_of(one, "consent login-1", token)
    assert not sessions.is_form_of(other, "consent login-1", token)
    assert not sessions.is_form_of(one, "consent login-2", token)
    assert not sessions.is_form_of(one, "revoke login-1", token)
    assert not browsers(b"g" * 32).is_form_of(one, "consent login-1", token)


async def test_a_form_does_not_outlive_a_change_of_who_is_signed_in() -> None:
    """What was shown to nobody is not agreed to by somebody."""
    sessions = browsers()
    before = await sessions.meet(None)
    token = sessions.form_token(before, "consent")
    after = await sessions.sign_in(before, 1, "ada")

    assert not sessions.is_form_of(after, "consent", token)


@given(raw=st.one_of(st.text(), st.sampled_from(["", "\ud800", "0" * 64])), purpose=st.text())
def test_no_other_text_is_a_forms_token(raw: str, purpose: str) -> None:
    """And none breaks the comparison."""
    browser = Browser(cookie=Secret("c" * 43), is_new=False)

    assert not browsers().is_form_of(browser, purpose, raw)
