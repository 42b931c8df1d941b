"""Labels and milestones: of a repository, of an organisation, and of one issue.

Not here: how they filter lists of issues (issues.py, issue_search.py).
"""

from __future__ import annotations

from typing import Final

from aegis_trio.demo_forge.answers import Answer, json_answer
from aegis_trio.demo_forge.areas.issue_json import label_json, labels_json, milestone_json
from aegis_trio.demo_forge.areas.issues import find_issue
from aegis_trio.demo_forge.call import Call, int_of
from aegis_trio.demo_forge.issues import Label, Milestone
from aegis_trio.demo_forge.lookups import find_organisation
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.world import Access, Repository, Unit
from aegis_trio.model.json import JsonValue


def list_labels(call: Call) -> Answer:
    """List a repository's own labels by name; there are no pages until one is asked for."""
    own = _own(call.repository)
    shown: list[JsonValue] = [label_json(call.world, call.repository, label) for label in own[call.asked_page()]]
    return json_answer(shown, headers=(("X-Total-Count", str(len(own))),))


def _own(repository: Repository) -> list[Label]:
    own = [label for label in repository.tracker.labels.values() if not label.of_organisation]
    return sorted(own, key=lambda label: label.name)


def get_label(call: Call) -> Answer:
    """Show one label of the repository; the organisation's are not found here."""
    label = call.repository.tracker.labels.get(int_of(call.params["id"]))
    if label is None or label.of_organisation:
        raise call.missing()
    return json_answer(label_json(call.world, call.repository, label))


def list_issue_labels(call: Call) -> Answer:
    """List the labels of one issue or pull request."""
    return json_answer(labels_json(call.world, call.repository, find_issue(call)))


def _organisations_labels(call: Call) -> list[tuple[Repository, Label]]:
    """Return the organisation's labels, each with a repository of it that holds it."""
    organisation = find_organisation(call)
    found: dict[int, tuple[Repository, Label]] = {}
    for repository in call.world.repositories.values():
        if repository.owner_id == organisation.id:
            for label in repository.tracker.labels.values():
                if label.of_organisation:
                    found.setdefault(label.id, (repository, label))
    return sorted(found.values(), key=lambda pair: pair[1].name)


def list_organisation_labels(call: Call) -> Answer:
    """List an organisation's labels by name."""
    found = _organisations_labels(call)
    shown: list[JsonValue] = [
        label_json(call.world, repository, label) for repository, label in found[call.asked_page()]
    ]
    return json_answer(shown, headers=(("X-Total-Count", str(len(found))),))


def get_organisation_label(call: Call) -> Answer:
    """Show one label of an organisation."""
    number = int_of(call.params["id"])
    for repository, label in _organisations_labels(call):
        if label.id == number:
            return json_answer(label_json(call.world, repository, label))
    raise call.missing()


def _must_read_issues(call: Call) -> None:
    if max(call.rights.to(Unit.ISSUES), call.rights.to(Unit.PULLS)) < Access.READ:
        raise call.missing()


def list_milestones(call: Call) -> Answer:
    """List milestones, those without a due day first, then by that day; any word but `closed` and `open` means all.

    Source: gitea models/issues/milestone_list.go.
    """
    _must_read_issues(call)
    state, name = call.query.first("state"), call.query.first("name").lower()
    found = [
        milestone
        for milestone in call.repository.tracker.milestones.values()
        if name in milestone.title.lower() and (state not in {"open", "closed"} or state == _state(milestone))
    ]
    found.sort(key=lambda each: (each.due is not None, each.due.timestamp() if each.due else 0.0, each.id))
    page = call.page()
    shown: list[JsonValue] = [milestone_json(call.repository, each.id) for each in found[page.slice()]]
    return json_answer(shown, headers=(("X-Total-Count", str(len(found))),))


def _state(milestone: Milestone) -> str:
    return "open" if milestone.closed is None else "closed"


def get_milestone(call: Call) -> Answer:
    """Show one milestone by its number, or by its title."""
    _must_read_issues(call)
    word, milestones = call.params["id"], call.repository.tracker.milestones
    number = int_of(word)
    if number not in milestones:
        number = next((each.id for each in milestones.values() if each.title == word), 0)
    if number not in milestones:
        raise call.missing()
    return json_answer(milestone_json(call.repository, number))


_REPOSITORY: Final = "/repos/{owner}/{repo}"

ROUTES: Final = (
    Route(method="GET", template=f"{_REPOSITORY}/labels", handler=list_labels),
    Route(method="GET", template=f"{_REPOSITORY}/labels/{{id}}", handler=get_label),
    Route(method="GET", template=f"{_REPOSITORY}/issues/{{index}}/labels", handler=list_issue_labels),
    Route(method="GET", template=f"{_REPOSITORY}/milestones", handler=list_milestones),
    Route(method="GET", template=f"{_REPOSITORY}/milestones/{{id}}", handler=get_milestone),
    Route(method="GET", template="/orgs/{org}/labels", handler=list_organisation_labels, signed_in=True),
    Route(method="GET", template="/orgs/{org}/labels/{id}", handler=get_organisation_label, signed_in=True),
)
