"""Times as Gitea writes them: RFC 3339 with the zone they were made in, and HTTP dates.

Source: Go's time.RFC3339 and net/http TimeFormat.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime


def as_gitea(moment: datetime) -> str:
    """Return `2026-02-13T10:00:00Z`, or with `+02:00` where the moment has another zone than UTC."""
    text = moment.replace(microsecond=0).isoformat()
    # Python writes the year 1 with four digits as well, as Go does.
    return text.replace("+00:00", "Z")


def of_git(seconds: int, offset_s: int) -> datetime:
    """Return git's seconds and offset as a moment in that zone."""
    return datetime.fromtimestamp(seconds, timezone(timedelta(seconds=offset_s)))


def as_http(moment: datetime) -> str:
    """Return `Sun, 24 Aug 2025 18:32:00 GMT`."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)
