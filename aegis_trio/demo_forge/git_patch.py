"""Patches: differences as git prints them, for reading and for `git am`.

Source: git-diff(1), "Generating patch text with -p"; git-format-patch(1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Final, final

from aegis_trio.demo_forge.git_diff import FileChange, compare, content, parent_of
from aegis_trio.demo_forge.git_lines import changed_marks, split_lines
from aegis_trio.demo_forge.git_store import GitStore
from aegis_trio.demo_forge.times import of_git

_CONTEXT: Final = 3
_NAMED: Final = re.compile(rb"[A-Za-z_$]")  # Source: git xdiff/xemit.c def_ff
_MAX_NAME_BYTES: Final = 80
_SHORT: Final = 7
_NOTHING: Final = "0" * 40
_STAT_WIDTH: Final = 80
_LETTERS: Final = {ord(b"\a"): "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 0x22: '"', 0x5C: "\\"}
GIT_VERSION: Final = "2.39.5"  # of the recorded server


def diff_text(git: GitStore, before_sha: str | None, after_sha: str) -> bytes:
    """Return the difference of two commits.

    Raises:
        TooDifferent: a file was changed almost everywhere.
    """
    return b"".join(_file(git, change) for change in compare(git, before_sha, after_sha))


def _quoted(prefix: str, path: str) -> str:
    """Source: git quote.c quote_c_style, with core.quotepath off, as Gitea sets it."""
    text = f"{prefix}{path}"
    if not any(ord(each) < 0x20 or each in '"\\\x7f' for each in text):
        return text
    parts = (
        f"\\{_LETTERS[ord(each)]}"
        if ord(each) in _LETTERS
        else f"\\{ord(each):03o}"
        if ord(each) < 0x20 or each == "\x7f"
        else each
        for each in text
    )
    return f'"{"".join(parts)}"'


def _file(git: GitStore, change: FileChange) -> bytes:
    old_name, new_name = _quoted("a/", change.old_path), _quoted("b/", change.path)
    old, new = change.old, change.new
    head = [f"diff --git {old_name} {new_name}"]
    if old is None and new is not None:
        head.append(f"new file mode {new[0]:06o}")
    elif new is None and old is not None:
        head.append(f"deleted file mode {old[0]:06o}")
    elif old is not None and new is not None and old[0] != new[0]:
        head += [f"old mode {old[0]:06o}", f"new mode {new[0]:06o}"]
    if change.is_renamed:
        names = (_quoted("", change.old_path), _quoted("", change.path))
        head += [f"similarity index {change.alike}%", f"rename from {names[0]}", f"rename to {names[1]}"]
    old_sha, new_sha = (_NOTHING if blob is None else blob[1] for blob in (old, new))
    if old_sha == new_sha:
        return _joined(head)
    same_mode = f" {old[0]:06o}" if old is not None and new is not None and old[0] == new[0] else ""
    head.append(f"index {old_sha[:_SHORT]}..{new_sha[:_SHORT]}{same_mode}")
    old_name, new_name = (
        "/dev/null" if old is None else old_name,
        "/dev/null" if new is None else new_name,
    )
    if change.is_binary:
        return _joined([*head, f"Binary files {old_name} and {new_name} differ"])
    hunks = b"".join(_hunks(content(git, old), content(git, new)))
    if not hunks:
        return _joined(head)
    # A name that ends where a date might begin is closed with a tab.
    tabs = ["\t" if " " in name else "" for name in (old_name, new_name)]
    return _joined([*head, f"--- {old_name}{tabs[0]}", f"+++ {new_name}{tabs[1]}"]) + hunks


def _joined(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")


@final
@dataclass(slots=True)
class _Edit:
    """Lines that were exchanged: where they began and ended, before and after."""

    old_start: int
    old_end: int
    new_start: int
    new_end: int


def _edits(old_marks: list[bool], new_marks: list[bool]) -> Iterator[_Edit]:
    old = new = 0
    while old < len(old_marks) or new < len(new_marks):
        start = (old, new)
        while old < len(old_marks) and old_marks[old]:
            old += 1
        while new < len(new_marks) and new_marks[new]:
            new += 1
        if (old, new) != start:
            yield _Edit(start[0], old, start[1], new)
        old, new = old + 1, new + 1


def _hunks(old_data: bytes, new_data: bytes) -> Iterator[bytes]:
    before, after = split_lines(old_data), split_lines(new_data)
    if before and after:
        edits = list(_edits(*changed_marks(before, after)))
    else:
        edits = [_Edit(0, len(before), 0, len(after))] if before or after else []
    groups: list[list[_Edit]] = []
    for edit in edits:
        if groups and edit.old_start - groups[-1][-1].old_end <= 2 * _CONTEXT:
            groups[-1].append(edit)
        else:
            groups.append([edit])
    for group in groups:
        yield _hunk(before, after, group)


def _hunk(before: list[bytes], after: list[bytes], group: list[_Edit]) -> bytes:
    lead = min(_CONTEXT, group[0].old_start)
    old_start, new_start = group[0].old_start - lead, group[0].new_start - lead
    tail = min(_CONTEXT, len(before) - group[-1].old_end)
    old_end, new_end = group[-1].old_end + tail, group[-1].new_end + tail
    name = next((line for line in reversed(before[:old_start]) if _NAMED.match(line)), b"")
    name = name.rstrip()[:_MAX_NAME_BYTES].rstrip()
    sides = (_range("-", old_start, old_end - old_start), _range("+", new_start, new_end - new_start))
    lines = [f"@@ {sides[0]} {sides[1]} @@".encode() + (b" " + name if name else b"") + b"\n"]
    at = old_start
    for edit in group:
        lines += [b" " + line for line in before[at : edit.old_start]]
        lines += [b"-" + line for line in before[edit.old_start : edit.old_end]]
        lines += [b"+" + line for line in after[edit.new_start : edit.new_end]]
        at = edit.old_end
    lines += [b" " + line for line in before[at:old_end]]
    return b"".join(line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n" for line in lines)


def _range(sign: str, start: int, count: int) -> str:
    if count == 1:
        return f"{sign}{start + 1}"
    return f"{sign}{start if count == 0 else start + 1},{count}"


# ---------------------------------------------------------------------------------------------- mail
def patch_text(git: GitStore, sha: str, *, number: int = 1, total: int = 1) -> bytes:
    """Return one commit as a mail that `git am` takes, without the signature below it.

    Raises:
        TooDifferent: a file was changed almost everywhere.
    """
    commit = git.commit(sha)
    when = of_git(commit.author_time, commit.author_timezone)
    subject, _, body = commit.message.decode("utf-8", "replace").partition("\n")
    count = f" {number}/{total}" if total > 1 else ""
    # git writes days without a leading zero, as the standard's examples do.
    date = re.sub(r" 0(\d )", r" \1", format_datetime(when), count=1)
    head = (
        f"From {sha} Mon Sep 17 00:00:00 2001\n"
        f"From: {commit.author.decode('utf-8', 'replace')}\n"
        f"Date: {date}\n"
        f"Subject: [PATCH{count}] {_as_word(subject)}\n"
    )
    if any(byte > 0x7E for byte in commit.message):
        head += "MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n"
    text = body.strip("\n")
    changes = compare(git, parent_of(commit), sha)
    parts = [head, "\n", f"{text}\n" if text else "", "---\n", _stat(git, changes), "\n"]
    return "".join(parts).encode("utf-8", "surrogateescape") + b"".join(_file(git, change) for change in changes)


def _as_word(text: str) -> str:
    """Source: RFC 2047, as git's pretty.c uses it."""
    if text.isascii():
        return text
    plain = re.compile(rb"[A-Za-z0-9!*+/-]")
    pieces = (bytes([b]).decode() if plain.match(bytes([b])) else f"={b:02X}" for b in text.encode())
    return f"=?UTF-8?q?{''.join(pieces)}?="


