"""Resolving: which commit a ref leads to, for a caller who may read the code there.

Laws:
    1. Every question needs the right to read the code, so its answer is a proof of it; that somebody sees the
       repository alone is none.
    2. A name that is both a branch and a tag leads nowhere: endpoints of Gitea disagree about it.
    3. Questions come with the bounds of the request that they are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

from aegis_trio.gitea.cache.asking import Asker, OtherT
from aegis_trio.gitea.cache.proofs import Asking
from aegis_trio.gitea.git import RefKind, get_commit_id, get_ref_target
from aegis_trio.gitea.repositories import get_repository
from aegis_trio.gitea.request import ForgeRequest
from aegis_trio.model.errors import NotFound, UpstreamTooLarge
from aegis_trio.model.refs import GitRef, RepositoryRef, is_commit_id


@final
@dataclass(frozen=True, slots=True)
class Resolver:
    """Asks with *asker*, for *request*."""

    asker: Asker
    request: ForgeRequest[object]

    async def resolve(self, repository: RepositoryRef, ref: GitRef | None) -> str | None:
        """Return where *ref* leads, and remember the proof; None when that is nowhere, or in doubt."""
        proofs = self.asker.proofs
        asking = proofs.ask(self.asker.credential, repository)
        try:
            if ref is None:
                commit = await self._of_default_branch(asking)
            elif is_commit_id(ref):
                commit = await self.asker.ask(self._beside(get_commit_id(repository, ref)))
                commit = commit if commit == ref.name else None
            else:
                commit = await self._of_name(repository, ref)
        except (NotFound, UpstreamTooLarge):
            return None
        if commit is None or not is_commit_id(GitRef(commit)):
            return None
        proofs.note(asking, commit, ref, is_ref_known=True)
        return commit

    async def _of_default_branch(self, asking: Asking) -> str | None:
        repository, proofs = asking.repository, self.asker.proofs
        about = self._beside(get_repository(repository))
        guess = proofs.default_branch(self.asker.credential, repository)
        if guess is None:
            return await self._of_branch(asking, (await self.asker.ask(about)).default_branch)
        both = await self.asker.ask_both(about, self._target("heads", repository, guess))
        found, target = both
        if found is None:
            proofs.forget_repository(self.asker.credential, repository)
            return None
        if found.default_branch == guess.name:
            return target
        return await self._of_branch(asking, found.default_branch)

    async def _of_branch(self, asking: Asking, name: str) -> str | None:
        if not name:
            return None  # a repository without a commit may have none
        branch = GitRef(name)
        self.asker.proofs.note_default_branch(asking, branch)
        return await self.asker.ask(self._target("heads", asking.repository, branch), may_be_missing=True)

    async def _of_name(self, repository: RepositoryRef, ref: GitRef) -> str | None:
        branch, tag = await self.asker.ask_both(
            self._target("heads", repository, ref), self._target("tags", repository, ref)
        )
        if branch is None and tag is None:
            self.asker.proofs.forget_repository(self.asker.credential, repository)
        return branch or tag if branch is None or tag is None else None

    def _target(self, kind: RefKind, repository: RepositoryRef, ref: GitRef) -> ForgeRequest[str | None]:
        return self._beside(get_ref_target(repository, kind, ref))

    def _beside(self, question: ForgeRequest[OtherT]) -> ForgeRequest[OtherT]:
        return replace(question, may_follow=self.request.may_follow)
