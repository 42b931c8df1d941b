"""release_notes: what changed between two refs, for those who use the software.

No tool shows commits yet, so the words lead through changelog and trees, and demand that gaps be named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias, final

from pydantic import Field

from aegis_trio.model.errors import InvalidArgument
from aegis_trio.model.json import JsonObject, encode_json
from aegis_trio.model.refs import MAX_REF_BYTES, GitRef, RepositoryRef, parse_repository
from aegis_trio.policy.untrusted import holds_hidden_characters
from aegis_trio.toolsets.arguments import OwnerText, RepoText, parse_optional_ref
from aegis_trio.toolsets.prompts.prompt import CAUTION, prompt

_OldRef: TypeAlias = Annotated[
    str, Field(strict=True, max_length=MAX_REF_BYTES, description="tag, branch or commit of the release before")
]
_NewRef: TypeAlias = Annotated[
    str,
    Field(strict=True, max_length=MAX_REF_BYTES, description="tag, branch or commit of the new one; default branch"),
]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseNotes:
    """From where to where."""

    owner: OwnerText
    repo: RepoText
    from_ref: _OldRef = ""
    to_ref: _NewRef = ""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    repository: RepositoryRef
    old: GitRef | None
    """None: to be found in the changelog."""
    new: GitRef | None
    """None for the default branch."""


def _parse(arguments: ReleaseNotes) -> _Span:
    return _Span(
        repository=parse_repository(arguments.owner, arguments.repo),
        old=_ref("from_ref", arguments.from_ref),
        new=_ref("to_ref", arguments.to_ref),
    )


def _ref(field: str, raw_ref: str) -> GitRef | None:
    # Threat: git takes characters that nobody sees, and what stands in a prompt is read by a person first.
    if holds_hidden_characters(raw_ref):
        raise InvalidArgument(field, "holds characters that nobody sees", "Type it by hand.")
    try:
        return parse_optional_ref(raw_ref or None)
    except InvalidArgument as invalid:
        raise InvalidArgument(field, invalid.rule, invalid.remedy) from None


def _words(span: _Span) -> str:
    repository = span.repository
    old = "the release before, which the changelog names," if span.old is None else _arguments(repository, span.old)
    return f"""Write release notes for the Gitea repository {repository}.

The old state is {old} and the new one {_arguments(repository, span.new)}, as arguments for the tools.

1. Read the changelog (CHANGELOG.md or the like) of both states with get_file_contents.
2. List the files of both with get_file_tree, recursive. Read with get_file_contents, in both, the files that came, \
went or changed their size and that users notice: interfaces, settings, commands, dependencies. A file of equal size \
may have changed too.
3. Issues and pull requests that the changelog names stand under \
gitea://{repository.instance}/{repository}/issues/NUMBER, for a client that reads resources.
4. Write the notes for people who use the software, in Markdown: what breaks first and how to adapt; then added, \
changed, fixed, removed; each in one line, with the number of its issue. Only what you saw: this server shows no \
commits, so end with what you could not see.

{CAUTION}"""


def _arguments(repository: RepositoryRef, ref: GitRef | None) -> str:
    place: JsonObject = {"owner": repository.owner, "repo": repository.name}
    return encode_json(place if ref is None else place | {"ref": ref.name}).decode()


RELEASE_NOTES: Final = prompt(
    name="release_notes",
    title="Write release notes",
    description="Writes release notes from one ref to another, for the people who use the software.",
    arguments=ReleaseNotes,
    parse=_parse,
    words=_words,
    scopes=frozenset({"read:repository"}),
    example={"owner": "acme", "repo": "backend", "from_ref": "v1.0", "to_ref": "main"},
    audit_fields=("owner", "repo", "from_ref", "to_ref"),
)
