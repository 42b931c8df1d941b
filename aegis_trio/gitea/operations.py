"""Any operation of Gitea's API by its route: what came back, as JSON, as text, or as a yes or no.

For operations that no other room of this package decodes. What comes back is held to a key's repositories here too, by
the form that Gitea gives every repository it mentions.

Laws:
    1. An answer is JSON that says it is, or text that is text; anything else is refused, with its type and size.
    2. A route that this Gitea does not have is told apart from a thing that is not there.
    3. Nothing that stands in a repository beyond the bounds is returned: an entry about it is withheld, and where it
       only stands beside (the parent of a fork, the head of a pull request) its place is empty.

Source: gitea services/context/api.go (APINotFound), routers/web/base.go (a path that no route has: text/plain).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias, final

from aegis_trio.gitea.refusals import fault_for
from aegis_trio.gitea.request import LIST_ANSWER_BYTES, ForgeRequest, ForgeResponse
from aegis_trio.gitea.shapes import read_json
from aegis_trio.model.errors import BeyondKey, Conflict, NotFound
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.policy.pathguard import Route

_TEXTS: Final = frozenset({"text/plain", "application/pgp-keys", "application/pgp-signature", "text/x-patch"})
_JSON: Final = "application/json"
_NO_ROUTE: Final = b"404 page not found"  # Source: go net/http NotFound
_BESIDE: Final = frozenset({"parent", "base", "head", "head_repository"})
"""Fields in which a repository only stands beside what an entry is about."""

Reaches: TypeAlias = Callable[[str, str], bool]
"""Whether a key reaches the repository (owner, name)."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class OperationAnswer:
    """What an operation brought; one of `document`, `text` and `holds`, the others None."""

    document: JsonValue = None
    text: str | None = None
    holds: bool | None = None
    """Of a question that Gitea answers by its status alone: 204 is yes, 404 no, or not visible."""
    total: int | None = None
    has_next: bool | None = None
    in_repository: bool = False
    """Whether it was asked below a repository, so that other ones only stand beside."""
    under: str = ""
    """The name under which the entries of a list stand in the document; empty when they stand alone."""
    attributed: bool = False
    """Whether every entry says which repository it is about, so that one that does not is withheld from some keys."""
    is_narrowed: bool = False
    """Whether entries may have been withheld (null in their place, so that counting pages stays right), and the total
    is not told."""


def ask_operation(
    *,
    route: Route,
    segments: tuple[str, ...],
    query: tuple[tuple[str, str], ...],
    subject: str,
    answers_by_status: bool,
    under: str,
    attributed: bool,
    described: str,
    instead: str,
) -> ForgeRequest[OperationAnswer]:
    """Ask for what *segments* and *query* name.

    Args:
        route: the operation's own.
        subject: what is asked for, in our words.
        answers_by_status: whether 204 and 404 are its two answers.
        under: where the entries of a list stand in its answer.
        attributed: whether each says which repository it is about.
        described: the version of Gitea whose description the operation is of.
        instead: what to do where its answer turns out not to be text.
    """

    def decode(response: ForgeResponse) -> OperationAnswer:
        if response.status in {404, 405} and _has_no_route(response):
            raise NotFound(
                f"The Gitea behind this gate does not have this operation: it is described for {described}, and may be "
                "switched off.",
                "get_server_version tells which version it is.",
            )
        if response.status == 404 and answers_by_status:
            return OperationAnswer(holds=False)
        if response.status in {404, 405}:
            raise fault_for(response, subject=subject, missing=frozenset({404}))
        if response.status == 204 and answers_by_status:
            return OperationAnswer(holds=True)
        made = _read(response, subject, instead)
        return replace(
            made,
            total=response.total,
            has_next=response.has_next,
            in_repository=segments[0] == "repos",
            under=under,
            attributed=attributed,
        )

    return ForgeRequest(
        route=route,
        segments=segments,
        query=query,
        decode=decode,
        subject=subject,
        max_bytes=LIST_ANSWER_BYTES,
        accept="application/json, text/plain",
        ok=frozenset({200, 204, 404, 405}),
        missing=frozenset({400, 404}) if segments[3:4] == ("git",) else frozenset({404}),
    )


