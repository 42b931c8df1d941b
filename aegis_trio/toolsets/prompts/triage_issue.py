"""triage_issue: what an issue is, how urgent, and what comes next. The issue is embedded, as no tool reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from aegis_trio.model.json import JsonObject, encode_json
from aegis_trio.model.refs import parse_repository
from aegis_trio.toolsets.arguments import OwnerText, RepoText
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.toolsets.prompts.prompt import CAUTION, NumberText, embedded, parse_number, prompt
from aegis_trio.toolsets.resources.issues import read_issue
from aegis_trio.toolsets.resources.uris import IssueUri


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TriageIssue:
    """Which issue."""

    owner: OwnerText
    repo: RepoText
    number: NumberText


def _parse(arguments: TriageIssue) -> IssueUri:
    repository = parse_repository(arguments.owner, arguments.repo)
    return IssueUri(repository=repository, number=parse_number(arguments.number))


def _words(uri: IssueUri) -> str:
    place = encode_json({"owner": uri.repository.owner, "repo": uri.repository.name}).decode()
    return f"""Triage issue {uri.number} of the Gitea repository {uri.repository}.

1. The issue is attached, from the resource {uri}: title, body, labels and the newest comments.
2. Look for the cause in the code: find the place with get_file_tree, read it with get_file_contents, both with {place}.
3. Report: the issue in one sentence; whether it is a bug, a wish, a question or noise, and why; how grave and for \
whom; the likely place in the code, with file and line; what is missing to act on it; which of the labels in use fit; \
the next step. Then draft a short, friendly answer to its author.

{CAUTION}"""


async def _embed(context: ToolContext, uri: IssueUri) -> JsonObject:
    return embedded(str(uri), await read_issue(context, uri))


TRIAGE_ISSUE: Final = prompt(
    name="triage_issue",
    title="Triage an issue",
    description="Sorts an issue: what it is, how grave, where in the code, what comes next; drafts an answer.",
    arguments=TriageIssue,
    parse=_parse,
    words=_words,
    embed=_embed,
    scopes=frozenset({"read:issue", "read:repository"}),
    example={"owner": "acme", "repo": "backend", "number": "12"},
    audit_fields=("owner", "repo", "number"),
)
