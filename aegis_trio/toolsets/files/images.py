"""Images in answers: shown as images, when they are small and are what they say.

Not here: larger ones; they are named, and can be attached as resources.
"""

from __future__ import annotations

import base64
from typing import Final

from aegis_trio.model.json import JsonObject

MAX_IMAGE_BYTES: Final = 32 * 1024
"""As Base64 it has 43 KB, which fits into one reply (`MAX_REPLY_BYTES`) with its description."""
# Source: the formats that assistants take (PNG, JPEG, GIF, WebP) and how each begins. SVG is a text with scripts.
_BEGINNINGS: Final = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


def image_type(content: bytes) -> str | None:
    """Return the media type of an image by its first bytes, whatever its name says; None when it is none of ours."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for beginning, kind in _BEGINNINGS.items() if content.startswith(beginning)), None)


def image_block(content: bytes) -> JsonObject | None:
    """Return *content* as an image block of MCP; None when it is no image, or a large one.

    Source: MCP 2026-07-28 server/tools#image-content.
    """
    kind = image_type(content)
    if kind is None or len(content) > MAX_IMAGE_BYTES:
        return None
    return {"type": "image", "data": base64.b64encode(content).decode(), "mimeType": kind}
