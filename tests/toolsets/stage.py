"""A demo forge, seen as one of its people: for tests of what people get to read."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aegis_trio.demo_forge.changes import commit_files
from aegis_trio.demo_forge.world import World
from aegis_trio.gitea.client import open_gitea_client
from aegis_trio.gitea.request import Forge
from aegis_trio.gitea.settings import GiteaSettings
from aegis_trio.model.secret import Secret
from tests.forge import RunningForge, open_forge

HARBOR = "gitea://main/tidewater/harbor"


@dataclass(frozen=True, slots=True)
class Stage:
    """A forge that runs, and one person's view of it."""

    running: RunningForge
    forge: Forge

    @property
    def world(self) -> World:
        """What the forge holds."""
        return self.running.world

    def asked(self) -> list[str]:
        """Return the paths that reached the forge."""
        return [record.raw_path for record in self.running.requests]

    def commit(self, files: dict[str, bytes | None], number: int = 1) -> None:
        """Commit *files* to the default branch of a repository; harbor is number 1."""
        commit_files(self.world, self.world.repositories[number], files, author=self.world.accounts[2])


@asynccontextmanager
async def as_person(person: str) -> AsyncGenerator[Stage]:
    """Open a demo forge and look at it as *person*."""
    async with open_forge() as running, open_gitea_client(GiteaSettings(url=running.url)) as client:
        yield Stage(running, client.acting_as(Secret(running.world.tokens[person])))
