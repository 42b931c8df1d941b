"""The corpus: the files of one commit, with their bytes, a part at a time.

Laws:
    1. Work is bounded: entries, bytes of one file, bytes of all; what is left out is counted by its reason.
    2. Many files come as one archive, few in batches; what neither gives is counted, too.
    3. Memory holds one archive at most, or a few batches.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeAlias, final

from aegis_trio.gitea.blobs import ENOUGH, Blobs, get_archive, get_blobs
from aegis_trio.gitea.contents import MAX_FILE_BYTES, File, get_contents
from aegis_trio.gitea.file_batch import batches
from aegis_trio.gitea.git import PLAIN_FILES, TREE_ENTRIES, TreeEntry, TreePage, get_tree
from aegis_trio.gitea.request import ForgeRequest
from aegis_trio.model.errors import Conflict, InvalidArgument, NotFound, UpstreamBroken, UpstreamTooLarge
from aegis_trio.model.refs import FilePath, GitRef, RepositoryRef, is_commit_id, parse_file_path
from aegis_trio.toolsets.context import ToolContext
from aegis_trio.toolsets.files.reading import side_by_side

MAX_ENTRIES: Final = 20_000
MAX_BYTES: Final = 48 * 1024 * 1024
"""Of all files that one search reads."""
MAX_ARCHIVED_BYTES: Final = 80 * 1024 * 1024
"""Of all files of a commit, whether searched or not, that is fetched as an archive."""
_FILES_AT_ONCE: Final = 120  # four batches, which are fetched side by side
_ROOT: Final = FilePath(())

Contents: TypeAlias = Sequence[tuple[TreeEntry, bytes]]
"""Files with their bytes."""


@final
@dataclass(slots=True)
class Corpus:
    """The files of a commit that are searched."""

    repository: RepositoryRef
    ref: GitRef | None
    tree: str
    """The id of its commit or tree."""
    files: list[TreeEntry] = field(default_factory=list[TreeEntry])
    size_bytes: int = 0
    """Of these."""
    all_bytes: int = 0
    """Of all files, also those that are not meant."""
    unlisted: int = 0
    """Entries that were not looked at: there are more than `MAX_ENTRIES`."""
    left_out: Counter[str] = field(default_factory=Counter[str])
    """Files that are meant and not searched, by the reason."""

    @property
    def total(self) -> int:
        """How many files are meant."""
        return len(self.files) + self.left_out.total()


async def find_corpus(
    context: ToolContext, repository: RepositoryRef, ref: GitRef | None, admits: Callable[[str], bool], max_bytes: int
) -> Corpus:
    """Return which files of *ref* are searched.

    Args:
        admits: whether a path is meant.
        max_bytes: of all files that are searched.
    """
    first = await context.forge.ask(_page(repository, ref, 1))
    pages: dict[int, TreePage] = {1: first}
    # Further pages are of the same tree, whatever is pushed meanwhile.
    pinned = GitRef(first.sha) if is_commit_id(GitRef(first.sha)) else ref
    last = min(-(-first.total // TREE_ENTRIES), MAX_ENTRIES // TREE_ENTRIES) if first.has_next else 1

    async def fetch(number: int) -> None:
        page = await context.forge.ask(_page(repository, pinned, number))
        pages[number] = page

    await side_by_side([partial(fetch, number) for number in range(2, last + 1)])
    corpus = Corpus(repository=repository, ref=ref, tree=first.sha)
    entries = [entry for number in sorted(pages) for entry in pages[number].entries]
    for entry in entries:
        corpus.all_bytes += entry.size_bytes
        if entry.mode not in PLAIN_FILES or not admits(entry.path):
            continue
        if entry.size_bytes > MAX_FILE_BYTES:
            corpus.left_out["too_large"] += 1
        elif corpus.size_bytes + entry.size_bytes > max_bytes or not is_readable_path(entry.path):
            corpus.left_out["budget" if is_readable_path(entry.path) else "name"] += 1
        else:
            corpus.files.append(entry)
            corpus.size_bytes += entry.size_bytes
    corpus.unlisted = max(0, first.total - len(entries))
    return corpus


async def read_corpus(context: ToolContext, corpus: Corpus, look: Callable[[Contents], Awaitable[bool]]) -> None:
    """Give the files of *corpus* with their bytes to *look*, a part at a time, until it has enough and returns false.

    What Gitea does not give is counted in `corpus.left_out`.
    """
    archive = await _archive(context, corpus)
    # Always in the same order, however the bytes come: who goes on counts on it.
    for start in range(0, len(corpus.files), _FILES_AT_ONCE):
        part = corpus.files[start : start + _FILES_AT_ONCE]
        missing = [entry for entry in part if entry.sha not in archive]
        blobs = {**archive, **await _in_batches(context, corpus, missing)} if missing else archive
        corpus.left_out["unreadable"] += sum(entry.sha not in blobs for entry in part)
        if not await look([(entry, blobs[entry.sha]) for entry in part if entry.sha in blobs]):
            return


async def _archive(context: ToolContext, corpus: Corpus) -> Blobs:
    """Return what is kept, or what an archive gives; nothing where there is none, or it would be too large."""
    wanted = {entry.path: entry.sha for entry in corpus.files}
    name = corpus.ref if corpus.ref is not None and "/" not in corpus.ref.name else GitRef(corpus.tree)
    if len(wanted) <= ENOUGH or corpus.all_bytes > MAX_ARCHIVED_BYTES or corpus.unlisted:
        return {}
    try:
        return await context.forge.ask(get_archive(corpus.repository, name, corpus.tree, wanted))
    except (NotFound, Conflict, UpstreamTooLarge, UpstreamBroken):
        # Archives can be switched off, or kept on another server; batches are slower and always there.
        return {}


async def _in_batches(context: ToolContext, corpus: Corpus, part: Sequence[TreeEntry]) -> Blobs:
    shas = {entry.path: entry.sha for entry in part}
    found: dict[str, bytes] = {}

    async def fetch(batch: tuple[FilePath, ...]) -> None:
        wanted = [(str(path), shas[str(path)]) for path in batch]
        try:
            blobs: Blobs = await context.forge.ask(get_blobs(corpus.repository, corpus.ref, corpus.tree, wanted))
        except (NotFound, UpstreamTooLarge):  # no batches before Gitea 1.24; or too large together
            for path, sha in wanted:
                await fetch_one(path, sha)
        else:
            found.update(blobs)

    async def fetch_one(path: str, sha: str) -> None:
        try:
            contents = await context.forge.ask(get_contents(corpus.repository, parse_file_path(path), corpus.ref))
        except (NotFound, UpstreamTooLarge):
            return
        if isinstance(contents, File) and contents.content is not None and contents.sha == sha:
            found[sha] = contents.content

    await side_by_side([partial(fetch, batch) for batch in batches([parse_file_path(path) for path in shas])])
    return found


def is_readable_path(path: str) -> bool:
    """Return whether *path* can be asked for: git knows names that the gate refuses."""
    try:
        return bool(parse_file_path(path).segments) and str(parse_file_path(path)) == path
    except InvalidArgument:
        return False


def _page(repository: RepositoryRef, ref: GitRef | None, number: int) -> ForgeRequest[TreePage]:
    return get_tree(repository, ref, _ROOT, recursive=True, page=number, limit=TREE_ENTRIES)
