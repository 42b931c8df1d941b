"""Content negotiation: which forms of an answer a client takes, and whether its body is JSON.

Law: only what MCP needs is understood; a header that is absent takes everything, one that is unreadable nothing.

Source: RFC 9110 sections 8.3.1 (media types) and 12.5.1 (Accept).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from aegis_trio.model.asgi import Headers

_JSON_RANGES: Final = frozenset({"application/json", "application/*", "*/*"})
_STREAM_RANGES: Final = frozenset({"text/event-stream", "text/*", "*/*"})


@final
@dataclass(frozen=True, slots=True)
class Forms:
    """The forms of an answer that a client takes."""

    json: bool
    stream: bool


def accepted_forms(headers: Headers) -> Forms:
    """Return the forms that the `Accept` header allows.

    Source: MCP 2026-07-28 basic/transports/streamable-http#sending-messages, item 2 (clients list both).
    """
    values = [value.decode("latin-1").lower() for name, value in headers if name == b"accept"]
    if not values:
        return Forms(json=True, stream=True)
    ranges = {media for entry in ",".join(values).split(",") if (media := _wanted(entry)) is not None}
    return Forms(json=bool(ranges & _JSON_RANGES), stream=bool(ranges & _STREAM_RANGES))


def is_json_body(headers: Headers) -> bool:
    """Return whether the body is declared as `application/json`, with no charset but UTF-8.

    Threat: `text/plain` needs no preflight, so any page could post here; `application/json` does.
    """
    values = [value.decode("latin-1") for name, value in headers if name == b"content-type"]
    if len(values) != 1:
        return False
    media, *parameters = (part.strip().lower() for part in values[0].split(";"))
    return media == "application/json" and all(part in {"charset=utf-8", 'charset="utf-8"'} for part in parameters)


def _wanted(entry: str) -> str | None:
    media, *parameters = (part.strip() for part in entry.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q" and value.strip().rstrip("0").rstrip(".") in {"", "0"}:
            return None
    return media
