"""Every room of the demo world answers, and shows something that a person can try a tool on."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, final

import pytest

from aegis_trio.demo_forge.answers import Answer
from aegis_trio.demo_forge.areas.archives import _compressed, _tar
from aegis_trio.demo_forge.demo_world import build_demo_world
from aegis_trio.demo_forge.forge import Forge
from aegis_trio.demo_forge.git_store import GitStore, Signature
from aegis_trio.demo_forge.requests import Request
from aegis_trio.demo_forge.world import World

HARBOR: Final = "repos/tidewater/harbor"


@final
@dataclass(slots=True, kw_only=True)
class Asker:
    """Asks the demo world without sockets; reading needs no new world for each question."""

    world: World = field(default_factory=partial(build_demo_world))

    def ask(self, path: str, who: str = "alice") -> Answer:
        """Return the answer to a GET."""
        self.world.root_url = "http://forge/"
        raw_path, _, query = path.partition("?")
        headers = (("authorization", f"Bearer {self.world.tokens[who]}"),)
        request = Request(method="GET", raw_path=f"/api/v1/{raw_path}", raw_query=query, headers=headers)
        return Forge(self.world).answer(request)[0]

    def post(self, path: str, body: bytes) -> Answer:
        """Return the answer to a POST."""
        headers = (("authorization", f"Bearer {self.world.tokens['alice']}"),)
        request = Request(method="POST", raw_path=f"/api/v1/{path}", raw_query="", headers=headers, body=body)
        return Forge(self.world).answer(request)[0]

    def body(self, path: str, who: str = "alice") -> Any:
        """Return the document of a good answer."""
        answer = self.ask(path, who)
        assert 200 == answer.status, (path, answer.body)
        return json.loads(answer.body)


@pytest.fixture(scope="module")
def asker() -> Asker:
    """Give one demo world to all questions of this file."""
    return Asker()


@pytest.mark.parametrize(
    ("path", "least"),
    [
        (f"{HARBOR}/labels", 3),
        (f"{HARBOR}/milestones", 1),
        (f"{HARBOR}/issues/comments", 5),
        (f"{HARBOR}/issues/12/labels", 1),
        (f"{HARBOR}/issues/12/timeline", 4),
        (f"{HARBOR}/issues/12/reactions", 1),
        (f"{HARBOR}/issues/12/times", 1),
        (f"{HARBOR}/issues/14/dependencies", 1),
        (f"{HARBOR}/issues/13/blocks", 1),
        (f"{HARBOR}/issues/pinned", 1),
        (f"{HARBOR}/times", 1),
        (f"{HARBOR}/pulls/13/reviews", 2),
        (f"{HARBOR}/pulls/13/reviews/1/comments", 1),
        (f"{HARBOR}/pulls/13/commits", 1),
        ("repos/issues/search", 5),
        ("repos/issues/search?assigned=true", 1),
        ("repos/issues/search?created=true", 2),
        ("repos/issues/search?review_requested=true", 1),
        ("repos/issues/search?reviewed=true", 1),
        (f"{HARBOR}/commits", 5),
        (f"{HARBOR}/commits?path=src&limit=1", 3),
        (f"{HARBOR}/commits/main/statuses", 1),
        (f"{HARBOR}/actions/variables", 1),
        (f"{HARBOR}/actions/secrets", 1),
        ("orgs/tidewater/actions/variables", 1),
        ("orgs/tidewater/actions/secrets", 1),
        (f"{HARBOR}/releases", 3),
        (f"{HARBOR}/releases/2/assets", 1),
        (f"{HARBOR}/branch_protections", 2),
        (f"{HARBOR}/tag_protections", 1),
        (f"{HARBOR}/wiki/pages", 3),
        (f"{HARBOR}/languages", 1),
        (f"{HARBOR}/assignees", 3),
        (f"{HARBOR}/reviewers", 3),
        (f"{HARBOR}/stargazers", 2),
        (f"{HARBOR}/subscribers", 2),
        (f"{HARBOR}/teams", 3),
        (f"{HARBOR}/teams/crew", 5),
        (f"{HARBOR}/subscription", 3),
        ("repos/bob/tide-tables/collaborators", 1),
        ("repos/bob/tide-tables/forks", 1),
        ("users/bob/repos", 1),
        ("users/alice/orgs", 1),
        ("users/alice/starred", 2),
        ("users/alice/subscriptions", 3),
        ("users/alice/followers", 1),
        ("users/bob/following", 1),
        ("orgs", 1),
        ("orgs/tidewater", 5),
        ("orgs/tidewater/repos", 3),
        ("orgs/tidewater/members", 4),
        ("orgs/tidewater/teams", 3),
        ("users/bob/orgs/tidewater/permissions", 5),
        ("teams/2", 5),
        ("teams/2/members", 1),
        ("teams/2/members/bob", 5),
        ("teams/2/repos", 2),
        ("teams/2/repos/tidewater/harbor", 5),
        ("user/orgs", 1),
        ("user/teams", 1),
        ("user/starred", 2),
        ("user/subscriptions", 3),
        ("user/followers", 1),
        ("user/settings", 5),
        ("user/emails", 1),
        (f"{HARBOR}/notifications", 2),
        (f"{HARBOR}/hooks", 1),
        (f"{HARBOR}/hooks/1", 5),
        (f"{HARBOR}/keys", 1),
        (f"{HARBOR}/keys/1", 5),
        (f"{HARBOR}/activities/feeds", 10),
        ("users/bob/activities/feeds", 5),
        ("orgs/tidewater/activities/feeds", 10),
        ("teams/2/activities/feeds", 10),
        ("notifications", 2),
        ("notifications?all=true", 3),
        ("notifications?status-types=read&subject-type=issue", 1),
        ("notifications/threads/1", 5),
        ("packages/tidewater", 2),
        ("packages/tidewater/generic/berth-tables", 2),
        ("packages/tidewater/generic/berth-tables/-/latest", 5),
        ("packages/tidewater/generic/berth-tables/2.0.0", 5),
        ("packages/tidewater/generic/berth-tables/2.0.0/files", 1),
        ("gitignore/templates", 200),
        ("licenses", 20),
        ("label/templates", 2),
        ("label/templates/Default", 7),
        ("user/stopwatches", 1),
        ("user/times", 1),
    ],
)
def test_a_list_of_the_demo_world_has_something_in_it(asker: Asker, path: str, least: int) -> None:
    """A tool that is tried on an empty list teaches nobody anything."""
    assert least <= len(asker.body(path))


@pytest.mark.parametrize(
    ("path", "key", "least"),
    [
        (f"{HARBOR}/commits/feature%2Fgrace-period/status", "statuses", 2),
        (f"{HARBOR}/commits/feature/grace-period/status", "statuses", 2),
        (f"{HARBOR}/compare/main...feature/spring-tides", "commits", 2),
        (f"{HARBOR}/actions/workflows", "workflows", 1),
        (f"{HARBOR}/actions/runs", "workflow_runs", 2),
        (f"{HARBOR}/actions/runs?status=failure&event=pull_request", "workflow_runs", 1),
        (f"{HARBOR}/actions/runs/2/jobs", "jobs", 1),
        (f"{HARBOR}/actions/jobs?status=success", "jobs", 1),
        (f"{HARBOR}/actions/tasks", "workflow_runs", 2),
        (f"{HARBOR}/actions/artifacts", "artifacts", 1),
        (f"{HARBOR}/actions/runs/2/artifacts?name=pytest-report", "artifacts", 1),
        (f"{HARBOR}/wiki/revisions/Night-watch", "commits", 2),
        (f"{HARBOR}/topics", "topics", 3),
        ("topics/search?q=be", "topics", 1),
        ("repos/search?q=har", "data", 1),
        ("repos/search?uid=2", "data", 1),
        ("repos/search?sort=stars&order=desc&archived=false", "data", 5),
        ("users/search?q=a", "data", 3),
        ("orgs/tidewater/teams/search", "data", 1),
        ("orgs/tidewater/actions/runs", "workflow_runs", 2),
        ("orgs/tidewater/actions/jobs", "jobs", 2),
    ],
)
def test_a_list_within_a_document_has_something_in_it(asker: Asker, path: str, key: str, least: int) -> None:
    """The same for lists that stand beside a total."""
    assert least <= len(asker.body(path)[key])


def test_a_failed_run_tells_its_reason_in_its_log(asker: Asker) -> None:
    """What a person asks first is why it is red; steps, log and artifact lead there."""
    run = asker.body(f"{HARBOR}/actions/runs/2")
    job = asker.body(f"{HARBOR}/actions/runs/2/jobs")["jobs"][0]
    log = asker.ask(f"{HARBOR}/actions/jobs/{job['id']}/logs")

    assert ("completed", "failure") == (run["status"], run["conclusion"])
    assert ["failure"] == [step["conclusion"] for step in job["steps"] if "pytest" in step["name"]]
    assert b"NameError: name 'GRACE' is not defined" in log.body
    assert "text/plain; charset=utf-8" == log.content_type
    assert 404 == asker.ask(f"{HARBOR}/actions/runs/9/logs").status


def test_an_artifact_is_fetched_from_a_signed_address(asker: Asker) -> None:
    """The address is good for whoever has it, so the gate must never hand it on."""
    answer = asker.ask(f"{HARBOR}/actions/artifacts/1/zip")
    place = dict(answer.headers)["Location"].removeprefix("http://forge/api/v1/")

    assert 302 == answer.status
    assert b"PK" == asker.ask(place).body[:2]
    assert 401 == asker.ask(place.partition("?")[0]).status


def test_what_a_pull_request_changes_reads_as_git_prints_it(asker: Asker) -> None:
    """A patch that `git am` takes, and a difference without headers."""
    patch, diff = (asker.ask(f"{HARBOR}/pulls/13.{kind}").body for kind in ("patch", "diff"))

    assert patch.startswith(b"From ")
    assert b"Subject: [PATCH] A grace period for late ships\n" in patch
    assert b"\n-    return now > leaves\n+    return now - leaves > GRACE\n" in diff
    assert diff.startswith(b"diff --git a/src/harbor/planner.py b/src/harbor/planner.py\n")


def test_only_owners_see_settings_of_actions(asker: Asker) -> None:
    """Names of secrets tell where to attack."""
    places = (f"{HARBOR}/actions/secrets", f"{HARBOR}/actions/runners", "orgs/tidewater/actions/secrets")

    assert [403, 403, 403] == [asker.ask(place, "bob").status for place in places]
    assert 403 == asker.ask("admin/actions/runs", "bob").status
    assert 501 == asker.ask(f"{HARBOR}/actions/runners/registration-token").status


def test_a_draft_is_not_listed_for_readers(asker: Asker) -> None:
    """And yet everybody reads it by its number, as at Gitea: the gate has to know."""
    assert ["v2.0.0", "v1.0.0"] == [each["tag_name"] for each in asker.body(f"{HARBOR}/releases", "carol")]
    assert asker.body(f"{HARBOR}/releases/3", "carol")["draft"]
    assert "v2.0.0" == asker.body(f"{HARBOR}/releases/latest")["tag_name"]
    assert 403 == asker.ask(f"{HARBOR}/branch_protections", "carol").status


def test_an_archive_holds_every_file_of_the_commit(asker: Asker) -> None:
    """Search over a repository reads it in one stream."""
    answer = asker.ask(f"{HARBOR}/archive/feature/spring-tides.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(answer.body)) as archive:
        names = archive.getnames()

    assert "harbor/src/harbor/spring.py" in names
    assert "harbor/docs/übersicht-泊位.md" in names
    assert 404 == asker.ask(f"{HARBOR}/archive/nothing.tar.gz").status


def test_an_archive_holds_links_long_names_and_programs() -> None:
    """Each of them has a place of its own in a tar."""
    git = GitStore()
    long_name = f"{'folder/' * 20}file.txt"
    author = Signature(name="A", email="a@b.example", when=datetime(2025, 1, 1, tzinfo=UTC))
    git.write_commit(branch="main", changes={long_name: b"far\n", "a": b"1\n"}, author=author, message="x\n")
    with tarfile.open(fileobj=io.BytesIO(_compressed(_tar(git, git.refs["refs/heads/main"], "r")))) as archive:
        far = archive.extractfile(f"r/{long_name}")
        assert far is not None
        assert b"far\n" == far.read()


@pytest.mark.parametrize(
    ("path", "who", "status"),
    [
        ("user/following/alice", "bob", 204),
        ("user/following/carol", "bob", 404),
        ("users/bob/following/alice", "carol", 204),
        ("user/starred/tidewater/harbor", "alice", 204),
        ("user/starred/tidewater/website", "alice", 404),
        ("orgs/tidewater/members/bob", "alice", 204),
        ("orgs/tidewater/members/harbourmaster", "alice", 404),
        ("orgs/tidewater/public_members/bob", "alice", 404),
        (f"{HARBOR}/collaborators/carol", "alice", 404),
        (f"{HARBOR}/collaborators/carol/permission", "alice", 200),
        (f"{HARBOR}/collaborators/alice/permission", "bob", 403),
        (f"{HARBOR}/pulls/9/merge", "alice", 204),
        (f"{HARBOR}/pulls/13/merge", "alice", 404),
        (f"{HARBOR}/teams/nobody", "alice", 404),
        ("repos/alice/notes/teams", "alice", 405),
        ("teams/2/members/carol", "alice", 404),
        ("teams/2/repos/tidewater/payroll", "alice", 404),
        ("teams/99", "alice", 404),
        ("notifications/threads/1", "bob", 403),
        ("notifications/threads/1", "admin", 200),
        ("notifications/threads/99", "bob", 404),
        ("packages/nobody", "bob", 404),
        ("packages/tidewater/generic/nothing", "bob", 404),
        ("packages/tidewater/generic/nothing/-/latest", "bob", 404),
        (f"{HARBOR}/hooks", "bob", 403),
        (f"{HARBOR}/keys/1", "bob", 403),
        ("gitignore/templates/Go", "bob", 501),
        ("gitignore/templates/Nothing", "bob", 404),
        ("licenses/MIT", "bob", 501),
        ("label/templates/Advanced", "bob", 501),
        ("nodeinfo", "bob", 404),
        ("admin/users", "bob", 403),
        ("admin/runners/registration-token", "bob", 403),
        ("admin/runners/registration-token", "admin", 501),
        ("admin/users", "admin", 200),
        ("admin/orgs", "admin", 200),
        ("admin/emails", "admin", 200),
        ("admin/emails/search?q=bob", "admin", 200),
        ("admin/unadopted", "admin", 200),
        ("teams/99/activities/feeds", "alice", 404),
        ("repos/search?mode=nope", "alice", 422),
        ("repos/search?sort=nope", "alice", 422),
        ("repos/search?sort=id&order=nope", "alice", 422),
    ],
)
def test_what_is_asked_by_status_alone(asker: Asker, path: str, who: str, status: int) -> None:
    """Some questions have no other answer than their status."""
    assert status == asker.ask(path, who).status


def test_a_private_repository_is_in_no_list_of_others(asker: Asker) -> None:
    """A list that tells a name tells that the thing exists."""
    for path in ("repos/search", "orgs/tidewater/repos", "users/alice/repos", "users/alice/subscriptions"):
        document = asker.body(path, "carol")
        names = {each["full_name"] for each in (document["data"] if isinstance(document, dict) else document)}
        assert not {"tidewater/payroll", "alice/notes"} & names


@pytest.mark.parametrize(
    ("text", "status", "page"),
    [
        ("*low* water & tide\n\nsecond", 501, ""),
        ("*low* water\n\nsecond", 200, '<p dir="auto"><em>low</em> water</p>\n<p dir="auto">second</p>\n'),
        ("# High water", 200, '<h1 id="user-content-high-water" dir="auto">High water</h1>\n'),
        ("see #12", 501, ""),
    ],
)
def test_only_plain_markdown_is_rendered(asker: Asker, text: str, status: int, page: str) -> None:
    """A renderer of our own would prove nothing about Gitea's."""
    for path, body in (("markdown/raw", text.encode()), ("markdown", json.dumps({"Text": text}).encode())):
        answer = asker.post(path, body)

        assert status == answer.status
        assert status != 200 or page == answer.body.decode()
