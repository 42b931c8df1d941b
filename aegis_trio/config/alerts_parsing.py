"""The parser of alert targets: addresses that whoever knows them can post to, and that are never shown."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from aegis_trio.config.faults import Misfit
from aegis_trio.config.parsing import is_loopback, split_entries
from aegis_trio.model.secret import Secret

MAX_TARGETS: Final = 8  # of one kind; each is a task and a queue
_VISIBLE: Final = re.compile(r"[\x21-\x7e]{1,2048}", re.ASCII)


def parse_alert_urls(raw_value: str) -> tuple[Secret, ...]:
    """Make addresses of a list; no message repeats any of them."""
    urls = split_entries(raw_value)
    if len(urls) > MAX_TARGETS:
        raise Misfit(f"has more than {MAX_TARGETS} addresses", "Let one program hand them on.")
    for url in urls:
        _check(url)
    return tuple(Secret(url) for url in urls)


def _check(url: str) -> None:
    parts = _split(url)
    if parts is None or not _VISIBLE.fullmatch(url) or not parts.hostname or parts.scheme not in {"http", "https"}:
        raise Misfit("has an entry that is no https URL", "Write it in full, as the chat shows it.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise Misfit("has a URL with a user, password or fragment", "Write it as the chat shows it.")
    # Trade: plain http also on a private network would show every alert, and the secret path, to whoever is on it.
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise Misfit("has an http URL", "Use https; http is for loopback alone.")


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        return parts if parts.port != 0 else None  # reading it raises when it is no number
    except ValueError:
        return None
