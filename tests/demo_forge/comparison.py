"""Comparison: whether an answer is the recorded one, but for what changes from run to run.

Compared are the status, every recorded header, the media type, and the body: its keys and their order, its types,
null or not, the order of lists, and every value that is not volatile.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, Final, final

from tests.demo_forge.exchanges import Exchange
from tests.demo_forge.raw_client import Response
from tests.demo_forge.web_pages import outline_of

# Source: what the recordings' own description lists as changing from run to run.
_TIMES: Final = frozenset({"created", "created_at", "updated_at", "archived_at", "last_login", "time"})
# `kid` and `n` are of the key that signs tokens.
_ALWAYS_VOLATILE: Final = frozenset({"avatar_url", "exec_times", "next", "prev", "kid", "n"})
_FIXED_TIMES: Final = frozenset({"0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"})
_MOMENT: Final = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Leniency:
    """What may differ besides, at a server that was not recorded."""

    keys: frozenset[str] = frozenset()
    headers: frozenset[str] = frozenset()


STRICT: Final = Leniency()


def differences(exchange: Exchange, response: Response, leniency: Leniency = STRICT) -> list[str]:
    """Return what differs, in words; nothing when the answer is the recorded one."""
    found: list[str] = []
    if exchange.status != response.status:
        found.append(f"status: recorded {exchange.status}, answered {response.status}: {response.body[:200]!r}")
        return found
    found += _headers(exchange, response, leniency)
    found += _body(exchange, response, leniency)
    return found


def _headers(exchange: Exchange, response: Response, leniency: Leniency) -> list[str]:
    found: list[str] = []
    for name, recorded in exchange.response_headers.items():
        answered = response.headers.get(name)
        if name in leniency.headers:
            continue
        if name == "allow":
            # Gitea names one method of the route, any one of them, and another the next time.
            if answered is None or not answered.isupper():
                found.append(f"header allow: recorded {recorded!r}, answered {answered!r}")
        elif name == "content-length":
            if answered is None or (answered != recorded and not _has_free_length(exchange)):
                found.append(f"header content-length: recorded {recorded!r}, answered {answered!r}")
        elif answered != recorded:
            found.append(f"header {name}: recorded {recorded!r}, answered {answered!r}")
    # Only those that a recording would have kept may be missing there.
    kept = {"link", "x-total-count", "location", "etag", "allow", "content-type", "content-range", "cache-control"}
    found += [
        f"header {name}: not recorded, answered {response.headers[name]!r}"
        for name in sorted(kept)
        if name in response.headers and name not in exchange.response_headers
    ]
    return found


def _has_free_length(exchange: Exchange) -> bool:
    # Tokens are as long as the key that signs them.
    return exchange.path in {
        "/login/oauth/keys",
        "/login/oauth/access_token",
        "/api/healthz",
        "/.well-known/openid-configuration",
    }


def _body(exchange: Exchange, response: Response, leniency: Leniency) -> list[str]:
    if exchange.sha256 is not None:
        recorded = (exchange.length, exchange.sha256)
        answered = (len(response.body), hashlib.sha256(response.body).hexdigest())
        return [] if recorded == answered else [f"bytes: recorded {recorded}, answered {answered}"]
    if exchange.text is not None:
        answered_text = response.body.decode("utf-8", "replace")
        return (
            [] if exchange.text == answered_text else [f"text: recorded {exchange.text!r}, answered {answered_text!r}"]
        )
    if exchange.html is not None:
        recorded_page = {name: exchange.html[name] for name in ("title", "forms", "flash")}
        return list(_values("page", recorded_page, outline_of(response.body), leniency))
    if not exchange.has_body:
        return [] if not response.body else [f"body: recorded none, answered {response.body[:200]!r}"]
    try:
        document = json.loads(response.body)
    except ValueError:
        return [f"body: recorded JSON, answered {response.body[:200]!r}"]
    return list(_values("", exchange.body, document, leniency))


def _values(where: str, recorded: Any, answered: Any, leniency: Leniency) -> list[str]:
    if type(recorded) is not type(answered):
        return [f"{where}: recorded {_short(recorded)}, answered {_short(answered)}"]
    if isinstance(recorded, dict):
        if list(recorded) != list(answered):
            return [f"{where}: recorded keys {list(recorded)}, answered {list(answered)}"]
        return [text for key in recorded for text in _values(f"{where}.{key}", recorded[key], answered[key], leniency)]
    if isinstance(recorded, list):
        if len(recorded) != len(answered):
            return [f"{where}: recorded {len(recorded)} items, answered {len(answered)}"]
        pairs = zip(recorded, answered, strict=True)
        return [text for index, (a, b) in enumerate(pairs) for text in _values(f"{where}[{index}]", a, b, leniency)]
    if recorded == answered or _is_volatile(where, recorded, answered, leniency):
        return []
    return [f"{where}: recorded {_short(recorded)}, answered {_short(answered)}"]


def _is_volatile(where: str, recorded: object, answered: object, leniency: Leniency) -> bool:
    key = where.rpartition(".")[2].partition("[")[0]
    if key in _ALWAYS_VOLATILE or key in leniency.keys:
        return True
    if key not in _TIMES or not isinstance(recorded, str) or not isinstance(answered, str):
        return False
    if recorded in _FIXED_TIMES or not recorded.startswith("2026-11-2"):
        return False
    return _MOMENT.fullmatch(recorded) is not None and _MOMENT.fullmatch(answered) is not None


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
