"""How a call's arguments stand in the trail: places in full, texts as length and keyed digest.

Who holds the key can later show that a text was (or was not) the one that was sent; who only reads the log learns
its length, and which calls sent the same text. The key is derived for this purpose alone (`Purpose.ARGUMENT_DIGEST`).

Threat: an unkeyed digest of a short text is the text, for whoever tries all short texts.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Collection, Mapping

from aegis_trio.model.json import JsonObject, JsonValue


def describe_arguments(
    raw_arguments: JsonObject,
    digest_key: bytes,
    *,
    places: Mapping[str, str | int] | None = None,
    in_full: Collection[str] = (),
) -> JsonObject:
    """Return every argument in the form that may be kept.

    Args:
        raw_arguments: as the client sent them, validated or not.
        digest_key: 32 bytes, for this purpose alone.
        places: arguments that name a place, as they were understood; empty or None when they were not.
        in_full: names of further arguments that stand in full.

    Returns:
        JsonObject: places, the arguments named by *in_full*, numbers, true, false and null stand in full; every text,
        list and object as `{"length": …, "digest": "hmac-sha256:…"}`, where the length of a text is its
        characters, of anything else the bytes of its JSON.
    """
    described: JsonObject = {}
    for name, value in raw_arguments.items():
        if places is not None and name in places:
            described[name] = places[name]
        elif name in in_full or not isinstance(value, str | list | dict):
            described[name] = value
        else:
            described[name] = _digest(value, digest_key)
    for name, place in (places or {}).items():
        described.setdefault(name, place)
    return described


def _digest(value: JsonValue, digest_key: bytes) -> JsonObject:
    if isinstance(value, str):
        length, data = len(value), value.encode("utf-8", "surrogatepass")
    else:
        data = json.dumps(value, sort_keys=True, ensure_ascii=True).encode()
        length = len(data)
    return {"length": length, "digest": f"hmac-sha256:{hmac.digest(digest_key, data, hashlib.sha256).hex()}"}
