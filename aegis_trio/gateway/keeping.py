"""Kept replies: what is longer than one answer waits here for the caller it belongs to.

Laws:
    1. A handle is unguessable and opens its reply for the owner alone that it was made for; to anybody else it is gone.
    2. Reading on is decided as the operation that made the reply: losing its scope or its repository closes it.
    3. Bytes are bounded in all and for each owner, and nothing is kept longer than `KEPT_FOR_S`. What has to make room
       first is the owner's own oldest; then the oldest of all, which is counted.
    4. Whatever ends an owner's access ends what is kept for it.

Trade: kept in memory, so a restart or another instance does not know a handle; the call is then made again.

Not here: reading on (toolsets/results).
"""

from __future__ import annotations

import secrets
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, final

import trio

from aegis_trio.model.call import MAX_REPLY_BYTES, ToolReply
from aegis_trio.model.decision import Allow, Deny
from aegis_trio.model.errors import ResultGone
from aegis_trio.model.identity import OwnerId, Principal
from aegis_trio.model.json import JsonObject
from aegis_trio.model.kept import CONTINUE_TOOL, KEPT_FOR_S, KEPT_MAX_BYTES, KeptReply, kept_json
from aegis_trio.model.toolspec import ToolSpec
from aegis_trio.policy.access import decide_access
from aegis_trio.policy.reach import decide_places
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.toolsets.results.texts import count_lines, largest_part, longest_text, replaced, text_at

_OWNER_SHARE: Final = 4  # an owner may have a fourth of it
_REPLY_SHARE: Final = 8  # and one reply an eighth: 8 MiB, twice what one page of Gitea's may have
_HANDLE_BYTES: Final = 24  # 192 bits
_LEAST_CHARACTERS: Final = 1000  # of a text beside its head; with less room the reply's JSON is cut instead


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class KeptStatistics:
    """How much is kept; totals since start."""

    replies: int
    bytes: int
    kept_total: int
    evicted_total: int
    """Replies that had to make room before their time, whoever's they were."""
    refused_total: int
    """Replies that were too large to be kept at all."""


@final
@dataclass(frozen=True, slots=True)
class Entry:
    """A reply, whose it is, and as which operation reading on is decided."""

    reply: KeptReply
    owner: OwnerId
    spec: ToolSpec[ToolContext]
    places: Mapping[str, str | int]
    ends_at_s: float


