"""Reading content again: the gate's own client with what it keeps, beside the same requests without that."""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Final

import trio
from report import Row, Section, compared

from aegis_trio.gitea.cache.forge import ContentCache
from aegis_trio.gitea.cache.proofs import Credential
from aegis_trio.gitea.cache.settings import BRANCH_TTL_S, CacheSettings
from aegis_trio.gitea.client import open_gitea_client
from aegis_trio.gitea.contents import get_contents
from aegis_trio.gitea.git import get_tree
from aegis_trio.gitea.request import Forge
from aegis_trio.gitea.settings import GiteaSettings
from aegis_trio.model.identity import OwnerId
from aegis_trio.model.refs import FilePath, parse_file_path, parse_repository
from aegis_trio.model.secret import Secret

HEADING: Final = "Reading content again"
_HOW: Final = (
    "`{place}` and the whole tree, {reads} times each, in turns with the same request straight to the forge over the "
    "same client. First: nothing is kept yet. Again: within the two seconds for which a branch's place is remembered. "
    "Later: after them, so that the forge is asked where the branch leads (a clock of the bench's own jumps)."
)
_ME: Final = Credential(owner=OwnerId("bench"), token_digest=b"", repositories=None)

_Read = Callable[[Forge], Awaitable[object]]


@dataclass(slots=True)
class _Clock:
    """Trio's, with jumps."""

    ahead_s: float = 0.0

    def __call__(self) -> float:
        return trio.current_time() + self.ahead_s


async def measure_repeated(url: str, token: str, place: str, reads: int) -> Section:
    """Measure reads of the file and the tree at *place*, `owner/repo/path`."""
    owner, repo, path = place.split("/", 2)
    repository, file = parse_repository(owner, repo), parse_file_path(path)

    def read_file(forge: Forge) -> Awaitable[object]:
        return forge.ask(get_contents(repository, file, None))

    def read_tree(forge: Forge) -> Awaitable[object]:
        return forge.ask(get_tree(repository, None, FilePath(()), recursive=True, page=1, limit=1000))

    rows: list[Row] = []
    async with open_gitea_client(GiteaSettings(url=url)) as client:
        direct = client.acting_as(Secret(token))
        for name, read in (("a file", read_file), ("a tree", read_tree)):
            rows += [
                await _first(name, direct, read, reads),
                await _again(name, direct, read, reads, jump_s=0.0),
                await _again(name, direct, read, reads, jump_s=BRANCH_TTL_S),
            ]
    return Section(HEADING, _HOW.format(place=place, reads=reads), rows)


async def _first(name: str, direct: Forge, read: _Read, reads: int) -> Row:
    ours, theirs = list[float](), list[float]()
    await read(direct)
    for _ in range(reads):
        fresh = ContentCache(CacheSettings()).as_seen_by(_ME, direct)
        ours.append(await _timed(read, fresh))
        theirs.append(await _timed(read, direct))
    return _row(f"{name}, first", ours, theirs)


async def _again(name: str, direct: Forge, read: _Read, reads: int, *, jump_s: float) -> Row:
    ours, theirs = list[float](), list[float]()
    clock = _Clock()
    kept = ContentCache(CacheSettings(), clock).as_seen_by(_ME, direct)
    for _ in range(3):
        await read(kept)
    for _ in range(reads):
        clock.ahead_s += jump_s
        ours.append(await _timed(read, kept))
        theirs.append(await _timed(read, direct))
    return _row(f"{name}, {'later' if jump_s else 'again'}", ours, theirs)


async def _timed(read: _Read, forge: Forge) -> float:
    begun = perf_counter()
    await read(forge)
    return perf_counter() - begun


def _row(name: str, ours: list[float], theirs: list[float]) -> Row:
    medians = (statistics.median(times) * 1e3 for times in (ours, theirs))
    return compared(name, *medians, unit="ms", reference="direct", digits=2)
