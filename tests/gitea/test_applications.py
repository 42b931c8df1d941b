"""Our application at Gitea: what is sent, what comes back, and that its secret is never seen."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aegis_trio.gitea.applications import (
    NewCredentials,
    RegisteredApplication,
    find_application,
    list_applications,
    register_application,
    update_application,
)
from aegis_trio.model.errors import InvalidArgument, UpstreamBroken
from tests.gitea.recorded import response_of
from tests.gitea.recorded_oauth import LINES, RESPONSES, ids_at, word

CALLBACK = "http://127.0.0.1:8765/oauth/callback"
REGISTER = register_application(name="aegis", redirect_uris=(CALLBACK,))


@pytest.mark.parametrize("id_", ids_at("/applications/oauth2", status=201))
def test_every_recorded_registration_is_read(id_: str) -> None:
    """Number, id and secret; the secret is shown by no repr."""
    recorded = LINES[id_]["body"]
    made = REGISTER.decode(RESPONSES[id_])

    assert (
        RegisteredApplication(
            number=recorded["id"],
            name=recorded["name"],
            client_id=recorded["client_id"],
            confidential=recorded["confidential_client"],
            redirect_uris=tuple(recorded["redirect_uris"]),
        )
        == made.application
    )
    assert word(recorded["client_secret"].strip("<>")) == made.client_secret.reveal()
    assert made.client_secret.reveal() not in repr(made)


def test_the_list_is_read_and_the_right_one_found() -> None:
    """By name and redirect URI, and only where it can keep a secret."""
    listed = list_applications(page=1).decode(RESPONSES["oauth.app.list"])

    assert ["aegis-public", "aegis"] == [each.name for each in listed]
    assert listed[1] == find_application(listed, name="aegis", redirect_uri=CALLBACK)
    assert None is find_application(listed, name="aegis", redirect_uri=CALLBACK + "/")
    assert None is find_application(listed, name="aegis-public", redirect_uri=CALLBACK)


def test_an_update_gives_a_new_secret() -> None:
    """Gitea's way to make one again; the recorded one ended the old secret."""
    listed = list_applications(page=2).decode(RESPONSES["oauth.app.list"])
    request = update_application(listed[1], name="aegis", redirect_uris=(CALLBACK,))

    assert (("api", "v1", "user", "applications", "oauth2", "4"), "PATCH") == (request.segments, request.method)
    assert request.route.admits(request.segments)
    assert isinstance(request.decode(RESPONSES["oauth.app.patch"]), NewCredentials)


def test_what_is_sent_makes_a_confidential_application() -> None:
    """A public one would need no secret, and would be anybody's."""
    assert REGISTER.content is not None
    assert {
        "name": "aegis",
        "redirect_uris": [CALLBACK],
        "confidential_client": True,
        "skip_secondary_authorization": False,
    } == json.loads(REGISTER.content)
    assert ("POST", False) == (REGISTER.method, REGISTER.repeatable)


@pytest.mark.parametrize(
    ("name", "uris", "field"),
    [
        ("", (CALLBACK,), "name"),
        ("x" * 256, (CALLBACK,), "name"),
        ("a", (), "redirect_uris"),
        ("a", ("a",), "redirect_uris"),
    ],
)
def test_what_gitea_would_take_and_never_match_is_refused(name: str, uris: tuple[str, ...], field: str) -> None:
    """Gitea takes `a` as a redirect URI; the mistake would show when the first person signs in."""
    with pytest.raises(InvalidArgument) as refusal:
        register_application(name=name, redirect_uris=uris)

    assert field == refusal.value.field


@pytest.mark.parametrize("document", [{}, {"id": 1, "name": "a", "client_id": "c", "client_secret": ""}, []])
def test_a_registration_without_a_secret_is_broken(document: Any) -> None:
    """An empty secret, as in the list, would be written into a configuration that never works."""
    with pytest.raises(UpstreamBroken):
        REGISTER.decode(response_of(201, json.dumps(document).encode()))
