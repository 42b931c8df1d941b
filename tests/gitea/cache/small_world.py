"""A small world for the cache: repositories, branches and readers, and a forge that answers about them as Gitea does.

Every change makes a new, immutable `State`, so that a test can ask afterwards what Gitea would have shown, and when.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import unquote

import trio

from aegis_trio.gitea.cache.proofs import Credential
from aegis_trio.gitea.refusals import fault_for
from aegis_trio.gitea.request import AnswerT, ForgeRequest, ForgeResponse
from aegis_trio.model.identity import OwnerId
from aegis_trio.model.json import JsonValue
from aegis_trio.model.refs import RepositoryRef

OWNER: Final = "acme"
FOLDER: Final = "src"
FILE: Final = "app.py"
PATH: Final = f"{FOLDER}/{FILE}"


def blob_id(content: bytes) -> str:
    """Return git's id of a blob."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def commit_id(content: bytes) -> str:
    """Return the id of the commit that holds *content* at `PATH`: content is all that commits differ in here."""
    return hashlib.sha1(b"commit " + content, usedforsecurity=False).hexdigest()


def credential(name: str, token: str = "token") -> Credential:
    """Return the credential of a caller."""
    return Credential(owner=OwnerId(name), token_digest=f"{token} of {name}".encode(), repositories=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """One repository: names of refs to ids of commits, and the commits that are there."""

    branches: Mapping[str, str]
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    commits: Mapping[str, bytes]
    default_branch: str = "main"

    def pushed(self, branch: str, content: bytes) -> Repository:
        """Return it with *branch* at a commit of *content*."""
        sha = commit_id(content)
        return replace(self, branches={**self.branches, branch: sha}, commits={**self.commits, sha: content})

    def content_at(self, ref: str | None) -> bytes | None:
        """Return what stands at `PATH` as `contents` reads a ref: branch, then tag, then commit."""
        name = self.default_branch if ref is None else ref
        sha = self.branches.get(name) or self.tags.get(name) or name
        return self.commits.get(sha)

    def revision(self, text: str) -> str | None:
        """Return the commit that git's own reading finds: a full id, then a tag, then a branch."""
        if text in self.commits:
            return text
        name = self.default_branch if text == "HEAD" else text
        return self.tags.get(name) or self.branches.get(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Everything at one moment."""

    repositories: Mapping[str, Repository]
    readers: frozenset[tuple[str, str]]
    """Pairs of a caller and a repository's name."""
    dead: frozenset[str] = frozenset()
    """Callers whose token is no longer valid."""

    def repository_for(self, caller: str, name: str) -> Repository | None:
        """Return a repository as *caller* may see it."""
        return self.repositories.get(name) if (caller, name) in self.readers and caller not in self.dead else None


@dataclass(slots=True)
class World:
    """The states one after the other."""

    state: State
    history: list[tuple[float, State]] = field(default_factory=list[tuple[float, State]])
    requests: list[tuple[str, tuple[str, ...]]] = field(default_factory=list[tuple[str, tuple[str, ...]]])

    def change(self, state: State) -> None:
        """Go over to *state*, now."""
        self.history.append((trio.current_time(), self.state))
        self.state = state

    def states_between(self, begin_s: float, end_s: float) -> list[State]:
        """Return every state that held at some moment of that time, its ends included."""
        found, since = list[State](), float("-inf")
        for until, state in [*self.history, (float("inf"), self.state)]:
            if since <= end_s and until >= begin_s:
                found.append(state)
            since = until
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallForge:
    """The forge as one caller sees it; it decides somewhere between question and answer."""

    world: World
    caller: str
    before_s: float = 0.0
    after_s: float = 0.0

    async def ask(self, request: ForgeRequest[AnswerT]) -> AnswerT:
        """Answer as the world is at the moment of the decision."""
        self.world.requests.append((self.caller, request.segments))
        await trio.sleep(self.before_s)
        response = self._decide(request)
        await trio.sleep(self.after_s)
        if response.status not in request.ok:
            raise fault_for(response, subject=request.subject, missing=request.missing)
        return request.decode(response)

    def _decide(self, request: ForgeRequest[AnswerT]) -> ForgeResponse:
        if self.caller in self.world.state.dead:
            return _answer({"message": "no"}, status=401)
        name = request.segments[2]
        repository = self.world.state.repository_for(self.caller, name)
        document = None if repository is None else _document(repository, name, request)
        return _answer({"message": "not found"}, status=404) if document is None else _answer(document)


def _answer(document: JsonValue, status: int = 200) -> ForgeResponse:
    return ForgeResponse(status=status, content_type="application/json", body=json.dumps(document).encode())


def _document(repository: Repository, name: str, request: ForgeRequest[AnswerT]) -> JsonValue:
    match tuple(unquote(segment) for segment in request.segments[3:]):
        case ():
            return {
                "id": 1, "owner": {"login": OWNER}, "name": name, "default_branch": repository.default_branch,
            }  # fmt: skip
        case ("git", "refs", kind, *parts):
            refs = repository.branches if kind == "heads" else repository.tags
            found = {ref: sha for ref, sha in refs.items() if ref.startswith("/".join(parts))}
            listed: list[JsonValue] = [
                {"ref": f"refs/{kind}/{ref}", "object": {"type": "commit", "sha": sha}} for ref, sha in found.items()
            ]
            return listed or None
        case ("git", "commits", sha):
            return {"sha": sha} if sha in repository.commits else None
        case ("git", "trees", revision):
            return _tree(repository, revision)
        case ("contents", *parts):
            content = repository.content_at(dict(request.query).get("ref"))
            return None if content is None or "/".join(parts) != PATH else _file(content)
        case other:
            raise AssertionError(f"the small world has no {other}")


def _tree(repository: Repository, revision: str) -> JsonValue:
    root, _, folder = revision.partition(":")
    sha = repository.revision(root)
    if sha is None or folder not in {"", FOLDER}:
        return None
    content = repository.commits[sha]
    entry: JsonValue = {"path": FOLDER, "type": "tree", "mode": "040000", "sha": sha}
    if folder:
        entry = {"path": FILE, "type": "blob", "mode": "100644", "sha": blob_id(content), "size": len(content)}
    return {"sha": sha, "tree": [entry], "total_count": 1, "truncated": False}


def _file(content: bytes) -> JsonValue:
    return {
        "path": PATH,
        "type": "file",
        "sha": blob_id(content),
        "size": len(content),
        "encoding": "base64",
        "content": base64.b64encode(content).decode(),
    }


def repository_ref(name: str) -> RepositoryRef:
    """Return the name of a repository of the small world."""
    return RepositoryRef(OWNER, name)
