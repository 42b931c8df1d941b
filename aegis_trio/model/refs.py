"""Refs: the names of places in a forge, parsed once from hostile text.

A model repeats what an attacker wrote into an issue, so every argument that names a place arrives
here as `raw_…` and leaves as a value that can no longer mean another place.

Laws:
    1. A part is never empty, never a dot segment, and holds no control character.
    2. A value that exists is valid: tools make one only by `parse_…`.
    3. `as_segment(s)()` gives the bytes for path segments; nothing else may be put into a path.

Not here: whether the caller may see the place (gateway), and the comparison of the finished path
with the bytes that leave (policy/pathguard.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, final
from urllib.parse import quote

from aegis_trio.model.errors import InvalidArgument
from aegis_trio.model.identity import DEFAULT_INSTANCE, InstanceId

# Source: gitea models/repo/repo.go:75-79 (repository), modules/validation/helpers.go:27 (owner).
_OWNER: Final = re.compile(r"[0-9A-Za-z][-._0-9A-Za-z]{0,39}", re.ASCII)
_REPOSITORY: Final = re.compile(r"[-._0-9A-Za-z]{1,100}", re.ASCII)
_RESERVED_REPOSITORIES: Final = frozenset({".", "..", "-"})
_SHA: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.ASCII)
# Source: gitea modules/git/ref.go:23, after git-check-ref-format(1).
_REF_FORBIDDEN: Final = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]")

MAX_PATH_BYTES: Final = 4096  # PATH_MAX on Linux, where Gitea's git runs
MAX_SEGMENT_BYTES: Final = 255  # NAME_MAX there
MAX_REF_BYTES: Final = 255  # a ref is a file name to git


@final
@dataclass(frozen=True, slots=True)
class RepositoryRef:
    """One repository at one forge: `owner/name`, compared as Gitea does, without regard to case."""

    owner: str
    name: str
    instance: InstanceId = DEFAULT_INSTANCE

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RepositoryRef):
            return NotImplemented
        return self._folded() == other._folded()

    def __hash__(self) -> int:
        return hash(self._folded())

    def __str__(self) -> str:
        return f"{self.owner}/{self.name}"

    def as_segments(self) -> tuple[str, str]:
        """Return the two path segments, each already percent-encoded."""
        return quote(self.owner, safe=""), quote(self.name, safe="")

    def _folded(self) -> tuple[str, str, str]:
        return self.instance, self.owner.lower(), self.name.lower()


@final
@dataclass(frozen=True, slots=True)
class FilePath:
    """A file or folder inside a repository, relative to its root; the root itself is `()`."""

    segments: tuple[str, ...]

    def __str__(self) -> str:
        return "/".join(self.segments)

    def as_segments(self) -> tuple[str, ...]:
        """Return the path's segments, each already percent-encoded."""
        return tuple(quote(segment, safe="") for segment in self.segments)


@final
@dataclass(frozen=True, slots=True)
class GitRef:
    """A branch, a tag or a full commit id; never a revision expression."""

    name: str

    def __str__(self) -> str:
        return self.name

    def as_segment(self) -> str:
        """Return one path segment, `/` encoded too."""
        return quote(self.name, safe="")

    def name_segments(self) -> tuple[str, ...]:
        """Return the parts between slashes, each already percent-encoded, for a route that ends with a whole name."""
        return tuple(quote(part, safe="") for part in self.name.split("/"))


def parse_repository(raw_owner: str, raw_name: str, instance: InstanceId = DEFAULT_INSTANCE) -> RepositoryRef:
    """Make a repository's name from two arguments.

    Args:
        raw_owner: user or organisation, 1..40 characters of `[0-9A-Za-z._-]`.
        raw_name: repository, 1..100 characters of the same alphabet.
        instance: the Gitea it stands at.

    Raises:
        InvalidArgument: empty, reserved, or a character that Gitea would never have accepted.

    Source: gitea models/repo/repo.go:75-79, modules/validation/helpers.go:27, models/user/user.go reservedUsernames.
    """
    # Threat: "issues" and "search" ask for everybody's issues, as the static route `/repos/issues/search` wins.
    if raw_owner.lower() == "issues":
        raise InvalidArgument("owner", "is a name that Gitea reserves", "Give a login as list_repositories shows it.")
    # Threat: "" makes `DELETE /repos/o//subscription` delete a repository called "subscription".
    if not _OWNER.fullmatch(raw_owner) or ".." in raw_owner:
        raise InvalidArgument(
            "owner",
            "not a user or organisation name",
            'Give the login alone, such as "acme", as list_repositories shows it.',
        )
    if not _REPOSITORY.fullmatch(raw_name) or raw_name in _RESERVED_REPOSITORIES or ".." in raw_name:
        raise InvalidArgument(
            "repo",
            "not a repository name",
            'Give the name without the owner, such as "backend", as list_repositories shows it.',
        )
    return RepositoryRef(raw_owner, raw_name, instance)


