"""Contents: a file or a folder by its path, in the usual shape and in the extended one.

Not here: several files at once (file_batch.py), bytes as they are (raw.py), writes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from aegis_trio.demo_forge.answers import Answer, Refusal, go_json, json_answer, not_proven
from aegis_trio.demo_forge.areas.entries import (
    USUAL,
    Include,
    Ref,
    clean_path,
    entry_json,
    is_git_internal,
    missing_text,
    resolve_ref,
)
from aegis_trio.demo_forge.call import Call
from aegis_trio.demo_forge.git_history import Missing, find_entry
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.world import Unit
from aegis_trio.model.json import JsonObject, JsonValue


def get_contents(call: Call) -> Answer:
    """Show a file with its content, or a folder's list."""
    call.must_read(Unit.CODE)
    ref = resolve_ref(call, call.query.first("ref"))
    return json_answer(_shown(call, ref, USUAL, call.params.get("*", "")))


def get_contents_ext(call: Call) -> Answer:
    """Show a file or a folder with the parts that the caller asks for."""
    call.must_read(Unit.CODE)
    includes = _includes(call)
    try:
        ref = resolve_ref(call, call.query.first("ref"))
        shown = _shown(call, ref, includes, "" if call.params.get("*") == "." else call.params.get("*", ""))
    except Refusal as refusal:
        # Gitea goes on after the error and writes a second document into the same body.
        answer = refusal.answer
        second: JsonValue = None if answer.status == 404 else {}
        raise Refusal(replace(answer, body=answer.body + go_json(second))) from None
    return json_answer({"dir_contents" if isinstance(shown, list) else "file_contents": shown})


def _includes(call: Call) -> frozenset[Include]:
    wanted = [word for word in call.query.first("includes").split(",") if word]
    for word in wanted:
        if word not in set(Include):
            raise call.refused(400, f'unknown include option "{word}"')
    return frozenset(Include(word) for word in wanted)


def _shown(call: Call, ref: Ref, includes: frozenset[Include], raw_path: str) -> JsonValue:
    git, path = call.repository.git, clean_path(raw_path)
    # What resolves to the root without being empty is refused like what leads into .git.
    if is_git_internal(path) or (raw_path and not path):
        if call.viewer is not None and call.viewer.is_admin:
            # An administrator reads Gitea's inner error here, which nothing recorded shows.
            raise Refusal(not_proven("GET", "/repos/{owner}/{repo}/contents/.git"))
        raise call.refused(500, "")
    if not path:
        return _folder(call, ref, "", git.tree_of(ref.commit), includes)
    try:
        entry = find_entry(git, ref.commit, path)
    except Missing as missing:
        text = missing_text(sha=missing.sha, path=missing.path)
        raise call.missing("GetContentsOrList", text) from None
    if entry.is_tree:
        return _folder(call, ref, path, entry.sha, includes)
    return entry_json(call, ref, path, entry, includes, single=True)


def _folder(call: Call, ref: Ref, path: str, tree_sha: str, includes: frozenset[Include]) -> list[JsonValue]:
    prefix = f"{path}/" if path else ""
    # The usual shape looks for pointers of git-lfs in single files only.
    if includes == USUAL:
        includes -= {Include.LFS_METADATA}
    shown: list[JsonObject] = [
        entry_json(call, ref, f"{prefix}{entry.name}", entry, includes, single=False)
        for entry in call.repository.git.entries(tree_sha)
    ]
    return list[JsonValue](shown)


ROUTES: Final = tuple(
    Route(method="GET", template=f"/repos/{{owner}}/{{repo}}/{name}{rest}", handler=handler)
    for name, handler in (("contents", get_contents), ("contents-ext", get_contents_ext))
    for rest in ("", "/*")
)
