"""Documents lead somewhere."""

from __future__ import annotations

import json
from urllib.parse import unquote, urlsplit

import pytest

from tests.docs.documents import ROOT, Document, documents

DOCUMENTS = documents()


def test_the_documents_are_found() -> None:
    """Rules for no documents would hold."""
    expected = {"README.md", "SECURITY.md", "DECISIONS.md", "CHANGELOG.md", "docs/api.md", "docs/connect.md"}

    assert expected <= {document.name for document in DOCUMENTS}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_relative_link_leads_to_a_file_and_heading_that_exist(document: Document) -> None:
    """A reader in trouble follows links; one that leads nowhere costs the trust in all others."""
    broken = [target for target in document.links() if not urlsplit(target).scheme and not _leads(document, target)]

    assert [] == broken


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_json_example_is_json(document: Document) -> None:
    """Examples are pasted into files that programs read."""
    for example in document.fences("json"):
        try:
            json.loads(example)
        except ValueError:
            for line in example.splitlines():  # JSON lines
                json.loads(line)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_python_example_compiles(document: Document) -> None:
    """The same for programs."""
    for number, example in enumerate(document.fences("python")):
        compile(example, f"{document.name} example {number}", "exec")


def _leads(document: Document, target: str) -> bool:
    raw_path, _, fragment = target.partition("#")
    path = (document.path.parent / unquote(raw_path)).resolve() if raw_path else document.path
    if not path.is_relative_to(ROOT) or not path.exists():
        return False
    return not fragment or fragment in Document(path).anchors()
