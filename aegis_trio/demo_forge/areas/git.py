"""Git's own objects: trees, blobs, refs and single commits.

Not here: lists of commits, comparisons, notes and tag objects (history.py).
"""

from __future__ import annotations

import base64
import re
from typing import Final

from dulwich.objects import Tag, Tree

from aegis_trio.demo_forge.answers import TEXT_TYPE, Answer, Refusal, json_answer, not_proven
from aegis_trio.demo_forge.areas.commits import commit_json
from aegis_trio.demo_forge.areas.entries import lfs_pointer, missing_text
from aegis_trio.demo_forge.areas.meta import MAX_BLOB_BYTES, TREES_PER_PAGE
from aegis_trio.demo_forge.call import Call, int_of
from aegis_trio.demo_forge.git_diff import parent_of
from aegis_trio.demo_forge.git_history import resolve_revision
from aegis_trio.demo_forge.git_lines import TooDifferent
from aegis_trio.demo_forge.git_patch import diff_text, patch_text
from aegis_trio.demo_forge.git_store import Entry, GitStore
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.world import Unit
from aegis_trio.model.json import JsonObject, JsonValue

_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})  # Source: strconv.ParseBool
# Expressions of gitrevisions(7) that look into messages, the index or the log of refs.
_UNPROVEN_EXPRESSION: Final = re.compile(r"@\{|^:|\^\{/|^@$|\.\.")
_NO_HEX: Final = re.compile(r"[^0-9a-fA-F]")
# Source: git-check-ref-format(1), as gitea modules/git/ref.go has it.
_BAD_REF: Final = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[/.]|/\.|\.lock(/|$)|[/.]$")


def get_tree(call: Call) -> Answer:
    """List a tree, by any revision expression, with its subfolders if asked, a page at a time."""
    call.must_read(Unit.CODE)
    text, git = call.params["sha"], call.repository.git
    if _UNPROVEN_EXPRESSION.search(text):
        raise Refusal(not_proven("GET", "/repos/{owner}/{repo}/git/trees/{sha} with a search or a log of refs"))
    sha = resolve_revision(git, text)
    tree_sha = None if sha is None else _tree_sha(git, sha)
    if sha is None or tree_sha is None:
        raise call.refused(400, f"sha not found [{text}]")
    if call.query.first("recursive") in _TRUE:
        entries = list(git.walk(tree_sha))
    else:
        entries = [(entry.name, entry) for entry in git.entries(tree_sha)]
    page = max(int_of(call.query.first("page")), 1)
    items = int_of(call.query.first("per_page"))
    items = items if 0 < items <= TREES_PER_PAGE else TREES_PER_PAGE
    start, end = (page - 1) * items, page * items
    shown: list[JsonValue] = [_line(call, path, entry) for path, entry in entries[start:end]]
    body: JsonObject = {
        "sha": sha,
        "url": f"{_api(call)}/git/trees/{sha}",
        "tree": shown or None,
        "truncated": end < len(entries),
        "page": page,
        "total_count": len(entries),
    }
    return json_answer(body, headers=(("X-Total-Count", str(len(entries))),))


def _api(call: Call) -> str:
    return f"{call.root}api/v1/repos/{call.world.full_name(call.repository)}"


def _tree_sha(git: GitStore, sha: str) -> str | None:
    try:
        peeled = git.peel(sha)
        if isinstance(git.get(peeled), Tree):
            return peeled
        return git.tree_of(peeled)
    except KeyError:
        return None


def _line(call: Call, path: str, entry: Entry) -> JsonObject:
    if entry.is_submodule:
        kind, size, url = "commit", 0, ""
    elif entry.is_tree:
        kind, size, url = "tree", 0, f"{_api(call)}/git/trees/{entry.sha}"
    else:
        kind, size = "blob", call.repository.git.size(entry.sha)
        url = f"{_api(call)}/git/blobs/{entry.sha}"
    return {"path": path, "mode": f"{entry.mode:06o}", "type": kind, "size": size, "sha": entry.sha, "url": url}