def mailbox(git: GitStore, shas: list[str]) -> bytes:
    """Return commits as mails, the oldest first.

    Raises:
        TooDifferent: a file was changed almost everywhere.
    """
    signature = f"-- \n{GIT_VERSION}\n\n"
    mails = [patch_text(git, sha, number=number, total=len(shas)) for number, sha in enumerate(shas, start=1)]
    return b"\n".join(mail + signature.encode() for mail in mails)


def _shown_path(change: FileChange) -> str:
    if not change.is_renamed:
        return _quoted("", change.path)
    old, new = change.old_path.split("/"), change.path.split("/")
    start = 0
    while start < min(len(old), len(new)) - 1 and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start - 1 and old[-1 - end] == new[-1 - end]:
        end += 1
    if not start and not end:
        return f"{change.old_path} => {change.path}"
    middle = "/".join(old[start : len(old) - end]), "/".join(new[start : len(new) - end])
    parts = ("/".join(old[:start]), f"{{{middle[0]} => {middle[1]}}}", "/".join(old[len(old) - end :] if end else []))
    return "/".join(part for part in parts if part)


def _stat(git: GitStore, changes: list[FileChange]) -> str:
    """Source: git diff.c show_stats."""
    if not changes:
        return ""
    names = [_shown_path(change) for change in changes]
    name_width = min(max(map(len, names)), 50)
    greatest = max(change.added + change.removed for change in changes)
    number_width = max(len(str(greatest)), 3 if any(change.is_binary for change in changes) else 1)
    graph_width = _STAT_WIDTH - name_width - number_width - 6
    lines: list[str] = []
    for name, change in zip(names, changes, strict=True):
        shown = name if len(name) <= name_width else f"...{name[len(name) - name_width + 3 :]}"
        if change.is_binary:
            sizes = [len(content(git, blob)) for blob in (change.old, change.new)]
            lines.append(f" {shown:<{name_width}} | {'Bin':>{number_width}} {sizes[0]} -> {sizes[1]} bytes")
            continue
        plus, minus = _graph(change.added, change.removed, greatest, graph_width)
        count = change.added + change.removed
        marks = f" {'+' * plus}{'-' * minus}" if count else ""
        lines.append(f" {shown:<{name_width}} | {count:>{number_width}}{marks}")
    added, removed = (sum(getattr(change, side) for change in changes) for side in ("added", "removed"))
    total = f" {len(changes)} file{'' if len(changes) == 1 else 's'} changed"
    if added or not removed:
        total += f", {added} insertion{'' if added == 1 else 's'}(+)"
    if removed or not added:
        total += f", {removed} deletion{'' if removed == 1 else 's'}(-)"
    return "\n".join([*lines, total]) + "\n"


def _graph(added: int, removed: int, greatest: int, width: int) -> tuple[int, int]:
    if greatest <= width:
        return added, removed
    total = _scaled(added + removed, width, greatest)
    if total < 2 and added and removed:
        total = 2
    if added < removed:
        plus = _scaled(added, width, greatest)
        return plus, total - plus
    minus = _scaled(removed, width, greatest)
    return total - minus, minus


def _scaled(count: int, width: int, greatest: int) -> int:
    return 0 if not count else 1 + count * (width - 1) // greatest
