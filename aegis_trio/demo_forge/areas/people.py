"""People: the search for them, who follows whom, and what a person keeps about themselves.

Not here: one person (users.py), their repositories (repository_lists.py) and organisations (organisations.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aegis_trio.demo_forge.answers import Answer, json_answer
from aegis_trio.demo_forge.areas.users import account_json_for
from aegis_trio.demo_forge.call import Call, int_of
from aegis_trio.demo_forge.lookups import find_account, the_viewer
from aegis_trio.demo_forge.permissions import is_visible
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.world import Account
from aegis_trio.model.json import JsonValue


def search_people(call: Call) -> Answer:
    """List people, no bots and organisations, by name; there are no pages until one is asked for."""
    words, number = call.query.first("q").strip().lower(), int_of(call.query.first("uid"))
    found = [
        account
        for account in call.world.accounts.values()
        if not account.is_organisation
        and not account.is_bot
        and is_visible(call.world, account, call.viewer)
        and number in {0, account.id}
        and _has_words(account, words)
    ]
    found.sort(key=lambda account: account.login.lower())
    shown = _shown(call, found[call.asked_page()])
    return json_answer({"data": shown, "ok": True}, headers=call.page_headers(call.page(), len(found)))


def _has_words(account: Account, words: str) -> bool:
    texts = (account.login, account.full_name, "" if account.hide_email else account.email)
    return any(words in text.lower() for text in texts)


def _shown(call: Call, accounts: list[Account]) -> list[JsonValue]:
    return [account_json_for(call.world, account, call.viewer) for account in accounts]


def _list(call: Call, accounts: list[Account]) -> Answer:
    shown = _shown(call, accounts[call.page().slice()])
    return json_answer(shown, headers=(("X-Total-Count", str(len(accounts))),))


def _followers(call: Call, person: Account) -> Answer:
    return _list(call, [each for each in call.world.accounts.values() if person.id in each.follows])


def _following(call: Call, person: Account) -> Answer:
    return _list(call, [call.world.accounts[each] for each in sorted(person.follows)])


def list_my_followers(call: Call) -> Answer:
    """List who follows the one who asks."""
    return _followers(call, the_viewer(call))


def list_my_following(call: Call) -> Answer:
    """List whom the one who asks follows."""
    return _following(call, the_viewer(call))


def _named(call: Call, key: str = "username") -> Account:
    return find_account(call, call.params[key], "GetUserByName")


def list_followers_of(call: Call) -> Answer:
    """List who follows a person."""
    return _followers(call, _named(call))


def list_following_of(call: Call) -> Answer:
    """List whom a person follows."""
    return _following(call, _named(call))


def check_my_following(call: Call) -> Answer:
    """Tell by the status alone whether the one who asks follows somebody."""
    return _check_following(call, the_viewer(call), _named(call))


def check_following_of(call: Call) -> Answer:
    """Tell by the status alone whether one person follows another."""
    return _check_following(call, _named(call), _named(call, "target"))


def _check_following(call: Call, person: Account, other: Account) -> Answer:
    if other.id not in person.follows:
        raise call.missing()
    return Answer(status=204)


def get_my_settings(call: Call) -> Answer:
    """Show what the one who asks has set."""
    viewer = the_viewer(call)
    return json_answer(
        {
            "full_name": viewer.full_name,
            "website": viewer.website,
            "description": viewer.description,
            "location": viewer.location,
            "language": viewer.language,
            "theme": "gitea-auto",
            "diff_view_style": "",
            "hide_email": viewer.hide_email,
            "hide_activity": False,
        }
    )


def list_my_addresses(call: Call) -> Answer:
    """List the addresses of the one who asks; the forge knows one each."""
    address = the_viewer(call).email
    return json_answer([{"email": address, "verified": True, "primary": True, "user_id": 0, "username": ""}])


def list_none_of_mine(call: Call) -> Answer:
    """List what nobody at the forge has: keys, blocks."""
    the_viewer(call)
    return _list(call, [])


def list_none_of_theirs(call: Call) -> Answer:
    """The same of somebody else."""
    _named(call)
    return _list(call, [])


_TABLE: Final[tuple[tuple[str, Callable[[Call], Answer], bool], ...]] = (
    ("/users/search", search_people, False),
    ("/user/followers", list_my_followers, True),
    ("/user/following", list_my_following, True),
    ("/user/following/{username}", check_my_following, True),
    ("/users/{username}/followers", list_followers_of, False),
    ("/users/{username}/following", list_following_of, False),
    ("/users/{username}/following/{target}", check_following_of, False),
    ("/user/settings", get_my_settings, True),
    ("/user/emails", list_my_addresses, True),
    ("/user/keys", list_none_of_mine, True),
    ("/user/gpg_keys", list_none_of_mine, True),
    ("/user/blocks", list_none_of_mine, True),
    ("/users/{username}/keys", list_none_of_theirs, True),
    ("/users/{username}/gpg_keys", list_none_of_theirs, True),
)

ROUTES: Final = tuple(
    Route(method="GET", template=template, handler=handler, signed_in=signed_in)
    for template, handler, signed_in in _TABLE
)
