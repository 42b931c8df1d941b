"""Nobody ever receives content that Gitea would not have shown that same caller within the time that is promised."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeAlias

import trio
import trio.testing
from hypothesis import given, settings, target
from hypothesis import strategies as st
from trio.testing import MockClock

from aegis_trio.gitea.cache.forge import ContentCache
from aegis_trio.gitea.cache.settings import BRANCH_TTL_S, CacheSettings
from aegis_trio.gitea.contents import File, get_contents
from aegis_trio.gitea.git import get_tree
from aegis_trio.model.errors import Fault
from aegis_trio.model.identity import OwnerId
from aegis_trio.model.refs import FilePath, GitRef
from tests.gitea.cache.small_world import (
    FOLDER,
    PATH,
    Repository,
    SmallForge,
    State,
    World,
    blob_id,
    commit_id,
    credential,
    repository_ref,
)

TTL_S: Final = 5.0
CALLERS: Final = ("alice", "alice", "bob")
NAMES: Final = ("one", "one", "one", "two")  # most of it happens in one place
CONTENTS: Final = tuple(f"content {number}".encode() for number in range(3))
COMMITS: Final = tuple(commit_id(content) for content in CONTENTS)
REFS: Final = (None, "main", "main", COMMITS[0], COMMITS[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """Somebody reads, while others do other things."""

    caller: str
    name: str
    ref: str | None
    wants_file: bool
    before_s: float
    after_s: float
    cancelled_after_s: float | None


Change: TypeAlias = Callable[[State], State]
Step: TypeAlias = _Read | Change | float | frozenset[OwnerId]


def _grant(pair: tuple[str, str], state: State) -> State:
    return replace(state, readers=state.readers | {pair})


def _withdraw(pair: tuple[str, str], state: State) -> State:
    return replace(state, readers=state.readers - {pair})


def _kill(caller: str, state: State) -> State:
    return replace(state, dead=state.dead ^ {caller})


def _push(name: str, branch: str, content: bytes, state: State) -> State:
    pushed = state.repositories[name].pushed(branch, content)
    return replace(state, repositories={**state.repositories, name: pushed})


def _remake(name: str, content: bytes, state: State) -> State:
    """Delete a repository, and make another one of that name: commits of the old one are gone."""
    made = Repository(branches={}, commits={}).pushed("main", content)
    return replace(state, repositories={**state.repositories, name: made})


def _collect(name: str, state: State) -> State:
    """Remove the commits that no branch or tag leads to."""
    old = state.repositories[name]
    alive = {*old.branches.values(), *old.tags.values()}
    kept = {sha: content for sha, content in old.commits.items() if sha in alive}
    return replace(state, repositories={**state.repositories, name: replace(old, commits=kept)})


def _switch(name: str, branch: str, state: State) -> State:
    changed = replace(state.repositories[name], default_branch=branch)
    return replace(state, repositories={**state.repositories, name: changed})


_callers, _names, _contents = st.sampled_from(CALLERS), st.sampled_from(NAMES), st.sampled_from(CONTENTS)
_waits = st.sampled_from((0.0, 0.0, 0.0, 0.5, 3.0))
_pairs = st.tuples(_callers, _names)
# A branch that is called like a commit is how a stranger would poison what is kept.
_branches = st.sampled_from(("main", "other", COMMITS[0]))
_reads = st.builds(
    _Read,
    caller=_callers,
    name=_names,
    ref=st.sampled_from(REFS),
    wants_file=st.booleans(),
    before_s=_waits,
    after_s=_waits,
    cancelled_after_s=st.sampled_from((None, None, 0.0, 0.5, 3.0)),
)
_changes: st.SearchStrategy[Change] = st.one_of(
    st.builds(lambda pair: partial(_grant, pair), _pairs),
    st.builds(lambda pair: partial(_withdraw, pair), _pairs),
    st.builds(lambda caller: partial(_kill, caller), _callers),
    st.builds(lambda name, branch, content: partial(_push, name, branch, content), _names, _branches, _contents),
    st.builds(lambda name, content: partial(_remake, name, content), _names, _contents),
    st.builds(lambda name: partial(_collect, name), _names),
    st.builds(lambda name, branch: partial(_switch, name, branch), _names, st.sampled_from(("main", "other"))),
)
_pauses = st.sampled_from((0.0, 0.5, 1.5, 2.5, 4.5, 5.5))


@st.composite
def _thefts(draw: st.DrawFn) -> list[Step]:
    """Somebody reads, something changes, and after a while somebody reads the same place."""
    read = draw(_reads)
    again = replace(read, caller=draw(_callers), cancelled_after_s=None)
    change: Step = draw(st.one_of(_changes, st.builds(lambda caller: frozenset({OwnerId(caller)}), _callers)))
    return [read, 0.0, read, draw(_pauses), change, draw(_pauses), again, 0.0, again]


# What is worth stealing is kept already: both kinds of read, by branch and by commit, twice.
_WARM_UP: Final = tuple(
    _Read(
        caller="alice",
        name="one",
        ref=ref,
        wants_file=wants_file,
        before_s=0.0,
        after_s=0.0,
        cancelled_after_s=None,
    )
    for _ in range(2)
    for ref in ("main", COMMITS[1])
    for wants_file in (True, False)
)


def _first_state() -> State:
    repositories = {
        name: Repository(branches={}, commits={}).pushed("main", CONTENTS[0]).pushed("other", CONTENTS[1])
        for name in NAMES
    }
    return State(repositories=repositories, readers=frozenset({("alice", "one"), ("alice", "two"), ("bob", "one")}))


@settings(max_examples=200, deadline=None)
@given(thefts=st.lists(_thefts(), min_size=1, max_size=6), ttl_s=st.sampled_from((0.0, 1.0, TTL_S)))
def test_nobody_receives_what_gitea_would_not_have_shown(thefts: list[list[Step]], ttl_s: float) -> None:
    """Whatever is pushed, withdrawn, deleted, made anew or cancelled meanwhile, and whoever else reads."""
    trio.run(_play, [step for theft in thefts for step in theft], ttl_s, clock=MockClock(autojump_threshold=0))


async def _play(steps: list[Step], ttl_s: float) -> None:
    world = World(_first_state())
    cache = ContentCache(CacheSettings(max_bytes=1_000_000, permission_ttl_s=ttl_s))
    async with trio.open_nursery() as nursery:
        for read in _WARM_UP:
            await _read(world, cache, read, ttl_s)
        for step in steps:
            match step:
                case _Read():
                    nursery.start_soon(_read, world, cache, step, ttl_s)
                case float():
                    await trio.sleep(step)
                    await trio.testing.wait_all_tasks_blocked()
                case frozenset():
                    cache.forget(step)
                case _:
                    world.change(step(world.state))
    assert 0 == len(cache.flights)
    target(float(cache.hits))


async def _read(world: World, cache: ContentCache, read: _Read, ttl_s: float) -> None:
    forge = cache.as_seen_by(
        credential(read.caller),
        SmallForge(world=world, caller=read.caller, before_s=read.before_s, after_s=read.after_s),
    )
    ref = None if read.ref is None else GitRef(read.ref)
    asked_s = trio.current_time()
    with trio.move_on_after(float("inf") if read.cancelled_after_s is None else read.cancelled_after_s) as scope:
        try:
            if read.wants_file:
                answer = await forge.ask(get_contents(repository_ref(read.name), FilePath(tuple(PATH.split("/"))), ref))
                assert isinstance(answer, File)
                shown = answer.sha
            else:
                folder = FilePath((FOLDER,))
                page = await forge.ask(
                    get_tree(repository_ref(read.name), ref, folder, recursive=False, page=1, limit=100)
                )
                shown = page.entries[0].sha
        except Fault:
            return
    if scope.cancelled_caught:
        return
    remembered_s = ttl_s if read.ref in REFS[3:] else min(ttl_s, BRANCH_TTL_S)
    states = world.states_between(asked_s - remembered_s, trio.current_time())
    assert any(shown in _shown_by_gitea(state, read) for state in states)


def _shown_by_gitea(state: State, read: _Read) -> set[str]:
    """Return the ids of blobs that Gitea shows for *read*: by a commit's id also what the commit really holds."""
    repository = state.repository_for(read.caller, read.name)
    if repository is None:
        return set()
    name = repository.default_branch if read.ref is None else read.ref
    found = {repository.content_at(read.ref)} if read.wants_file else set[bytes | None]()
    sha = repository.revision(name)
    if not read.wants_file or name in repository.commits:
        found.add(None if sha is None else repository.commits.get(sha))
    return {blob_id(content) for content in found if content is not None}
