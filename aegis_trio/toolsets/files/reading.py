"""Reading several files: in as few requests as Gitea takes, some of them side by side.

Laws:
    1. What is wrong with one file is told for that file; only what is wrong with the caller or with Gitea itself ends
       the whole.
    2. At most `SIDE_BY_SIDE` requests of one call are under way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, TypeAlias

import trio

from aegis_trio.gitea.contents import Contents, get_contents
from aegis_trio.gitea.file_batch import batches, get_files
from aegis_trio.gitea.server import get_version
from aegis_trio.model.errors import Fault, NotFound, UpstreamTooLarge
from aegis_trio.model.refs import FilePath, GitRef, RepositoryRef
from aegis_trio.toolsets.context import ToolContext

SIDE_BY_SIDE: Final = 4  # of one caller; Gitea on a few cores gains nothing from more
_BATCHES_SINCE: Final = (1, 24)

Found: TypeAlias = Contents | Fault
"""What stands at a path, or why that is not known; NotFound for nothing."""


async def read_all(
    context: ToolContext, repository: RepositoryRef, ref: GitRef | None, paths: Sequence[FilePath]
) -> dict[FilePath, Found]:
    """Return what stands at each of *paths*.

    Raises:
        Fault: of the first request that fails for another reason than its files.
    """
    found: dict[FilePath, Found] = {}

    async def read_batch(batch: tuple[FilePath, ...]) -> None:
        if len(batch) == 1:
            return await read_one(batch[0])
        try:
            answers = await context.forge.ask(get_files(repository, batch, ref))
        except UpstreamTooLarge:  # together, or one of them
            answers = ()
        except NotFound as missing:
            if (await context.forge.ask(get_version())).reaches(_BATCHES_SINCE):
                found.update(dict.fromkeys(batch, missing))
                return None
            answers = ()
        for path, contents in zip(batch, answers, strict=False):
            found[path] = _nothing() if contents is None else contents
        # Left over are those that came too late for Gitea's own bound, or all where it has no batches.
        await side_by_side([partial(read_one, path) for path in batch[len(answers) :]])
        return None

    async def read_one(path: FilePath) -> None:
        try:
            contents = await context.forge.ask(get_contents(repository, path, ref))
        except (NotFound, UpstreamTooLarge) as fault:
            found[path] = fault
        else:
            found[path] = contents

    await side_by_side([partial(read_batch, batch) for batch in batches(tuple(dict.fromkeys(paths)))])
    return found


async def side_by_side(work: Sequence[Callable[[], Awaitable[None]]], at_once: int = SIDE_BY_SIDE) -> None:
    """Do all of *work*, at most *at_once* at the same time.

    Raises:
        Fault: of the first that fails; what else was under way is ended.
    """
    if len(work) == 1:
        return await work[0]()
    limiter = trio.CapacityLimiter(at_once)
    faults: list[Fault] = []

    async def do(one: Callable[[], Awaitable[None]]) -> None:
        async with limiter:
            try:
                await one()
            except Fault as fault:
                faults.append(fault)
                nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        for one in work:
            nursery.start_soon(do, one)
    for fault in faults:
        raise fault
    return None


def _nothing() -> NotFound:
    return NotFound("There is nothing at this path.", "")