def get_blob(call: Call) -> Answer:
    """Show any object's bytes by its full id."""
    call.must_read(Unit.CODE)
    text, git = call.params["sha"], call.repository.git
    if len(text) != 40:
        raise call.refused(400, f"length {len(text)} has no matched object format: {text}")
    bad = _NO_HEX.search(text)
    if bad is not None:
        raise call.refused(400, f"encoding/hex: invalid byte: U+{ord(bad.group()):04X} '{bad.group()}'")
    sha = text.lower()
    if not git.has(sha):
        raise call.refused(400, missing_text(sha=sha))
    size = git.size(sha)
    data = git.data(sha) if size <= MAX_BLOB_BYTES else None
    body: JsonObject = {
        "content": None if data is None else base64.b64encode(data).decode(),
        "encoding": None if data is None else "base64",
        "url": f"{_api(call)}/git/blobs/{sha}",
        "sha": sha,
        "size": size,
    }
    pointer = None if data is None else lfs_pointer(data)
    if pointer is not None:
        body |= {"lfs_oid": pointer[0], "lfs_size": pointer[1]}
    return json_answer(body)


def list_refs(call: Call) -> Answer:
    """List the refs that begin as the path says; one that is exact is a list, too."""
    call.must_read(Unit.CODE)
    git, wanted = call.repository.git, f"refs/{call.params.get('*', '')}"
    found = sorted(name for name in git.refs if name.startswith(wanted))
    if not found:
        raise call.missing()
    return json_answer(list[JsonValue](_ref(call, name) for name in found))


def _ref(call: Call, name: str) -> JsonObject:
    git = call.repository.git
    sha = git.refs[name]
    kind, folder = ("tag", "tags") if isinstance(git.get(sha), Tag) else ("commit", "commits")
    target: JsonObject = {"type": kind, "sha": sha, "url": f"{_api(call)}/git/{folder}/{sha}"}
    return {"ref": name, "url": f"{_api(call)}/git/{name}", "object": target}


def get_commit(call: Call) -> Answer:
    """Show one commit by branch, tag or id, full or short."""
    call.must_read(Unit.CODE)
    text, git = call.params["sha"], call.repository.git
    if text.endswith((".diff", ".patch")):
        return _commit_as_text(call)
    if _BAD_REF.search(text):
        raise call.refused(422, f"no valid ref or sha: {text}")
    sha = resolve_revision(git, text)
    try:
        commit_sha = None if sha is None else git.peel(sha)
        commit = None if commit_sha is None else git.commit(commit_sha)
    except KeyError:
        commit = None
    if commit is None:
        raise call.missing(f"commit doesn't exist: {text}")
    return json_answer(commit_json(call, commit))


def _commit_as_text(call: Call) -> Answer:
    """Show what a commit changes, as git prints it or as a mail."""
    name, _, kind = call.params["sha"].rpartition(".")
    git = call.repository.git
    sha = resolve_revision(git, name)
    try:
        commit = None if sha is None else git.commit(git.peel(sha))
    except KeyError:
        commit = None
    if commit is None:
        raise call.missing(f"commit doesn't exist: {name}")
    commit_sha = commit.id.decode()
    try:
        text = diff_text(git, parent_of(commit), commit_sha) if kind == "diff" else patch_text(git, commit_sha)
    except TooDifferent:
        raise Refusal(not_proven("GET", "/repos/{owner}/{repo}/git/commits/{sha}.diff of a large file")) from None
    return Answer(status=200, body=text, content_type=TEXT_TYPE)


ROUTES: Final = (
    Route(method="GET", template="/repos/{owner}/{repo}/git/trees/{sha}", handler=get_tree),
    Route(method="GET", template="/repos/{owner}/{repo}/git/blobs/{sha}", handler=get_blob),
    Route(method="GET", template="/repos/{owner}/{repo}/git/refs", handler=list_refs),
    Route(method="GET", template="/repos/{owner}/{repo}/git/refs/*", handler=list_refs),
    Route(method="GET", template="/repos/{owner}/{repo}/git/commits/{sha}", handler=get_commit),
)
