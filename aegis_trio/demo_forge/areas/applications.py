"""Applications: a person's OAuth applications in the API.

Laws (each is recorded behaviour of Gitea 1.25.4):
    1. The secret is in the answer to making and changing, and empty everywhere else; a change makes a new one.
    2. Every text is taken as a redirect URI.

Source: gitea routers/api/v1/user/app.go:223-416.
"""

from __future__ import annotations

import json
from typing import Final

from aegis_trio.demo_forge.answers import Answer, json_answer
from aegis_trio.demo_forge.call import Call, int_of
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.sign_ins import Application, new_word
from aegis_trio.demo_forge.times import as_gitea
from aegis_trio.demo_forge.world import Account
from aegis_trio.model.json import JsonObject, JsonValue

_LIST: Final = "/user/applications/oauth2"
_ONE: Final = "/user/applications/oauth2/{id}"


def _shown(application: Application, *, secret: str = "") -> JsonObject:
    return {
        "id": application.id,
        "name": application.name,
        "client_id": application.client_id,
        "client_secret": secret,
        "confidential_client": application.confidential,
        "skip_secondary_authorization": application.skip_secondary,
        "redirect_uris": list(application.redirect_uris),
        "created": as_gitea(application.created),
    }


def list_applications(call: Call) -> Answer:
    """List the caller's, newest first."""
    owner = _owner(call)
    mine = [each for each in call.world.sign_ins.applications.values() if each.owner_id == owner.id]
    newest_first = sorted(mine, key=lambda each: -each.id)
    shown: list[JsonValue] = [_shown(each) for each in newest_first[call.page().slice()]]
    return json_answer(shown, headers=(("X-Total-Count", str(len(mine))),))


def create_application(call: Call) -> Answer:
    """Make one, and tell its secret."""
    owner = _owner(call)
    name, redirect_uris, confidential, skip_secondary = _read(call)
    made = call.world.sign_ins.add_application(
        owner.id,
        name=name,
        redirect_uris=redirect_uris,
        confidential=confidential,
        skip_secondary=skip_secondary,
        created=call.world.now(),
    )
    return json_answer(_shown(made, secret=made.client_secret), status=201)


def get_application(call: Call) -> Answer:
    """Show one of the caller's."""
    return json_answer(_shown(_mine(call)))


def change_application(call: Call) -> Answer:
    """Change one of the caller's, and tell its new secret."""
    application = _mine(call)
    application.name, application.redirect_uris, application.confidential, application.skip_secondary = _read(call)
    application.client_secret = new_word("gto_")
    return json_answer(_shown(application, secret=application.client_secret))


def delete_application(call: Call) -> Answer:
    """Delete one of the caller's, and every grant of it."""
    call.world.sign_ins.remove_application(_mine(call))
    return Answer(status=204)


def _owner(call: Call) -> Account:
    viewer = call.viewer
    if viewer is None:
        raise call.refused(401, "token is required")
    return viewer


def _mine(call: Call) -> Application:
    owner = _owner(call)
    application = call.world.sign_ins.applications.get(int_of(call.params["id"]))
    if application is None or application.owner_id != owner.id:
        raise call.missing()
    return application


def _read(call: Call) -> tuple[str, tuple[str, ...], bool, bool]:
    try:
        document: JsonValue = json.loads(call.request.body or b"{}")
    except ValueError:
        document = {}
    fields = document if isinstance(document, dict) else {}
    name, listed = fields.get("name"), fields.get("redirect_uris")
    if not isinstance(name, str) or not name:
        raise call.refused(422, "[Name]: Required")
    uris = tuple(uri for uri in listed if isinstance(uri, str)) if isinstance(listed, list) else ()
    if not uris:
        raise call.refused(422, "[RedirectURIs]: Required")
    return name, uris, fields.get("confidential_client") is True, fields.get("skip_secondary_authorization") is True


ROUTES: Final = (
    Route(method="GET", template=_LIST, handler=list_applications, signed_in=True),
    Route(method="POST", template=_LIST, handler=create_application, signed_in=True),
    Route(method="GET", template=_ONE, handler=get_application, signed_in=True),
    Route(method="PATCH", template=_ONE, handler=change_application, signed_in=True),
    Route(method="DELETE", template=_ONE, handler=delete_application, signed_in=True),
)
