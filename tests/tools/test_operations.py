"""tools/operations.py: the committed table is what the script makes of the pinned description."""

from __future__ import annotations

import json
import os
from pathlib import Path

import operations
import pytest

SOURCE = os.environ.get("AEGIS_TEST_GITEA_OPENAPI", "")


@pytest.mark.skipif(not SOURCE, reason="AEGIS_TEST_GITEA_OPENAPI names no description of Gitea's API (swagger.v1.json)")
def test_the_table_is_made_of_the_pinned_description() -> None:
    """Edited by hand, it would say what Gitea never said."""
    description = json.loads(Path(SOURCE).read_text(encoding="utf-8"))

    assert operations.DIGEST == operations.digest(description)
    assert operations.table(description) == operations.TABLE.read_text(encoding="utf-8")


def test_the_table_names_the_description_that_it_is_made_of() -> None:
    """Where the description itself is not at hand, the pin still is."""
    head, *rows = (json.loads(line) for line in operations.TABLE.read_text(encoding="utf-8").splitlines())

    assert {"gitea": operations.GITEA, "digest": operations.DIGEST, "operations": len(rows) - 2} == head


DESCRIPTION: operations.Fields = {
    "paths": {
        "/repos/{owner}/things": {
            "get": {
                "operationId": "listThings",
                "tags": ["repository"],
                "summary": "List  the\nthings",
                "deprecated": True,
                "parameters": [
                    {"name": "owner", "in": "path", "type": "string", "required": True, "description": "whose"},
                    {
                        "name": "kinds",
                        "in": "query",
                        "type": "array",
                        "items": {"type": "string", "enum": ["a", "b"]},
                        "description": "which",
                    },
                    {"name": "since", "in": "query", "type": "string", "format": "date-time", "required": True},
                    {
                        "name": "page",
                        "in": "query",
                        "type": "integer",
                        "minimum": 1,
                        "default": 1,
                        "description": "w" * 200,
                    },
                ],
                "responses": {"200": {"$ref": "#/responses/ThingList"}, "404": {"description": "no"}},
            },
            "post": {
                "operationId": "makeThing",
                "tags": ["repository"],
                "parameters": [
                    {"name": "owner", "in": "path", "type": "string", "required": True, "description": "whose"},
                    {"name": "body", "in": "body", "schema": {"$ref": "#/definitions/MakeThing"}},
                ],
                "responses": {"201": {"$ref": "#/definitions/Thing"}},
            },
        },
    },
    "definitions": {
        "Kind": {"type": "string", "enum": ["x", "y"]},
        "Thing": {"type": "object", "properties": {"name": {"type": "string"}, "id": {"type": "integer"}}},
        "MakeThing": {
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": {"type": "string"},
                "kind": {"$ref": "#/definitions/Kind"},
                "parts": {"type": "array", "items": {"$ref": "#/definitions/Thing"}},
            },
        },
    },
    "responses": {
        "ThingList": {
            "schema": {
                "type": "object",
                "properties": {
                    "total_count": {"type": "integer"},
                    "things": {"type": "array", "items": {"$ref": "#/definitions/Thing"}},
                },
            }
        }
    },
}


def test_a_row_says_only_what_is_not_the_rule() -> None:
    """Every byte of it stands in the package."""
    rows = [json.loads(line) for line in operations.table(DESCRIPTION).splitlines()]

    assert {"Thing": ["id", "name"]} == rows[1]
    assert {"owner": "whose"} == rows[2]
    assert {
        "id": "listThings",
        "method": "GET",
        "path": "/repos/{owner}/things",
        "tag": "repository",
        "summary": "List the things",
        "parameters": [
            {"name": "owner"},
            {"name": "kinds", "many": True, "enum": ["a", "b"], "words": "which"},
            {"name": "since", "type": "date-time", "required": True},
            {"name": "page", "type": "integer", "default": 1, "minimum": 1, "words": "w" * 159 + "…"},
        ],
        "answer": "Thing[]",
        "under": "things",
        "deprecated": True,
    } == rows[3]
    assert {"kind": "x|y", "name": "string!", "parts": "Thing[]"} == rows[4]["body"]
    assert "Thing" == rows[4]["answer"]


def test_another_description_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever pins a newer one must have looked at what is new in it."""
    other = tmp_path / "swagger.v1.json"
    other.write_text(json.dumps(DESCRIPTION), encoding="utf-8")
    before = operations.TABLE.read_bytes()

    assert 65 == operations.main([str(other)])
    assert operations.digest(DESCRIPTION) in capsys.readouterr().err
    assert before == operations.TABLE.read_bytes()
    assert 64 == operations.main([])


def test_what_a_server_adds_does_not_count() -> None:
    """A server writes its own address into the description that it gives."""
    assert operations.digest(DESCRIPTION) == operations.digest(DESCRIPTION | {"host": "git.example.com"})
