"""Arguments that many tools share, with the same words everywhere, and how they become refs.

Law: every type here is strict: "2" is no number, 1 is no truth value, and nobody guesses.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from aegis_trio.model.errors import InvalidArgument
from aegis_trio.model.refs import MAX_PATH_BYTES, MAX_REF_BYTES, GitRef, parse_git_ref

OwnerText: TypeAlias = Annotated[
    str, Field(strict=True, min_length=1, max_length=40, description="user or organisation")
]
RepoText: TypeAlias = Annotated[str, Field(strict=True, min_length=1, max_length=100, description="name without owner")]
RefText: TypeAlias = Annotated[
    str,
    Field(
        strict=True,
        min_length=1,
        max_length=MAX_REF_BYTES,
        description="branch, tag or full commit id; default branch if left out",
    ),
]
PathText: TypeAlias = Annotated[
    str, Field(strict=True, max_length=MAX_PATH_BYTES, description="path from the repository's root")
]
IndexNumber: TypeAlias = Annotated[int, Field(strict=True, ge=1, le=2**53 - 1, description="its number")]
"""Of an issue or a pull request; the bound is that of numbers which every JSON reader holds exactly (RFC 8259)."""
PageLimit: TypeAlias = Annotated[int, Field(strict=True, ge=1, le=50)]
"""Source: gitea [api] MAX_RESPONSE_ITEMS, its default."""
QueryText: TypeAlias = Annotated[str, Field(strict=True, min_length=1, max_length=256, description="words to find")]
StateWord: TypeAlias = Annotated[Literal["open", "closed", "all"], Field(description="default open")]
PageNumber: TypeAlias = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
LineNumber: TypeAlias = Annotated[int, Field(strict=True, ge=1, le=100_000_000)]


def parse_optional_ref(raw_ref: str | None) -> GitRef | None:
    """Return the ref, or None for the default branch, which `HEAD` names too.

    Raises:
        InvalidArgument: not the name of a branch, tag or commit.
    """
    if raw_ref is None or raw_ref == "HEAD":
        return None
    for prefix in ("refs/heads/", "refs/tags/"):
        # Gitea's tree route takes the long form and its contents route does not, so neither tool does.
        if raw_ref.startswith(prefix):
            name = parse_git_ref(raw_ref).name.removeprefix(prefix)
            raise InvalidArgument("ref", "is the long form of a name", f'Give the name alone: "{name}".')
    return parse_git_ref(raw_ref)
