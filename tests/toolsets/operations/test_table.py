"""The table: whole, and the same operations that the demo forge knows of."""

from __future__ import annotations

import subprocess
import sys

from aegis_trio.demo_forge.router import gitea_routes
from aegis_trio.toolsets.operations.table import operations_table

TABLE = operations_table()
OPERATIONS = tuple(TABLE.operations.values())


def test_every_operation_of_gitea_stands_in_it() -> None:
    """The demo forge's routes were taken from the same description by another way."""
    known = {(method, _fixed(template)) for methods, template in gitea_routes() for method in methods}
    described = {(one.method, _fixed(one.path)) for one in OPERATIONS}

    assert "1.25.4" == TABLE.gitea
    assert 467 == len(OPERATIONS)
    assert described <= known
    # Routes that Gitea has and does not describe: a signed download, and a spelling of the status of a ref with `/`.
    undescribed = {"repos/*/*/actions/artifacts/*/zip/raw", "repos/*/*/commits/*"}
    assert undescribed == {path for method, path in known - described if method == "GET"}


def _fixed(template: str) -> str:
    """Return *template* with its variables nameless; the demo forge's table has no `{a}.{b}` and ends in `*`."""
    parts = ["*" if "{" in part else part for part in template.strip("/").split("/")]
    return "/".join(parts)


def test_every_variable_of_a_template_is_a_parameter() -> None:
    """One that were none could not be given, and would leave as it stands."""
    for one in OPERATIONS:
        parts = [part for word in one.words_of_path for part in word.split(".") if "{" in part]
        assert [part.strip("{}") for part in parts] == [parameter.name for parameter in one.in_path]
        assert all(parameter.required for parameter in one.in_path)


def test_a_shape_that_is_named_is_described() -> None:
    """`fields` is checked against it."""
    shapes = {one.answer.removesuffix("[]") for one in OPERATIONS}
    assert {shape for shape in shapes if shape[:1].isupper()} == set(TABLE.shapes)
    assert {"login", "id"} < set(TABLE.fields_of(TABLE.operations["userSearch"]))
    assert () == TABLE.fields_of(TABLE.operations["repoListTopics"])


def test_who_does_not_ask_does_not_pay() -> None:
    """Starting must not read what most calls never need."""
    program = (
        "import aegis_trio.toolsets.catalogue, aegis_trio.toolsets.operations.table as table;"
        "print(table.operations_table.cache_info().currsize)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)

    assert "0" == done.stdout.strip()
