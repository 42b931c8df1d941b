"""The batch: several files in one request, missing ones as null, cut short without a word after thirty."""

from __future__ import annotations

import json
from typing import Final

from aegis_trio.demo_forge.answers import Answer, Refusal, json_answer, not_proven
from aegis_trio.demo_forge.areas.entries import USUAL, Ref, clean_path, entry_json, is_git_internal, resolve_ref
from aegis_trio.demo_forge.areas.meta import MAX_RESPONSE_BYTES
from aegis_trio.demo_forge.call import DEFAULT_PAGE_ITEMS, Call
from aegis_trio.demo_forge.git_history import Missing, find_entry
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.world import Unit
from aegis_trio.model.json import JsonObject, JsonValue

_TEMPLATE: Final = "/repos/{owner}/{repo}/file-contents"


def get_files(call: Call) -> Answer:
    """Show the files that the query's `body` lists; a document without a list is an empty one."""
    call.must_read(Unit.CODE)
    document = _document(call.query.first("body"))
    wanted = None if document is None else document.get("files") or []
    if not isinstance(wanted, list) or not all(isinstance(name, str) for name in wanted):
        raise call.refused(400, "invalid body parameter")
    return _answer(call, [str(name) for name in wanted])


def post_files(call: Call) -> Answer:
    """Show the files that the body lists; to a token's scope this is a write."""
    call.must_read(Unit.CODE)
    document = _document(call.request.body.decode("utf-8", "replace"))
    wanted = None if document is None else document.get("files")
    if document is not None and wanted is None:
        raise call.refused(422, "[Files]: Required")
    if not isinstance(wanted, list) or not all(isinstance(name, str) for name in wanted):
        # The text tells what Go's decoder stumbled over, in its own words.
        raise Refusal(not_proven("POST", f"{_TEMPLATE} with another document than a list of names"))
    return _answer(call, [str(name) for name in wanted])


def _document(raw_document: str) -> JsonObject | None:
    try:
        document: JsonValue = json.loads(raw_document)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _answer(call: Call, wanted: list[str]) -> Answer:
    if "" in wanted:
        # A page of HTML with an inner error, at a real Gitea.
        raise Refusal(not_proven(call.request.method, f"{_TEMPLATE} with an empty path"))
    ref = resolve_ref(call, call.query.first("ref"))
    shown: list[JsonValue] = []
    total = 0
    for name in wanted[:DEFAULT_PAGE_ITEMS]:
        entry = _entry(call, ref, clean_path(name))
        size = entry["size"] if entry is not None else 0
        total += size if isinstance(size, int) else 0
        if total > MAX_RESPONSE_BYTES:
            break
        shown.append(entry)
    return json_answer(shown)


def _entry(call: Call, ref: Ref, path: str) -> JsonObject | None:
    if not path or is_git_internal(path):
        return None
    try:
        entry = find_entry(call.repository.git, ref.commit, path)
    except Missing:
        return None
    return entry_json(call, ref, path, entry, USUAL, single=True)


ROUTES: Final = (
    Route(method="GET", template=_TEMPLATE, handler=get_files),
    Route(method="POST", template=_TEMPLATE, handler=post_files),
)
