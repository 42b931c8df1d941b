"""What is kept, what is asked again, and when: counted in requests to the forge."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import pytest
from trio.testing import MockClock

from aegis_trio.gitea.cache.forge import ContentCache, tree_bytes
from aegis_trio.gitea.cache.kept import ENTRY_BYTES, Kept
from aegis_trio.gitea.cache.proofs import MAX_SIGHTS, Credential
from aegis_trio.gitea.cache.settings import CacheSettings
from aegis_trio.gitea.contents import File, get_contents
from aegis_trio.gitea.git import TreeEntry, TreePage, get_tree
from aegis_trio.gitea.request import Forge
from aegis_trio.model.errors import NotFound, UpstreamRejectedIdentity
from aegis_trio.model.identity import OwnerId
from aegis_trio.model.refs import FilePath, GitRef, parse_file_path
from tests.gitea.cache.small_world import (
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

OLD, NEW, EVIL = b"old", b"new", b"evil"


class _Stage:
    """A world with one repository, and a cache before it."""

    def __init__(self, settings: CacheSettings | None = None, **repositories: Repository) -> None:
        made = repositories or {"one": Repository(branches={}, commits={}).pushed("main", OLD)}
        readers = frozenset((caller, name) for caller in ("alice", "bob") for name in made)
        self.world = World(State(repositories=made, readers=readers))
        self.cache = ContentCache(settings or CacheSettings())

    def forge(self, caller: str = "alice", who: Credential | None = None) -> Forge:
        return self.cache.as_seen_by(who or credential(caller), SmallForge(world=self.world, caller=caller))

    async def read(self, ref: str | None = "main", *, caller: str = "alice", who: Credential | None = None) -> bytes:
        """Read the file, and return its bytes."""
        wanted = None if ref is None else GitRef(ref)
        answer = await self.forge(caller, who).ask(get_contents(repository_ref("one"), parse_file_path(PATH), wanted))
        assert isinstance(answer, File)
        return answer.content or b""

    async def cost(
        self, ref: str | None = "main", *, caller: str = "alice", who: Credential | None = None
    ) -> list[str]:
        """Read the file, and return what the forge was asked for that, sorted: some are asked side by side."""
        before = len(self.world.requests)
        await self.read(ref, caller=caller, who=who)
        return sorted("/".join(segments[3:]) for _, segments in self.world.requests[before:])

    def push(self, branch: str, content: bytes) -> None:
        state = self.world.state
        pushed = state.repositories["one"].pushed(branch, content)
        self.world.change(replace(state, repositories={"one": pushed}))

    def withdraw(self, caller: str) -> None:
        self.world.change(replace(self.world.state, readers=self.world.state.readers - {(caller, "one")}))


async def test_the_first_read_is_one_request_and_later_ones_are_none(autojump_clock: MockClock) -> None:
    """What Gitea did not need the gate for costs what it costs there."""
    stage = _Stage()
    assert [f"contents/{PATH}"] == await stage.cost()
    assert ["git/refs/heads/main", "git/refs/tags/main", f"git/trees/{commit_id(OLD)}%3Asrc"] == await stage.cost()
    assert [] == await stage.cost()
    autojump_clock.jump(2)
    assert ["git/refs/heads/main", "git/refs/tags/main"] == await stage.cost()
    assert (3, 2, 2) == (stage.cache.hits, stage.cache.misses, stage.cache.resolved)


async def test_a_push_is_seen_within_two_seconds(autojump_clock: MockClock) -> None:
    """A branch's place is remembered no longer."""
    stage = _Stage()
    for _ in range(3):
        assert OLD == await stage.read()
    stage.push("main", NEW)
    autojump_clock.jump(2)
    assert NEW == await stage.read()


