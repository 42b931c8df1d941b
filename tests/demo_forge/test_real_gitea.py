"""The claims hold at a real Gitea, too: the same requests, the same comparison.

Set AEGIS_TEST_GITEA_BIN to the program of Gitea 1.25, which this test starts; or AEGIS_TEST_GITEA_URL,
AEGIS_TEST_GITEA_ADMIN and AEGIS_TEST_GITEA_PASSWORD to a new Gitea 1.25 on loopback that nobody needs: it is filled
with the recorded world.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
import trio

from tests.demo_forge.comparison import Leniency, differences
from tests.demo_forge.conversation import Conversation
from tests.demo_forge.exchanges import all_exchanges, claims
from tests.demo_forge.raw_client import Response, open_raw_client
from tests.demo_forge.real_world import CannotBeSeeded, RealGitea, change, seed
from tests.demo_forge.recorded_world import CHANGES, ROOT_URL
from tests.gitea_server import ADMIN, BINARY, RUNNING, GiteaServer, Sections, start_gitea, the_setting

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

# What a server that was seeded by the API alone cannot have.
NOT_THERE: Final[Mapping[str, str]] = {
    "git.tree.pull_ref": "refs of pull requests cannot be pushed",
    "git.refs": "it lists refs of pull requests",
    "git.refs.pull": "the same",
    "repos.get.fork": "its default branch depends on whether Gitea had ended the fork when the first commit came",
    **dict.fromkeys(
        ("auth.restricted.search", "users.my.subscriptions", "repos.search.q", "repos.search.fork", "repos.forks"),
        "the same, in a list",
    ),
    "users.search": "the bot is a person there",
    "users.search.page2": "the same",
    "admin.users": "the same",
    "admin.emails": "the same",
    "git.commits.last": "its digest covers moments of that run",
    "git.commits.limit50": "the same",
    "git.commits.limit51": "the same",
    "git.compare.limit": "the same",
    "issue.comment.get.other_repo": "it is about an event of an issue that the seed leaves out",
    "issue.comment.get.wrong_repo": "it is about a comment that the seed leaves out",
    "issue.attachment.wrong_issue": "it is about a file that the seed leaves out",
    "pulls.merged.yes": "it is about a pull request that the seed leaves out",
    "pulls.review.pending.other": "the same",
    "pulls.review.missing": "the same",
    "actions.job.logs.never_ran": "it is about a job that the seed leaves out",
    "notifications.thread.other": "it is about a notification that the seed leaves out",
    "releases.asset.other_release": "it is about a file that the seed leaves out",
    **dict.fromkeys(
        ("wiki.page.sub.double", "wiki.page.missing", "wiki.revisions.missing", "wiki.traverse", "wiki.old_name"),
        "commits of the wiki hold the minute in which they are made, so that the seed leaves it out",
    ),
    "path.wiki_dotdot": "the same",
}
# Answers from repositories with issues need those, which the seed leaves out: merged pull requests would make commits
# with other ids than the recorded ones.
_LEFT_OUT: Final = re.compile(
    r"/api/v1/(?:"
    r"repos/(?:acme/backend|acme/website|alice/archived|bob/public-tool)/(?:issues|pulls|milestones/|milestones$|times)"
    r"|repos/issues/search|user/times"
    # Runs and releases get their numbers by the order of pushes; packages are uploaded through another door.
    r"|repos/acme/backend/(?:actions/(?:runs|jobs)|statuses|commits/.*/(?:status|statuses|pull)$)"
    r"|repos/acme/backend/(?:wiki|releases)"
    r"|packages/acme|notifications)"
)
# Counters of things that the seed leaves out, numbers of the operating system, and moments of this run.
LENIENCY: Final = Leniency(
    keys=frozenset(
        {
            "kid",
            "n",
            "size",
            "open_issues_count",
            "open_pr_counter",
            "release_counter",
            "ssh_url",
            "last_login",
            "updated",
        }
    ),
    headers=frozenset({"content-length"}),
)


AS_RECORDED: Final[Sections] = {
    "": {"APP_NAME": "t"},
    "server": {"LFS_START_SERVER": "true"},
    "security": {"DISABLE_QUERY_AUTH_TOKEN": "true"},
    "oauth2": {"INVALIDATE_REFRESH_TOKENS": "true"},
    "cron.update_checker": {"ENABLED": "false"},
}


@contextmanager
def _new_gitea(folder: Path) -> Iterator[GiteaServer]:
    url, admin, password = (the_setting(name) for name in RUNNING)
    if the_setting(BINARY):
        with start_gitea(the_setting(BINARY), folder, AS_RECORDED) as gitea:
            yield gitea
    elif not (url and admin and password):
        pytest.skip(f"no real Gitea to ask: set {BINARY}, or {', '.join(RUNNING)}")
    else:
        yield GiteaServer(url=url.rstrip("/"), admin=admin, password=password)


async def test_every_claim_holds_at_a_real_gitea(tmp_path: Path) -> None:
    """A fake is only as good as the last time it was held against the real thing."""
    (tmp_path / "gitea").mkdir()
    with _new_gitea(tmp_path / "gitea") as gitea:
        if gitea.admin != ADMIN:
            pytest.skip(f"the recorded administrator is called {ADMIN}, which stands in answers; {RUNNING[1]} is not")
        version = await gitea.version()
        if not version.startswith("1.25."):
            pytest.skip(f"the recorded Gitea is 1.25.4, and this one {version}")
        await _compare(gitea.url, gitea.admin, gitea.password, tmp_path)


async def _compare(url: str, admin: str, password: str, tmp_path: Path) -> None:
    claimed = set(claims()) - set(NOT_THERE)
    different: dict[str, list[str]] = {}
    obstacle = ""
    async with open_raw_client(url) as client:
        gitea = RealGitea(url=url, client=client, passwords={admin: password})
        conversation = Conversation(tokens=gitea.tokens, passwords=gitea.passwords)
        try:
            await seed(gitea, tmp_path)
            for exchange in all_exchanges():
                if exchange.id in claimed and not (exchange.status == 200 and _LEFT_OUT.match(exchange.path)):
                    with trio.fail_after(60):
                        response = await client.ask(conversation.request(exchange))
                    heard = conversation.hear(exchange, response)
                    found = differences(exchange, _at_recorded_address(heard, url), LENIENCY)
                    if found:
                        different[exchange.id] = found
                if exchange.id in CHANGES:
                    await change(gitea, exchange)
        except CannotBeSeeded as reason:
            obstacle = str(reason)
    if obstacle:
        print(obstacle)  # pytest-trio loses the reason of a skip
        pytest.skip(obstacle)

    for name, found in different.items():
        print(name, found)  # pytest shortens them
    assert {} == different


def _at_recorded_address(response: Response, url: str) -> Response:
    """Return the answer as if this server had the recorded one's address."""
    here, there = url.encode(), ROOT_URL.rstrip("/").encode()
    headers = {name: value.replace(url, ROOT_URL.rstrip("/")) for name, value in response.headers.items()}
    return replace(response, headers=headers, body=response.body.replace(here, there))
