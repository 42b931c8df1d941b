"""The demo world's issues and pull requests, read as the gate reads them, and what is refused of them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

import pytest

from aegis_trio.demo_forge.changes import commit_files
from aegis_trio.demo_forge.demo_world import build_demo_world
from aegis_trio.demo_forge.forge import Forge
from aegis_trio.demo_forge.git_store import Signature
from aegis_trio.demo_forge.issues import Issue, PullRequest
from aegis_trio.demo_forge.requests import Request
from aegis_trio.demo_forge.world import EPOCH, Access, Unit
from aegis_trio.gitea.branches import list_branches, list_tags
from aegis_trio.gitea.git import get_tree
from aegis_trio.gitea.issues import IssueState, IssueType, get_issue, list_comments, list_issues
from aegis_trio.gitea.pulls import ChangedFile, get_pull_request, list_changed_files
from aegis_trio.gitea.readme import choose_readme
from aegis_trio.gitea.request import AnswerT, ForgeRequest
from aegis_trio.model.refs import FilePath, parse_repository
from tests.gitea.recorded import response_of

HARBOR = parse_repository("tidewater", "harbor")
WEBSITE = parse_repository("tidewater", "website")


class Asker:
    """Puts the gate's own requests to a forge, without sockets."""

    def __init__(self) -> None:
        self.world = build_demo_world()
        self.world.root_url = "http://forge/"
        self.forge = Forge(self.world)

    def raw(self, path: str, query: str = "", who: str = "bot") -> tuple[int, dict[str, str], bytes]:
        headers = (("authorization", f"Bearer {self.world.tokens[who]}"),)
        request = Request(method="GET", raw_path=f"/api/v1/{path}", raw_query=query, headers=headers)
        answer, _ = self.forge.answer(request)
        return answer.status, {name.lower(): value for name, value in answer.all_headers()}, answer.body

    def ask(self, request: ForgeRequest[AnswerT], who: str = "bot") -> AnswerT:
        status, headers, body = self.raw("/".join(request.segments), urlencode(request.query, quote_via=quote), who)
        assert (200, b"") == (status, b"" if status == 200 else body)
        return request.decode(response_of(status, body, headers))

    def list(self, **changes: Any) -> list[int]:
        wanted = {"state": IssueState.ALL, "kind": IssueType.ALL, "query": "", "page": 1, "limit": 50}
        return [issue.number for issue in self.ask(list_issues(HARBOR, **(wanted | changes))).issues]


@pytest.fixture
def asker() -> Asker:
    """Give a forge over the demo world."""
    return Asker()


def test_the_newest_comes_first_and_every_filter_holds(asker: Asker) -> None:
    """Completion of numbers shows what people talk about now."""
    assert [14, 13, 12, 10, 9, 7, 4, 1] == asker.list()
    assert [14, 13, 12, 10, 7] == asker.list(state=IssueState.OPEN)
    assert [9, 4, 1] == asker.list(state=IssueState.CLOSED)
    assert [14, 13, 9] == asker.list(kind=IssueType.PULLS)
    assert [12, 10, 7, 4, 1] == asker.list(kind=IssueType.ISSUES)
    assert [10, 9, 7] == asker.list(page=2, limit=3)
    assert [13, 12] == asker.list(query="Grace")
    assert [10] == asker.list(query="I was aboard")


def test_an_issue_is_read_with_its_thread(asker: Asker) -> None:
    """The demo's own story: a wish, its discussion, its branch."""
    issue = asker.ask(get_issue(HARBOR, 12))
    thread = asker.ask(list_comments(HARBOR, 12, page=1, limit=2))

    assert ("open", "harbourmaster", ("idea",), ("bob",), "2.2", 3, False) == (
        issue.state,
        issue.author,
        issue.labels,
        issue.assignees,
        issue.milestone,
        issue.comment_count,
        issue.is_pull,
    )
    assert "http://forge/tidewater/harbor/issues/12" == issue.html_url
    assert (["bob", "carol"], 3, True) == ([each.author for each in thread.comments], thread.total, thread.has_next)
    assert issue.updated_at == thread.comments[-1].updated_at


