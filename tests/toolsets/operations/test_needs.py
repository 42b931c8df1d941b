"""Needs: at least the scopes that Gitea asks for, and a cost for every operation."""

from __future__ import annotations

import pytest

from aegis_trio.demo_forge.router import categories_of
from aegis_trio.model.toolspec import CostClass
from aegis_trio.policy.access import READ_SCOPES
from aegis_trio.toolsets.operations.exposure import Sensitive, is_offered
from aegis_trio.toolsets.operations.needs import cost_of, scopes_of
from aegis_trio.toolsets.operations.table import Operation, operations_table

OPERATIONS = operations_table().operations
OFFERED = tuple(one for one in OPERATIONS.values() if is_offered(one, frozenset(Sensitive)))


@pytest.mark.parametrize("operation", OFFERED, ids=lambda operation: operation.id)
def test_what_gitea_asks_for_is_asked_for(operation: Operation) -> None:
    """Less would send a caller to Gitea for a refusal that we can explain better; the forge's table is another's."""
    asked = {f"read:{category.value}" for group in categories_of(operation.path) for category in group}

    assert asked <= scopes_of(operation)
    assert scopes_of(operation) <= READ_SCOPES


def test_what_shows_repositories_asks_for_seeing_them() -> None:
    """Gitea lists an organisation's repositories for the scope of organisations alone."""
    assert {"read:organization", "read:repository"} == scopes_of(OPERATIONS["orgListRepos"])
    assert {"read:user", "read:repository"} == scopes_of(OPERATIONS["userListStarred"])
    assert {"read:user", "read:repository"} == scopes_of(OPERATIONS["userCurrentCheckStarring"])
    assert {"read:user", "read:issue"} == scopes_of(OPERATIONS["userCurrentTrackedTimes"])


def test_what_everybody_may_see_asks_for_nothing() -> None:
    """As get_server_version does."""
    assert frozenset() == scopes_of(OPERATIONS["getVersion"]) == scopes_of(OPERATIONS["listLicenseTemplates"])


def test_an_operation_of_no_row_needs_what_nobody_has() -> None:
    """A new group of routes must be looked at before anybody reaches it."""
    assert not scopes_of(OPERATIONS["adminCronList"]) <= READ_SCOPES
    assert not scopes_of(OPERATIONS["activitypubPerson"]) <= READ_SCOPES


@pytest.mark.parametrize(
    ("name", "cost"),
    [
        ("repoListTopics", CostClass.CHEAP),
        ("issueListIssues", CostClass.CHEAP),
        ("repoGetBranch", CostClass.NORMAL),
        ("repoCompareDiff", CostClass.HEAVY),
        ("repoGetAllCommits", CostClass.HEAVY),
    ],
)
def test_a_cost_follows_what_gitea_does(name: str, cost: CostClass) -> None:
    """The limiter charges by it."""
    assert cost is cost_of(OPERATIONS[name])
