"""Operations: make the table of the forge's operations out of Gitea's own OpenAPI description.

    python3 tools/operations.py swagger.v1.json

The description is `templates/swagger/v1_json.tmpl` of Gitea's source, which a server gives at `/swagger.v1.json`.
What is written (aegis_trio/toolsets/operations/operations.jsonl) is one JSON document a line, so that a newer Gitea's
differences can be read: a head, the shapes of answers, the usual words of parameters, then every operation by its name.

Laws:
    1. The same description makes the same bytes, on every machine.
    2. Another description than the pinned one is refused; whoever pins a newer one looks at what is new in it, above
       all for operations that show credentials (aegis_trio/toolsets/operations/exposure.py).

Source: OpenAPI 2.0 (https://swagger.io/specification/v2/).
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Final, TypeAlias, cast

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
Fields: TypeAlias = "dict[str, Json]"

TABLE: Final = Path(__file__).parent.parent / "aegis_trio" / "toolsets" / "operations" / "operations.jsonl"
GITEA: Final = "1.25.4"
DIGEST: Final = "c21c580e4aa607ddd088f20505b468694b6d4e3a5203e7ecabef46c57f514faf"
"""SHA-256 of the canonical form of the pinned description: what servers put into it (host, address) does not count."""
_PARTS: Final = ("paths", "definitions", "responses")
_MAX_WORDS: Final = 160  # characters of one explanation; Gitea's longest are essays
_AROUND: Final = frozenset({"count", "ok", "page", "sha", "total_commits", "total_count", "truncated", "url"})
"""What stands beside a list in the object that holds it, and tells only how long it is, or whose."""
_REFERENCE: Final = re.compile(r"#/(?:definitions|responses)/(?P<name>\w+)")


def main(arguments: list[str]) -> int:
    """Write the table made of the description named by *arguments*."""
    if len(arguments) != 1:
        print("usage: python3 tools/operations.py swagger.v1.json", file=sys.stderr)
        return 64
    description = cast("Fields", json.loads(Path(arguments[0]).read_text(encoding="utf-8")))
    found = digest(description)
    if found != DIGEST:
        print(f"not the pinned description of Gitea {GITEA}: its digest is {found}", file=sys.stderr)
        return 65
    TABLE.write_text(table(description), encoding="utf-8")
    return 0


def digest(description: Fields) -> str:
    """Return the SHA-256 of what of *description* is Gitea's, not one server's."""
    kept = {part: description[part] for part in _PARTS}
    return hashlib.sha256(json.dumps(kept, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def table(description: Fields) -> str:
    """Return the table made of *description*."""
    operations = [
        _operation(description, path, method, _object(operation))
        for path, methods in _object(description["paths"]).items()
        for method, operation in _object(methods).items()
    ]
    operations.sort(key=lambda one: str(one["id"]))
    answered = {str(one["answer"]).removesuffix("[]") for one in operations if "answer" in one}
    shapes: Fields = {name: _names_of(description, name) for name in sorted(answered) if name[0].isupper()}
    usual = _usual_words(operations)
    head: Fields = {"gitea": GITEA, "digest": digest(description), "operations": len(operations)}
    return "".join(f"{_line(one)}\n" for one in (head, shapes, usual, *operations))


def _usual_words(operations: list[Fields]) -> Fields:
    """Return what is mostly said of a parameter of each name, and leave it out where it is said."""
    said: dict[str, Counter[str]] = {}
    parameters = [_object(parameter) for one in operations for parameter in _list(one["parameters"])]
    for parameter in parameters:
        said.setdefault(str(parameter["name"]), Counter())[str(parameter.get("words", ""))] += 1
    usual: Fields = {}
    for name, counts in sorted(said.items()):
        words, times = max(counts.items(), key=lambda item: (item[1], item[0]))
        if words and times > 1:
            usual[name] = words
    for parameter in parameters:
        if parameter.get("words") == usual.get(str(parameter["name"])):
            parameter.pop("words", None)
        else:
            parameter.setdefault("words", "")
    return usual


def _operation(description: Fields, path: str, method: str, operation: Fields) -> Fields:
    raw_parameters = [_object(parameter) for parameter in _list(operation.get("parameters", []))]
    made: Fields = {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "tag": _list(operation["tags"])[0],
        "summary": _words(operation.get("summary", "")),
        "parameters": [_parameter(path, one) for one in raw_parameters if one["in"] != "body"],
    }
    for one in raw_parameters:
        if one["in"] == "body":
            made["body"] = _body(description, _object(one["schema"]))
    answer, under = _answer(description, operation)
    if answer:
        made["answer"] = answer
    if under:
        made["under"] = under
    successes = {status for status in _object(operation["responses"]) if status.startswith("2")}
    if successes == {"204"}:
        made["asks"] = True  # its statuses are its answers: 204 is yes, 404 no
    if operation.get("deprecated"):
        made["deprecated"] = True
    return made


def _parameter(path: str, parameter: Fields) -> Fields:
    """Return one parameter: its name, and only what is not the rule: a text, in the path or else in the query."""
    items = _object(parameter.get("items", {}))
    kind = items.get("type") if parameter["type"] == "array" else parameter["type"]
    in_path = f"{{{parameter['name']}}}" in path
    if (parameter["in"] == "path") is not in_path:
        raise ValueError(f"{path} and its parameter {parameter['name']} disagree")
    made: Fields = {"name": parameter["name"]}
    if parameter["in"] == "formData":
        made["in"] = "form"
    if kind != "string" or "format" in parameter:
        made["type"] = parameter["format"] if kind == "string" else kind
    if parameter["type"] == "array":
        made["many"] = True
    if parameter.get("required") and not in_path:
        made["required"] = True
    for key in ("enum", "default", "minimum"):
        value = parameter.get(key, items.get(key))
        if value is not None:
            made[key] = value
    words = _words(parameter.get("description", ""))
    if words:
        made["words"] = words
    return made


def _body(description: Fields, schema: Fields) -> Json:
    """Return the fields that a body takes, each with its type in words; a required one ends in `!`."""
    resolved = _resolved(description, schema)
    properties = _object(resolved.get("properties", {}))
    if not properties:
        return _type(description, schema)
    required = _list(resolved.get("required", []))
    return {
        name: f"{_type(description, _object(field))}{'!' if name in required else ''}"
        for name, field in sorted(properties.items())
    }


def _type(description: Fields, schema: Fields) -> str:
    """Return in a word or two what *schema* admits."""
    reference = schema.get("$ref")
    if isinstance(reference, str):
        resolved = _resolved(description, schema)
        return _type(description, resolved) if "properties" not in resolved else _name(reference)
    match schema.get("type"):
        case "array":
            return f"{_type(description, _object(schema['items']))}[]"
        case "string" if "enum" in schema:
            return "|".join(str(value) for value in _list(schema["enum"]))
        case "string":
            return str(schema.get("format", "string"))
        case kind:
            return str(kind or "object")


def _answer(description: Fields, operation: Fields) -> tuple[str, str]:
    """Return what a success brings, and the name under which a list's entries stand, empty when they stand alone.

    What it brings is the name of a shape, `[]` behind it for a list; a type; `file`; or nothing.
    """
    responses = _object(operation["responses"])
    for status in sorted(responses):
        if not status.startswith("2"):
            continue
        response = _object(responses[status])
        reference = response.get("$ref")
        if isinstance(reference, str) and reference.startswith("#/responses/"):
            response = _object(_object(description["responses"])[_name(reference)])
        schema = response if isinstance(response.get("$ref"), str) else _object(response.get("schema", {}))
        if schema:
            return _entries(description, schema) or (_shape(schema), "")
    return "", ""


def _entries(description: Fields, schema: Fields) -> tuple[str, str] | None:
    """Return what *schema* wraps, when it is a list with nothing but counts around it; else None."""
    properties = _object(_resolved(description, schema).get("properties", {}))
    lists = [name for name in properties if name not in _AROUND]
    if len(lists) != 1 or _object(properties[lists[0]]).get("type") != "array":
        return None
    return _shape(_object(properties[lists[0]])), lists[0]


def _shape(schema: Fields) -> str:
    reference = schema.get("$ref")
    if isinstance(reference, str):
        return _name(reference)
    if schema.get("type") == "array":
        return f"{_shape(_object(schema['items']))}[]"
    return str(schema.get("type", "object"))


def _names_of(description: Fields, name: str) -> list[Json]:
    return [*sorted(_object(_object(_object(description["definitions"])[name]).get("properties", {})))]


def _resolved(description: Fields, schema: Fields) -> Fields:
    reference = schema.get("$ref")
    return schema if not isinstance(reference, str) else _object(_object(description["definitions"])[_name(reference)])


def _name(reference: str) -> str:
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise ValueError(f"a reference of another form: {reference}")
    return found["name"]


def _words(raw: Json) -> str:
    words = " ".join(str(raw).split())
    return words if len(words) <= _MAX_WORDS else f"{words[: _MAX_WORDS - 1].rstrip()}…"


def _line(value: Fields) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _object(value: Json) -> Fields:
    if not isinstance(value, dict):
        raise TypeError("the description has another form: not an object")
    return value


def _list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise TypeError("the description has another form: not a list")
    return value


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