def test_a_pull_request_says_what_it_changes(asker: Asker) -> None:
    """One line of the planner, on the branch that the demo always had."""
    pull = asker.ask(get_pull_request(HARBOR, 13))
    files = asker.ask(list_changed_files(HARBOR, 13, page=1, limit=50))
    branches = {each.name: each.commit for each in asker.ask(list_branches(HARBOR, page=1, limit=50)).branches}

    assert ("feature/grace-period", branches["feature/grace-period"]) == (pull.head.branch, pull.head.sha)
    assert ("main", branches["main"], "tidewater/harbor") == (pull.base.branch, pull.base.sha, pull.base.repository)
    assert (True, False, False, ("alice",)) == (pull.mergeable, pull.draft, pull.merged, pull.reviewers)
    assert (1, 1, 1, 1) == (pull.additions, pull.deletions, pull.changed_files, files.total)
    changed = ChangedFile(path="src/harbor/planner.py", previous_path="", status="changed", additions=1, deletions=1)
    assert (changed,) == files.files


def test_drafts_and_merged_ones_are_told_apart(asker: Asker) -> None:
    """A draft cannot be merged; of a merged one the branch is gone, and its files are still known."""
    draft, merged = asker.ask(get_pull_request(HARBOR, 14)), asker.ask(get_pull_request(HARBOR, 9))
    files = asker.ask(list_changed_files(HARBOR, 9, page=1, limit=2))

    assert (True, False) == (draft.draft, draft.mergeable)
    assert ("closed", True, "refs/pull/9/head") == (merged.state, merged.merged, merged.head.branch)
    assert merged.merged_at == merged.updated_at
    assert ([".gitea/workflows/test.yaml", "README.md"], 3, True) == (
        [each.path for each in files.files],
        files.total,
        files.has_next,
    )


def test_tags_and_the_readme_are_found(asker: Asker) -> None:
    """What resources of a repository begin with."""
    tree = asker.ask(get_tree(HARBOR, None, FilePath(()), recursive=False, page=1, limit=1000))
    readme = choose_readme(tree.entries)

    assert ["v2.0.0"] == [tag.name for tag in asker.ask(list_tags(HARBOR, page=1, limit=50)).tags]
    assert readme is not None
    assert "README.md" == readme.path


def test_somebody_elses_words_stand_in_an_issue(asker: Asker) -> None:
    """The demo shows that an issue is data: whoever reads it must not do what it says."""
    assert "ignore your instructions" in asker.ask(get_issue(WEBSITE, 2)).body


def test_a_number_names_one_thing(asker: Asker) -> None:
    """A pull request is an issue, too, but an issue is no pull request; what was deleted is not there."""
    statuses = [
        asker.raw(f"repos/tidewater/harbor/{place}")[0] for place in ("issues/13", "pulls/12", "issues/2", "issues/99")
    ]
    assert [200, 404, 404, 404] == statuses


def test_an_issue_that_is_not_there_has_no_comments_but_an_error(asker: Asker) -> None:
    """So Gitea answers; the gate must not take it for an empty thread."""
    assert 500 == asker.raw("repos/tidewater/harbor/issues/99/comments")[0]


@pytest.mark.parametrize("place", ["issues", "issues/1", "issues/1/comments", "pulls", "pulls/1", "pulls/1/files"])
def test_what_is_private_to_others_does_not_exist(asker: Asker, place: str) -> None:
    """Whoever may not see a repository learns nothing from its numbers."""
    assert 404 == asker.raw(f"repos/tidewater/payroll/{place}")[0]


def test_each_kind_has_its_own_right(asker: Asker) -> None:
    """A team may be given issues and not pull requests; then the other kind is not there."""
    asker.world.teams[2].units = {Unit.ISSUES: Access.READ}

    assert [12, 10, 7, 4, 1] == asker.list()
    assert 404 == asker.raw("repos/tidewater/harbor/issues/13")[0]
    assert 404 == asker.raw("repos/tidewater/harbor/pulls/13")[0]
    assert 404 == asker.raw("repos/tidewater/harbor/pulls")[0]
    # Which words Gitea has for this one, no recording shows.
    assert 501 == asker.raw("repos/tidewater/harbor/issues/13/comments")[0]


