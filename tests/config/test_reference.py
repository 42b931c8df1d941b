"""The committed reference is the one that the table gives."""

from __future__ import annotations

from pathlib import Path

from aegis_trio.config.load import gather
from aegis_trio.config.reference import render_example, render_markdown
from aegis_trio.config.report import effective_document, effective_lines
from aegis_trio.config.sources import Sources
from aegis_trio.config.table import VARIABLES
from tests.config.places import KEY, LEAST, written

ROOT = Path(__file__).parents[2]


def test_the_committed_example_is_up_to_date() -> None:
    """`aegis-trio config --example > .env.example` mends it."""
    assert render_example() == (ROOT / ".env.example").read_text()


def test_the_committed_document_is_up_to_date() -> None:
    """`aegis-trio config --markdown > docs/configuration.md` mends it."""
    assert render_markdown() == (ROOT / "docs" / "configuration.md").read_text()


def test_the_example_names_everything_and_sets_nothing(tmp_path: Path) -> None:
    """Copied as it is, it changes no default; uncommented, it holds the defaults."""
    example = render_example()
    assert {} == Sources({}, written(tmp_path / "a.env", example)).names()

    uncommented = "\n".join(
        line.removeprefix("#")
        for line in example.splitlines()
        if line.startswith("#") and "=" in line and line[1] != " "
    )
    gathered = gather(LEAST, written(tmp_path / "b.env", uncommented))

    assert () == gathered.faults
    assert [variable.name for variable in VARIABLES] == [line.partition("=")[0] for line in uncommented.splitlines()]


def test_the_report_masks_secrets() -> None:
    """It is made to be pasted into a question to somebody else."""
    gathered = gather(LEAST | {"PORT": "x"}, None)

    text = "\n".join(effective_lines(gathered.effective)) + str(effective_document(gathered))

    assert KEY not in text
    assert LEAST["GITEA_TOKEN"] not in text
    assert "AUTH_FAILURE_WINDOW = 300 s [default]" in [
        " ".join(line.split()) for line in effective_lines(gathered.effective)
    ]
    assert effective_document(gathered)["ok"] is False
    assert [] == effective_lines([])
