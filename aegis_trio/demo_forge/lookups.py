"""Lookups: accounts by their names in a path, and the redirects that renamed things leave behind.

Law: a redirect is sent before anybody's rights are looked at, as Gitea does.
"""

from __future__ import annotations

from aegis_trio.demo_forge.answers import Refusal, moved
from aegis_trio.demo_forge.call import Call
from aegis_trio.demo_forge.permissions import is_visible
from aegis_trio.demo_forge.world import Account, Visibility


def find_account(call: Call, name: str, message: str) -> Account:
    """Return the account that a path names.

    Raises:
        Refusal: 307 to the account's new name, or 404 with *message* as Gitea's function is called.
    """
    account = call.world.account_named(name)
    if account is not None:
        return account
    renamed = call.world.renamed_accounts.get(name.lower())
    if renamed is None:
        raise call.missing(message, f"user redirect does not exist [name: {name.lower()}]")
    raise redirect(call, 307, name, call.world.accounts[renamed].login)


def redirect(call: Call, status: int, old: str, new: str) -> Refusal:
    """Return the redirect of this request from an old name to the new one.

    Source: gitea services/context/context_response.go RedirectToUser, services/context/repo.go RedirectToRepo.
    """
    path = call.request.raw_path.replace(old, new, 1)
    if call.request.raw_query:
        path = f"{path}?{call.request.raw_query}"
    return Refusal(moved(status, path, as_page=call.request.method in {"GET", "HEAD"}))


def the_viewer(call: Call) -> Account:
    """Return who asks, on a route that needs an account.

    Raises:
        Refusal: 401, nobody is signed in.
    """
    viewer = call.viewer
    if viewer is None:
        raise call.refused(401, "token is required")
    return viewer


def find_organisation(call: Call) -> Account:
    """Return the organisation that the path names.

    Raises:
        Refusal: 307 to its new name, 403 to a token for public things, or 404 where there is none, or none that the
            one who asks may know of.
    """
    name = call.params["org"]
    organisation = find_account(call, name, "GetOrgByName")
    if not organisation.is_organisation:
        raise call.missing("GetOrgByName", f"user redirect does not exist [name: {name.lower()}]")
    if call.principal is not None and call.principal.public_only and organisation.visibility != Visibility.PUBLIC:
        raise call.refused(403, "token scope is limited to public orgs")
    if not is_visible(call.world, organisation, call.viewer):
        raise call.missing("HasOrgOrUserVisible")
    return organisation


def must_own(call: Call, organisation: Account) -> None:
    """Refuse everybody but owners of *organisation* and site administrators."""
    viewer = the_viewer(call)
    owners = (team for team in call.world.teams if team.organisation_id == organisation.id and team.owners)
    if not viewer.is_admin and not any(viewer.id in team.members for team in owners):
        raise call.refused(403, "Must be an organization owner")


def must_be_admin(call: Call) -> None:
    """Refuse everybody but site administrators."""
    viewer = call.viewer
    if viewer is None or not viewer.is_admin:
        raise call.refused(403, "user should be the site admin")
