"""The forge within the reach of a bounded key: what it asks, where a rename leads, and what comes back.

Laws:
    1. No request below `/repos` leaves for a repository that the key does not reach, however a tool came by its name:
       argument, list, link, rename.
    2. What the forge answers is held to the same bounds: another repository than was asked for is refused, an entry of
       a list is withheld in its place, and the name of one that only stands beside (a fork's parent) is left out.
    3. A total that counts what is withheld is not told.

Not here: the bounds themselves (policy/reach.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast, final
from urllib.parse import unquote

from aegis_trio.gitea.operations import OperationAnswer, narrowed
from aegis_trio.gitea.pulls import PullRequest, PullSide
from aegis_trio.gitea.refusals import renamed_beyond
from aegis_trio.gitea.repositories import Repository, RepositoryPage
from aegis_trio.gitea.request import AnswerT, Forge, ForgeRequest
from aegis_trio.model.bounds import KeyBounds
from aegis_trio.policy.reach import beyond_repositories, names_repository

_FIXED_SEGMENTS = 3  # repos, owner, name


@final
@dataclass(frozen=True, slots=True)
class BoundedForge:
    """A `Forge` that asks *forge* about repositories within *bounds* only."""

    forge: Forge
    bounds: KeyBounds

    async def ask(self, request: ForgeRequest[AnswerT]) -> AnswerT:
        """Ask; raises BeyondKey where the key does not reach, besides the faults of the forge."""
        if request.segments[:1] == ("repos",):
            owner, name = _named(request.segments)
            if not self._reaches(owner, name):
                raise beyond_repositories(f"{owner}/{name}")
        answer = await self.forge.ask(replace(request, may_follow=self._reaches))
        return cast("AnswerT", self._within(answer))

    def _reaches(self, owner: str, name: str) -> bool:
        return names_repository(self.bounds, owner, name)

    def _reaches_named(self, full_name: str | None) -> bool:
        owner, _, name = (full_name or "").partition("/")
        return self._reaches(owner, name)

    def _within(self, answer: object) -> object:
        match answer:
            case Repository():
                if not self._reaches(answer.owner, answer.name):
                    raise renamed_beyond()
                return self._without_strange_parent(answer)
            case RepositoryPage():
                return replace(answer, repositories=tuple(map(self._shown, answer.repositories)), is_narrowed=True)
            case PullRequest():
                return replace(answer, base=self._side(answer.base), head=self._side(answer.head))
            case OperationAnswer():
                return narrowed(answer, self._reaches)
            case _:
                return answer

    def _shown(self, repository: Repository | None) -> Repository | None:
        if repository is None or not self._reaches(repository.owner, repository.name):
            return None
        return self._without_strange_parent(repository)

    def _without_strange_parent(self, repository: Repository) -> Repository:
        return repository if self._reaches_named(repository.parent) else replace(repository, parent=None)

    def _side(self, side: PullSide) -> PullSide:
        return side if self._reaches_named(side.repository) else replace(side, repository=None)


def within_bounds(forge: Forge, bounds: KeyBounds) -> Forge:
    """Return *forge* as a key within *bounds* sees it."""
    return forge if bounds.repositories is None else BoundedForge(forge, bounds)


def _named(segments: tuple[str, ...]) -> tuple[str, str]:
    # Invariant: a request below /repos that names no repository has empty names, which no bound holds.
    owner, name = (*segments[1:_FIXED_SEGMENTS], "", "")[:2]
    return unquote(owner), unquote(name)
