"""A change of the world is seen at once and leaves the traces of a real one, also when the clock stands still."""

from __future__ import annotations

import pytest

from aegis_trio.demo_forge.changes import add_comment, commit_files, edit_issue, open_issue
from aegis_trio.demo_forge.demo_world import build_demo_world
from aegis_trio.demo_forge.git_history import find_entry
from aegis_trio.demo_forge.world import Account, Repository, World
from aegis_trio.gitea.contents import File, get_contents
from aegis_trio.gitea.issues import get_issue, list_comments
from aegis_trio.gitea.pulls import get_pull_request
from aegis_trio.model.clock import SetClock
from aegis_trio.model.refs import parse_file_path
from tests.demo_forge.test_issues import HARBOR, Asker


class Scene:
    """The demo world at a moment that does not pass, with two who change it."""

    def __init__(self) -> None:
        self.asker = Asker()
        self.world: World = self.asker.world
        self.world.clock = SetClock(1_741_000_000 * 10**9)
        self.harbor: Repository = self.world.repositories[1]
        self.alice: Account = self.world.accounts[2]


@pytest.fixture
def scene() -> Scene:
    """Give the demo world with its clock stopped."""
    return Scene()


def test_a_commit_changes_what_is_read(scene: Scene) -> None:
    """A subscription to a file waits for exactly this."""
    request = get_contents(HARBOR, parse_file_path("README.md"), None)
    before = scene.asker.ask(request)
    sha = commit_files(scene.world, scene.harbor, {"README.md": b"# other\n"}, author=scene.alice, message="Other")
    after = scene.asker.ask(request)

    assert isinstance(before, File)
    assert isinstance(after, File)
    assert (b"# other\n", True) == (after.content, before.sha != after.sha)
    assert sha == scene.harbor.git.branch("main")
    assert b"Other\n" == scene.harbor.git.commit(sha).message


def test_two_commits_while_the_clock_stands_are_two(scene: Scene) -> None:
    """Even the same change twice: its id comes from its time, too."""
    times = []
    shas = set()
    for content in (b"1", b"2", b"1"):
        shas.add(commit_files(scene.world, scene.harbor, {"a.txt": content}, author=scene.alice))
        times.append(scene.harbor.updated)

    assert 3 == len(shas)
    assert sorted(set(times)) == times


def test_a_removed_file_is_gone(scene: Scene) -> None:
    """What was subscribed to may end."""
    commit_files(scene.world, scene.harbor, {"README.md": None}, author=scene.alice)
    status, _, _ = scene.asker.raw("repos/tidewater/harbor/contents/README.md")
    assert 404 == status


def test_a_new_branch_begins_where_the_default_branch_stands(scene: Scene) -> None:
    """It would otherwise lose all other files."""
    main = scene.harbor.git.branch("main")
    sha = commit_files(scene.world, scene.harbor, {"new.txt": b"x"}, author=scene.alice, branch="feature/new")

    assert [main] == [parent.decode() for parent in scene.harbor.git.commit(sha).parents]
    assert find_entry(scene.harbor.git, sha, "README.md").is_file
    assert main == scene.harbor.git.branch("main")


def test_a_repository_without_commits_gets_its_first(scene: Scene) -> None:
    """Then there is nothing to begin at."""
    repository = scene.world.add_repository(Repository(id=7, owner_id=2, name="new"))
    sha = commit_files(scene.world, repository, {"a.txt": b"x"}, author=scene.alice)
    assert [] == repository.git.commit(sha).parents


def test_a_commit_moves_the_pull_request_from_its_branch(scene: Scene) -> None:
    """And no other one: not the merged, not the draft beside it."""
    before = {number: scene.asker.ask(get_pull_request(HARBOR, number)) for number in (9, 13, 14)}
    sha = commit_files(scene.world, scene.harbor, {"a.txt": b"x\n"}, author=scene.alice, branch="feature/grace-period")
    after = {number: scene.asker.ask(get_pull_request(HARBOR, number)) for number in (9, 13, 14)}

    assert (sha, 2, True) == (after[13].head.sha, after[13].changed_files, after[13].updated_at > before[13].updated_at)
    assert (before[9], before[14].head, before[14].updated_at) == (after[9], after[14].head, after[14].updated_at)
    assert sha == after[14].base.sha


@pytest.mark.parametrize("number", [12, 13])
def test_an_edited_issue_has_a_later_time(scene: Scene, number: int) -> None:
    """`updated_at` is how the gate sees that something changed, and it counts whole seconds."""
    seen = [scene.asker.ask(get_issue(HARBOR, number))]
    for body in ("first", "second"):
        edit_issue(scene.world, scene.harbor, number, title="Changed", body=body)
        seen.append(scene.asker.ask(get_issue(HARBOR, number)))

    assert ["Changed", "second"] == [seen[-1].title, seen[-1].body]
    assert 3 == len({issue.updated_at for issue in seen})
    assert sorted(seen, key=lambda issue: issue.updated_at) == seen


def test_an_issue_is_closed_and_opened_again(scene: Scene) -> None:
    """The words stay as they were."""
    before = scene.asker.ask(get_issue(HARBOR, 12))
    edit_issue(scene.world, scene.harbor, 12, is_open=False)
    closed = scene.asker.ask(get_issue(HARBOR, 12))
    edit_issue(scene.world, scene.harbor, 12, is_open=True)
    opened = scene.asker.ask(get_issue(HARBOR, 12))

    assert ("closed", closed.updated_at) == (closed.state, closed.closed_at)
    assert ("open", "", before.title, before.body) == (opened.state, opened.closed_at, opened.title, opened.body)


def test_a_comment_changes_its_issue(scene: Scene) -> None:
    """A thread is one thing to whoever follows it."""
    before = scene.asker.ask(get_issue(HARBOR, 7))
    first = add_comment(scene.world, scene.harbor, 7, author=scene.alice, body="One")
    second = add_comment(scene.world, scene.harbor, 7, author=scene.alice, body="Two")
    after = scene.asker.ask(get_issue(HARBOR, 7))
    thread = scene.asker.ask(list_comments(HARBOR, 7, page=1, limit=10))

    assert (2, True) == (after.comment_count, after.updated_at > before.updated_at)
    assert [(first.id, "One"), (second.id, "Two")] == [(each.id, each.body) for each in thread.comments]


def test_new_issues_get_the_next_numbers(scene: Scene) -> None:
    """And ids that nothing else at the forge has."""
    numbers = [open_issue(scene.world, scene.harbor, author=scene.alice, title=f"New {i}").number for i in range(2)]
    elsewhere = open_issue(scene.world, scene.world.repositories[4], author=scene.alice, title="First", body="Text")
    ids = [issue.id for each in scene.world.repositories.values() for issue in each.tracker.issues.values()]

    assert ([15, 16], 1) == (numbers, elsewhere.number)
    assert len(set(ids)) == len(ids)
    assert "New 1" == scene.asker.ask(get_issue(HARBOR, 16)).title


def test_what_is_not_there_cannot_be_changed() -> None:
    """A test with a wrong number must fail, not pass by."""
    world = build_demo_world()
    with pytest.raises(KeyError):
        edit_issue(world, world.repositories[1], 99, title="x")
    with pytest.raises(KeyError):
        add_comment(world, world.repositories[1], 99, author=world.accounts[2], body="x")