async def test_a_commit_is_given_for_the_time_of_a_permission_and_not_a_moment_longer(
    autojump_clock: MockClock,
) -> None:
    """Whoever lost the right reads what is kept for that long at most."""
    stage = _Stage()
    for _ in range(3):
        await stage.read(commit_id(OLD))
    stage.withdraw("alice")
    autojump_clock.jump(4.99)
    assert OLD == await stage.read(commit_id(OLD))
    autojump_clock.jump(0.01)
    with pytest.raises(NotFound):
        await stage.read(commit_id(OLD))


async def test_what_one_caller_was_shown_is_nothing_to_another() -> None:
    """Also when both have the same token: their keys are bounded differently."""
    stage = _Stage()
    bounded = replace(credential("alice"), repositories=("acme/*",))
    for _ in range(3):
        await stage.read()
    assert [f"contents/{PATH}"] == await stage.cost(caller="bob")
    assert [f"contents/{PATH}"] == await stage.cost(who=bounded)
    stage.withdraw("bob")
    with pytest.raises(NotFound):
        await stage.read(caller="bob")


async def test_a_branch_that_is_called_like_a_commit_poisons_nothing(autojump_clock: MockClock) -> None:
    """Gitea reads a file's ref as a branch first; readers of the real commit still get what it holds."""
    stage = _Stage()
    stage.push(commit_id(OLD), EVIL)
    assert EVIL == await stage.read(commit_id(OLD))  # as Gitea itself says
    for _ in range(5):
        assert OLD == await stage.read("main")
        autojump_clock.jump(1)


async def test_bytes_that_have_not_their_id_are_not_kept() -> None:
    """A forge, or something before it, that sends other bytes spoils one answer and no later one."""
    stage = _Stage()
    forge = stage.forge()
    request = get_contents(repository_ref("one"), parse_file_path(PATH), GitRef("main"))
    wrong = replace(request, decode=lambda _: File(sha=blob_id(OLD), size_bytes=4, content=EVIL, lfs=None))
    assert EVIL == (await forge.ask(wrong)).content  # type: ignore[union-attr]  # a file, as built above
    assert OLD == await stage.read()


@pytest.mark.parametrize("how", ["not found", "dead", "revoked"])
async def test_a_refusal_forgets_what_was_shown(how: str, autojump_clock: MockClock) -> None:
    """The next read asks again, long before the time of a permission has passed."""
    stage = _Stage()
    for _ in range(3):
        await stage.read(commit_id(OLD))
    assert [] == await stage.cost(commit_id(OLD))
    forge = stage.forge()
    match how:
        case "not found":
            with pytest.raises(NotFound):
                await forge.ask(
                    get_tree(repository_ref("one"), GitRef("none"), FilePath(()), recursive=False, page=1, limit=9)
                )
        case "dead":
            alive = stage.world.state
            stage.world.change(replace(alive, dead=frozenset({"alice"})))
            with pytest.raises(UpstreamRejectedIdentity):
                await stage.read("other")
            stage.world.change(alive)
        case _:
            stage.cache.forget(frozenset({OwnerId("alice")}))
    assert [f"git/commits/{commit_id(OLD)}"] == await stage.cost(commit_id(OLD))
    assert 1 == stage.cache.statistics().forgotten_total


async def test_the_default_branch_is_asked_for_side_by_side_with_where_it_was(autojump_clock: MockClock) -> None:
    """After the first time it costs no more than a named one; a switch is seen at once."""
    stage = _Stage()
    stage.push("other", NEW)
    await stage.read(None)
    assert ["", "git/refs/heads/main", f"git/trees/{commit_id(OLD)}%3Asrc"] == await stage.cost(None)
    autojump_clock.jump(2)
    assert {"", "git/refs/heads/main"} == set(await stage.cost(None))
    switched = replace(stage.world.state.repositories["one"], default_branch="other")
    stage.world.change(replace(stage.world.state, repositories={"one": switched}))
    autojump_clock.jump(2)
    assert NEW == await stage.read(None)


