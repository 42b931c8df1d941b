"""Recorded answers of a real Gitea's sign-in side, as the values that decoders take.

Placeholders stand for what was secret; here each becomes a word of the characters that the secret had.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from aegis_trio.gitea.request import ForgeResponse

_FILE = Path(__file__).parent / "recordings" / "oauth.jsonl"
_PLACEHOLDER = re.compile(r"<([a-z_-]+:[a-z0-9_.:-]+)>")


def word(placeholder: str) -> str:
    """Return what stands here for the secret *placeholder*, such as `access_token:oauth.main`."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", placeholder)


def _response_of(line: dict[str, Any]) -> ForgeResponse:
    if "body" in line:
        body = json.dumps(line["body"])
    elif "html" in line:
        body = f"<!DOCTYPE html><title>{line['html']['title']}</title>"
    else:
        body = line.get("text", "")
    headers = line["response_headers"]
    return ForgeResponse(
        status=line["status"],
        content_type=headers.get("content-type", "").partition(";")[0],
        body=_PLACEHOLDER.sub(lambda match: word(match[1]), body).encode(),
        location=headers.get("location"),
    )


LINES: dict[str, dict[str, Any]] = {
    line["id"]: line for line in map(json.loads, _FILE.read_text(encoding="utf-8").splitlines())
}
RESPONSES = {id_: _response_of(line) for id_, line in LINES.items()}


def ids_at(*parts: str, status: int | None = None) -> list[str]:
    """Return the ids of exchanges whose path ends with one of *parts*."""
    return [
        id_
        for id_, line in LINES.items()
        if line["path"].endswith(parts) and (status is None or line["status"] == status)
    ]
