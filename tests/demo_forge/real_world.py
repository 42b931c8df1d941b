"""The recorded world in a real Gitea: the seed's own requests, put again, and the git bundles, pushed.

Needs a new server: numbers of users, teams and repositories stand in paths and answers.
"""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeAlias, final

from tests.demo_forge.exchanges import Exchange, basic, exchange_of, request_of
from tests.demo_forge.raw_client import RawClient, RawRequest, Response
from tests.demo_forge.recorded_world import LARGE_OBJECT, RECORDINGS

BUNDLES: Final = {"acme/backend": "backend", "acme/website": "website", "bob/public-tool": "public-tool"}
# Method, path, document, token, status.
_Step: TypeAlias = tuple[str, str, Any, str, int]
_BOT_TOKENS: Final = {
    "bot-read": ["read:repository", "read:issue", "read:user", "read:organization"],
    "bot-write": ["write:repository", "write:issue", "read:user", "read:organization"],
}


class CannotBeSeeded(Exception):
    """This server cannot be made to look like the recorded one; the text says why."""


@final
@dataclass(slots=True, kw_only=True)
class RealGitea:
    """A real server while it is seeded and asked."""

    url: str
    client: RawClient
    passwords: dict[str, str]
    tokens: dict[str, str] = field(default_factory=dict[str, str])

    async def put(self, exchange: Exchange) -> Response:
        """Put a recorded request, with this server's credentials and passwords."""
        tokens = {"alice:all": "", "alice:read-user": "", **self.tokens}
        body = json.loads(self._with_passwords(json.dumps(exchange.request_body)))
        return await self.client.ask(request_of(replace(exchange, request_body=body), tokens, self.passwords))

    def _with_passwords(self, text: str) -> str:
        for login, password in self.passwords.items():
            text = text.replace(f"<password:{login}>", password)
        return text


async def seed(gitea: RealGitea, workplace: Path) -> None:
    """Build the recorded world.

    Raises:
        CannotBeSeeded: the server is not new, or refuses a step.
    """
    for line in (RECORDINGS / "seed.jsonl").read_text("utf-8").splitlines():
        document: dict[str, Any] = json.loads(line)
        if document.get("step") == "push":
            await _push(gitea, workplace)
        elif document.get("step") == "bot":
            await _add_bot(gitea)
        else:
            await _repeat(gitea, exchange_of({"query": [], "response_headers": {}, **document}))


async def _repeat(gitea: RealGitea, exchange: Exchange) -> None:
    login = exchange.id.split(".")[2] if exchange.id.startswith("seed.user.") else ""
    if login and login not in gitea.passwords:
        gitea.passwords[login] = f"Aa1!{secrets.token_hex(12)}"
    response = await gitea.put(exchange)
    if exchange.status != response.status:
        statuses = f"answered {response.status}, the recorded one {exchange.status}"
        raise CannotBeSeeded(f"{exchange.id}: this Gitea {statuses}: {response.body!r}")
    if exchange.id == "seed.user.alice" and json.loads(response.body)["id"] != 2:
        raise CannotBeSeeded("this Gitea is not new: its users have other numbers than the recorded ones")
    if exchange.id.startswith("seed.token."):
        gitea.tokens[f"{exchange.who}:{exchange.request_body['name']}"] = json.loads(response.body)["sha1"]


async def _add_bot(gitea: RealGitea) -> None:
    # The API makes no bots; to everything that is claimed, a person with this name is the same.
    password = gitea.passwords["mcp-bot"] = f"Aa1!{secrets.token_hex(12)}"
    document = {
        "username": "mcp-bot",
        "email": "mcp-bot@example.test",
        "password": password,
        "must_change_password": False,
    }
    await _must(gitea, ("POST", "/api/v1/admin/users", document, "root1:all", 201))
    for name, scopes in _BOT_TOKENS.items():
        exchange = exchange_of(
            {
                "id": f"seed.token.mcp-bot.{name}",
                "as": "mcp-bot",
                "credential": "basic",
                "method": "POST",
                "path": "/api/v1/users/mcp-bot/tokens",
                "query": [],
                "request_headers": {"Content-Type": "application/json"},
                "request_body": {"name": name, "scopes": scopes},
                "status": 201,
                "response_headers": {},
            }
        )
        await _repeat(gitea, exchange)


