"""Branches and tags as a real Gitea told them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aegis_trio.gitea.branches import Branch, BranchPage, Tag, TagPage, list_branches, list_tags
from aegis_trio.model.errors import UpstreamBroken
from aegis_trio.model.refs import parse_repository
from tests.gitea.recorded import EXCHANGES, response_of

BACKEND = parse_repository("acme", "backend")


def _decoded(id_: str) -> Any:
    exchange = EXCHANGES[id_]
    return exchange.request().decode(exchange.response)


def test_branches_have_names_commits_and_protection() -> None:
    """All that is needed to offer one, and to read from it at a fixed commit."""
    page = _decoded("branches.list")

    assert isinstance(page, BranchPage)
    assert (4, 19, True) == (len(page.branches), page.total, page.has_next)
    assert Branch(name="main", commit="1d84dafa6480adb474a154bd7a969a722365747e", protected=True) == page.branches[0]
    assert not page.branches[1].protected


def test_a_repository_without_commits_has_no_branches_and_no_tags() -> None:
    """Gitea writes null for the one and an empty list for the other."""
    assert BranchPage(branches=(), total=0, has_next=None) == _decoded("empty_repo.branches")
    assert TagPage(tags=(), total=0) == _decoded("empty_repo.tags")


def test_a_tag_leads_to_a_commit_also_where_it_is_an_object_of_its_own() -> None:
    """The id of an annotated tag is no commit, and nothing could be read at it."""
    page = _decoded("tags.list.page")
    assert TagPage(tags=(Tag(name="v1.1.0", commit="ad3244c738e3588c1f57b737b278d5a5ae72ac22"),), total=4) == page


@pytest.mark.parametrize("fields", [{"name": "x"}, {"name": "x", "commit": None}, {"commit": {"id": "1", "sha": "1"}}])
def test_a_branch_or_tag_in_the_wrong_form_is_refused(fields: dict[str, Any]) -> None:
    """A name without a commit leads nowhere."""
    body = json.dumps([fields]).encode()

    with pytest.raises(UpstreamBroken):
        list_branches(BACKEND, page=1, limit=1).decode(response_of(200, body))
    with pytest.raises(UpstreamBroken):
        list_tags(BACKEND, page=1, limit=1).decode(response_of(200, body))


def test_every_request_is_paged_and_stands_inside_its_route() -> None:
    """Without a page Gitea would give all tags at once."""
    for request in (list_branches(BACKEND, page=2, limit=20), list_tags(BACKEND, page=2, limit=20)):
        assert (("page", "2"), ("limit", "20")) == request.query
        assert request.route.admits(request.segments)
        assert {key for key, _ in request.query} <= request.route.query_keys
