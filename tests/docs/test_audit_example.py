"""The worked example of the audit guide: every command that it shows is run, and prints what it shows."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from aegis_trio.audit.checkpoint import Checkpoint, sign_checkpoint
from aegis_trio.audit.notes import SignatureKind, SigningKey
from aegis_trio.audit.signer import EVERY_RECORDS, EVERY_S
from aegis_trio.audit.tree import CompactRange, leaf_digest
from aegis_trio.cli.audit.verify import MAX_UNSIGNED
from tests.docs.documents import ROOT, document

GUIDE = document("docs/audit.md")
EXAMPLE = ROOT / "docs" / "audit-example"
KEY = SigningKey(
    "gate.example/audit/1f0c9a2b-3d4e-4f60-8a7b-9c0d1e2f3a4b",
    SignatureKind.NOTE,
    hashlib.sha256(b"the signing key of the example in docs/audit.md").digest(),
)


def commands() -> list[tuple[str, str]]:
    """Return each command of the guide's consoles with what stands beneath it."""
    found: list[tuple[str, str]] = []
    for fence in GUIDE.fences("console"):
        for part in fence.split("$ ")[1:] if fence.startswith("$ ") else []:
            command, _, shown = part.partition("\n")
            found.append((command, shown))
    return found


def run(command: str, folder: Path) -> str:
    """Run one line of a shell that finds `aegis-trio`."""
    shell = f'aegis-trio() {{ {sys.executable} -m aegis_trio "$@"; }}; {command}'
    ended = subprocess.run(
        ["/bin/bash", "-c", shell],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return ended.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Copy the example."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "example"))


def test_every_command_prints_what_the_guide_shows(folder: Path) -> None:
    """An auditor types these first; another output than the one shown is where trust ends."""
    shown = commands()
    assert len(shown) >= 7

    assert shown == [(command, run(command, folder)) for command, _ in shown]


def test_the_example_is_the_log_of_the_guide() -> None:
    """The lines that the guide explains are the ones that are verified; the key of the example is nobody's."""
    lines = GUIDE.fences("json")[0].encode()
    tree = CompactRange()
    notes: dict[int, str] = {0: ""}
    for line in lines.splitlines():
        tree.add(leaf_digest(line))
        checkpoint = Checkpoint(origin=KEY.name, size=tree.size, root=tree.root())
        notes[tree.size] = str(sign_checkpoint(checkpoint, KEY).note)

    assert lines == (EXAMPLE / "audit.log").read_bytes()
    assert notes[8] == (EXAMPLE / "audit.log.checkpoint").read_text(encoding="utf-8")
    assert notes[5] == (EXAMPLE / "pinned.checkpoint").read_text(encoding="utf-8")
    assert notes[5] in GUIDE.fences("")
    assert f"{KEY.verifier}\n" == (EXAMPLE / "vkey").read_text(encoding="utf-8")


def test_the_numbers_of_the_guide_are_the_real_ones() -> None:
    """What bounds the unsigned end."""
    text = " ".join(GUIDE.text.split())

    assert f"after {EVERY_RECORDS:,} records, after {EVERY_S:g} s with a new one" in text
    assert f"`--max-unsigned` ({MAX_UNSIGNED})" in text
