"""Reaching: how far a key that is bounded to some repositories reaches into the operations that name none.

Law: what cannot be told of the answer is not asked.

Not here: operations below a repository (policy/reach.py decides by its name), and what is withheld of an answer
(gitea/operations.py).
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from aegis_trio.model.bounds import KeyBounds
from aegis_trio.model.errors import BeyondKey
from aegis_trio.toolsets.operations.table import Operation


class About(Enum):
    """What an operation's answer is about."""

    NAMED = "the repository in its path"
    ATTRIBUTED = "repositories, and every entry says which"
    NONE = "no repository"
    UNKNOWN = "repositories, and it does not say which"


_ATTRIBUTED: Final = frozenset(
    {"ActionWorkflowRun", "Activity", "Issue", "NotificationThread", "Repository", "StopWatch", "TrackedTime"}
)
_NONE: Final = frozenset(
    {
        *(
            "ActionRunner",
            "GeneralAPISettings",
            "GeneralAttachmentSettings",
            "GeneralRepoSettings",
            "GeneralUISettings",
        ),
        *("GitignoreTemplateInfo", "Label", "LabelTemplate", "LicenseTemplateInfo", "LicensesTemplateListEntry"),
        *("NodeInfo", "Organization", "OrganizationPermissions", "ServerVersion", "Team", "TopicResponse", "User", ""),
        *("string", "ActionVariable"),
    }
)
_IN_REPOSITORY: Final = ("repos", "{owner}", "{repo}")


def about(operation: Operation) -> About:
    """Return what the answer of *operation* is about."""
    words = operation.words_of_path
    if words[:3] == _IN_REPOSITORY or words[-2:] == ("{owner}", "{repo}") or words[-2:] == ("{org}", "{repo}"):
        return About.NAMED
    shape = operation.answer.removesuffix("[]")
    if words[0] == "repos":  # searches, which the bounded forge does not ask
        return About.UNKNOWN
    if shape in _ATTRIBUTED:
        return About.ATTRIBUTED
    return About.NONE if shape in _NONE and not operation.path.startswith("/packages") else About.UNKNOWN


def check_reach(operation: Operation, bounds: KeyBounds) -> None:
    """Let a call of *operation* pass for a key within *bounds*.

    Raises:
        BeyondKey: the key reaches only some repositories, and the answer would not say which it is about.
    """
    if bounds.repositories is not None and about(operation) is About.UNKNOWN:
        raise BeyondKey(
            f"This key reaches only some repositories, and {operation.id} does not say of which its answer is.",
            "Use an operation of one repository, or ask the operator for a key without that bound.",
            bound="repositories",
            needs="*",
        )
