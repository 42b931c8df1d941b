"""The long tail before a real Gitea: every operation that is offered, asked once of a world that has one of each thing.

Set AEGIS_TEST_GITEA_BIN to the program of Gitea 1.25, which this test starts and fills. With `-s` each operation and
what came of it is printed.
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
import trio

from aegis_trio.gitea.client import open_gitea_client
from aegis_trio.gitea.settings import GiteaSettings
from aegis_trio.model.errors import Bug, Conflict, Fault, NotFound, UpstreamBroken
from aegis_trio.model.json import JsonObject, JsonValue, encode_json
from aegis_trio.model.secret import Secret
from aegis_trio.policy.access import READ_SCOPES
from aegis_trio.toolsets.catalogue import TYPED
from aegis_trio.toolsets.operations.call_read_operation import call_tool, operation_spec
from aegis_trio.toolsets.operations.examples import example_of
from aegis_trio.toolsets.operations.exposure import Sensitive
from aegis_trio.toolsets.operations.offer import Offer
from aegis_trio.toolsets.operations.table import Operation
from aegis_trio.toolsets.operations.typed import INSTEAD
from tests.gitea_server import BINARY, OwnGitea, Resident, start_gitea, the_setting
from tests.toolsets.canned import PRINCIPAL, context_for

pytestmark = pytest.mark.e2e
OFFER = Offer(TYPED, frozenset(Sensitive), operation_spec)
CALL = call_tool(OFFER)

# Things that a new Gitea does not have, or that nobody can make without a runner: not there, and nothing else.
ABSENT = {
    *("ActionsGetWorkflow", "GetWorkflowRun", "downloadActionsRunJobLogs", "getArtifact", "getArtifactsOfRun"),
    *("getOrgRunner", "getRepoRunner", "getUserRunner", "getWorkflowJob", "listWorkflowRunJobs"),
    *("getSigningKey", "getSigningKeySSH", "repoSigningKey", "repoSigningKeySSH", "notifyGetThread"),
    *("issueGetIssueAttachment", "issueGetIssueCommentAttachment", "repoGetReleaseAttachment", "repoGetNote"),
    *("getLatestPackageVersion", "getPackage", "listPackageFiles", "listPackageVersions"),
    *("orgGetHook", "repoGetHook", "repoGetGitHook", "repoListGitHooks", "userGetHook", "repoGetKey"),
    *("repoGetPushMirrorByRemoteName", "repoListPushMirrors", "userCurrentGetGPGKey", "userCurrentGetKey"),
    *("userGetOAuth2Application", "GetAnnotatedTag", "getOrgVariable", "getRepoVariable", "getUserVariable"),
    *("repoGetCommitPullRequest", "userCurrentCheckSubscription", "repoGetTagProtection", "orgGetLabel"),
}


@dataclass(frozen=True)
class World:
    """One of each thing."""

    gitea: OwnGitea
    alice: Resident
    token: str
    repository: int
    head: str
    blob: str


@pytest.fixture(name="world", scope="module")
def _fixture_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    if not the_setting(BINARY):
        pytest.skip(f"no real Gitea to ask: set {BINARY}")
    with start_gitea(the_setting(BINARY), tmp_path_factory.mktemp("gitea")) as gitea:
        if not trio.run(gitea.version).startswith("1.25"):
            pytest.skip("the operations are those of Gitea 1.25")
        yield trio.run(_build, gitea)


async def _build(gitea: OwnGitea) -> World:
    alice = await gitea.add_person("alice")
    scopes = sorted(f"write:{scope.partition(':')[2]}" for scope in READ_SCOPES)
    token = await gitea.add_token(alice, *scopes)
    home = f"/repos/{alice.login}/diary"

    async def make(path: str, document: JsonObject, expected: int = 201) -> JsonObject:
        return dict(await gitea.ask("POST", path, document, who=alice, expected=expected) or {})

    await make("/orgs", {"username": f"org-{alice.login}"})
    await make(f"/orgs/{_org(alice)}/teams", {"name": "dev", "permission": "read", "units": ["repo.code"]})
    await make(f"/org/{_org(alice)}/repos", {"name": "shared", "auto_init": True})
    await make(f"{home}/branches", {"new_branch_name": "feature", "old_branch_name": "main"})
    content = b64encode(b"print('hello')\n").decode()
    await make(f"{home}/contents/src/main.py", {"branch": "feature", "content": content, "message": "More"})
    await make(f"{home}/contents/.editorconfig", {"content": b64encode(b"root = true\n").decode(), "message": "Style"})
    await make(f"{home}/labels", {"name": "bug", "color": "#ff0000"})
    await make(f"{home}/milestones", {"title": "name"})
    await make(f"{home}/issues", {"title": "First", "body": "Text", "labels": [1]})
    await make(f"{home}/issues/1/comments", {"body": "A word"})
    await make(f"{home}/issues/1/times", {"time": 60}, 200)
    await make(f"{home}/pulls", {"title": "Second", "head": "feature", "base": "main"})
    await make(f"{home}/pulls/2/reviews", {"event": "COMMENT", "body": "Good"}, 200)
    await make(f"{home}/releases", {"tag_name": "v1.0", "name": "One"})
    await make(f"{home}/wiki/new", {"title": "Home", "content_base64": content})
    await make(f"{home}/branch_protections", {"rule_name": "name"})
    head = await gitea.ask("GET", f"{home}/branches/main", who=alice)
    tree = await gitea.ask("GET", f"{home}/git/trees/main", who=alice)
    blob = next(entry["sha"] for entry in tree["tree"] if entry["type"] == "blob")
    repository = await gitea.ask("GET", home, who=alice)
    return World(gitea, alice, token, repository["id"], head["commit"]["id"], blob)


def _org(alice: Resident) -> str:
    return f"org-{alice.login}"


def _arguments(world: World, operation: Operation) -> JsonObject:
    """Return the arguments of a call that finds something where the world has it."""
    of_pull = "/pulls/" in operation.path
    words: dict[str, JsonValue] = {
        "owner": world.alice.login,
        "repo": "diary",
        "org": _org(world.alice),
        "username": world.alice.login,
        "user": world.alice.login,
        "target": world.alice.login,
        "collaborator": world.alice.login,
        "index": 2 if of_pull else 1,
        "filepath": "README.md",
        "sha": world.head,
        "branch": "main",
        "ref": "main",
        "basehead": "main...feature",
        "base": "main",
        "head": "feature",
        "team": "dev",
        "workflow_id": "ci.yml",
        "pageName": "Home",
        "tag": "v1.0",
        "body": ["README.md"],
        "q": "a",
    }
    special: dict[str, JsonObject] = {
        "GetBlob": {"sha": world.blob},
        "getGitignoreTemplateInfo": {"name": "Go"},
        "getLabelTemplateInfo": {"name": "Default"},
        "getLicenseTemplateInfo": {"name": "MIT"},
        "orgListTeamRepo": {"repo": "shared"},
        "repoCheckTeam": {"owner": _org(world.alice), "repo": "shared", "team": "Owners"},
        "repoListGitRefs": {"ref": "heads/main"},
        "repoListTeams": {"owner": _org(world.alice), "repo": "shared"},
        "repoGetByID": {"id": world.repository},
    }
    chosen = words | special.get(operation.id, {})
    given = dict(example_of(operation).get("arguments", {}))  # type: ignore[arg-type]  # an object, or nothing
    if operation.id in {"repoGetSingleCommit", "repoGetNote"}:
        given["sha"] = "main"
    return {name: chosen.get(name, value) for name, value in given.items()}


async def test_every_operation_answers_as_the_description_says(world: World) -> None:
    """Whatever is offered exists at this Gitea, and what it brings is shown within the bound, or is not there."""
    ended: Counter[str] = Counter()
    wrong: list[str] = []
    async with open_gitea_client(GiteaSettings(url=world.gitea.url)) as client:
        context = replace(
            context_for(client.acting_as(Secret(world.token))), principal=replace(PRINCIPAL, scopes=READ_SCOPES)
        )
        for operation in OFFER.operations():
            raw: JsonObject = {"operation": operation.id, "arguments": _arguments(world, operation)}
            try:
                reply = (await CALL.prepare(raw).run(context)).structured or {}
            except Fault as fault:
                said, is_right = str(fault), _is_expected(operation, fault)
            else:
                said, is_right = encode_json(reply).decode(), _is_whole(operation, reply)
            ended["answered" if said.startswith("{") else "absent" if is_right else "wrong"] += 1
            print(f"{operation.id:40} {said[:200]}")
            if not is_right:
                wrong.append(f"{operation.id}: {said[:300]}")
    print(dict(ended))

    assert [] == wrong
    assert ended["answered"] > 140


def _is_expected(operation: Operation, fault: Fault) -> bool:
    if "does not have this operation" in str(fault) or isinstance(fault, Bug | UpstreamBroken):
        # Nodeinfo is switched off by default, and an unknown job is Gitea's own failure.
        return operation.id in {"getNodeInfo", "downloadActionsRunJobLogs"}
    return (operation.id in INSTEAD and isinstance(fault, Conflict)) or operation.id in ABSENT


def _is_whole(operation: Operation, reply: JsonObject) -> bool:
    if operation.asks:
        return isinstance(reply["answer"], bool)
    if "entries" in reply:
        return isinstance(reply["entries"], list) and "has_next" in reply
    is_object = not operation.answer.endswith("[]") or operation.id == "getUserSettings"  # described as a list
    return is_object and ("answer" in reply or "text" in reply)


async def test_what_is_absent_is_absent_by_its_own_word(world: World) -> None:
    """A Gitea without the route answers another 404, which is told apart."""
    newer = replace(
        next(one for one in OFFER.operations() if one.id == "repoListTopics"), path="/repos/{owner}/{repo}/no"
    )
    spec = operation_spec(newer, ())
    async with open_gitea_client(GiteaSettings(url=world.gitea.url)) as client:
        context = replace(
            context_for(client.acting_as(Secret(world.token))), principal=replace(PRINCIPAL, scopes=READ_SCOPES)
        )
        home: JsonObject = {"owner": world.alice.login, "repo": "diary"}
        with pytest.raises(NotFound, match="does not have this operation"):
            await spec.prepare({"operation": newer.id, "arguments": home}).run(context)