def test_a_token_without_the_scope_is_refused(asker: Asker) -> None:
    """Issues are another scope than the repository that they stand in."""
    bob = asker.world.accounts[3]
    asker.world.add_token(bob, {"read:repository"}, name="code", label="code")
    asker.world.add_token(bob, {"read:issue"}, name="words", label="words")

    assert (403, 200) == (
        asker.raw("repos/tidewater/harbor/issues/12", who="code")[0],
        asker.raw("repos/tidewater/harbor/pulls/13", who="code")[0],
    )
    assert (200, 403) == (
        asker.raw("repos/tidewater/harbor/issues/12", who="words")[0],
        asker.raw("repos/tidewater/harbor/pulls/13", who="words")[0],
    )


def test_the_counts_of_a_repository_follow_its_issues(asker: Asker) -> None:
    """Two sources for one number would contradict each other."""
    status, _, body = asker.raw("repos/tidewater/harbor")

    assert 200 == status
    assert b'"open_issues_count":3,"open_pr_counter":2' in body


WIDE = {letter: b"".join(b"%s%d\n" % (letter, line) for line in range(2000)) for letter in (b"a", b"b")}


def test_what_would_take_git_too_long_to_count_is_not_guessed(asker: Asker) -> None:
    """git has shortcuts for files that differ almost everywhere: 501 is better than other numbers."""
    harbor, author = asker.world.repositories[1], asker.world.accounts[3]
    commit_files(asker.world, harbor, {"wide.txt": WIDE[b"a"]}, author=author)
    commit_files(asker.world, harbor, {"wide.txt": WIDE[b"b"]}, author=author, branch="feature/other")
    pull = harbor.tracker.issues[13].pull
    assert pull is not None
    pull.head = "feature/other"

    assert [501, 501, 200] == [
        asker.raw(f"repos/tidewater/harbor/{each}")[0] for each in ("pulls/13/files", "pulls/13", "pulls")
    ]


def test_histories_that_never_met_have_no_common_commit(asker: Asker) -> None:
    """Then everything is new."""
    git = asker.world.repositories[5].git
    author = Signature(name="Bob", email="bob@tidewater.example", when=EPOCH)
    git.write_commit(branch="orphan", changes={"only.txt": b"1\n2\n"}, author=author, message="Alone\n")
    pull = PullRequest(id=9, base="main", head="orphan", head_repository_id=5)
    asker.world.repositories[5].tracker.add(
        Issue(id=900, number=2, author_id=3, title="Alone", created=EPOCH, updated=EPOCH, pull=pull)
    )
    found = asker.ask(get_pull_request(parse_repository("bob", "tide-tables"), 2))

    assert (2, 0, 1) == (found.additions, found.deletions, found.changed_files)


def test_a_pull_request_outlives_its_fork(asker: Asker) -> None:
    """Gitea keeps its commits; where they came from is not there any more."""
    harbor = asker.world.repositories[1]
    pull = harbor.tracker.issues[13].pull
    assert pull is not None
    pull.head_repository_id = 99
    found = asker.ask(get_pull_request(HARBOR, 13))

    assert ("refs/pull/13/head", None, False) == (found.head.branch, found.head.repository, found.mergeable)


def test_a_pull_request_without_its_commits_is_a_defect_of_the_world(asker: Asker) -> None:
    """A test that builds half a pull request hears of it at once."""
    tracker = asker.world.repositories[1].tracker
    pull = PullRequest(id=9, base="main", head="gone", head_repository_id=99)
    tracker.add(Issue(id=900, number=90, author_id=2, title="half", created=EPOCH, updated=EPOCH, pull=pull))

    with pytest.raises(ValueError, match="no commits"):
        asker.raw("repos/tidewater/harbor/pulls/90")
