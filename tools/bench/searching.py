"""Searching a repository of 2,000 files, beside what the forge takes to hand over its archive.

Run as a program, `searching.py TOKEN_FILE`, this is a demo forge with such a repository: its token goes into the file,
its address to standard output.
"""

from __future__ import annotations

import statistics
import sys
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Final

import trio
from report import Row, Section, compared

from aegis_trio.demo_forge.changes import commit_files
from aegis_trio.demo_forge.demo_world import build_demo_world
from aegis_trio.demo_forge.server import serve_forge
from aegis_trio.demo_forge.world import World
from aegis_trio.gateway.render import fits
from aegis_trio.gitea.blobs import Blobs, get_archive
from aegis_trio.gitea.cache.forge import ContentCache
from aegis_trio.gitea.cache.proofs import Credential
from aegis_trio.gitea.cache.settings import CacheSettings
from aegis_trio.gitea.client import open_gitea_client
from aegis_trio.gitea.request import Forge, ForgeResponse
from aegis_trio.gitea.settings import GiteaSettings
from aegis_trio.model.identity import DEFAULT_INSTANCE, OwnerId, Principal, PrincipalId, PrincipalKind
from aegis_trio.model.json import JsonObject
from aegis_trio.model.refs import GitRef, parse_repository
from aegis_trio.model.secret import Secret
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.toolsets.search.search_code import SEARCH_CODE

FILES: Final = 2_000
HARBOR: Final = "tidewater/harbor"
HEADING: Final = "Searching 2,000 files"
_HOW: Final = (
    "`search_code` over `{place}`, {searches} times each, in turns with the forge's own archive of the same commit, "
    "which is read and thrown away. First: nothing is kept yet, so that tree and archive are fetched, unpacked, "
    "checked against the ids of the tree and searched. Again: from what is kept."
)
_QUERIES: Final[dict[str, JsonObject]] = {
    "plain text": {"query": "no such text anywhere"},
    "an expression": {"query": r"^def \w+_77_\d+\(value\):$", "regex": True},
}
_ME: Final = Credential(owner=OwnerId("bench"), token_digest=b"", repositories=None)
_WHO: Final = Principal(
    id=PrincipalId("bench"),
    kind=PrincipalKind.API_KEY,
    instance=DEFAULT_INSTANCE,
    scopes=frozenset({"read:repository"}),
)


async def measure_searching(url: str, token: str, place: str, searches: int) -> Section:
    """Measure searches of the default branch of *place*, `owner/repo`."""
    rows: list[Row] = []
    async with open_gitea_client(GiteaSettings(url=url)) as client:
        direct = client.acting_as(Secret(token))
        for name, query in _QUERIES.items():
            for word in ("first", "again"):
                ours, theirs = list[float](), list[float]()
                kept = ContentCache(CacheSettings()).as_seen_by(_ME, direct)
                if word == "again":
                    await _search(kept, place, query)
                for _ in range(searches):
                    fresh = kept if word == "again" else ContentCache(CacheSettings()).as_seen_by(_ME, direct)
                    begun = perf_counter()
                    await _search(fresh, place, query)
                    between = perf_counter()
                    await _read_archive(direct, place)
                    ours.append(between - begun)
                    theirs.append(perf_counter() - between)
                rows.append(_row(f"{name}, {word}", ours, theirs))
    return Section(HEADING, _HOW.format(place=place, searches=searches), rows)


async def _search(forge: Forge, place: str, query: JsonObject) -> None:
    owner, repo = place.split("/")
    call = SEARCH_CODE.prepare(query | {"owner": owner, "repo": repo})
    reply = await call.run(ToolContext(principal=_WHO, forge=forge, fits=fits))
    searched = str((reply.structured or {})["searched"]).split()
    if int(searched[0]) < FILES:
        raise RuntimeError(f"only {searched[0]} files were searched")


async def _read_archive(forge: Forge, place: str) -> None:
    owner, repo = place.split("/")
    request = get_archive(parse_repository(owner, repo), GitRef("main"), "", {})
    await forge.ask(replace(request, decode=_nothing, in_thread=False))


def _nothing(_response: ForgeResponse) -> Blobs:
    return {}


def _row(name: str, ours: list[float], theirs: list[float]) -> Row:
    medians = (statistics.median(times) * 1e3 for times in (ours, theirs))
    return compared(name, *medians, unit="ms", reference="the forge's archive", digits=0)


def build_world(token_file: Path) -> World:
    """Return the demo world with 2,000 more files, and write down its bot's token."""
    world = build_demo_world()
    files: dict[str, bytes | None] = {
        f"pkg{number % 40:02}/module_{number:04}.py": _module(number) for number in range(FILES)
    }
    commit_files(world, world.repositories[1], files, author=world.accounts[2], message="Add modules\n")
    token_file.touch(mode=0o600)
    token_file.write_text(world.bot_token)
    return world


def _module(number: int) -> bytes:
    functions = (
        f'def function_{number}_{part}(value):\n    """Return value {part}."""\n    return value * {part}\n\n'
        for part in range(30)
    )
    return "".join(functions).encode()


async def _serve(world: World) -> None:
    async with trio.open_nursery() as nursery:
        print(await nursery.start(serve_forge, world), flush=True)


if __name__ == "__main__":
    trio.run(_serve, build_world(Path(sys.argv[1])))
