"""Users: who am I, who is that; and the JSON of an account, which other rooms embed.

Not here: settings, e-mail addresses, followers, tokens.
"""

from __future__ import annotations

from hashlib import md5
from typing import Final

from aegis_trio.demo_forge.answers import Answer, json_answer
from aegis_trio.demo_forge.call import Call
from aegis_trio.demo_forge.lookups import redirect
from aegis_trio.demo_forge.permissions import is_visible
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.times import as_gitea
from aegis_trio.demo_forge.world import NEVER, Account, Visibility, World
from aegis_trio.model.json import JsonObject


def account_json(world: World, account: Account, *, signed_in: bool, private: bool) -> JsonObject:
    """Return an account as Gitea shows it.

    Args:
        signed_in: the reader has an account, so that an address that is not hidden may be shown.
        private: the reader is the account itself or a site administrator.

    Source: gitea services/convert/user.go toUser.
    """
    shown = private or (signed_in and not account.hide_email)
    # Gitea's placeholder is made of the name that the account had first: the renamed keep it.
    email = account.email if shown else f"{account.login.lower()}@noreply.localhost"
    avatar = account.avatar or md5(account.email.lower().encode(), usedforsecurity=False).hexdigest()
    return {
        "id": account.id,
        "login": account.login,
        "login_name": account.login_name if private else "",
        "source_id": 0,
        "full_name": account.full_name,
        "email": email,
        "avatar_url": f"{world.root_url}avatars/{avatar}",
        "html_url": f"{world.root_url}{account.login}",
        "language": account.language if private else "",
        "is_admin": account.is_admin and private,
        "last_login": as_gitea(account.last_login if private else NEVER),
        "created": as_gitea(account.created),
        "restricted": account.restricted,
        "active": account.is_active and private,
        "prohibit_login": account.prohibit_login and private,
        "location": account.location,
        "website": account.website,
        "description": account.description,
        "visibility": account.visibility.value,
        "followers_count": world.followers_of(account),
        "following_count": len(account.follows),
        "starred_repos_count": len(account.stars),
        "username": account.login,
    }


def account_json_for(world: World, account: Account, viewer: Account | None) -> JsonObject:
    """Return an account as *viewer* sees it."""
    private = viewer is not None and (viewer.id == account.id or viewer.is_admin)
    return account_json(world, account, signed_in=viewer is not None, private=private)


def get_me(call: Call) -> Answer:
    """Show the one who asks."""
    viewer = call.viewer
    if viewer is None:
        raise call.refused(401, "token is required")
    return json_answer(account_json_for(call.world, viewer, viewer))


def get_account(call: Call) -> Answer:
    """Show a user or an organisation by name."""
    name = call.params["username"]
    account = call.world.account_named(name)
    if account is None:
        renamed = call.world.renamed_accounts.get(name.lower())
        if renamed is not None:
            raise redirect(call, 307, name, call.world.accounts[renamed].login)
        # This one lookup has a face of its own, without `errors`.
        message = f"user redirect does not exist [name: {name.lower()}]"
        raise call.refused(404, message)
    if call.principal is not None and call.principal.public_only and account.visibility != Visibility.PUBLIC:
        raise call.refused(403, "token scope is limited to public users")
    if not is_visible(call.world, account, call.viewer):
        # The text is Gitea's: a translation key gone astray.
        raise call.missing("Visit Project")
    return json_answer(account_json_for(call.world, account, call.viewer))


ROUTES: Final = (
    Route(method="GET", template="/user", handler=get_me, signed_in=True),
    Route(method="GET", template="/users/{username}", handler=get_account),
)
