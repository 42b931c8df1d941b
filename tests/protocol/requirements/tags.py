"""Which tests there are, and which rows they say they prove: read from their source, without importing them.

The tag is `@pytest.mark.requirement("MCP-…", …)` above a test; nothing else counts.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[3]
_MARKER: Final = "pytest.mark.requirement"


def read_tests() -> dict[str, tuple[str, ...]]:
    """Return every test below tests/ by its node id without parameters, with the ids that it is tagged with."""
    return {
        node_id: tags
        for path in sorted((ROOT / "tests").glob("**/test_*.py"))
        for node_id, tags in read_source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
    }


def read_source(name: str, source: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the tests of one file, with their tags.

    Raises:
        ValueError: a tag stands above something that is no test, or is not made of strings.
    """
    yield from _tests_in(ast.parse(source).body, name)


def _tests_in(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for statement in body:
        if isinstance(statement, ast.ClassDef):
            if _tags_of(statement, prefix):
                raise ValueError(f"{prefix}: a class is tagged; tag its tests")
            yield from _tests_in(statement.body, f"{prefix}::{statement.name}")
        elif isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node_id = f"{prefix}::{statement.name}"
            tags = _tags_of(statement, node_id)
            if statement.name.startswith("test_"):
                yield node_id, tags
            elif tags:
                raise ValueError(f"{node_id} is tagged and is no test")


def _tags_of(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, where: str) -> tuple[str, ...]:
    tags: list[str] = []
    for decorator in node.decorator_list:
        if not ast.unparse(decorator).startswith(_MARKER):
            continue
        ids = [argument.value for argument in getattr(decorator, "args", []) if isinstance(argument, ast.Constant)]
        tags += [value for value in ids if isinstance(value, str)]
        if not tags or len(ids) != len(getattr(decorator, "args", [])):
            raise ValueError(f"{where}: the tag must be a call with strings")
    return tuple(tags)
