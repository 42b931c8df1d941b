"""Administration: what site administrators alone may list; everybody else was refused before (forge.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aegis_trio.demo_forge.answers import Answer, json_answer
from aegis_trio.demo_forge.areas.team_json import organisation_json
from aegis_trio.demo_forge.areas.users import account_json_for
from aegis_trio.demo_forge.call import Call
from aegis_trio.demo_forge.lookups import find_account
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.world import Account
from aegis_trio.model.json import JsonObject, JsonValue


def _people(call: Call, *, organisations: bool, bots: bool = False) -> list[Account]:
    found = [
        account
        for account in call.world.accounts.values()
        if account.is_organisation is organisations and (bots or not account.is_bot)
    ]
    return sorted(found, key=lambda account: account.login.lower())


def list_people(call: Call) -> Answer:
    """List all people by name; there are no pages until one is asked for, whatever the links say."""
    found = _people(call, organisations=False)
    shown: list[JsonValue] = [account_json_for(call.world, each, call.viewer) for each in found[call.asked_page()]]
    return json_answer(shown, headers=call.page_headers(call.page(), len(found)))


def list_organisations(call: Call) -> Answer:
    """List all organisations by name."""
    found, page = _people(call, organisations=True), call.page()
    shown: list[JsonValue] = [organisation_json(call.world, each, signed_in=True) for each in found[page.slice()]]
    return json_answer(shown, headers=call.page_headers(page, len(found)))


def _addresses(call: Call, words: str) -> Answer:
    found = [each for each in _people(call, organisations=False) if words in each.email.lower() or words in each.login]
    page = call.page()
    shown: list[JsonValue] = [_address(each) for each in found[page.slice()]]
    return json_answer(shown, headers=call.page_headers(page, len(found)))


def _address(account: Account) -> JsonObject:
    return {
        "email": account.email,
        "verified": True,
        "primary": True,
        "user_id": account.id,
        "username": account.login,
    }


def list_addresses(call: Call) -> Answer:
    """List the addresses of all people."""
    return _addresses(call, "")


def search_addresses(call: Call) -> Answer:
    """List addresses by a word in them, or in the name."""
    return _addresses(call, call.query.first("q").strip().lower())


def list_hooks(_call: Call, /) -> Answer:
    """List the hooks for the whole forge: there are none."""
    return json_answer([])


def list_unadopted(_call: Call, /) -> Answer:
    """List folders of repositories that belong to nobody: there are none."""
    return json_answer([], headers=(("X-Total-Count", "0"),))


def list_badges(call: Call) -> Answer:
    """List a person's badges: nobody has any."""
    find_account(call, call.params["username"], "GetUserByName")
    return json_answer([], headers=(("X-Total-Count", "0"),))


_TABLE: Final[tuple[tuple[str, Callable[[Call], Answer]], ...]] = (
    ("/admin/users", list_people),
    ("/admin/orgs", list_organisations),
    ("/admin/emails", list_addresses),
    ("/admin/emails/search", search_addresses),
    ("/admin/hooks", list_hooks),
    ("/admin/unadopted", list_unadopted),
    ("/admin/users/{username}/badges", list_badges),
)

ROUTES: Final = tuple(
    Route(method="GET", template=template, handler=handler, signed_in=True) for template, handler in _TABLE
)
