"""Routes mean what Gitea's router takes them to mean."""

from __future__ import annotations

import pytest

from aegis_trio.demo_forge.accounts import Category
from aegis_trio.demo_forge.forge import Forge
from aegis_trio.demo_forge.router import categories_of, gitea_routes
from aegis_trio.demo_forge.world import World

ROUTER = Forge(World())._router


@pytest.mark.parametrize(
    ("path", "template", "params"),
    [
        ("/version", "/version", {}),
        ("/repos/o/r", "/repos/{owner}/{repo}", {"owner": "o", "repo": "r"}),
        ("/repos/o%2Fp/r", "/repos/{owner}/{repo}", {"owner": "o/p", "repo": "r"}),
        ("/repos/issues/search", "/repos/issues/search", {}),
        ("/repos/issues/other", "/repos/{owner}/{repo}", {"owner": "issues", "repo": "other"}),
        (
            "/repos/search/x/contents/a/b",
            "/repos/{owner}/{repo}/contents/*",
            {"owner": "search", "repo": "x", "*": "a/b"},
        ),
        ("/repos/o/r/contents/a%2Fb", "/repos/{owner}/{repo}/contents/*", {"owner": "o", "repo": "r", "*": "a/b"}),
        (
            "/repos/o/r/git/trees/a%2Fb",
            "/repos/{owner}/{repo}/git/trees/{sha}",
            {"owner": "o", "repo": "r", "sha": "a/b"},
        ),
    ],
)
def test_a_path_means_the_most_specific_route(path: str, template: str, params: dict[str, str]) -> None:
    """Fixed parts win over parameters, and parameters over the rest; a failed way is walked back."""
    match = ROUTER.match(path)

    assert match is not None
    assert (template, params) == (match.template, match.params)


@pytest.mark.parametrize(
    "path", ["", "/", "/no", "/Repos/o/r", "/repos/o", "/repos/o/r/git/trees/a/b", "/repos/o/r/Contents"]
)
def test_a_path_that_gitea_has_not_means_nothing(path: str) -> None:
    """Such a path is 404, never 501: a caller must learn that it does not exist at all."""
    assert None is ROUTER.match(path)


def test_every_answered_route_is_one_of_giteas() -> None:
    """A route of our own would be an invention."""
    known = {template: methods for methods, template in gitea_routes()}
    added = {"/repos/{owner}/{repo}/contents-ext", "/repos/{owner}/{repo}/git/refs"}

    for node_path in ("/version", "/user", "/user/repos", "/repos/{owner}/{repo}/contents", *added):
        match = ROUTER.match(node_path.replace("{owner}", "o").replace("{repo}", "r"))
        assert match is not None
        assert match.template in known or match.template in added
        assert set(match.routes) <= match.methods


def test_a_refused_method_is_told_one_that_exists() -> None:
    """`Allow` is never empty: clients break on that."""
    match = ROUTER.match("/repos/o/r")

    assert match is not None
    assert match.allowed() in match.methods


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("/version", ()),
        ("/orgs", ()),
        ("/admin/cron", ((Category.ADMIN,),)),
        ("/notifications", ((Category.NOTIFICATION,),)),
        ("/repos/{owner}/{repo}/notifications", ((Category.NOTIFICATION,),)),
        ("/repos/issues/search", ((Category.ISSUE,),)),
        ("/repos/{owner}/{repo}/labels/{id}", ((Category.ISSUE,),)),
        ("/repos/{owner}/{repo}/pulls", ((Category.REPOSITORY,),)),
        ("/topics/search", ((Category.REPOSITORY,),)),
        ("/packages/{owner}", ((Category.PACKAGE,),)),
        ("/user/orgs", ((Category.USER, Category.ORGANISATION),)),
        ("/user/repos", ((Category.USER,), (Category.REPOSITORY,))),
        ("/users/{username}", ((Category.USER,),)),
        ("/orgs/{org}", ((Category.ORGANISATION,),)),
        ("/org/{org}/repos", ((Category.ORGANISATION,), (Category.REPOSITORY,))),
    ],
)
def test_a_route_asks_for_its_scopes(template: str, expected: tuple[tuple[Category, ...], ...]) -> None:
    """A token with too little is refused before anything is looked up, whether or not the forge has the answer."""
    assert expected == categories_of(template)
