"""What was published in the recorded world: releases, rules for branches and tags, the wiki."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from aegis_trio.demo_forge.areas.wiki import WIKI_BRANCH, file_of
from aegis_trio.demo_forge.git_store import GitStore, Signature
from aegis_trio.demo_forge.issues import Attachment
from aegis_trio.demo_forge.releases import Protection, Release, TagProtection
from aegis_trio.demo_forge.world import World

_MOMENT: Final = datetime(2026, 11, 21, 7, 42, 49, tzinfo=UTC)
_LATER: Final = _MOMENT + timedelta(seconds=1)
_ALICE, _BOB = 2, 3
_HOME: Final = "# Home\n\nSee [[How to run]]"
# Title, text, message, author, second; ids are the recorded ones.
_EDITS: Final = (
    ("Home", f"{_HOME}.\n", "Add Home", _ALICE, 1),
    ("How to run", "Run it with care.\n", "Add How to run", _ALICE, 1),
    ("Dir/Sub page", "A page with a slash in its title.\n", "Add Dir/Sub page", _ALICE, 1),
    ("Ünïcode & more", "Text.\n", "Add Ünïcode & more", _ALICE, 2),
    ("_Sidebar", "- [[Home]]\n", "Add _Sidebar", _ALICE, 2),
    ("Home", f"{_HOME} and [[Dir/Sub page]].\n", "Second version", _BOB, 2),
)


def add_publications(world: World) -> None:
    """Put them into the first repository."""
    backend = world.repositories[1]
    asset = Attachment(
        id=3, name="ledger-1.0.0.txt", size=240, uuid="07aaacf3-69c7-4192-b3c3-8130264124fd", created=_LATER
    )
    backend.releases = (
        Release(
            id=7,
            tag="v1.0.0",
            name="1.0.0",
            body="The first one.",
            author_id=_ALICE,
            created=datetime(2025, 6, 1, 10, tzinfo=UTC),
            assets=(asset,),
        ),
        Release(
            id=9,
            tag="v1.2.0-rc1",
            name="1.2.0 rc1",
            body="Try it.",
            author_id=_ALICE,
            is_prerelease=True,
            created=datetime(2025, 8, 28, 16, 45, tzinfo=UTC),
        ),
        Release(
            id=10,
            tag="v2.0.0",
            target="develop",
            name="2.0 draft",
            body="Not yet.",
            author_id=_ALICE,
            is_draft=True,
            created=_LATER,
        ),
    )
    backend.protections = (
        Protection(pattern="main", can_push=False, kept_files="LICENSE;deploy/k8s/**", created=_MOMENT),
        Protection(
            pattern="release/*",
            pushers=(_ALICE,),
            required_approvals=1,
            status_checks=("ci/build",),
            blocks_on_rejection=True,
            created=_MOMENT,
        ),
    )
    backend.tag_protections = (TagProtection(id=1, pattern="v*", account_ids=(_ALICE,), created=_MOMENT),)
    backend.wiki = _wiki(world)


def _wiki(world: World) -> GitStore:
    wiki = GitStore(head=f"refs/heads/{WIKI_BRANCH}")
    for title, text, message, author_id, second in _EDITS:
        author = world.accounts[author_id]
        made_by = Signature(name=author.full_name, email=author.email, when=_MOMENT + timedelta(seconds=second))
        changes = {file_of(title): text.encode()}
        wiki.write_commit(branch=WIKI_BRANCH, changes=changes, author=made_by, message=f"{message}\n")
    return wiki
