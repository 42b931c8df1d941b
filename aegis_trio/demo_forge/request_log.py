"""The request log: what reached the forge, for tests that must know it; never a credential.

Laws:
    1. A record tells whether a credential came and whose it was, never the credential; keys of the query that carry
       one are blanked.
    2. The log is bounded: the oldest records go first.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, final

import trio

MAX_RECORDS: Final = 10_000  # a bench of ten seconds, and about 5 MB
_CREDENTIAL_PAIR: Final = re.compile(r"(?i)(^|&)((?:access_)?token|client_secret|code)=[^&]*")


@final
@dataclass(slots=True, kw_only=True, eq=False)
class RequestRecord:
    """One request: what was asked, as whom, and how it ended."""

    method: str
    raw_path: str
    raw_query: str
    has_authorization: bool
    principal: str | None = None
    status: int | None = None
    client_left: bool = False  # the client closed its connection before the answer was out
    done: trio.Event = field(default_factory=trio.Event, repr=False)


@final
class RequestLog:
    """The records in the order in which the requests were read."""

    __slots__ = ("_lot", "_records", "total")

    def __init__(self) -> None:
        self._records: deque[RequestRecord] = deque(maxlen=MAX_RECORDS)
        self._lot = trio.lowlevel.ParkingLot()
        self.total = 0  # all there ever were, also those that were dropped

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[RequestRecord]:
        return iter(tuple(self._records))

    def __getitem__(self, index: int) -> RequestRecord:
        return self._records[index]

    def clear(self) -> None:
        """Forget all records."""
        self._records.clear()

    def add_nowait(self, *, method: str, raw_path: str, raw_query: str, has_authorization: bool) -> RequestRecord:
        """Add a record when a request has been read, before anything answers it."""
        blanked = _CREDENTIAL_PAIR.sub(r"\1\2=(blank)", raw_query)
        record = RequestRecord(method=method, raw_path=raw_path, raw_query=blanked, has_authorization=has_authorization)
        self._records.append(record)
        self.total += 1
        self._lot.unpark_all()
        return record

    async def wait_for(self, wanted: Callable[[RequestRecord], bool]) -> RequestRecord:
        """Wait until a request is there that is *wanted*, and return the first such record."""
        while True:
            for record in self._records:
                if wanted(record):
                    await trio.lowlevel.checkpoint()
                    return record
            await self._lot.park()
