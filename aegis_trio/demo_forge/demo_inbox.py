"""The demo world's inboxes, packages, hooks and keys."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from aegis_trio.demo_forge.inbox import DeployKey, Hook, Notification, Package, PackageFile
from aegis_trio.demo_forge.world import World

_ALICE, _BOB = 2, 3
_HARBOR, _WEBSITE, _TABLES = 1, 2, 5
# Whom, where, which issue, which comment, which day, whether it was read.
_TOLD: Final = (
    (_ALICE, _HARBOR, 12, 1123, 19, False),
    (_ALICE, _HARBOR, 13, None, 18, False),
    (_ALICE, _WEBSITE, 1, None, 6, True),
    (_BOB, _HARBOR, 13, 1131, 19, False),
    (_BOB, _TABLES, 1, None, 8, True),
)


def add_demo_inbox(world: World) -> None:
    """Put them into the world, whose issues must be there."""
    founded, harbor = world.accounts[1].created, world.repositories[_HARBOR]
    world.notifications = [
        Notification(
            id=number,
            account_id=account_id,
            repository_id=repository_id,
            number=issue,
            comment_id=comment_id,
            is_unread=not was_read,
            updated=founded + timedelta(days=day, hours=3),
        )
        for number, (account_id, repository_id, issue, comment_id, day, was_read) in enumerate(_TOLD, start=1)
    ]
    world.packages = [
        Package(
            id=number,
            owner_id=harbor.owner_id,
            creator_id=_ALICE,
            kind="generic",
            name="berth-tables",
            version=version,
            repository_id=_HARBOR,
            files=(PackageFile(id=number, name="tables.csv", content=f"berth,{version}\n".encode()),),
            created=founded + timedelta(days=10 * number),
        )
        for number, version in ((1, "2.0.0"), (2, "2.1.0"))
    ]
    harbor.hooks = (
        Hook(
            id=1,
            url="https://bells.tidewater.example/hook",
            events=("push", "pull_request"),
            branch_filter="main",
            authorization="Bearer made-up-for-the-demo",
            created=founded,
            updated=founded,
        ),
    )
    harbor.deploy_keys = (
        DeployKey(
            id=1,
            title="planner machine",
            key="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJIXeiHwSVIBe/7Ly28L1k8CfSST498PaeUAwmmQeV9N planner",
            fingerprint="SHA256:foox0z9PUXLSNjCPx9BeiTffCa8p0MVhhwIo5j+b1II",
            created=founded,
        ),
    )
