"""The forge: one request in, one answer out, through the guards in the order in which Gitea has them.

    credential -> state of the account -> sudo -> route -> scopes -> signed in -> repository -> public-only -> handler

Law: the order is behaviour; a scope is refused before a repository is looked up, and a redirect comes before rights.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, final

from aegis_trio.demo_forge.accounts import Category, Principal, become, check_scopes, identify
from aegis_trio.demo_forge.answers import (
    Answer,
    Refusal,
    api_error,
    method_not_allowed,
    not_found,
    not_proven,
    unknown_path,
)
from aegis_trio.demo_forge.areas import (
    action_settings,
    actions,
    administration,
    applications,
    archives,
    branches,
    contents,
    feeds,
    file_batch,
    git,
    history,
    hooks,
    issue_search,
    issues,
    labels,
    meta,
    notifications,
    organisations,
    packages,
    people,
    protections,
    pulls,
    raw,
    releases,
    repositories,
    repository_lists,
    repository_parts,
    reviews,
    statuses,
    templates,
    threads,
    timeline,
    tracking,
    users,
    wiki,
)
from aegis_trio.demo_forge.areas.meta import answer_page
from aegis_trio.demo_forge.call import Call
from aegis_trio.demo_forge.lookups import find_account, must_be_admin, redirect
from aegis_trio.demo_forge.pages.desk import answer_at_desk
from aegis_trio.demo_forge.permissions import Rights, rights_of
from aegis_trio.demo_forge.requests import Request, has_broken_escape, normalised, parse_query
from aegis_trio.demo_forge.router import Match, Router, categories_of
from aegis_trio.demo_forge.world import Repository, World

API: Final = "/api/v1"
_ROOMS: Final = (
    *(meta, users, applications, people, organisations),
    *(repositories, repository_lists, repository_parts),
    *(contents, file_batch, raw, git, history, statuses, branches),
    *(archives, protections, releases, wiki),
    *(issues, labels, threads, timeline, tracking, issue_search, pulls, reviews),
    *(actions, action_settings, notifications, packages, hooks, feeds, templates, administration),
)
# A signature in the query stands there for everything that is checked elsewhere.
_SIGNED_ADDRESSES: Final = frozenset({"/repos/{owner}/{repo}/actions/artifacts/{artifact_id}/zip/raw"})


@final
class Forge:
    """Answers requests from a world."""

    __slots__ = ("_router", "world")

    def __init__(self, world: World) -> None:
        self.world = world
        self._router = Router(route for room in _ROOMS for route in room.ROUTES)

    def answer(self, request: Request) -> tuple[Answer, str | None]:
        """Return the answer, and the login of whom it was given to."""
        # Go's server answers a broken target before any handler sees it.
        if has_broken_escape(request.raw_path):
            return Answer(
                status=400, body=b"400 Bad Request", content_type="text/plain; charset=utf-8", cache_control=None
            ), None
        path = normalised(request.raw_path)
        if path != API and not path.startswith(f"{API}/"):
            return answer_at_desk(self.world, request, path) or answer_page(self.world, request, path), None
        principal: Principal | None = None
        try:
            principal = identify(self.world, request.header("authorization"), request.header("x-gitea-otp"))
            answer = self._answer_api(request, path.removeprefix(API), principal)
        except Refusal as refusal:
            answer = refusal.answer
        # Source: gitea routers/api/v1/api.go securityHeaders.
        headers = (*answer.headers, ("X-Content-Type-Options", "nosniff"))
        return replace(answer, headers=headers), _login(principal)

    def _answer_api(self, request: Request, path: str, principal: Principal | None) -> Answer:
        query = parse_query(request.raw_query)
        principal = become(self.world, principal, query.first("sudo") or request.header("sudo") or "")
        match = self._router.match(path)
        if match is None:
            return unknown_path()
        call = Call(world=self.world, request=request, query=query, principal=principal, params=match.params)
        return self._answer_route(request, match, call)

    def _answer_route(self, request: Request, match: Match, call: Call) -> Answer:
        if request.method not in match.methods:
            return method_not_allowed(match.allowed())
        if match.template in _SIGNED_ADDRESSES and request.method in match.routes:
            return match.routes[request.method].handler(call)
        categories = categories_of(match.template)
        for group in categories:
            check_scopes(self.world, call.principal, request.method, group)
        route = match.routes.get(request.method)
        if call.principal is None and (_needs_account(match.template) or (route is not None and route.signed_in)):
            raise Refusal(api_error(401, "token is required", self.world.root_url))
        if match.template.startswith("/admin/"):
            must_be_admin(call)
        if match.template.startswith("/repos/{owner}/{repo}"):
            call.found = self._find_repository(call)
            _check_public_only(call, categories[0][0])
        if route is None:
            return not_proven(request.method, match.template)
        return route.handler(call)

    def _find_repository(self, call: Call) -> tuple[Repository, Rights]:
        """Look the path's repository up.

        Source: gitea routers/api/v1/api.go repoAssignment.
        """
        owner_name, name = call.params["owner"], call.params["repo"]
        owner = find_account(call, owner_name, "GetUserByName")
        repository = self.world.repository_named(owner, name)
        if repository is None:
            renamed = self.world.renamed_repositories.get((owner.id, name.lower()))
            if renamed is None:
                raise Refusal(not_found(self.world.root_url))
            full_name = self.world.full_name(self.world.repositories[renamed])
            raise redirect(call, 301, f"{owner_name}/{name}", full_name)
        rights = rights_of(self.world, call.viewer, repository)
        if not rights.any():
            raise Refusal(not_found(self.world.root_url))
        return repository, rights


def _login(principal: Principal | None) -> str | None:
    return None if principal is None else principal.account.login


def _needs_account(template: str) -> bool:
    return (
        template == "/user"
        or template.startswith(("/user/", "/admin/", "/notifications"))
        or template in {"/markdown", "/markup", "/markdown/raw"}
    )


def _check_public_only(call: Call, category: Category) -> None:
    if call.principal is None or not call.principal.public_only or not call.repository.private:
        return
    things = {Category.REPOSITORY: "repos", Category.ISSUE: "issues", Category.NOTIFICATION: "notifications"}[category]
    raise call.refused(403, f"token scope is limited to public {things}")
