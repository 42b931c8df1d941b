"""Feeds: what people did, the newest first.

Law: entries are put together from issues, pull requests and comments when they are asked for; pushes, merges and stars,
of which the world keeps no moment, are not told. Their shape is recorded; which entries a real Gitea keeps is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, final

from aegis_trio.demo_forge.answers import Answer, json_answer
from aegis_trio.demo_forge.areas.issue_json import comment_json
from aegis_trio.demo_forge.areas.repositories import repository_json
from aegis_trio.demo_forge.areas.users import account_json_for
from aegis_trio.demo_forge.call import Call, int_of
from aegis_trio.demo_forge.issues import Comment, Issue
from aegis_trio.demo_forge.lookups import find_account, find_organisation
from aegis_trio.demo_forge.permissions import rights_of
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.times import as_gitea
from aegis_trio.demo_forge.world import Access, Repository, Unit
from aegis_trio.model.json import JsonObject, JsonValue


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class _Act:
    repository: Repository
    issue: Issue
    comment: Comment | None
    account_id: int
    when: datetime


def _acts(call: Call) -> Iterator[_Act]:
    for repository in call.world.repositories.values():
        rights = rights_of(call.world, call.viewer, repository)
        for issue in repository.tracker.issues.values():
            if rights.to(Unit.ISSUES if issue.pull is None else Unit.PULLS) < Access.READ:
                continue
            yield _Act(repository=repository, issue=issue, comment=None, account_id=issue.author_id, when=issue.created)
            for comment in issue.comments:
                yield _Act(
                    repository=repository,
                    issue=issue,
                    comment=comment,
                    account_id=comment.author_id,
                    when=comment.created,
                )


def _feed(call: Call, is_wanted: Callable[[_Act], bool], user_id: int | None) -> Answer:
    acts = sorted(_acts(call), key=lambda act: act.when)
    found = [(number, act) for number, act in enumerate(acts, start=1) if is_wanted(act)][::-1]
    shown: list[JsonValue] = [_entry(call, number, act, user_id) for number, act in found[call.page().slice()]]
    return json_answer(shown, headers=(("X-Total-Count", str(len(found))),))


def _entry(call: Call, number: int, act: _Act, user_id: int | None) -> JsonObject:
    """Source: gitea services/convert/activity.go ToActivity."""
    world, repository, issue = call.world, act.repository, act.issue
    is_pull, comment = issue.pull is not None, act.comment
    if comment is None:
        kind, words = ("create_pull_request" if is_pull else "create_issue"), issue.title
    else:
        kind, words = ("comment_pull" if is_pull else "comment_issue"), comment.body.partition("\n")[0]
    rights = rights_of(world, call.viewer, repository)
    return {
        "id": number,
        "user_id": act.account_id if user_id is None else user_id,
        "op_type": kind,
        "act_user_id": act.account_id,
        "act_user": account_json_for(world, world.accounts[act.account_id], call.viewer),
        "repo_id": repository.id,
        "repo": repository_json(world, repository, rights, language=False),
        "comment_id": 0 if comment is None else comment.id,
        # Whose comment it is, is told above.
        "comment": None if comment is None else {**comment_json(world, repository, issue, comment), "user": None},
        "ref_name": "",
        "is_private": repository.private,
        "content": f"{issue.number}|{words}",
        "created": as_gitea(act.when),
    }


def get_repository_feed(call: Call) -> Answer:
    """Tell what was done in one repository."""
    return _feed(call, lambda act: act.repository is call.repository, None)


def get_persons_feed(call: Call) -> Answer:
    """Tell what one person did."""
    person = find_account(call, call.params["username"], "GetUserByName")
    return _feed(call, lambda act: act.account_id == person.id, person.id)


def get_organisations_feed(call: Call) -> Answer:
    """Tell what was done in an organisation's repositories."""
    organisation = find_organisation(call)
    return _feed(call, lambda act: act.repository.owner_id == organisation.id, organisation.id)


def get_teams_feed(call: Call) -> Answer:
    """Tell what was done in the repositories of a team's organisation."""
    number, viewer = int_of(call.params["id"]), call.viewer
    team = next((each for each in call.world.teams if each.id == number and number), None)
    if team is None or viewer is None:
        raise call.missing()
    organisation = call.world.accounts[team.organisation_id]
    if not viewer.is_admin and not call.world.is_member(organisation, viewer):
        raise call.missing()
    return _feed(call, lambda act: act.repository.owner_id == organisation.id, organisation.id)


ROUTES: Final = (
    Route(method="GET", template="/repos/{owner}/{repo}/activities/feeds", handler=get_repository_feed),
    Route(method="GET", template="/users/{username}/activities/feeds", handler=get_persons_feed),
    Route(method="GET", template="/orgs/{org}/activities/feeds", handler=get_organisations_feed),
    Route(method="GET", template="/teams/{id}/activities/feeds", handler=get_teams_feed, signed_in=True),
)
