"""Notifications, packages, hooks and keys of the recorded world, as far as the recorded answers tell of them."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from aegis_trio.demo_forge.inbox import DeployKey, Hook, Notification, Package, PackageFile
from aegis_trio.demo_forge.world import World

_ALICE, _BOB = 2, 3
_BACKEND, _PUBLIC_TOOL = 1, 6
_KEY: Final = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJIXeiHwSVIBe/7Ly28L1k8CfSST498PaeUAwmmQeV9N deploy@example.test"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-21T07:{text}Z")


def add_inbox(world: World) -> None:
    """Put them into the world."""
    backend, acme = world.repositories[_BACKEND], world.repositories[_BACKEND].owner_id
    world.notifications = [
        Notification(id=259, account_id=_BOB, repository_id=_PUBLIC_TOOL, number=1, updated=_moment("42:33")),
        Notification(id=287, account_id=_BOB, repository_id=_BACKEND, number=73, updated=_moment("43:28")),
        Notification(
            id=305,
            account_id=_ALICE,
            repository_id=_BACKEND,
            number=65,
            comment_id=237,
            updated=_moment("42:50"),
        ),
    ]
    world.packages = [
        Package(
            id=number,
            owner_id=acme,
            creator_id=_ALICE,
            kind="generic",
            name="ledger-bundle",
            version=version,
            repository_id=_BACKEND,
            files=(PackageFile(id=number, name="bundle.txt", content=f"bundle {version}\n".encode()),),
            created=_moment(made),
        )
        for number, version, made in ((1, "1.0.0", "42:51"), (2, "1.1.0", "42:52"))
    ]
    made = _moment("42:51")
    backend.hooks = (
        Hook(
            id=1,
            url="http://127.0.0.1:9/hook",
            events=("push", "issues"),
            branch_filter="main",
            authorization="Bearer <hook-auth>",
            created=made,
            updated=made,
        ),
    )
    backend.deploy_keys = (
        DeployKey(
            id=1,
            title="deploy",
            key=_KEY,
            fingerprint="SHA256:foox0z9PUXLSNjCPx9BeiTffCa8p0MVhhwIo5j+b1II",
            created=made,
        ),
    )


def read_backends(world: World) -> None:
    """Let Bob have read what he was told of the first repository."""
    for each in world.notifications:
        if each.account_id == _BOB and each.repository_id == _BACKEND:
            each.is_unread = False
