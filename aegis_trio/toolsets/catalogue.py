"""The catalogue: every tool, resource, prompt and completion there is, in the order in which clients see them.

What is served stands here; nothing is found by import or by name.
"""

from __future__ import annotations

from typing import Final

from aegis_trio.model.features import Catalogue
from aegis_trio.model.toolspec import ToolSpec
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.toolsets.files.get_file_contents import GET_FILE_CONTENTS
from aegis_trio.toolsets.files.get_file_tree import GET_FILE_TREE
from aegis_trio.toolsets.repositories.get_repository_info import GET_REPOSITORY_INFO
from aegis_trio.toolsets.repositories.list_repositories import LIST_REPOSITORIES
from aegis_trio.toolsets.server.get_me import GET_ME
from aegis_trio.toolsets.server.get_server_version import GET_SERVER_VERSION

TOOLS: Final[tuple[ToolSpec[ToolContext], ...]] = (
    LIST_REPOSITORIES,
    GET_REPOSITORY_INFO,
    GET_FILE_TREE,
    GET_FILE_CONTENTS,
    GET_ME,
    GET_SERVER_VERSION,
)

CATALOGUE: Final[Catalogue[ToolContext]] = Catalogue(tools=TOOLS)
