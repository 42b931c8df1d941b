"""review_pull_request: what a pull request proposes, read closely. Its overview is embedded, as no tool reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from aegis_trio.model.json import JsonObject, encode_json
from aegis_trio.model.refs import parse_repository
from aegis_trio.toolsets.arguments import OwnerText, RepoText
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.toolsets.prompts.prompt import CAUTION, NumberText, embedded, parse_number, prompt
from aegis_trio.toolsets.resources.pulls import read_pull_request
from aegis_trio.toolsets.resources.uris import IssueUri, PullUri


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewPullRequest:
    """Which pull request."""

    owner: OwnerText
    repo: RepoText
    number: NumberText


def _parse(arguments: ReviewPullRequest) -> PullUri:
    repository = parse_repository(arguments.owner, arguments.repo)
    return PullUri(repository=repository, number=parse_number(arguments.number))


def _words(uri: PullUri) -> str:
    place = encode_json({"owner": uri.repository.owner, "repo": uri.repository.name}).decode()
    conversation = IssueUri(repository=uri.repository, number=uri.number)
    return f"""Review pull request {uri.number} of the Gitea repository {uri.repository}.

1. Its overview is attached, from the resource {uri}: title, body, both branches and the changed files. What was said \
about it stands in the resource {conversation}.
2. For each changed file that matters, read both versions with get_file_contents and {place}: ref is the commit of \
`base` for the old one, the commit of `head` for the new one. Read what calls the changed code, and its tests; \
get_file_tree finds them.
3. Report: what it does, in two sentences; then findings, the gravest first, each with file, line, what goes wrong and \
when, and a remedy; then what is not tested; then whether it can be merged. Say what you did not read.

{CAUTION}"""


async def _embed(context: ToolContext, uri: PullUri) -> JsonObject:
    return embedded(str(uri), await read_pull_request(context, uri))


REVIEW_PULL_REQUEST: Final = prompt(
    name="review_pull_request",
    title="Review a pull request",
    description="Reads a pull request closely and reports what should be mended before it is merged.",
    arguments=ReviewPullRequest,
    parse=_parse,
    words=_words,
    embed=_embed,
    scopes=frozenset({"read:repository"}),
    example={"owner": "acme", "repo": "backend", "number": "7"},
    audit_fields=("owner", "repo", "number"),
)
