"""Hooks and deploy keys: what a repository's administrators alone may read.

Law (recorded behaviour of Gitea 1.25.4): the header with which a hook authorises itself is shown in clear, to a token
with no more than a read scope, too; the gate has to withhold it.
"""

from __future__ import annotations

from typing import Final

from aegis_trio.demo_forge.answers import Answer, json_answer
from aegis_trio.demo_forge.areas.protections import must_be_repository_admin
from aegis_trio.demo_forge.call import Call
from aegis_trio.demo_forge.inbox import DeployKey, Hook
from aegis_trio.demo_forge.lookups import find_organisation, must_own, the_viewer
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.times import as_gitea
from aegis_trio.model.json import JsonObject, JsonValue

_REPOSITORY: Final = "/repos/{owner}/{repo}"


def _hook(hook: Hook) -> JsonObject:
    """Source: gitea services/webhook/general.go ToHook; the order of the events is no order at Gitea."""
    return {
        "id": hook.id,
        "type": hook.kind,
        "branch_filter": hook.branch_filter,
        "config": {"content_type": "json", "url": hook.url},
        "events": list[JsonValue](hook.events),
        "authorization_header": hook.authorization,
        "active": hook.is_active,
        "updated_at": as_gitea(hook.updated),
        "created_at": as_gitea(hook.created),
    }


def list_hooks(call: Call) -> Answer:
    """List a repository's hooks."""
    must_be_repository_admin(call)
    hooks = call.repository.hooks
    shown: list[JsonValue] = [_hook(each) for each in hooks[call.page().slice()]]
    return json_answer(shown, headers=(("X-Total-Count", str(len(hooks))),))


def get_hook(call: Call) -> Answer:
    """Show one hook."""
    must_be_repository_admin(call)
    return json_answer(_hook(call.one_of(call.repository.hooks)))


def list_git_hooks(call: Call) -> Answer:
    """Refuse the scripts that run on the server: nobody is allowed to edit them."""
    must_be_repository_admin(call)
    raise call.refused(403, "must be allowed to edit Git hooks")


def list_my_hooks(call: Call) -> Answer:
    """List one's own hooks: there are none."""
    the_viewer(call)
    return json_answer([], headers=(("X-Total-Count", "0"),))


def list_organisation_hooks(call: Call) -> Answer:
    """List an organisation's hooks, to its owners: there are none."""
    must_own(call, find_organisation(call))
    return json_answer([], headers=(("X-Total-Count", "0"),))


def list_keys(call: Call) -> Answer:
    """List a repository's deploy keys."""
    must_be_repository_admin(call)
    keys = call.repository.deploy_keys
    shown: list[JsonValue] = [_key(call, each) for each in keys[call.page().slice()]]
    return json_answer(shown, headers=(("X-Total-Count", str(len(keys))),))


def get_key(call: Call) -> Answer:
    """Show one deploy key."""
    must_be_repository_admin(call)
    return json_answer(_key(call, call.one_of(call.repository.deploy_keys)))


def _key(call: Call, key: DeployKey) -> JsonObject:
    return {
        "id": key.id,
        "key_id": key.id,
        "key": key.key,
        "url": f"{call.root}api/v1/repos/{call.world.full_name(call.repository)}/keys/{key.id}",
        "title": key.title,
        "fingerprint": key.fingerprint,
        "created_at": as_gitea(key.created),
        "read_only": key.is_read_only,
    }


def list_push_mirrors(call: Call) -> Answer:
    """List where a repository is copied to: nowhere."""
    must_be_repository_admin(call)
    return json_answer([], headers=(("X-Total-Count", "0"),))


ROUTES: Final = (
    Route(method="GET", template=f"{_REPOSITORY}/hooks", handler=list_hooks, signed_in=True),
    Route(method="GET", template=f"{_REPOSITORY}/hooks/git", handler=list_git_hooks, signed_in=True),
    Route(method="GET", template=f"{_REPOSITORY}/hooks/{{id}}", handler=get_hook, signed_in=True),
    Route(method="GET", template="/user/hooks", handler=list_my_hooks, signed_in=True),
    Route(method="GET", template="/orgs/{org}/hooks", handler=list_organisation_hooks, signed_in=True),
    Route(method="GET", template=f"{_REPOSITORY}/keys", handler=list_keys, signed_in=True),
    Route(method="GET", template=f"{_REPOSITORY}/keys/{{id}}", handler=get_key, signed_in=True),
    Route(method="GET", template=f"{_REPOSITORY}/push_mirrors", handler=list_push_mirrors, signed_in=True),
)
