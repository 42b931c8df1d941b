"""A request to the forge as a value: what to ask, how to read the answer, how much of it to read.

Laws:
    1. A request holds no credential: whose rights it uses is decided by the `Forge` that is asked.
    2. Segments come from refs or are fixed words; `Route` says which, and the client compares.
    3. A decoder is pure: bytes in, a value out, or a fault of model/errors.py.

Not here: sending (client.py, transport.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Generic, Literal, Protocol, TypeVar, final

from aegis_trio.gitea.reads import Reads
from aegis_trio.policy.pathguard import Route

AnswerT = TypeVar("AnswerT")

SMALL_ANSWER_BYTES: Final = 256 * 1024
"""Bound for one object; Gitea's largest, a repository with its parent, has about 8 KB."""
LIST_ANSWER_BYTES: Final = 4 * 1024 * 1024
"""Bound for one page; fifty repositories have about 200 KB, a thousand tree entries about 350 KB."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeResponse:
    """One answer, read within its bound."""

    status: int
    content_type: str
    """Media type in lower case without parameters; empty when there was none."""
    body: bytes
    total: int | None = None
    """`X-Total-Count`, when it was a number."""
    has_next: bool | None = None
    """Whether `Link` speaks of a next page; None without that header. Its addresses are never followed."""
    location: str | None = None
    """`Location` of a redirect."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeRequest(Generic[AnswerT]):
    """One question to the forge."""

    route: Route
    segments: tuple[str, ...]
    """Below the API's prefix, each already percent-encoded."""
    decode: Callable[[ForgeResponse], AnswerT]
    subject: str
    """What is asked for, in words for faults, such as `the repository acme/backend`; no hostile text."""
    query: tuple[tuple[str, str], ...] = ()
    method: Literal["GET"] = "GET"
    max_bytes: int = SMALL_ANSWER_BYTES
    accept: str = "application/json"
    ok: frozenset[int] = field(default=frozenset({200}))
    """Statuses that the decoder reads."""
    missing: frozenset[int] = field(default=frozenset({404}))
    """Statuses by which this endpoint says "not there"; git's endpoints say it with 400 too."""
    in_thread: bool = False
    """Whether decoding takes so long that it must not hold up everybody else."""
    reads: Reads | None = None
    """What content it reads, where that may be kept (cache/); None for everything else."""
    may_follow: Callable[[str, str], bool] | None = None
    """Whether a rename may lead to a repository (owner, name); None for every one. The caller's bounds set it."""


class Forge(Protocol):
    """The forge as one identity sees it."""

    async def ask(self, request: ForgeRequest[AnswerT]) -> AnswerT:
        """Send *request* and return its decoded answer; raises the faults of model/errors.py."""
        ...
