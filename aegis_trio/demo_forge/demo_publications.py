"""The demo world's publications: two releases and a draft, rules for branches and tags, and a small wiki."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from aegis_trio.demo_forge.areas.wiki import WIKI_BRANCH, file_of
from aegis_trio.demo_forge.git_store import GitStore, Signature
from aegis_trio.demo_forge.issues import Attachment
from aegis_trio.demo_forge.releases import Protection, Release, TagProtection
from aegis_trio.demo_forge.world import World

_ALICE, _BOB = 2, 3
_NOTES: Final = """\
Berths are planned by the tide tables of 2025.

- the shortest berth that fits is taken (#1)
- low water is read in metres (#4)
"""
_PAGES: Final = (
    ("Home", "# Harbour office\n\nStart with [[Night watch]].\n", _ALICE, 10),
    ("Night watch", "Channel 14. Wake Alice when a ship is longer than 200 m.\n", _BOB, 11),
    ("_Sidebar", "- [[Home]]\n- [[Night watch]]\n", _ALICE, 11),
    ("Night watch", "Channel 14. Wake Alice when a ship is longer than 220 m.\n", _ALICE, 13),
)


def add_demo_publications(world: World) -> None:
    """Put them into the harbour's repository."""
    harbor, founded = world.repositories[1], world.accounts[1].created
    made = founded + timedelta(days=12, hours=5)
    plan = Attachment(
        id=1, name="berths-2025.pdf", size=48_213, uuid="0b7a1f52-6e1d-4b0e-9a53-3f4d5c1a2e10", created=made
    )
    harbor.releases = (
        Release(id=1, tag="v1.0.0", name="1.0", body="Paper no more.", author_id=_ALICE, created=founded),
        Release(id=2, tag="v2.0.0", name="2.0", body=_NOTES, author_id=_ALICE, created=made, assets=(plan,)),
        Release(
            id=3,
            tag="v2.2.0",
            target="main",
            name="2.2",
            body="Before the autumn storms.",
            author_id=_BOB,
            is_draft=True,
            created=made + timedelta(days=7),
        ),
    )
    harbor.protections = (
        Protection(pattern="main", can_push=False, required_approvals=1, kept_files="data/**", created=founded),
        Protection(pattern="release/*", pushers=(_ALICE,), status_checks=("test / test (push)",), created=founded),
    )
    harbor.tag_protections = (TagProtection(id=1, pattern="v*", account_ids=(_ALICE,), created=founded),)
    harbor.wiki = _wiki(world, founded)


def _wiki(world: World, founded: datetime) -> GitStore:
    wiki = GitStore(head=f"refs/heads/{WIKI_BRANCH}")
    for title, text, author_id, day in _PAGES:
        author = world.accounts[author_id]
        made_by = Signature(name=author.full_name, email=author.email, when=founded + timedelta(days=day))
        changes = {file_of(title): text.encode()}
        wiki.write_commit(branch=WIKI_BRANCH, changes=changes, author=made_by, message=f"Write {title}\n")
    return wiki