@final
class KeptReplies:
    """Keeps replies for their owners."""

    def __init__(self, max_bytes: int = KEPT_MAX_BYTES, clock_s: Callable[[], float] = trio.current_time) -> None:
        """Keep at most *max_bytes* in all, 0 for nothing; *clock_s* does not run backwards."""
        self._max_bytes = max_bytes
        self._clock_s = clock_s
        self._entries: OrderedDict[str, Entry] = OrderedDict()  # the one that ends first stands first
        self._bytes: Counter[OwnerId] = Counter()
        self._totals: Counter[str] = Counter()

    def keep(
        self,
        principal: Principal,
        spec: ToolSpec[ToolContext],
        places: Mapping[str, str | int],
        document: JsonObject,
        fits: Callable[[JsonObject], bool],
    ) -> ToolReply | None:
        """Keep *document*, which does not fit into one answer, and return its beginning.

        Returns:
            ToolReply: the document with its longest text cut, or the beginning of its JSON; None when it is too large.
        """
        data = kept_json(document)
        if len(data) > self._max_bytes // _REPLY_SHARE:
            self._totals["refused"] += 1
            return None
        handle = secrets.token_urlsafe(_HANDLE_BYTES)
        shown, pointer = first_part(document, handle, fits)
        owner = principal.owner
        self._expire()
        self._make_room(owner, len(data))
        self._entries[handle] = Entry(
            KeptReply(handle, data, pointer), owner, spec, places, self._clock_s() + KEPT_FOR_S
        )
        self._bytes[owner] += len(data)
        self._totals["kept"] += 1
        return ToolReply(shown)

    def find(self, principal: Principal, handle: str) -> Entry:
        """Return what is kept under *handle* for *principal*.

        Raises:
            ResultGone: nothing is, or it is not theirs.
            InsufficientScope: their scopes no longer reach what made it.
            BeyondKey: nor does their key.
        """
        self._expire()
        entry = self._entries.get(handle)
        # Threat: a handle that leaked into another conversation opens nothing there, and tells not even that it exists.
        if entry is None or entry.owner != principal.owner:
            raise ResultGone(
                "There is no kept result of that handle.",
                f"Results are kept for {int(KEPT_FOR_S // 60)} minutes, for who asked; make the first call again.",
            )
        for decision in (decide_access(principal, entry.spec), decide_places(principal.bounds, entry.places)):
            match decision:
                case Deny(fault=fault):
                    raise fault
                case Allow():
                    pass
        return entry

    def forget(self, owners: frozenset[OwnerId]) -> None:
        """Drop everything of *owners*: their access has ended."""
        for handle in [handle for handle, entry in self._entries.items() if entry.owner in owners]:
            self._drop(handle)

    def owners(self) -> frozenset[OwnerId]:
        """Return everybody for whom something is kept."""
        self._expire()
        return frozenset(self._bytes)

    def statistics(self) -> KeptStatistics:
        """Return how much is kept."""
        self._expire()
        return KeptStatistics(
            replies=len(self._entries),
            bytes=self._bytes.total(),
            kept_total=self._totals["kept"],
            evicted_total=self._totals["evicted"],
            refused_total=self._totals["refused"],
        )

    def _make_room(self, owner: OwnerId, size: int) -> None:
        while self._bytes[owner] + size > self._max_bytes // _OWNER_SHARE:
            self._evict(next(handle for handle, entry in self._entries.items() if entry.owner == owner))
        while self._bytes.total() + size > self._max_bytes:
            self._evict(next(iter(self._entries)))
        if not self._bytes[owner]:
            del self._bytes[owner]

    def _expire(self) -> None:
        now_s = self._clock_s()
        while self._entries:
            handle, entry = next(iter(self._entries.items()))
            if entry.ends_at_s > now_s:
                return
            self._drop(handle)

    def _evict(self, handle: str) -> None:
        self._totals["evicted"] += 1
        self._drop(handle)

    def _drop(self, handle: str) -> None:
        entry = self._entries.pop(handle)
        self._bytes[entry.owner] -= len(entry.reply.json)
        if not self._bytes[entry.owner]:
            del self._bytes[entry.owner]


def first_part(document: JsonObject, handle: str, fits: Callable[[JsonObject], bool]) -> tuple[JsonObject, str]:
    """Return what is shown first of *document*, and the pointer to what was cut in it.

    Where one text is most of it, that text is cut and everything else stands whole; else the JSON itself is.
    """
    pointer, size = longest_text(document)
    if size * 2 > len(kept_json(document)):
        text = text_at(document, pointer)

        def with_part(part: str) -> JsonObject:
            return {**replaced(document, pointer, part), "continued": _how(handle, pointer, text, len(part))}

        if fits(with_part(text[:_LEAST_CHARACTERS])):
            end = largest_part(text, 0, min(len(text), MAX_REPLY_BYTES), lambda part: fits(with_part(part)))
            return with_part(text[:end]), pointer
    whole = text_at(document, "")

    def of_json(part: str) -> JsonObject:
        return {"part": part, "continued": _how(handle, "", whole, len(part))}

    end = largest_part(whole, 0, min(len(whole), MAX_REPLY_BYTES), lambda part: fits(of_json(part)))
    return of_json(whole[:end]), ""


def _how(handle: str, pointer: str, text: str, offset: int) -> JsonObject:
    return {
        "tool": CONTINUE_TOOL,
        "arguments": {"handle": handle, "offset": offset},
        "field": pointer,
        "characters": len(text),
        "lines": count_lines(text),
        "minutes": int(KEPT_FOR_S // 60),
    }