async def _must(gitea: RealGitea, step: _Step) -> None:
    method, path, document, token, status = step
    headers = (("Authorization", f"Bearer {gitea.tokens[token]}"), ("Content-Type", "application/json"))
    body = b"" if document is None else json.dumps(document).encode()
    response = await gitea.client.ask(RawRequest(method=method, target=path, headers=headers, body=body))
    if response.status != status:
        raise CannotBeSeeded(f"{method} {path}: answered {response.status}: {response.body!r}")


async def _push(gitea: RealGitea, workplace: Path) -> None:
    host = gitea.url.removeprefix("http://")
    for full_name, bundle in BUNDLES.items():
        folder = workplace / bundle
        source = str(RECORDINGS / "git" / f"{bundle}.bundle")
        login = "bob" if full_name.startswith("bob/") else "alice"
        target = f"http://{login}:{gitea.tokens[f'{login}:all']}@{host}/{full_name}.git"
        for words in (
            ["clone", "-q", "--mirror", source, str(folder)],
            ["-C", str(folder), "push", "-q", target, "refs/heads/main"],
            ["-C", str(folder), "push", "-q", target, "refs/heads/*:refs/heads/*"],
            ["-C", str(folder), "push", "-q", target, "refs/tags/*:refs/tags/*"],
        ):
            done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)  # noqa: ASYNC221 -- nothing else runs
            if done.returncode != 0:
                raise CannotBeSeeded(f"git {words[0]} {words[-1]}: {done.stderr}")
    await _add_large_object(gitea)


async def _add_large_object(gitea: RealGitea) -> None:
    data = (RECORDINGS / "tiny.weights").read_bytes()
    headers = (("Authorization", basic("alice", gitea.passwords["alice"])),)
    kind = ("Content-Type", "application/octet-stream")
    target = f"/acme/backend.git/info/lfs/objects/{LARGE_OBJECT}/{len(data)}"
    response = await gitea.client.ask(RawRequest(method="PUT", target=target, headers=(*headers, kind), body=data))
    if response.status != 200:
        raise CannotBeSeeded(f"the large object was refused: {response.status} {response.body!r}")


# Changes that took other doors in the recordings, or more steps.
OTHER_DOORS: Final[Mapping[str, tuple[_Step, ...]]] = {
    "auth.sudo.multipart": (("PATCH", "/api/v1/user/settings", {"description": "multipart"}, "alice:all", 200),),
    "oauth.api.scope.upper.write": (
        (
            "PUT",
            "/api/v1/repos/alice/notes/topics",
            {"topics": ["none", "empty", "openid", "offline-access", "unknown-word", "upper"]},
            "alice:all",
            204,
        ),
    ),
    "repos.transfer.accept": (
        ("POST", "/api/v1/repos/alice/scratch/transfer", {"new_owner": "bob"}, "alice:all", 201),
        ("POST", "/api/v1/repos/alice/scratch/transfer/accept", None, "bob:all", 202),
    ),
}
# Changes of the fake's world that stand for many requests, which no claim but a counter needs, or that are about issues
# and pull requests, which the seed leaves out.
NOTHING_TO_DO: Final = frozenset(
    {
        "keys.user.create.ok",
        "write.archived",
        "meta.form_body",
        "scope.write.pr_comment_with_write_issue",
        "scope.write.pr_edit_by_issue",
        "issues.create.bot",
        "issue.attachment.delete",
        "pulls.merge.right_head",
        "notifications.thread.missing",
        "wiki.none.page",
    }
)


async def change(gitea: RealGitea, exchange: Exchange) -> None:
    """Repeat what changed the recorded world.

    Raises:
        CannotBeSeeded: the server refuses it.
    """
    if exchange.id in NOTHING_TO_DO:
        return
    if exchange.id in OTHER_DOORS:
        for step in OTHER_DOORS[exchange.id]:
            await _must(gitea, step)
        return
    if exchange.id == "oauth.user.judy":
        gitea.passwords["judy"] = f"Aa1!{secrets.token_hex(12)}"
    response = await gitea.put(exchange)
    if response.status != exchange.status:
        raise CannotBeSeeded(f"{exchange.id}: answered {response.status}: {response.body!r}")
    if exchange.id == "auth.tokens.create.temp":
        gitea.tokens["alice:temp"] = json.loads(response.body)["sha1"]
