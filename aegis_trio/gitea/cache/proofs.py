"""Proofs: what Gitea has shown to whom lately, and when it was asked.

Laws:
    1. A proof's age counts from when Gitea was asked, not from when it answered: it may have decided at once.
    2. Whatever forgets a caller's repository also voids the questions under way: their answers are older than the
       refusal, and leave no proof.
    3. Numbers are bounded; what was used longest ago is forgotten first, which only costs a question more.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, final

from aegis_trio.gitea.cache.settings import CacheSettings
from aegis_trio.model.identity import OwnerId
from aegis_trio.model.refs import GitRef, RepositoryRef

MAX_SIGHTS: Final = 4096
"""Pairs of caller and repository; about 2 KB each."""
_MAX_PLACES: Final = 32  # refs and commits of each pair


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """As whom Gitea is asked, for whom: callers who share a token of Gitea's do not share what they were shown."""

    owner: OwnerId
    token_digest: bytes
    repositories: tuple[str, ...] | None
    """The bounds of its key: with other bounds a rename may lead elsewhere."""


@dataclass(slots=True, eq=False)
class _Sight:
    """What one caller was shown of one repository."""

    refs: OrderedDict[str | None, tuple[str, float]] = field(default_factory=OrderedDict[str | None, tuple[str, float]])
    """By name: the id that it led to, and when that was asked."""
    shown: OrderedDict[str, float] = field(default_factory=OrderedDict[str, float])
    """Ids of commits and trees, and when was asked."""
    default_branch: GitRef | None = None
    """What it was when last asked; only where to look first."""


@final
@dataclass(frozen=True, slots=True)
class Asking:
    """A question under way, from which a proof may come."""

    credential: Credential
    repository: RepositoryRef
    sight: _Sight
    since_s: float


@final
class Proofs:
    """What is remembered of every caller."""

    def __init__(self, settings: CacheSettings, clock_s: Callable[[], float]) -> None:
        self._settings = settings
        self._clock_s = clock_s
        self._sights: OrderedDict[tuple[Credential, RepositoryRef], _Sight] = OrderedDict()
        self.forgotten = 0
        """Pairs of caller and repository that were forgotten for a refusal or an end."""

    def __len__(self) -> int:
        return len(self._sights)

    def ask(self, credential: Credential, repository: RepositoryRef) -> Asking:
        """Begin a question whose answer may be a proof."""
        key = (credential, repository)
        sight = self._sights.get(key)
        if sight is None:
            sight = self._sights[key] = _Sight()
            if len(self._sights) > MAX_SIGHTS:
                self._sights.popitem(last=False)
        else:
            self._sights.move_to_end(key)
        return Asking(credential, repository, sight, self._clock_s())

    def note(self, asking: Asking, commit: str, ref: GitRef | None, *, is_ref_known: bool) -> None:
        """Remember that Gitea showed *commit*, and that *ref* leads there if *is_ref_known*."""
        if self._sights.get((asking.credential, asking.repository)) is not asking.sight:
            return  # forgotten meanwhile
        sight = asking.sight
        sight.shown[commit] = max(asking.since_s, sight.shown.get(commit, asking.since_s))
        _bound(sight.shown)
        if is_ref_known:
            name = None if ref is None else ref.name
            sight.refs[name] = (commit, asking.since_s)
            _bound(sight.refs)

    def note_default_branch(self, asking: Asking, branch: GitRef) -> None:
        """Remember where to look first for the default branch."""
        asking.sight.default_branch = branch

    def default_branch(self, credential: Credential, repository: RepositoryRef) -> GitRef | None:
        """Return what the default branch was when it was last asked for; never a proof."""
        sight = self._sights.get((credential, repository))
        return None if sight is None else sight.default_branch

    def commit_of(self, credential: Credential, repository: RepositoryRef, ref: GitRef | None) -> str | None:
        """Return where *ref* leads, if this caller was shown that lately."""
        sight = self._sights.get((credential, repository))
        if sight is None:
            return None
        commit, since_s = sight.refs.get(None if ref is None else ref.name, ("", float("-inf")))
        return commit if self._is_within(since_s, self._settings.branch_ttl_s) else None

    def is_shown(self, credential: Credential, repository: RepositoryRef, commit: str) -> bool:
        """Return whether this caller was shown *commit* lately."""
        sight = self._sights.get((credential, repository))
        if sight is None:
            return False
        return self._is_within(sight.shown.get(commit, float("-inf")), self._settings.permission_ttl_s)

    def owners(self) -> frozenset[OwnerId]:
        """Return everybody of whom something is remembered."""
        return frozenset(credential.owner for credential, _ in self._sights)

    def forget_repository(self, credential: Credential, repository: RepositoryRef) -> None:
        """Forget what this caller was shown of *repository*."""
        if self._sights.pop((credential, repository), None) is not None:
            self.forgotten += 1

    def forget_credential(self, credential: Credential) -> None:
        """Forget everything that this caller was shown."""
        self._forget(lambda one: one == credential)

    def forget_owners(self, owners: frozenset[OwnerId]) -> None:
        """Forget everything that these were shown, whatever tokens they had."""
        self._forget(lambda one: one.owner in owners)

    def _forget(self, is_meant: Callable[[Credential], bool]) -> None:
        for key in [key for key in self._sights if is_meant(key[0])]:
            del self._sights[key]
            self.forgotten += 1

    def _is_within(self, since_s: float, ttl_s: float) -> bool:
        return self._clock_s() - since_s < ttl_s


def _bound(places: OrderedDict[str, float] | OrderedDict[str | None, tuple[str, float]]) -> None:
    while len(places) > _MAX_PLACES:
        places.popitem(last=False)
