"""Words: what people call things of a forge, and the words that Gitea has for them.

Pure data and a tokeniser; ranking stands in ranking.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

_WORD: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
# Words that stand in every question and tell nothing.
_EMPTY_WORDS: Final = (
    "a all an and any are as at be by can do does for from get gets give given has have how i if in into is it its "
    "me my of on or our out show shows that the their them there these this to was what when where which who whose "
    "why will with you your"
)
_EMPTY: Final = frozenset(_EMPTY_WORDS.split())
# Left: as people say it; right: as the table says it. One word stands for each of several.
SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "account": ("user",),
        "actions": ("action", "run", "workflow", "job"),
        "approve": ("review",),
        "approval": ("review",),
        "artefact": ("artifact",),
        "attachments": ("asset", "attachment"),
        "attachment": ("asset", "attachment"),
        "author": ("user", "commit"),
        "badge": ("badge",),
        "binary": ("asset", "package"),
        "board": ("milestone",),
        "bug": ("issue",),
        "build": ("action", "run", "job", "workflow", "status"),
        "changelog": ("release",),
        "changes": ("diff", "compare", "file"),
        "check": ("status", "check"),
        "checks": ("status", "run"),
        "ci": ("action", "run", "workflow", "job", "status"),
        "clock": ("time", "stopwatch"),
        "code": ("content", "file"),
        "company": ("organization",),
        "contributor": ("collaborator", "assignee"),
        "dependency": ("dependency", "block"),
        "dependencies": ("dependency", "block"),
        "depends": ("dependency",),
        "diff": ("diff", "compare", "patch"),
        "difference": ("diff", "compare"),
        "directory": ("content", "tree"),
        "download": ("asset", "download", "artifact"),
        "draft": ("draft", "release"),
        "emoji": ("reaction",),
        "event": ("activity", "feed", "timeline"),
        "events": ("activity", "feed", "timeline"),
        "failed": ("status", "run", "job"),
        "feed": ("activity", "feed"),
        "file": ("file", "content"),
        "fingerprint": ("key", "signing"),
        "folder": ("content", "tree"),
        "group": ("organization", "team"),
        "guard": ("protection",),
        "head": ("branch", "ref"),
        "history": ("commit", "timeline", "revision", "activity"),
        "image": ("package",),
        "inbox": ("notification",),
        "instance": ("setting", "version", "nodeinfo"),
        "label": ("label",),
        "language": ("language",),
        "licence": ("license",),
        "list": ("list",),
        "log": ("log", "job"),
        "logs": ("log", "job"),
        "maintainer": ("collaborator", "reviewer", "team"),
        "member": ("member", "collaborator"),
        "membership": ("member",),
        "mention": ("notification", "mention"),
        "merge": ("merge", "pull"),
        "merged": ("merge",),
        "mr": ("pull",),
        "npm": ("package",),
        "org": ("organization",),
        "orgs": ("organization",),
        "organisation": ("organization",),
        "organisations": ("organization",),
        "page": ("wiki", "page"),
        "patch": ("diff", "patch"),
        "people": ("user", "member", "collaborator"),
        "permission": ("permission", "access"),
        "person": ("user",),
        "pin": ("pinned",),
        "pipeline": ("action", "run", "workflow"),
        "pr": ("pull",),
        "prs": ("pull",),
        "profile": ("user",),
        "project": ("repository",),
        "protected": ("protection",),
        "reactions": ("reaction",),
        "readme": ("content", "file"),
        "registry": ("package",),
        "related": ("dependency", "timeline"),
        "repo": ("repository",),
        "repos": ("repository",),
        "request": ("pull", "request"),
        "rights": ("permission",),
        "role": ("permission", "team"),
        "roadmap": ("milestone",),
        "rule": ("protection", "rule"),
        "runner": ("runner",),
        "sha": ("commit", "ref"),
        "signature": ("signing", "verification"),
        "sprint": ("milestone",),
        "star": ("starred", "stargazer"),
        "stars": ("starred", "stargazer"),
        "starred": ("starred", "stargazer"),
        "statistics": ("heatmap", "language", "activity"),
        "stats": ("heatmap", "language", "activity"),
        "stopwatch": ("stopwatch",),
        "subscribe": ("subscription", "subscriber"),
        "subscribed": ("subscription",),
        "subtask": ("dependency",),
        "tag": ("tag",),
        "task": ("issue", "task"),
        "template": ("template",),
        "thread": ("comment", "timeline", "thread"),
        "ticket": ("issue",),
        "tickets": ("issue",),
        "tracked": ("time",),
        "tracking": ("time",),
        "tree": ("tree", "content"),
        "unread": ("notification",),
        "upstream": ("fork",),
        "version": ("version", "release", "tag"),
        "versions": ("version", "release", "tag"),
        "watch": ("subscription", "subscriber"),
        "watched": ("subscription",),
        "watcher": ("subscriber",),
        "watchers": ("subscriber",),
        "wiki": ("wiki",),
        "worked": ("time",),
        "workflow": ("workflow", "action", "run"),
        "yaml": ("workflow",),
    }
)
# Plurals that no rule of the stem finds, and short forms of the table itself.
_STEMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "activities": "activity",
        "branches": "branch",
        "dependencies": "dependency",
        "entries": "entry",
        "fixes": "fix",
        "histories": "history",
        "libraries": "library",
        "matches": "match",
        "org": "organization",
        "organisation": "organization",
        "orgs": "organization",
        "patches": "patch",
        "repo": "repository",
        "repos": "repository",
        "repositories": "repository",
        "searches": "search",
        "status": "status",
        "statuses": "status",
        "stopwatches": "stopwatch",
        "watches": "watch",
        "access": "access",
        "address": "address",
        "pulls": "pull",
        "news": "news",
    }
)


def words_in(text: str) -> list[str]:
    """Return the words of *text* in small letters, `repoGetCommitPullRequest` taken apart; the empty ones left out."""
    found = (word.lower() for word in _WORD.findall(text))
    return [word for word in found if word not in _EMPTY]


@lru_cache(maxsize=4096)
def stem_of(word: str) -> str:
    """Return the form of *word* by which two forms of one word are the same: without the plural's end."""
    if word in _STEMS:
        return _STEMS[word]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def meant_by(word: str) -> tuple[str, ...]:
    """Return the stems that *word* may mean in the table, its own first."""
    own = stem_of(word)
    others = (*SYNONYMS.get(word, ()), *SYNONYMS.get(own, ()))
    return tuple(dict.fromkeys((own, *(stem_of(other) for other in others))))
