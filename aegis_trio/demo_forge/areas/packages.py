"""Packages: versions and their files.

Law (recorded behaviour of Gitea 1.25.4): an owner that hides is 403, one that does not exist 404: existence leaks here.
"""

from __future__ import annotations

from hashlib import md5, sha1, sha256, sha512
from typing import Final

from aegis_trio.demo_forge.answers import Answer, json_answer
from aegis_trio.demo_forge.areas.repositories import repository_json
from aegis_trio.demo_forge.areas.users import account_json_for
from aegis_trio.demo_forge.call import Call
from aegis_trio.demo_forge.inbox import Package, PackageFile
from aegis_trio.demo_forge.permissions import is_visible, rights_of
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.times import as_gitea
from aegis_trio.model.json import JsonObject, JsonValue

_OWNER: Final = "/packages/{owner}"
_PACKAGE: Final = "/packages/{owner}/{type}/{name}"


def _of_owner(call: Call) -> list[Package]:
    name = call.params["owner"]
    owner = call.world.account_named(name)
    if owner is None:
        raise call.refused(404, f"user redirect does not exist [name: {name.lower()}]")
    if not is_visible(call.world, owner, call.viewer):
        raise call.refused(403, "user should have specific permission or be a site admin")
    found = [each for each in call.world.packages if each.owner_id == owner.id]
    return sorted(found, key=lambda each: (each.created, each.id), reverse=True)


def _answer(call: Call, found: list[Package]) -> Answer:
    page = call.page()
    shown: list[JsonValue] = [_package(call, each) for each in found[page.slice()]]
    return json_answer(shown, headers=call.page_headers(page, len(found)))


def list_packages(call: Call) -> Answer:
    """List the versions of all packages, the newest first."""
    kind, words = call.query.first("type"), call.query.first("q").strip().lower()
    return _answer(call, [each for each in _of_owner(call) if kind in {"", each.kind} and words in each.name.lower()])


def _versions(call: Call) -> list[Package]:
    kind, name = call.params["type"], call.params["name"].lower()
    return [each for each in _of_owner(call) if each.kind == kind and each.name.lower() == name]


def list_versions(call: Call) -> Answer:
    """List the versions of one package, the newest first."""
    found = _versions(call)
    if not found:
        raise call.refused(404, "package does not exist")
    return _answer(call, found)


def get_latest(call: Call) -> Answer:
    """Show the newest version of a package."""
    found = _versions(call)
    if not found:
        raise call.refused(404, "package does not exist")
    return json_answer(_package(call, found[0]))


def _find(call: Call) -> Package:
    version = call.params["version"].lower()
    found = next((each for each in _versions(call) if each.version.lower() == version), None)
    if found is None:
        raise call.refused(404, "GetVersionByNameAndVersion: package does not exist")
    return found


def get_version(call: Call) -> Answer:
    """Show one version."""
    return json_answer(_package(call, _find(call)))


def list_files(call: Call) -> Answer:
    """List the files of one version with their digests."""
    return json_answer(list[JsonValue](_file(each) for each in _find(call).files))


def _package(call: Call, package: Package) -> JsonObject:
    """Source: gitea services/convert/package.go ToPackage."""
    world = call.world
    owner = world.accounts[package.owner_id]
    shown: JsonObject | None = None
    if package.repository_id is not None:
        repository = world.repositories[package.repository_id]
        rights = rights_of(world, call.viewer, repository)
        shown = repository_json(world, repository, rights, language=False) if rights.any() else None
    return {
        "id": package.id,
        "owner": account_json_for(world, owner, call.viewer),
        "repository": shown,
        "creator": account_json_for(world, world.accounts[package.creator_id], call.viewer),
        "type": package.kind,
        "name": package.name,
        "version": package.version,
        "html_url": f"{call.root}{owner.login}/-/packages/{package.kind}/{package.name}/{package.version}",
        "created_at": as_gitea(package.created),
    }


def _file(file: PackageFile) -> JsonObject:
    return {
        "id": file.id,
        "size": len(file.content),
        "name": file.name,
        "md5": md5(file.content, usedforsecurity=False).hexdigest(),
        "sha1": sha1(file.content, usedforsecurity=False).hexdigest(),
        "sha256": sha256(file.content).hexdigest(),
        "sha512": sha512(file.content).hexdigest(),
    }


ROUTES: Final = (
    Route(method="GET", template=_OWNER, handler=list_packages, signed_in=True),
    Route(method="GET", template=_PACKAGE, handler=list_versions, signed_in=True),
    Route(method="GET", template=f"{_PACKAGE}/-/latest", handler=get_latest, signed_in=True),
    Route(method="GET", template=f"{_PACKAGE}/{{version}}", handler=get_version, signed_in=True),
    Route(method="GET", template=f"{_PACKAGE}/{{version}}/files", handler=list_files, signed_in=True),
)
