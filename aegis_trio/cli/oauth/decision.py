"""What is to be done about the application: pure, from what Gitea said and what the settings say.

    the settings' id and secret work, and name this application   keep
    no application of this redirect URI or name                   register
    there is one, and its secret is not known here                renew, if `--new-secret` was given; else say so

Gitea shows a secret once, and a change of an application always makes a new one (gitea/applications.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, final

from aegis_trio.cli.console.visible import visible_line
from aegis_trio.cli.oauth.application import Sight
from aegis_trio.cli.oauth.target import Target
from aegis_trio.cli.usage import Usage
from aegis_trio.gitea.applications import RegisteredApplication
from aegis_trio.model.json import JsonObject


class Action(StrEnum):
    """What is done."""

    REGISTER = "registered"
    RENEW = "renewed"
    KEEP = "unchanged"


_WOULD: Final = {
    Action.REGISTER: "would register",
    Action.RENEW: "would give a new secret to",
    Action.KEEP: "would keep",
}
_DID: Final = {Action.REGISTER: "registered", Action.RENEW: "gave a new secret to", Action.KEEP: "kept"}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is done, and what is worth a word."""

    action: Action
    client_id: str
    """Empty until Gitea gave one."""
    redirect_uris: tuple[str, ...]
    sight: Sight
    warnings: tuple[str, ...]

    def of(self, client_id: str) -> Decision:
        """Return the same with the id that Gitea gave."""
        return replace(self, client_id=client_id)

    def lines(self, target: Target, *, dry_run: bool) -> list[str]:
        """Return it for people."""
        verb = _WOULD[self.action] if dry_run else _DID[self.action]
        place = f"Gitea {self.sight.version.text} at {target.gitea.url}"
        if self.action is Action.KEEP and self.sight.application is None:
            return [f"{place}: {verb} the application {self.client_id} of the settings"]
        name = target.name if self.sight.application is None else self.sight.application.name
        whose = f"the application {visible_line(name)} of {self.sight.owner.login}"
        return [
            f"{place}: {verb} {whose}, with the redirect URI {target.redirect_uri}",
            *([f"Its client id is {self.client_id}"] if self.client_id else []),
        ]

    def document(self, target: Target, *, dry_run: bool) -> JsonObject:
        """Return it for programs, without the secret."""
        return {
            "action": self.action.value,
            "dry_run": dry_run,
            "gitea_url": target.gitea.url,
            "gitea_version": self.sight.version.text,
            "application": target.name if self.sight.application is None else self.sight.application.name,
            "asked_as": self.sight.owner.login,
            "asked_as_administrator": self.sight.owner.is_admin,
            "client_id": self.client_id or None,
            "redirect_uri": target.redirect_uri,
            "url": f"{target.public_url}/mcp",
        }


def decide(sight: Sight, target: Target, *, known_works: bool, new_secret: bool) -> Decision:
    """Return what is to be done.

    Args:
        known_works: whether Gitea accepts the id and secret of the settings.
        new_secret: whether an application that is there may get a new secret.

    Raises:
        Usage: there is an application whose secret is not known here, and it may not get a new one.
    """
    there = sight.application
    known_id = target.known[0] if target.known is not None and known_works else None
    uris: tuple[str, ...] = (target.redirect_uri,)
    if known_id is not None and not new_secret:
        if there is None or there.client_id != known_id:
            foreign = (
                f"The settings name the application {known_id}, which Gitea accepts and {sight.owner.login} does not "
                f"own: see in Gitea that its redirect URI is {target.redirect_uri}"
            )
            sight = replace(sight, application=None)
            return _decision(Action.KEEP, known_id, uris, sight, (*_about_version(sight), foreign))
        if _is_ours(there, target):
            return _decision(Action.KEEP, known_id, there.redirect_uris, sight, _about(sight))
    if there is None:
        return _decision(Action.REGISTER, "", uris, sight, _about(sight))
    if not new_secret:
        raise Usage(_explain(there, target))
    if target.redirect_uri in there.redirect_uris:
        uris = there.redirect_uris
    return _decision(Action.RENEW, there.client_id, uris, sight, _about(sight))


def _decision(
    action: Action, client_id: str, uris: tuple[str, ...], sight: Sight, warnings: tuple[str, ...]
) -> Decision:
    return Decision(action=action, client_id=client_id, redirect_uris=uris, sight=sight, warnings=warnings)


def _is_ours(there: RegisteredApplication, target: Target) -> bool:
    return there.confidential and target.redirect_uri in there.redirect_uris


def _explain(there: RegisteredApplication, target: Target) -> str:
    if target.redirect_uri not in there.redirect_uris:
        what = f"with other redirect URIs ({visible_line(', '.join(there.redirect_uris))})"
    elif not there.confidential:
        what = "that is not confidential, so that it has no secret"
    else:
        what = "with this redirect URI, whose secret is not in the settings, and Gitea shows one only once"
    return (
        f"Gitea has an application {visible_line(there.name)} ({there.client_id}) {what}. Give --new-secret to let it "
        "be this gate's with a new secret: the old one ends, and whoever uses it. Or give --name and --public-url of "
        "another gate."
    )


def _about_version(sight: Sight) -> tuple[str, ...]:
    return (sight.version_warning,) if sight.version_warning else ()


def _about(sight: Sight) -> tuple[str, ...]:
    whose = "an administrator's account" if sight.owner.is_admin else "a plain account"
    owned = (
        f"The application belongs to {sight.owner.login}, {whose}: it dies when that account is deleted, and everybody "
        "has to sign in anew. Use an account that stays. An application of the whole site can only be made by hand, "
        "under Site Administration, Integrations."
    )
    return (*_about_version(sight), owned)
