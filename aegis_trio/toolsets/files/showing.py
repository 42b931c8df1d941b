"""Showing: the text of a file, or why nothing of it is shown."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, final

from aegis_trio.gitea.contents import LFS_POINTER, MAX_FILE_BYTES, File


class Reason(StrEnum):
    """Why nothing of a file is shown."""

    TOO_LARGE = "too_large"
    LFS_POINTER = "lfs_pointer"
    NOT_UTF8 = "not_utf8"
    BINARY = "binary"


NOTES: Final = {
    Reason.TOO_LARGE: f"Larger than {MAX_FILE_BYTES} bytes, so nothing is shown. Clone the repository to read it.",
    Reason.LFS_POINTER: "Kept in Git LFS; its bytes are not served here.",
    Reason.NOT_UTF8: "No text in UTF-8, so nothing of it is shown.",
    Reason.BINARY: "A binary file, so nothing of it is shown.",
}


@final
@dataclass(frozen=True, slots=True)
class Hidden:
    """A file of which nothing is shown."""

    reason: Reason
    size_bytes: int | None


def text_of(file: File) -> str | Hidden:
    """Return the text of *file*, or why it has none."""
    if file.lfs is not None:
        return Hidden(Reason.LFS_POINTER, file.lfs.size_bytes)
    if file.content is None or file.size_bytes > MAX_FILE_BYTES:
        return Hidden(Reason.TOO_LARGE, file.size_bytes)
    if file.content.startswith(LFS_POINTER):  # a version of Gitea that does not read pointers
        return Hidden(Reason.LFS_POINTER, None)
    text = text_of_bytes(file.content)
    return Hidden(text, file.size_bytes) if isinstance(text, Reason) else text


def text_of_bytes(content: bytes) -> str | Reason:
    """Return *content* as text, or why it is none."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return Reason.BINARY if _is_binary(content) else Reason.NOT_UTF8
    return Reason.BINARY if "\0" in text else text


def _is_binary(content: bytes) -> bool:
    # Source: git xdiff-interface.c buffer_is_binary: a NUL in the first 8,000 bytes. UTF-16 text has them too.
    return b"\0" in content[:8000] and not content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
