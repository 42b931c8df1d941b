"""Our own OAuth application at Gitea: registering it, and finding the one that is registered already.

Laws:
    1. The secret leaves Gitea once, with the answer to a registration or an update, and is `Secret` from there on.
    2. An update makes a new secret and ends the old one: whoever runs with the old one is refused from then on.

Not here: which application a person means to use, and where its secret is written (cli).

Source: gitea routers/api/v1/user/app.go:223-416; recorded answers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final, Literal, final

from aegis_trio.gitea.provider import JSON, ProviderRequest
from aegis_trio.gitea.request import LIST_ANSWER_BYTES, ForgeResponse
from aegis_trio.gitea.shapes import as_list, as_object, flag, number, read_json, read_object, text
from aegis_trio.model.errors import InvalidArgument, UpstreamBroken
from aegis_trio.model.json import JsonObject
from aegis_trio.model.secret import Secret
from aegis_trio.policy.pathguard import ONE, Route

_PATH: Final = ("api", "v1", "user", "applications", "oauth2")
MAX_NAME_CHARACTERS: Final = 255  # Source: modules/structs/user_app.go, models/auth/oauth2.go
PAGE_ITEMS: Final = 50


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredApplication:
    """An application as Gitea lists it."""

    number: int
    name: str
    client_id: str
    confidential: bool
    redirect_uris: tuple[str, ...]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class NewCredentials:
    """An application with the secret that Gitea shows once."""

    application: RegisteredApplication
    client_secret: Secret


def list_applications(*, page: int) -> ProviderRequest[tuple[RegisteredApplication, ...]]:
    """List the caller's applications, newest first; needs read:user or a password.

    Args:
        page: from 1; fifty to a page.
    """
    return ProviderRequest(
        route=Route(segments=_PATH, query_keys=frozenset({"page", "limit"})),
        segments=_PATH,
        query=(("page", str(page)), ("limit", str(PAGE_ITEMS))),
        decode=_applications,
        subject="the OAuth applications",
        max_bytes=LIST_ANSWER_BYTES,
    )


def register_application(*, name: str, redirect_uris: tuple[str, ...]) -> ProviderRequest[NewCredentials]:
    """Register a confidential application; needs write:user or a password."""
    return _write("POST", _PATH, name, redirect_uris, status=201)


def update_application(
    application: RegisteredApplication, *, name: str, redirect_uris: tuple[str, ...]
) -> ProviderRequest[NewCredentials]:
    """Give an application its name, its redirect URIs and a new secret; the old secret is dead at once."""
    return _write("PATCH", (*_PATH, str(application.number)), name, redirect_uris, status=200)


def find_application(
    applications: tuple[RegisteredApplication, ...], *, name: str, redirect_uri: str
) -> RegisteredApplication | None:
    """Return the confidential application of this name that knows this redirect URI, if there is one."""
    return next(
        (
            each
            for each in applications
            if each.name == name and each.confidential and redirect_uri in each.redirect_uris
        ),
        None,
    )


def _write(
    method: Literal["POST", "PATCH"],
    segments: tuple[str, ...],
    name: str,
    redirect_uris: tuple[str, ...],
    *,
    status: int,
) -> ProviderRequest[NewCredentials]:
    # Gitea takes every text as a redirect URI, so what is wrong must be found here.
    if not name or len(name) > MAX_NAME_CHARACTERS:
        raise InvalidArgument(
            "name", f"has 1 to {MAX_NAME_CHARACTERS} characters", "Give the application a short name."
        )
    if not redirect_uris or not all(uri.startswith(("https://", "http://")) for uri in redirect_uris):
        raise InvalidArgument(
            "redirect_uris", "are absolute http or https addresses", "Give PUBLIC_URL + /oauth/callback."
        )
    document: JsonObject = {
        "name": name,
        "redirect_uris": list(redirect_uris),
        "confidential_client": True,
        "skip_secondary_authorization": False,
    }
    route = _PATH if segments == _PATH else (*_PATH, ONE)
    return ProviderRequest(
        route=Route(segments=route),
        segments=segments,
        decode=_new_credentials,
        subject="the OAuth application",
        method=method,
        content=json.dumps(document).encode(),
        content_type=JSON,
        repeatable=False,
        ok=frozenset({status}),
    )


def _applications(response: ForgeResponse) -> tuple[RegisteredApplication, ...]:
    listed = as_list(read_json(response), "applications")
    return tuple(_application(as_object(item, "application")) for item in listed)


def _application(fields: JsonObject) -> RegisteredApplication:
    uris = as_list(fields.get("redirect_uris"), "redirect_uris")
    return RegisteredApplication(
        number=number(fields, "id"),
        name=text(fields, "name"),
        client_id=text(fields, "client_id"),
        confidential=flag(fields, "confidential_client"),
        redirect_uris=tuple(uri for uri in uris if isinstance(uri, str)),
    )


def _new_credentials(response: ForgeResponse) -> NewCredentials:
    fields = read_object(response)
    secret = text(fields, "client_secret")
    if not secret:
        raise UpstreamBroken(
            "Gitea made no secret for the OAuth application.", "Try again, or make it in the web page."
        )
    return NewCredentials(application=_application(fields), client_secret=Secret(secret))
