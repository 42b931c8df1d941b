"""Several files and blobs by their ids: what is kept of them is asked for by nobody, and given to nobody else."""

from __future__ import annotations

from typing import Final

import pytest

from aegis_trio.gitea.blobs import get_archive, get_blobs
from aegis_trio.gitea.cache.forge import ContentCache
from aegis_trio.gitea.cache.settings import CacheSettings
from aegis_trio.gitea.contents import File
from aegis_trio.gitea.file_batch import FilesAnswer, get_files
from aegis_trio.gitea.git import TreePage, get_tree
from aegis_trio.gitea.request import Forge
from aegis_trio.model.errors import NotFound
from aegis_trio.model.refs import FilePath, GitRef, parse_file_path, parse_repository
from tests.gitea.cache.small_world import credential
from tests.toolsets.stage import Stage, as_person

pytestmark = pytest.mark.sockets

HARBOR: Final = parse_repository("tidewater", "harbor")
FILES: Final = {f"box/f{number}.txt": f"text {number}\n".encode() for number in range(90)}
PATHS: Final = tuple(parse_file_path(path) for path in list(FILES)[:10])


def _view(stage: Stage, cache: ContentCache, name: str = "alice") -> Forge:
    return cache.as_seen_by(credential(name), stage.forge)


async def _contents(forge: Forge) -> list[bytes | None]:
    answers: FilesAnswer = await forge.ask(get_files(HARBOR, PATHS, GitRef("main")))
    return [answer.content if isinstance(answer, File) else None for answer in answers]


async def test_files_that_were_read_together_are_not_read_again() -> None:
    """One question for the branch, one for the folder; then none. A file that is new among them is asked alone."""
    async with as_person("alice") as stage:
        stage.commit(dict(FILES))
        forge, cost = _view(stage, ContentCache(CacheSettings())), list[int]()
        for _ in range(3):
            before = len(stage.asked())
            assert list(FILES.values())[:10] == await _contents(forge)
            cost.append(len(stage.asked()) - before)
        assert [1, 3, 0] == cost


async def test_a_batch_keeps_its_order_and_its_gaps() -> None:
    """Whatever of it is kept already."""
    async with as_person("alice") as stage:
        stage.commit(dict(FILES))
        forge = _view(stage, ContentCache(CacheSettings()))
        paths = (PATHS[3], parse_file_path("box/none.txt"), PATHS[1], parse_file_path("box"))
        for _ in range(3):
            answers = await forge.ask(get_files(HARBOR, paths, GitRef("main")))
            kinds = [type(answer).__name__ for answer in answers]
            assert ["File", "NoneType", "File", "Folder"] == kinds


async def test_an_archive_is_fetched_once_and_for_whom_it_is_shown() -> None:
    """Another caller has to be shown the commit first, and whoever is not shown it gets nothing that is kept."""
    async with as_person("alice") as stage, as_person("alice") as strangers:
        stage.commit(dict(FILES))
        cache = ContentCache(CacheSettings())
        forge = _view(stage, cache)
        page: TreePage = await forge.ask(get_tree(HARBOR, None, FilePath(()), recursive=True, page=1, limit=1000))
        wanted = {entry.path: entry.sha for entry in page.entries if entry.path in FILES}
        request = get_archive(HARBOR, GitRef("main"), page.sha, wanted)
        assert set(FILES.values()) == set((await forge.ask(request)).values())
        before = len(stage.asked())
        assert set(FILES.values()) == set((await forge.ask(request)).values())
        few = get_blobs(HARBOR, None, page.sha, list(wanted.items())[:30])
        assert 30 == len(await forge.ask(few))
        assert before == len(stage.asked())
        # The other forge has no such commit: what is kept of this one is not given on its word.
        stranger = cache.as_seen_by(credential("stranger"), strangers.forge)
        small = get_blobs(HARBOR, None, page.sha, list(wanted.items())[:2])
        assert {} == await stranger.ask(small)
        with pytest.raises(NotFound):
            await stranger.ask(get_tree(HARBOR, GitRef(page.sha), FilePath(()), recursive=True, page=1, limit=9))