def parse_file_path(raw_path: str) -> FilePath:
    """Make a place inside a repository from an argument; "" and "/" are its root.

    Args:
        raw_path: segments with `/` between them, at most `MAX_PATH_BYTES` of UTF-8.

    Raises:
        InvalidArgument: a dot segment, an empty segment inside, `.git`, a control character, or too long.

    Source: gitea modules/util/path.go PathJoinRel (what an unguarded path would become).
    """
    trimmed = raw_path.strip("/")
    if not trimmed:
        return FilePath(())
    if len(_encode(trimmed, "path")) > MAX_PATH_BYTES:
        raise InvalidArgument("path", f"longer than {MAX_PATH_BYTES} bytes", "Give the path as get_file_tree shows it.")
    segments = tuple(trimmed.split("/"))
    for segment in segments:
        _check_segment(segment)
    return FilePath(segments)


def parse_git_ref(raw_ref: str) -> GitRef:
    """Make a branch, tag or commit from an argument.

    Args:
        raw_ref: 1..255 bytes that git accepts as the name of a ref, or 40 or 64 lower-case hexadecimal digits.

    Raises:
        InvalidArgument: empty, too long, a revision expression (`HEAD~3`, `a..b`, `:/text`), or what git refuses.

    Source: git-check-ref-format(1); gitea modules/git/ref.go:23.
    """
    remedy = 'Give a branch ("main"), a tag ("v1.0") or a full commit id; leave it out for the default branch.'
    if not raw_ref:
        raise InvalidArgument("ref", "is empty", remedy)
    if len(_encode(raw_ref, "ref")) > MAX_REF_BYTES:
        raise InvalidArgument("ref", f"longer than {MAX_REF_BYTES} bytes", remedy)
    # Threat: a newline reaches `git cat-file --batch-check`, and every answer after it belongs to another question.
    if _REF_FORBIDDEN.search(raw_ref) or ".." in raw_ref or "@{" in raw_ref or "//" in raw_ref:
        raise InvalidArgument("ref", "not the name of a branch, tag or commit", remedy)
    if raw_ref[0] in "-/." or raw_ref[-1] in "/." or raw_ref == "@":
        raise InvalidArgument("ref", "not the name of a branch, tag or commit", remedy)
    if any(part.startswith(".") or part.endswith(".lock") for part in raw_ref.split("/")):
        raise InvalidArgument("ref", "not the name of a branch, tag or commit", remedy)
    return GitRef(raw_ref)


def is_commit_id(ref: GitRef) -> bool:
    """Return whether *ref* is a full commit id (SHA-1 or SHA-256), which can never move."""
    return _SHA.fullmatch(ref.name) is not None


def _check_segment(segment: str) -> None:
    # Threat: Gitea cleans `docs/../secret` to `secret`, so a rule on `docs/` would be walked around.
    if segment in {"", ".", ".."}:
        raise InvalidArgument("path", "has an empty or dot segment", "Give the path from the repository's root.")
    if segment.lower() == ".git":
        raise InvalidArgument("path", "leads into .git", "Files of git itself are not served.")
    # Threat: a newline reaches `git cat-file --batch` and shifts every answer after it.
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in segment):
        raise InvalidArgument("path", "holds a control character", "Give the path as get_file_tree shows it.")
    if len(_encode(segment, "path")) > MAX_SEGMENT_BYTES:
        raise InvalidArgument("path", f"has a segment above {MAX_SEGMENT_BYTES} bytes", "No file can have that name.")


def _encode(text: str, field: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:  # a lone surrogate, possible in JSON as \ud800
        raise InvalidArgument(field, "is not valid Unicode", "Give it as Gitea shows it.") from None