def narrowed(answer: OperationAnswer, reaches: Reaches) -> OperationAnswer:
    """Return *answer* as a key sees it that reaches only some repositories.

    Raises:
        BeyondKey: the whole answer is about a repository that the key does not reach.
    """
    document = answer.document
    entries = document.get(answer.under) if answer.under and isinstance(document, dict) else document
    if not isinstance(entries, list):
        if _is_withheld(entries, answer, reaches):
            raise BeyondKey(
                "What was asked for is about a repository that this key does not reach.",
                "Ask the operator to add it to its repositories.",
                bound="repositories",
                needs="that repository",
            )
        return replace(answer, document=_without_strangers(document, reaches))
    kept: list[JsonValue] = [
        None if _is_withheld(entry, answer, reaches) else _without_strangers(entry, reaches) for entry in entries
    ]
    whole: JsonValue = {**document, answer.under: kept} if isinstance(document, dict) else kept
    return replace(answer, document=whole, is_narrowed=True)


def _is_withheld(entry: JsonValue, answer: OperationAnswer, reaches: Reaches) -> bool:
    """Return whether *entry* is a repository beyond the key, or about one, or does not say what it is about."""
    if not isinstance(entry, dict):
        return answer.attributed
    if _is_beyond(entry, reaches):
        return True
    if answer.in_repository:  # the repository that was asked about stands in the path, and was looked at there
        return False
    rest = [value for name, value in entry.items() if name not in _BESIDE]
    if any(_holds(value, lambda fields: _is_beyond(fields, reaches)) for value in rest):
        return True
    return answer.attributed and not _holds(entry, lambda fields: _repository_in(fields) is not None)


def _holds(value: JsonValue, fits: Callable[[JsonObject], bool]) -> bool:
    match value:
        case dict():
            return fits(value) or any(_holds(child, fits) for name, child in value.items() if name not in _BESIDE)
        case list():
            return any(_holds(child, fits) for child in value)
        case _:
            return False


def _without_strangers(value: JsonValue, reaches: Reaches) -> JsonValue:
    """Return *value* without any repository beyond the key: null in its place, no place in a list."""
    match value:
        case dict():
            return {
                name: None if _is_beyond(child, reaches) else _without_strangers(child, reaches)
                for name, child in value.items()
            }
        case list():
            return [_without_strangers(child, reaches) for child in value if not _is_beyond(child, reaches)]
        case _:
            return value


def _is_beyond(value: JsonValue, reaches: Reaches) -> bool:
    named = _repository_in(value) if isinstance(value, dict) else None
    return named is not None and not reaches(*named)


def _repository_in(fields: JsonObject) -> tuple[str, str] | None:
    """Return owner and name of the repository that *fields* are, in one of Gitea's forms; None when they are none."""
    full_name = fields.get("full_name")
    # Source: gitea modules/structs/repo.go Repository, issue.go RepositoryMeta; people have a full_name too, which is
    # free text, but no owner.
    if isinstance(full_name, str) and "owner" in fields:
        owner, _, name = full_name.partition("/")
        return owner, name
    # Source: gitea modules/structs/issue_stopwatch.go StopWatch.
    owner_name, repo_name = fields.get("repo_owner_name"), fields.get("repo_name")
    if isinstance(owner_name, str) and isinstance(repo_name, str):
        return owner_name, repo_name
    return None


def _has_no_route(response: ForgeResponse) -> bool:
    return response.status == 405 or response.body.startswith(_NO_ROUTE)


def _read(response: ForgeResponse, subject: str, instead: str) -> OperationAnswer:
    if response.content_type == _JSON:
        return OperationAnswer(document=read_json(response))
    if not response.body:
        return OperationAnswer(document={})
    if response.content_type == "text/html":
        read_json(response)  # raises: a page is none of the API's answers
    try:
        text = response.body.decode()
    except UnicodeDecodeError:
        text = None
    if text is None or "\0" in text or response.content_type not in _TEXTS:
        raise Conflict(f"{subject} is not text ({_type_of(response)}, {len(response.body)} bytes).", instead)
    return OperationAnswer(text=text)


def _type_of(response: ForgeResponse) -> str:
    kind, _, rest = response.content_type.partition("/")
    plain = kind.isascii() and kind.isalpha() and len(rest) <= 40 and rest.replace("-", "").replace(".", "").isalnum()
    return response.content_type if plain and rest.isascii() else "no known type"
