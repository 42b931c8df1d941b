"""The session hub: which sessions and streams there are, whose they are, and when they end.

Laws:
    1. A session is found by its principal only; for anybody else it does not exist. A person's later grant to the same
       client that reaches at least as far takes it over: who steps up in the middle of a session stays in it.
    2. Sessions are counted: per principal, and in all. A principal that is full loses its own longest rested
       session first (clients that never say goodbye would lock themselves out); nobody loses one to a stranger.
    3. The hub ends when the gate drains and nothing is owed to anybody; its reaper's bug ends the gate.

Trade: at the bound in all, a principal without a resting session of its own is refused until somebody's ends.

Not here: what a session does (session.py).
"""

from __future__ import annotations

import secrets
from collections import Counter, OrderedDict
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from types import MappingProxyType
from typing import Final, final

import trio

from aegis_trio.model.call import Transport
from aegis_trio.model.errors import NotReady, RateLimited
from aegis_trio.model.identity import OwnerId, Principal
from aegis_trio.protocol.revisions import Revision
from aegis_trio.protocol.steps import OpenSession
from aegis_trio.transports.announcer import Announcer
from aegis_trio.transports.ongoing import Ongoing
from aegis_trio.transports.outbox import Outbox
from aegis_trio.transports.outbox_budget import OutboxBudget
from aegis_trio.transports.ports import Holdings
from aegis_trio.transports.session import Listener, SessionBody
from aegis_trio.transports.settings import SessionSettings
from aegis_trio.transports.subscriptions import ListName, Subscription, list_changed_notification

ID_BYTES: Final = 32  # 256 bits of the system's generator; MCP asks for a cryptographically secure id
RETRY_SESSIONS_S: Final = 60


class StreamKind(StrEnum):
    """What an open stream is."""

    LISTEN = "listen"  # GET /mcp, and subscriptions
    HTTP_SSE = "http_sse"  # GET /mcp/sse
    POST = "post"  # the answer of a request
    LINE = "line"  # WebSocket and stdio


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class HubStatistics:
    """Counts of sessions and streams."""

    sessions_open: int
    sessions_opened_total: int
    sessions_refused_total: int
    sessions_evicted_total: int
    sessions_reaped_total: int
    streams_open: Mapping[StreamKind, int]
    streams_cut_total: int
    outbox_bytes: int
    calls_running: int


