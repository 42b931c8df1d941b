"""Seen places: which reads a caller has made before, lately enough to be remembered.

Law: nobody learns from it, not even by the time that an answer takes, what another caller has read.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, final

from aegis_trio.gitea.cache.proofs import Credential
from aegis_trio.gitea.reads import Reads

MAX_PLACES: Final = 8192  # hashes, about 100 bytes each


@final
class SeenPlaces:
    """The last reads, by hash: two that meet in one hash only cost a question more."""

    __slots__ = ("_places",)

    def __init__(self) -> None:
        self._places: OrderedDict[int, None] = OrderedDict()

    def note(self, credential: Credential, read: Reads) -> bool:
        """Return whether *read* was made before as *credential*, and remember it."""
        place = hash((credential, read))
        is_seen = place in self._places
        self._places[place] = None
        self._places.move_to_end(place)
        if len(self._places) > MAX_PLACES:
            self._places.popitem(last=False)
        return is_seen
