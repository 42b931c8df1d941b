"""The forge as one caller sees it, with kept content in place of requests wherever that is allowed.

The first read of a place goes to Gitea as it is, so it costs what it costs there. When a caller reads a place again,
its ref is led to a commit (resolving.py; about a quarter of a file's price), and content is found by ids from there on.

Laws:
    1. A file comes from what is kept only by way of a tree that was asked for by the commit's id: Gitea takes the `ref`
       of a file for the name of a branch first, so whoever makes a branch that is called like a commit would poison
       what is kept under that id.
    2. A blob is kept under the id that its own bytes have.
    3. What cannot be led to a commit beyond doubt is asked of Gitea every time.

Not here: requests that change something. There are none yet; one must forget its repository before and after.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Final, cast, final

import trio

from aegis_trio.gitea.blobs import Blobs, is_id_of
from aegis_trio.gitea.cache.asking import Asker, Landed
from aegis_trio.gitea.cache.flights import Flights
from aegis_trio.gitea.cache.kept import Kept
from aegis_trio.gitea.cache.proofs import Credential, Proofs
from aegis_trio.gitea.cache.resolving import Resolver
from aegis_trio.gitea.cache.seen import SeenPlaces
from aegis_trio.gitea.cache.settings import CacheSettings
from aegis_trio.gitea.cache.statistics import CacheStatistics
from aegis_trio.gitea.contents import LFS_POINTER, Contents, File
from aegis_trio.gitea.file_batch import FilesAnswer, get_files
from aegis_trio.gitea.git import PLAIN_FILES, TREE_ENTRIES, TreePage, get_tree
from aegis_trio.gitea.reads import BlobsRead, FileRead, FilesRead, Reads, TreeRead
from aegis_trio.gitea.request import AnswerT, Forge, ForgeRequest
from aegis_trio.model.errors import NotFound, UpstreamTooLarge
from aegis_trio.model.identity import OwnerId
from aegis_trio.model.refs import FilePath, GitRef, RepositoryRef, is_commit_id

TREE_ENTRY_BYTES: Final = 400
"""What an entry of a tree takes beside its path; held by a test."""
VALUE_BYTES: Final = 400
"""What a page or a file takes beside its entries or bytes; held by a test."""
_MOST_FOLDERS: Final = 8  # that are asked for, where several files are read


@final
class ContentCache:
    """What is kept, and what everybody was shown; one for the life of the process."""

    def __init__(self, settings: CacheSettings, clock_s: Callable[[], float] = trio.current_time) -> None:
        """Start empty.

        Args:
            clock_s: seconds of a clock that does not run backwards; Trio's.
        """
        self.keeps = settings.max_bytes > 0
        self.kept = Kept(settings.max_bytes)
        self.proofs = Proofs(settings, clock_s)
        self.flights = Flights[Landed](settings.branch_ttl_s, clock_s)
        self.seen = SeenPlaces()
        self.hits = self.misses = self.resolved = 0

    def as_seen_by(self, credential: Credential, forge: Forge) -> Forge:
        """Return *forge*, which asks as *credential*, with this cache before it."""
        return CachedForge(self, Asker(forge, credential, self.proofs, self.flights))

    def owners(self) -> frozenset[OwnerId]:
        """Return everybody who was shown something lately."""
        return self.proofs.owners()

    def forget(self, owners: frozenset[OwnerId]) -> None:
        """Forget what these were shown: their access ended."""
        self.proofs.forget_owners(owners)

    def statistics(self) -> CacheStatistics:
        """Return how the cache does."""
        return CacheStatistics(
            hits_total=self.hits,
            misses_total=self.misses,
            resolved_total=self.resolved,
            coalesced_total=self.flights.joined,
            bytes=self.kept.total_bytes,
            entries=len(self.kept),
            evicted_total=self.kept.evicted,
            sights=len(self.proofs),
            forgotten_total=self.proofs.forgotten,
        )


@final
@dataclass(frozen=True, slots=True)
class CachedForge:
    """A `Forge` for one credential, before the one that *asker* asks."""

    cache: ContentCache
    asker: Asker

    async def ask(self, request: ForgeRequest[AnswerT]) -> AnswerT:
        """Answer from what is kept, or ask; raises what the forge raises."""
        if not self.cache.keeps:
            return await self.asker.ask(request)
        match request.reads:
            case TreeRead() as read:
                page = await self._tree(cast("ForgeRequest[TreePage]", request), read)
                return cast("AnswerT", page)
            case FileRead() as read:
                contents = await self._file(cast("ForgeRequest[Contents]", request), read)
                return cast("AnswerT", contents)
            case FilesRead() as read:
                several = await self._files(cast("ForgeRequest[FilesAnswer]", request), read)
                return cast("AnswerT", several)
            case BlobsRead() as read:
                blobs = await self._blobs(cast("ForgeRequest[Blobs]", request), read)
                return cast("AnswerT", blobs)
            case None:
                return await self.asker.ask(request)

    # ---- trees ------------------------------------------------------------------------------------------------------

    async def _tree(self, request: ForgeRequest[TreePage], read: TreeRead) -> TreePage:
        commit = await self._commit_of(read, request, is_seen=self._is_again(read, request))
        if commit is not None:
            return await self._tree_of(commit, read, request)
        self.cache.misses += 1
        asking = self.asker.proofs.ask(self.asker.credential, read.repository)
        page = await self.asker.ask(request)
        shown = GitRef(page.sha)
        if not read.folder.segments and is_commit_id(shown):
            self.cache.kept.put(_tree_key(page.sha, read), page, tree_bytes(page))
            # A name may be a branch's or a tag's, and other endpoints choose otherwise than this one.
            is_ref_known = read.ref is None or read.ref == shown
            self.asker.proofs.note(asking, page.sha, read.ref, is_ref_known=is_ref_known)
        return page

    async def _tree_of(self, commit: str, read: TreeRead, request: ForgeRequest[AnswerT]) -> TreePage:
        """Return a page of the tree of *commit*, which this caller was shown."""
        page = self._kept_tree(commit, read)
        if page is not None:
            self.cache.hits += 1
            return page
        self.cache.misses += 1
        pinned = get_tree(
            read.repository,
            GitRef(commit),
            read.folder,
            recursive=read.recursive,
            page=read.page,
            limit=read.limit,
        )
        page = await self.asker.ask(replace(pinned, may_follow=request.may_follow))
        self.cache.kept.put(_tree_key(commit, read), page, tree_bytes(page))
        return page

    def _kept_tree(self, commit: str, read: TreeRead) -> TreePage | None:
        page = self.cache.kept.find(_tree_key(commit, read))
        return page if isinstance(page, TreePage) else None

    # ---- files ------------------------------------------------------------------------------------------------------

    async def _file(self, request: ForgeRequest[Contents], read: FileRead) -> Contents:
        is_seen = self._is_again(read, request)
        commit = await self._commit_of(read, request, is_seen=is_seen)
        blob = None if commit is None else await self._blob_of(commit, read, request, may_ask=is_seen)
        file = None if blob is None else self.cache.kept.find(_blob_key(read.repository, blob))
        if isinstance(file, File):
            self.cache.hits += 1
            return file
        self.cache.misses += 1
        contents = await self.asker.ask(request)
        self._keep(read.repository, contents)
        return contents

    async def _files(self, request: ForgeRequest[FilesAnswer], read: FilesRead) -> FilesAnswer:
        is_seen = self._is_again(read, request)
        commit = await self._commit_of(read, request, is_seen=is_seen)
        known: dict[FilePath, Contents | None] = {}
        folders = set[FilePath]()
        for path in () if commit is None else read.paths:
            folders.add(FilePath(path.segments[:-1]))
            one = FileRead(repository=read.repository, ref=read.ref, path=path)
            blob = await self._blob_of(commit or "", one, request, may_ask=is_seen and len(folders) <= _MOST_FOLDERS)
            file = None if blob is None else self.cache.kept.find(_blob_key(read.repository, blob))
            if isinstance(file, File):
                known[path] = file
        rest = tuple(path for path in read.paths if path not in known)
        self.cache.hits += len(known)
        self.cache.misses += len(rest)
        if not rest:
            return tuple(known[path] for path in read.paths)
        smaller = replace(get_files(read.repository, rest, read.ref), may_follow=request.may_follow)
        answers = await self.asker.ask(smaller if known else request)
        for path, contents in zip(rest, answers, strict=False):  # fewer come when they are too large together
            self._keep(read.repository, contents)
            known[path] = contents
        return tuple(known[path] for path in takewhile(known.__contains__, read.paths))

    async def _blobs(self, request: ForgeRequest[Blobs], read: BlobsRead) -> Blobs:
        proofs, tree = self.asker.proofs, GitRef(read.tree)
        known: dict[str, bytes] = {}
        is_shown = proofs.is_shown(self.asker.credential, read.repository, read.tree)
        if is_shown or await self._resolve(read.repository, tree, request) is not None:
            for _, sha in read.wanted:
                file = self.cache.kept.find(_blob_key(read.repository, sha))
                if isinstance(file, File) and file.content is not None:
                    known[sha] = file.content
        missing = len({sha for _, sha in read.wanted} - known.keys())
        self.cache.hits += len(known)
        if missing <= read.enough:
            return known
        self.cache.misses += missing
        fetched = await self.asker.ask(request)
        for sha, content in fetched.items():
            # What a pointer of Git LFS stands for is told by another endpoint, and belongs to the file.
            if sha not in known and not content.startswith(LFS_POINTER):
                file = File(sha=sha, size_bytes=len(content), content=content, lfs=None)
                self.cache.kept.put(_blob_key(read.repository, sha), file, len(content) + VALUE_BYTES)
        return {**known, **fetched}

    def _keep(self, repository: RepositoryRef, contents: Contents | None) -> None:
        if isinstance(contents, File) and contents.content is not None and is_id_of(contents.sha, contents.content):
            self.cache.kept.put(_blob_key(repository, contents.sha), contents, len(contents.content) + VALUE_BYTES)

    async def _blob_of(
        self, commit: str, read: FileRead, request: ForgeRequest[AnswerT], *, may_ask: bool
    ) -> str | None:
        """Return the id of the plain file at the path in *commit*, or None when its folder does not tell."""
        folder = TreeRead(
            repository=read.repository,
            ref=GitRef(commit),
            folder=FilePath(read.path.segments[:-1]),
            recursive=False,
            page=1,
            limit=TREE_ENTRIES,  # a file behind them is asked for each time
        )
        listing = self._kept_tree(commit, folder)
        if listing is None and may_ask:
            try:
                listing = await self._tree_of(commit, folder, request)
            except (NotFound, UpstreamTooLarge):
                return None
        name = read.path.segments[-1]
        entries = () if listing is None else listing.entries
        return next((entry.sha for entry in entries if entry.path == name and entry.mode in PLAIN_FILES), None)

    def _is_again(self, read: Reads, request: ForgeRequest[AnswerT]) -> bool:
        """Return whether this caller made the same read before, and it has ended."""
        return self.cache.seen.note(self.asker.credential, read) and not self.asker.is_under_way(request)

    # ---- proofs -----------------------------------------------------------------------------------------------------

    async def _commit_of(
        self, read: TreeRead | FileRead | FilesRead, request: ForgeRequest[AnswerT], *, is_seen: bool
    ) -> str | None:
        """Return the commit of *read*, which this caller was shown lately; None to ask for the content itself.

        Args:
            is_seen: this caller made the same read before, so that a question is worth it.
        """
        proofs, credential = self.asker.proofs, self.asker.credential
        known = proofs.commit_of(credential, read.repository, read.ref)
        if known is not None:
            return known
        if read.ref is not None and proofs.is_shown(credential, read.repository, read.ref.name):
            return read.ref.name
        if not is_seen:
            return None
        return await self._resolve(read.repository, read.ref, request)

    async def _resolve(
        self, repository: RepositoryRef, ref: GitRef | None, request: ForgeRequest[AnswerT]
    ) -> str | None:
        self.cache.resolved += 1
        return await Resolver(self.asker, cast("ForgeRequest[object]", request)).resolve(repository, ref)


def tree_bytes(page: TreePage) -> int:
    """Return what *page* takes in memory."""
    return VALUE_BYTES + sum(TREE_ENTRY_BYTES + 4 * len(entry.path) for entry in page.entries)


def _tree_key(commit: str, read: TreeRead) -> tuple[object, ...]:
    return ("tree", read.repository, commit, read.folder, read.recursive, read.page, read.limit)


def _blob_key(repository: RepositoryRef, blob: str) -> tuple[object, ...]:
    return ("blob", repository, blob)
