"""Releases and their files.

Laws (each is recorded behaviour of Gitea 1.25.4):
    1. A draft is listed for those who may write; by its number everybody reads it.
    2. A word to search for is dropped without a word.
"""

from __future__ import annotations

from typing import Final

from aegis_trio.demo_forge.answers import Answer, json_answer
from aegis_trio.demo_forge.areas.issue_json import attachments_json
from aegis_trio.demo_forge.areas.users import account_json
from aegis_trio.demo_forge.call import Call, int_of
from aegis_trio.demo_forge.issues import Attachment
from aegis_trio.demo_forge.releases import Release
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.times import as_gitea
from aegis_trio.demo_forge.world import Access, Unit
from aegis_trio.model.json import JsonObject, JsonValue

_RELEASES: Final = "/repos/{owner}/{repo}/releases"
_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})  # Source: strconv.ParseBool


def _releases(call: Call) -> list[Release]:
    call.must_read(Unit.RELEASES)
    return sorted(call.repository.releases, key=lambda each: (each.created, each.id), reverse=True)


def list_releases(call: Call) -> Answer:
    """List releases, the newest first."""
    found = _releases(call)
    if call.rights.to(Unit.RELEASES) < Access.WRITE:
        found = [each for each in found if not each.is_draft]
    if call.query.first("draft"):
        found = [each for each in found if each.is_draft is (call.query.first("draft") in _TRUE)]
    if call.query.first("pre-release"):
        found = [each for each in found if each.is_prerelease is (call.query.first("pre-release") in _TRUE)]
    page = call.page()
    shown: list[JsonValue] = [_release(call, each) for each in found[page.slice()]]
    return json_answer(shown, headers=call.page_headers(page, len(found)))


def _release(call: Call, release: Release) -> JsonObject:
    """Source: gitea services/convert/release.go ToAPIRelease."""
    page = f"{call.root}{call.world.full_name(call.repository)}"
    own = f"{call.root}api/v1/repos/{call.world.full_name(call.repository)}/releases/{release.id}"
    author = call.world.accounts[release.author_id]
    return {
        "id": release.id,
        "tag_name": release.tag,
        "target_commitish": release.target,
        "name": release.name,
        "body": release.body,
        "url": own,
        "html_url": f"{page}/releases/tag/{release.tag}",
        "tarball_url": f"{page}/archive/{release.tag}.tar.gz",
        "zipball_url": f"{page}/archive/{release.tag}.zip",
        "upload_url": f"{own}/assets",
        "draft": release.is_draft,
        "prerelease": release.is_prerelease,
        "created_at": as_gitea(release.created),
        "published_at": as_gitea(release.created),
        "author": account_json(call.world, author, signed_in=False, private=False),
        "assets": [_asset(call, release, each) for each in release.assets],
    }


def _asset(call: Call, release: Release, asset: Attachment) -> JsonValue:
    place = f"{call.root}{call.world.full_name(call.repository)}/releases/download/{release.tag}/{asset.name}"
    shown = attachments_json(call.world, (asset,))[0]
    return {**shown, "browser_download_url": place} if isinstance(shown, dict) else shown


def get_latest_release(call: Call) -> Answer:
    """Show the newest that is neither a draft nor a first try."""
    found = next((each for each in _releases(call) if not each.is_draft and not each.is_prerelease), None)
    if found is None:
        raise call.missing()
    return json_answer(_release(call, found))


def get_release(call: Call) -> Answer:
    """Show one release by its number."""
    return json_answer(_release(call, call.one_of(_releases(call))))


def get_release_by_tag(call: Call) -> Answer:
    """Show the release of a tag."""
    found = next((each for each in _releases(call) if each.tag == call.params["tag"]), None)
    if found is None:
        raise call.missing()
    return json_answer(_release(call, found))


def list_assets(call: Call) -> Answer:
    """List the files of a release."""
    release = call.one_of(_releases(call))
    return json_answer([_asset(call, release, each) for each in release.assets])


def get_asset(call: Call) -> Answer:
    """Show what is told of one file, with the address at which it lies."""
    number = int_of(call.params["attachment_id"])
    found = tuple(each for each in call.one_of(_releases(call)).assets if each.id == number)
    if not found:
        raise call.missing()
    return json_answer(attachments_json(call.world, found)[0])


ROUTES: Final = (
    Route(method="GET", template=_RELEASES, handler=list_releases),
    Route(method="GET", template=f"{_RELEASES}/latest", handler=get_latest_release),
    Route(method="GET", template=f"{_RELEASES}/tags/{{tag}}", handler=get_release_by_tag),
    Route(method="GET", template=f"{_RELEASES}/{{id}}", handler=get_release),
    Route(method="GET", template=f"{_RELEASES}/{{id}}/assets", handler=list_assets),
    Route(method="GET", template=f"{_RELEASES}/{{id}}/assets/{{attachment_id}}", handler=get_asset),
)