@final
class SessionHub:
    """The registry of sessions; `run` holds their nursery."""

    def __init__(self, settings: SessionSettings, *holdings: Holdings) -> None:
        """Start with nothing open; *holdings* are what else ends with somebody's access."""
        self._settings = settings
        self._holdings = holdings
        self._nursery: trio.Nursery | None = None
        self._sessions: dict[str, SessionBody] = {}
        self._by_principal: dict[OwnerId, OrderedDict[str, SessionBody]] = {}
        self._requests = Ongoing[OwnerId]()
        self._streams: dict[object, tuple[Listener, StreamKind]] = {}
        """By reading: for a moment, one stream can have the reader that it lost and the one that came back."""
        self._calls_running = 0
        self.outbox_budget = OutboxBudget(settings.max_outboxes_bytes)
        self.max_watches = settings.max_watches
        self.max_subscriptions = settings.max_subscriptions
        self._announcer = Announcer(self._sessions.values)
        self._draining = False
        self._quiet = trio.Event()
        self._no_streams = trio.Event()
        self._no_lines = trio.Event()
        self._totals: Counter[str] = Counter()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Hold the sessions until the gate has drained and nothing of them runs, or until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            nursery.start_soon(self._reap)
            nursery.start_soon(self._announcer.run)
            task_status.started()
            await self._quiet.wait()
            nursery.cancel_scope.cancel()

    async def open_session(self, principal: OwnerId, step: OpenSession) -> SessionBody:
        """Open the session that a handshake agreed on; it lives in the hub until it is ended.

        Raises:
            RateLimited: the principal has as many as it may, all of them in use.
            NotReady: the gate has as many as it may, or it is draining.
            RuntimeError: the hub does not run — our bug.

        Source: MCP 2025-11-25 basic/transports#session-management.
        """
        if self._nursery is None:
            raise RuntimeError("the session hub does not run")
        session = self.admit(principal, Transport.STREAMABLE_HTTP, step.revision)
        session.client = step.client
        session.capabilities = step.capabilities
        await self._nursery.start(partial(session.run, trio.sleep_forever, max_age_s=self._settings.max_age_s))
        return session

    def admit(self, principal: OwnerId, transport: Transport, revision: Revision | None = None) -> SessionBody:
        """Register a session whose life its opener holds; `forget` must follow.

        Raises:
            RateLimited: the principal has as many as it may, all of them in use.
            NotReady: the gate has as many as it may, or it is draining.
        """
        if self._draining:
            raise NotReady("The gate is about to stop.", "Connect again in a moment.")
        own = self._own(principal)
        full = len(own) >= self._settings.max_sessions_per_principal
        if (full or len(self._sessions) >= self._settings.max_sessions) and not self._evict_from(own):
            self._totals["refused"] += 1
            if full:
                raise RateLimited(
                    f"This credential has {len(own)} sessions open, which is as many as it may.",
                    "End sessions that are no longer needed with DELETE, or close their streams.",
                    retry_after_s=RETRY_SESSIONS_S,
                )
            raise NotReady("The gate has as many sessions as it can hold.", "Try again in a minute.")
        session = SessionBody(
            secrets.token_urlsafe(ID_BYTES), principal, transport=transport, revision=revision, registry=self
        )
        self._sessions[session.id] = session
        self._by_principal.setdefault(principal, OrderedDict())[session.id] = session
        self._totals["opened"] += 1
        return session

    def find_session(
        self, raw_id: str, principal: OwnerId, transport: Transport, caller: Principal | None = None
    ) -> SessionBody | None:
        """Return the session of that id if it lives, is *principal*'s and *transport*'s; it counts as used now.

        Args:
            caller: who asks; takes over what its earlier grant began.
        """
        session = self._sessions.get(raw_id)
        if session is not None and caller is not None and session.transport == transport:
            self._hand_over(session, caller)
        # Threat: a stolen id alone opens nothing; a stranger cannot tell this from an id that never was.
        if session is None or session.ended or (session.principal, session.transport) != (principal, transport):
            return None
        session.touch()
        self._by_principal[principal].move_to_end(session.id)
        return session

    def _hand_over(self, session: SessionBody, heir: Principal) -> None:
        """Make *session* that of *heir* if it may have it; its client learns that it can use more than before."""
        if session.holder is None or session.principal == heir.owner or not heir.succeeds(session.holder):
            return
        own = self._by_principal[session.principal]
        del own[session.id]
        if not own:
            del self._by_principal[session.principal]
        session.principal, session.holder = heir.owner, heir
        self._by_principal.setdefault(heir.owner, OrderedDict())[session.id] = session
        for name in ListName:
            session.announce(list_changed_notification(name))

    def forget(self, session: SessionBody) -> None:
        """Take a session out of the registry and end it, if that has not happened."""
        session.end()
        if self._sessions.pop(session.id, None) is None:
            return
        own = self._by_principal[session.principal]
        del own[session.id]
        if not own:
            del self._by_principal[session.principal]

    @contextmanager
    def stream(self, listener: Listener, kind: StreamKind) -> Generator[None]:
        """Count a stream while it is open; a drain tells it to leave."""
        reading = object()
        self._streams[reading] = (listener, kind)
        if self._draining and kind is not StreamKind.POST:
            listener.leave()
        try:
            yield
        finally:
            del self._streams[reading]
            self._settle()

    def request_of(self, principal: OwnerId) -> AbstractContextManager[trio.CancelScope]:
        """Hold a request that owns its call; the end of *principal*'s access cancels it."""
        return self._requests.under_way(principal)

    def subscribed(self, subscription: Subscription) -> AbstractContextManager[None]:
        """Tell *subscription* of lists that change while it is open."""
        return self._announcer.subscribed(subscription)

    def announce_list(self, name: ListName) -> None:
        """Have everybody told that what they may use can be another list than before: soon, a few at a time."""
        self._announcer.announce(name)

    def open_outbox(self, session: SessionBody, *, once: bool) -> Outbox:
        """Make a named stream of *session*, and drop what it kept too long."""
        self._drop_kept(session)
        return Outbox(self._settings, self.outbox_budget, self.note_cut, name=session.next_stream_name(), once=once)

    def _drop_kept(self, session: SessionBody) -> None:
        rules = self._settings
        session.drop_streams(kept_before=trio.current_time() - rules.keep_streams_s, keep=rules.max_kept_streams)

    def count_calls(self, change: int) -> None:
        """Count calls that sessions began (1) or ended (-1)."""
        self._calls_running += change
        self._settle()

    def note_cut(self) -> None:
        """Count a stream that was cut because its reader was too slow."""
        self._totals["cut"] += 1

    def end_sessions_of(self, principals: frozenset[OwnerId]) -> None:
        """End everything that runs for *principals*, now: their access has ended."""
        for session in [session for principal in principals for session in self._own(principal).values()]:
            self.forget(session)
        self._requests.end(principals.__contains__)
        for holdings in self._holdings:
            holdings.forget(principals)

    def owners(self) -> frozenset[OwnerId]:
        """Return everybody for whom something is open, runs or is kept."""
        held = frozenset[OwnerId]().union(*(holdings.owners() for holdings in self._holdings))
        return frozenset(self._by_principal) | self._requests.keys() | held

    def begin_drain(self) -> None:
        """Let nobody in any more; tell each stream to leave once it has given what it owes."""
        self._draining = True
        for listener, kind in tuple(self._streams.values()):
            if kind is not StreamKind.POST:
                listener.leave()
        self._settle()

    async def wait_streams_closed(self) -> None:
        """Wait until the drain has closed every stream."""
        await self._no_streams.wait()

    async def wait_lines_closed(self) -> None:
        """Wait until every line has given what it owes: nobody but its own reader can."""
        await self._no_lines.wait()

    def statistics(self) -> HubStatistics:
        """Return the counts of now."""
        open_streams = Counter(kind for _, kind in self._streams.values())
        return HubStatistics(
            sessions_open=len(self._sessions),
            sessions_opened_total=self._totals["opened"],
            sessions_refused_total=self._totals["refused"],
            sessions_evicted_total=self._totals["evicted"],
            sessions_reaped_total=self._totals["reaped"],
            streams_open=MappingProxyType({kind: open_streams[kind] for kind in StreamKind}),
            streams_cut_total=self._totals["cut"],
            outbox_bytes=self.outbox_budget.used_bytes,
            calls_running=self._calls_running,
        )

    def _own(self, principal: OwnerId) -> OrderedDict[str, SessionBody]:
        return self._by_principal.get(principal, OrderedDict())

    def _evict_from(self, own: OrderedDict[str, SessionBody]) -> bool:
        for session in own.values():
            if session.is_at_rest:
                self.forget(session)
                self._totals["evicted"] += 1
                return True
        return False

    async def _reap(self) -> None:
        while True:
            await trio.sleep(self._settings.reap_every_s)
            now = trio.current_time()
            for session in tuple(self._sessions.values()):
                self._drop_kept(session)
                if session.is_at_rest and now - session.last_used >= self._settings.idle_s:
                    self.forget(session)
                    self._totals["reaped"] += 1

    def _settle(self) -> None:
        if self._draining and all(kind is not StreamKind.LINE for _, kind in self._streams.values()):
            self._no_lines.set()
        if self._draining and not self._streams:
            self._no_streams.set()
            if not self._calls_running:
                self._quiet.set()
