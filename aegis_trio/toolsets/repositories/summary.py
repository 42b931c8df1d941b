"""A repository in few words: the fields that help a model to choose, and only those that say something."""

from __future__ import annotations

from typing import Final

from aegis_trio.gitea.repositories import Repository
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.policy.untrusted import clean_line, clean_prose, shorten

_LISTED_DESCRIPTION_CHARACTERS: Final = 200
_DESCRIPTION_CHARACTERS: Final = 4000  # Gitea itself takes 2,048; what is longer ends in `…`
_NEVER: Final = ("", "0001-01-01T00:00:00Z")  # Go's zero time


def listed(repository: Repository) -> JsonObject:
    """Return the line of *repository* in a list; a long description ends in `…` there."""
    return _head(repository) | {
        "description": shorten(clean_line(repository.description), _LISTED_DESCRIPTION_CHARACTERS)
    }


def described(repository: Repository) -> JsonObject:
    """Return everything that is shown of one repository."""
    topics: list[JsonValue] = [clean_line(topic) for topic in repository.topics]
    more: JsonObject = {
        "description": shorten(clean_prose(repository.description), _DESCRIPTION_CHARACTERS),
        "topics": topics,
        "size_kib": repository.size_kib,
        "stars": repository.stars,
        "forks": repository.forks,
        "open_issues": repository.open_issues,
        "open_pulls": repository.open_pulls,
        "releases": repository.releases,
        "may_push": repository.may_push,
        "may_administer": repository.may_administer,
    }
    fields = _head(repository) | more
    if repository.parent is not None:
        fields["forked_from"] = clean_line(repository.parent)
    if repository.created_at not in _NEVER:
        fields["created_at"] = clean_line(repository.created_at)
    return fields


def _head(repository: Repository) -> JsonObject:
    fields: JsonObject = {
        "owner": clean_line(repository.owner),
        "repo": clean_line(repository.name),
        "private": repository.private,
        "default_branch": clean_line(repository.default_branch),
    }
    # Flags are rare: said when true, left out when false.
    marks = {
        "archived": repository.archived,
        "empty": repository.empty,
        "fork": repository.fork,
        "mirror": repository.mirror,
        "template": repository.template,
    }
    fields |= {name: True for name, value in marks.items() if value}
    if repository.language:
        fields["language"] = clean_line(repository.language)
    if repository.updated_at not in _NEVER:
        fields["updated_at"] = clean_line(repository.updated_at)
    return fields
