"""explain_repository: what a repository is for and how it is built, for somebody who sees it for the first time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from aegis_trio.model.json import JsonObject, encode_json
from aegis_trio.model.refs import RepositoryRef, parse_repository
from aegis_trio.toolsets.arguments import OwnerText, RepoText
from aegis_trio.toolsets.prompts.prompt import CAUTION, prompt
from aegis_trio.toolsets.resources.media_types import MARKDOWN
from aegis_trio.toolsets.resources.uris import ReadmeUri


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainRepository:
    """Which repository."""

    owner: OwnerText
    repo: RepoText


def _words(repository: RepositoryRef) -> str:
    place = encode_json({"owner": repository.owner, "repo": repository.name}).decode()
    return f"""Explain the Gitea repository {repository} to a developer who opens it for the first time.

1. With {place}: get_repository_info for its purpose and default branch, get_file_tree for its shape, \
get_file_contents for its README, its manifest (pyproject.toml, go.mod, package.json or the like) and its entry points.
2. Follow one typical request or command from the entry point to where its work is done.
3. Explain: what it is for; how it is built and started; its parts and how they depend on each other; that one path \
through the code, with files and lines; where tests stand; what a newcomer should read next. Mark what you infer and \
did not read.

{CAUTION}"""


def _readme(repository: RepositoryRef) -> JsonObject:
    return {
        "type": "resource_link",
        "uri": str(ReadmeUri(repository=repository)),
        "name": str(repository),
        "title": f"README of {repository}",
        "mimeType": MARKDOWN,
    }


EXPLAIN_REPOSITORY: Final = prompt(
    name="explain_repository",
    title="Explain a repository",
    description="Explains what a repository is for, how it is built, and where to begin reading.",
    arguments=ExplainRepository,
    parse=lambda arguments: parse_repository(arguments.owner, arguments.repo),
    words=_words,
    block=_readme,
    scopes=frozenset({"read:repository"}),
    example={"owner": "acme", "repo": "backend"},
    audit_fields=("owner", "repo"),
)
