"""Exposure: which operations of the table are offered, and which only when the operator says so.

An operation that shows a credential, or another person's settings, is worth more to an attacker who writes into an
issue than to the person who reads it: a read scope is enough at Gitea for a runner's registration token and for the
header by which a webhook authorises itself.

Laws:
    1. What changes something is not offered: this gate only reads.
    2. What belongs to a `Sensitive` group is neither found, described nor called unless the operator names the group.
    3. What a caller of this gate never could use is offered to nobody, whatever the operator says.

Source: gitea recordings actions.registration_token.read_scope, hooks.get.read_scope; routers/api/v1/api.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from aegis_trio.toolsets.operations.table import Operation


class Sensitive(StrEnum):
    """What the operator may open, as `SENSITIVE_OPERATIONS` names it."""

    KEYS = "keys"  # SSH and GPG keys of people, deploy keys of repositories
    EMAILS = "emails"  # addresses of the caller
    HOOKS = "hooks"  # webhooks with their addresses and authorisation, git hooks with their programs
    OAUTH_APPLICATIONS = "oauth_applications"
    SECRETS = "secrets"  # names of secrets; Gitea never shows their values
    REGISTRATION_TOKENS = "registration_tokens"  # whoever has one runs jobs of that place
    MIRRORS = "mirrors"  # where a repository is pushed to
    USER_SETTINGS = "user_settings"  # settings of the caller, and whom they, or an organisation, block


# Where a template holds one of these parts, it is of that group.
_BY_WORD: Final[Mapping[str, Sensitive]] = MappingProxyType(
    {
        "keys": Sensitive.KEYS,
        "gpg_keys": Sensitive.KEYS,
        "gpg_key_token": Sensitive.KEYS,
        "emails": Sensitive.EMAILS,
        "hooks": Sensitive.HOOKS,
        "applications": Sensitive.OAUTH_APPLICATIONS,
        "secrets": Sensitive.SECRETS,
        "registration-token": Sensitive.REGISTRATION_TOKENS,
        "push_mirrors": Sensitive.MIRRORS,
    }
)
# Some words have another meaning elsewhere, so these are named whole.
_BY_PATH: Final[Mapping[str, Sensitive]] = MappingProxyType(
    {
        "/user/settings": Sensitive.USER_SETTINGS,
        "/user/blocks": Sensitive.USER_SETTINGS,
        "/user/blocks/{username}": Sensitive.USER_SETTINGS,
        "/orgs/{org}/blocks": Sensitive.USER_SETTINGS,
        "/orgs/{org}/blocks/{username}": Sensitive.USER_SETTINGS,
    }
)
_NEVER: Final[Mapping[str, str]] = MappingProxyType(
    {
        "admin": "the gate refuses tokens of site administrators",
        "activitypub": "no scope for it is ever asked for",
        "tokens": "Gitea wants a password there, and answers a token with 401",
    }
)


def sensitivity_of(operation: Operation) -> Sensitive | None:
    """Return the group that *operation* belongs to; None when it shows nothing that is guarded."""
    if operation.path in _BY_PATH:
        return _BY_PATH[operation.path]
    return next((_BY_WORD[word] for word in operation.words_of_path if word in _BY_WORD), None)


def is_never(operation: Operation) -> bool:
    """Return whether nobody who comes through this gate could use *operation*."""
    return any(word in _NEVER for word in operation.words_of_path)


def is_offered(operation: Operation, opened: frozenset[Sensitive]) -> bool:
    """Return whether *operation* is offered where the operator *opened* these groups."""
    if not operation.reads or is_never(operation):
        return False
    group = sensitivity_of(operation)
    return group is None or group in opened
