"""Reloading: keys, their bounds, their Gitea tokens and limits of calls are taken over while the gate runs.

At SIGHUP, and when a file that they come from changed. What stands in the process's own environment cannot change
while it runs, and nothing else of the settings is taken over: the operator is told what waits for a restart.

Laws:
    1. A configuration with a fault changes nothing: the last good keys stay, the log says why, and the operator's
       readiness says it for as long as it lasts.
    2. A change is taken over only when the files have looked the same twice: a file that is being written holds half
       of the keys, and whoever is in the other half would be thrown out.
    3. A key that is gone ends what runs for it within a second; nothing here waits for Gitea.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Final, final

import structlog
import trio

from aegis_trio.audit.entry import service_event
from aegis_trio.audit.trail import AuditTrail
from aegis_trio.config.faults import ConfigurationFaults
from aegis_trio.config.settings import Settings
from aegis_trio.config.watched_files import Fingerprint, WatchedFiles
from aegis_trio.model.errors import AuditUnavailable
from aegis_trio.model.identity import OwnerId, PrincipalId
from aegis_trio.model.json import JsonValue
from aegis_trio.supervisor.readiness import Unready
from aegis_trio.transports.subscriptions import ListName

if TYPE_CHECKING:
    from aegis_trio.supervisor.gate import Gate

LOOK_EVERY_S: Final = 0.25  # two looks that agree, and reading: well within the second that is promised
_MAX_NAMED: Final = 20  # ids of principals in one record
_NOT_COMPARED: Final = frozenset({"auth", "limits", "watched", "warnings"})

log = structlog.get_logger(__name__)


@final
class KeyReloader:
    """Takes over what changed about keys."""

    def __init__(
        self,
        gate: Gate,
        settings: Settings,
        *,
        audit: AuditTrail,
        load: Callable[[], Awaitable[Settings]] | None,
        look: Callable[[WatchedFiles], Awaitable[Fingerprint]],
    ) -> None:
        """Begin with *settings* as they are in use.

        Args:
            gate: the rooms that are told.
            audit: takes the record of each change.
            load: gives fresh settings, or raises ConfigurationFaults; None where nothing is ever taken over.
            look: looks at the files.
        """
        self._gate = gate
        self._started_with = settings
        self._used = settings
        self._audit = audit
        self._load = load
        self._look = look
        self._turn = trio.Lock()
        self._trouble: Unready | None = None

    def trouble(self) -> Unready | None:
        """Return what is wrong with the configuration as it stands on disk, or what of it waits for a restart."""
        return self._trouble

    async def reload(self) -> None:
        """Take over what the configuration says now, and ask Gitea about the tokens; for SIGHUP."""
        if self._load is None:
            return
        async with self._turn:
            fresh = await self._read(self._load)
            if fresh is None:
                return
            ended = self._take_over(fresh)
        await self._gate.upstream.check()
        log.info("reloaded", keys=len(fresh.auth.keys), ended=len(ended))

    async def run(self) -> None:
        """Watch the files for ever; cancelled at the end."""
        if self._load is None:
            return
        # The first look is of no use alone: whatever changed since the settings were read is found by reading again.
        settled: Fingerprint | None = None
        before: Fingerprint | None = None
        while True:
            await trio.sleep(LOOK_EVERY_S)
            now = await self._look(self._used.watched)
            if now == before and now != settled:
                settled = now
                await self._follow(self._load)
            before = now

    async def _follow(self, load: Callable[[], Awaitable[Settings]]) -> None:
        async with self._turn:
            fresh = await self._read(load)
            if fresh is None or fresh.auth == self._used.auth:
                if fresh is not None:
                    self._take_over_limits(fresh)
                    self._used = fresh
                return
            ended = self._take_over(fresh)
        self._gate.upstream.check_soon()
        log.info("keys_changed", keys=len(fresh.auth.keys), ended=len(ended))

    async def _read(self, load: Callable[[], Awaitable[Settings]]) -> Settings | None:
        try:
            fresh = await load()
        except ConfigurationFaults as faults:
            for fault in faults.faults:
                log.error("reload_refused", detail=str(fault))  # noqa: TRY400  # mistyped, no bug: no traceback
            self._trouble = Unready("configuration_faulty", f"The last good keys stay in use. {faults}")
            return None
        waiting = sorted(self._waiting(fresh))
        self._trouble = None
        if waiting:
            self._trouble = Unready("restart_needed", f"Changed, and not taken over before a restart: {waiting}.")
        return fresh

    def _take_over(self, fresh: Settings) -> frozenset[PrincipalId]:
        gate = self._gate
        ended = gate.authenticator.replace_keys(fresh.auth)
        gate.key_ages.replace(fresh.auth)
        gate.upstream.replace_tokens(fresh.auth.gitea_tokens())
        self._take_over_limits(fresh)
        gate.hub.end_sessions_of(owners_of(ended))
        for name in ListName:
            gate.hub.announce_list(name)
        self._used = fresh
        named: list[JsonValue] = [*sorted(ended)[:_MAX_NAMED]]
        try:
            self._audit.append_nowait(
                service_event("keys_reloaded", keys=len(fresh.auth.keys), ended=len(ended), ended_principals=named)
            )
        except AuditUnavailable as fault:  # who lost a key must lose it also while the disk is full
            log.error("reload_unrecorded", detail=fault.message)  # noqa: TRY400  # the disk's doing, no bug
        return ended

    def _take_over_limits(self, fresh: Settings) -> None:
        if fresh.limits != self._used.limits:
            self._gate.replace_limits(fresh.limits)
            log.info("limits_changed")

    def _waiting(self, fresh: Settings) -> set[str]:
        """Return the features whose settings on disk wait for a restart: they differ from those of the start."""
        names = [field.name for field in fields(Settings) if field.name not in _NOT_COMPARED]
        waiting = {name for name in names if getattr(fresh, name) != getattr(self._started_with, name)}
        if fresh.limits.fixed != self._started_with.limits.fixed:
            waiting.add("gitea_limits")
        return waiting


def reloader(gate: Gate, settings: Settings, audit: AuditTrail, load: Callable[[], Settings] | None) -> KeyReloader:
    """Return a reloader that reads files in a thread of its own, so that a slow disk holds up nothing else."""
    threads = trio.CapacityLimiter(1)

    async def look(watched: WatchedFiles) -> Fingerprint:
        return await trio.to_thread.run_sync(watched.fingerprint, abandon_on_cancel=True, limiter=threads)

    async def load_in_thread(load: Callable[[], Settings]) -> Settings:
        return await trio.to_thread.run_sync(load, abandon_on_cancel=True, limiter=threads)

    return KeyReloader(
        gate, settings, audit=audit, load=None if load is None else partial(load_in_thread, load), look=look
    )


def owners_of(principals: frozenset[PrincipalId]) -> frozenset[OwnerId]:
    """Return whose sessions are those of keys: a key owns its own."""
    return frozenset(OwnerId(principal) for principal in principals)
