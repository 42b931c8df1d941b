"""The catalogue: every tool, resource, prompt and completion there is, in the order in which clients see them.

What is served stands here; nothing is found by import or by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from aegis_trio.model.features import Catalogue, PromptSpec, ResourceSpec
from aegis_trio.model.toolspec import Toolset, ToolSpec
from aegis_trio.toolsets.completions.places import NUMBER, PATH, REF
from aegis_trio.toolsets.completions.repositories import INSTANCE, OWNER, REPO
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.toolsets.files.get_file_contents import GET_FILE_CONTENTS
from aegis_trio.toolsets.files.get_file_tree import GET_FILE_TREE
from aegis_trio.toolsets.files.read_files import READ_FILES
from aegis_trio.toolsets.issues.issue_read import ISSUE_READ
from aegis_trio.toolsets.issues.list_issues import LIST_ISSUES
from aegis_trio.toolsets.operations.exposure import Sensitive
from aegis_trio.toolsets.operations.tail import long_tail
from aegis_trio.toolsets.prompts.explain_repository import EXPLAIN_REPOSITORY
from aegis_trio.toolsets.prompts.find_failing_run_cause import FIND_FAILING_RUN_CAUSE
from aegis_trio.toolsets.prompts.release_notes import RELEASE_NOTES
from aegis_trio.toolsets.prompts.review_pull_request import REVIEW_PULL_REQUEST
from aegis_trio.toolsets.prompts.triage_issue import TRIAGE_ISSUE
from aegis_trio.toolsets.repositories.get_repository_info import GET_REPOSITORY_INFO
from aegis_trio.toolsets.repositories.list_repositories import LIST_REPOSITORIES
from aegis_trio.toolsets.resources.files import FILE, README
from aegis_trio.toolsets.resources.issues import ISSUE
from aegis_trio.toolsets.resources.list_resources import LIST_RESOURCES
from aegis_trio.toolsets.resources.pulls import PULL_REQUEST
from aegis_trio.toolsets.results.continue_result import CONTINUE_RESULT
from aegis_trio.toolsets.search.search_code import SEARCH_CODE
from aegis_trio.toolsets.server.get_me import GET_ME
from aegis_trio.toolsets.server.get_server_version import GET_SERVER_VERSION

TYPED: Final[tuple[ToolSpec[ToolContext], ...]] = (
    LIST_REPOSITORIES,
    GET_REPOSITORY_INFO,
    GET_FILE_TREE,
    GET_FILE_CONTENTS,
    READ_FILES,
    SEARCH_CODE,
    LIST_ISSUES,
    ISSUE_READ,
    GET_ME,
    GET_SERVER_VERSION,
    CONTINUE_RESULT,
)
"""Tools that were each made for a question."""

TOOLS: Final[tuple[ToolSpec[ToolContext], ...]] = (*TYPED, *long_tail(TYPED))

RESOURCES: Final[tuple[ResourceSpec[ToolContext], ...]] = (README, FILE, ISSUE, PULL_REQUEST)

PROMPTS: Final[tuple[PromptSpec[ToolContext], ...]] = (
    REVIEW_PULL_REQUEST,
    TRIAGE_ISSUE,
    EXPLAIN_REPOSITORY,
    RELEASE_NOTES,
    FIND_FAILING_RUN_CAUSE,
)

COMPLETIONS: Final[Mapping[str, ToolSpec[ToolContext]]] = MappingProxyType(
    {
        "instance": INSTANCE,
        "owner": OWNER,
        "repo": REPO,
        "ref": REF,
        "from_ref": REF,
        "to_ref": REF,
        "path": PATH,
        "number": NUMBER,
    }
)
"""By the name of the argument, whether a template's or a prompt's."""

CATALOGUE: Final[Catalogue[ToolContext]] = Catalogue(
    tools=TOOLS,
    resources=RESOURCES,
    prompts=PROMPTS,
    completions=COMPLETIONS,
    list_resources=LIST_RESOURCES,
)


def opening(catalogue: Catalogue[ToolContext], opened: frozenset[Sensitive]) -> Catalogue[ToolContext]:
    """Return *catalogue* with the sensitive operations that the operator *opened*."""
    if not opened:
        return catalogue
    typed = tuple(tool for tool in catalogue.tools if tool.toolset is not Toolset.OPERATIONS)
    return replace(catalogue, tools=(*typed, *long_tail(typed, opened)))
