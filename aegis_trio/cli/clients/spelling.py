"""Spelling: values as the clients' files, shells and links carry them.

Law: for every text, what the other side reads is that text, whatever stands in it.
"""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias
from urllib.parse import quote

from aegis_trio.model.json import JsonValue

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_SHELL_SPECIAL: Final = re.compile(r'[\\"`$]')

TomlValue: TypeAlias = str | Sequence[str] | Mapping[str, str]


def pretty_json(document: JsonValue) -> str:
    """Return *document* as people read it."""
    return json.dumps(document, indent=2)


def plain_json(document: JsonValue) -> str:
    """Return *document* on one line, in ASCII."""
    return json.dumps(document, separators=(",", ":"))


def toml_table(path: Sequence[str], values: Mapping[str, TomlValue]) -> str:
    """Return the TOML table at *path*.

    Source: TOML 1.0.0, "Keys", "String", "Array", "Inline Table".
    """
    lines = [f"[{'.'.join(_toml_key(part) for part in path)}]"]
    lines.extend(f"{_toml_key(key)} = {_toml_value(value)}" for key, value in values.items())
    return "\n".join(lines)


def shell_line(words: Sequence[str]) -> str:
    """Return *words* as a POSIX shell reads them back."""
    return shlex.join(words)


def shell_reference(text: str, variable: str) -> str:
    """Return one word of a POSIX shell: *text* as it stands, and behind it the value of *variable*.

    The value itself is in neither the line nor the shell's history.
    """
    escaped = _SHELL_SPECIAL.sub(r"\\\g<0>", text)
    return f'"{escaped}${{{variable}}}"'


def in_base64(document: JsonValue) -> str:
    """Return *document* in base64, percent-encoded for a query."""
    return in_query(base64.b64encode(plain_json(document).encode("ascii")).decode("ascii"))


def in_query(text: str) -> str:
    """Return *text* percent-encoded, as JavaScript's `encodeURIComponent` does and stricter.

    Source: RFC 3986 section 2.
    """
    return quote(text, safe="")


def _toml_key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _toml_string(key)


def _toml_value(value: TomlValue) -> str:
    if isinstance(value, str):
        return _toml_string(value)
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_toml_key(key)} = {_toml_string(text)}' for key, text in value.items())} }}"
    return f"[{', '.join(_toml_string(text) for text in value)}]"


def _toml_string(text: str) -> str:
    # JSON's escapes are TOML's, but for two: TOML has no surrogate pairs, and it forbids DEL as it stands.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
