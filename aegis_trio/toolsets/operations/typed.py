"""Typed: which operations a tool of ours does better, and which one.

A tool that was made for a question knows what Gitea gets wrong about it, and costs fewer bytes. So descriptions name
it, and a call of such an operation is decided as a call of that tool is: whoever may not use the tool does not get the
same by another name.

Law: every typed tool, or method of one, stands here; a test misses those that do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

TYPED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "GetTree": ("get_file_tree",),
        "getVersion": ("get_server_version",),
        "issueGetComments": ("issue_read.comments",),
        "issueGetIssue": ("issue_read.get",),
        "issueListIssues": ("list_issues",),
        "repoGet": ("get_repository_info",),
        "repoGetContents": ("get_file_contents",),
        "repoGetContentsExt": ("get_file_contents",),
        "repoGetContentsList": ("get_file_tree",),
        "repoGetFileContents": ("get_file_contents",),
        "repoGetRawFile": ("get_file_contents",),
        "repoGetRawFileOrLFS": ("get_file_contents",),
        "GetBlob": ("get_file_contents",),
        "userCurrentListRepos": ("list_repositories",),
        "userGetCurrent": ("get_me",),
    }
)
"""By Gitea's name of the operation: the tools, as `tool` or `tool.method`, the best first. One of them that the caller
may use opens the operation."""

SEVERAL: Final = frozenset({"continue_result", "read_files", "search_code"})
"""Tools, or methods, that put together what several operations show, or ask none, so that no operation is theirs."""

_NO_FILES: Final = "get_file_contents reads files; Gitea serves the default branch here when a ref does not exist."
INSTEAD: Final[Mapping[str, str]] = MappingProxyType(
    {
        "downloadArtifact": "getArtifact tells its size; a person downloads the archive from the page of its run.",
        "repoGetArchive": "List its files with get_file_tree and read them with get_file_contents.",
        "repoGetRawFile": _NO_FILES,
        "repoGetRawFileOrLFS": _NO_FILES,
    }
)
"""Operations that are never asked, because what comes back is no text or not what was asked for: what to do instead."""
