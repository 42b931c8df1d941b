"""Decoding: an answer becomes a value, here or, where that takes long, in a thread.

Law: a cancelled call does not wait for the thread; what it works on is bounded by the answer's own bound, and threads
are few.
"""

from __future__ import annotations

from typing import Final

import trio

from aegis_trio.gitea.request import AnswerT, ForgeRequest, ForgeResponse
from aegis_trio.gitea.threads import Threads

THREADS: Final = 2  # of a processor or two: more would only take turns
_threads: Final = Threads("aegis_trio.gitea.decoding", THREADS)


async def decode_answer(request: ForgeRequest[AnswerT], response: ForgeResponse) -> AnswerT:
    """Return what *response* means; raises what the request's decoder does."""
    if not request.in_thread:
        return request.decode(response)
    return await trio.to_thread.run_sync(request.decode, response, abandon_on_cancel=True, limiter=_threads.limiter())