async def test_a_name_of_both_a_branch_and_a_tag_is_asked_every_time() -> None:
    """Endpoints of Gitea disagree about which of them it means."""
    repository = replace(Repository(branches={}, commits={}).pushed("main", OLD).pushed("other", NEW))
    stage = _Stage(one=replace(repository, tags={"main": commit_id(NEW)}))
    for _ in range(4):
        assert OLD == await stage.read()
    assert 0 == stage.cache.hits


async def test_nothing_is_kept_where_the_cache_is_off() -> None:
    """0 bytes is off, and every read is one request."""
    stage = _Stage(CacheSettings(max_bytes=0))
    for _ in range(3):
        assert [f"contents/{PATH}"] == await stage.cost()
    assert 0 == stage.cache.statistics().bytes


async def test_without_a_time_every_read_is_preceded_by_a_question() -> None:
    """PERMISSION_TTL_S=0: nothing is given on Gitea's former word."""
    stage = _Stage(CacheSettings(permission_ttl_s=0))
    await stage.read()
    await stage.read()
    assert ["git/refs/heads/main", "git/refs/tags/main"] == await stage.cost()


def test_the_bound_of_bytes_holds_and_the_longest_unused_goes_first() -> None:
    """Whatever is kept, and in whatever order."""
    kept = Kept(16 * (ENTRY_BYTES + 100))
    for number in range(16):
        kept.put(number, number, 100)
    assert 0 == kept.find(0)
    kept.put("new", "new", 100)
    assert None is kept.find(1)
    assert 0 == kept.find(0)
    kept.put("large", "large", 16 * 100)  # more than its share: not kept, and nothing goes for it
    assert None is kept.find("large")
    kept.put(0, "another", 50)
    assert (16, 1) == (len(kept), kept.evicted)
    assert 16 * (ENTRY_BYTES + 100) - 50 == kept.total_bytes


def test_what_is_counted_for_a_tree_is_what_it_takes() -> None:
    """The bound is one of memory, so an estimate must not be below what is really used."""

    def page() -> TreePage:
        entries = tuple(
            TreeEntry(
                path="".join(["src/module_", str(number), ".py"]),
                type="blob",
                mode="100644",
                size_bytes=1000 + number,
                sha="".join([f"{number:036x}", "beef"]),
            )
            for number in range(1000)
        )
        return TreePage(sha="0" * 40, entries=entries, total=1000, has_next=False)

    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        made = page()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before <= tree_bytes(made) <= 2 * (after - before)


async def test_the_number_of_callers_and_places_is_bounded() -> None:
    """A flood of names costs questions, not memory."""
    stage = _Stage()
    for number in range(MAX_SIGHTS + 10):
        stage.cache.proofs.ask(credential(f"key {number}"), repository_ref("one"))
    assert MAX_SIGHTS == stage.cache.statistics().sights
    me = credential("alice")
    asking = stage.cache.proofs.ask(me, repository_ref("one"))
    for number in range(100):
        stage.cache.proofs.note(asking, f"{number:040x}", GitRef(f"branch-{number}"), is_ref_known=True)
    known = [
        stage.cache.proofs.commit_of(me, repository_ref("one"), GitRef(f"branch-{number}")) for number in range(100)
    ]
    assert 32 == sum(one is not None for one in known)


async def test_an_answer_older_than_a_refusal_is_no_proof() -> None:
    """A question that was asked before the right was lost must not bring it back."""
    stage = _Stage()
    me = credential("alice")
    asking = stage.cache.proofs.ask(me, repository_ref("one"))
    stage.cache.proofs.forget_repository(me, repository_ref("one"))
    stage.cache.proofs.note(asking, commit_id(OLD), GitRef("main"), is_ref_known=True)
    assert None is stage.cache.proofs.commit_of(me, repository_ref("one"), GitRef("main"))
    assert not stage.cache.proofs.is_shown(me, repository_ref("one"), commit_id(OLD))
