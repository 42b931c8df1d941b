"""The demo forge as a process: `forge.py STATE_FILE CALLBACK` writes what others need to know there, and its address.

To the demo world come people who sign in (`person-1`, …), and the gate's application, which is called back at CALLBACK.
"""

from __future__ import annotations

import json
import secrets
import sys
from pathlib import Path

import trio

from aegis_trio.demo_forge.demo_world import build_demo_world
from aegis_trio.demo_forge.server import serve_forge
from aegis_trio.demo_forge.world import Account, World

PEOPLE = 50  # one may hold twenty grants to one client; what is measured never ends an older one
FIRST_ID = 1001


async def main(world: World) -> None:
    """Serve *world* until ended from outside."""
    async with trio.open_nursery() as nursery:
        print(await nursery.start(serve_forge, world), flush=True)


def build_world(state_file: Path, callback: str) -> World:
    """Return the demo world with people and the application, and write down what opens it."""
    world = build_demo_world()
    password = secrets.token_urlsafe(16)
    people = [f"person-{number + 1}" for number in range(PEOPLE)]
    for number, login in enumerate(people):
        world.add_account(
            Account(id=FIRST_ID + number, login=login, email=f"{login}@tidewater.example", password=password)
        )
    application = world.sign_ins.add_application(1, name="gate", redirect_uris=(callback,))
    known = {
        "bot_token": world.bot_token,
        "client_id": application.client_id,
        "client_secret": application.client_secret,
        "people": people,
        "password": password,
    }
    state_file.touch(mode=0o600)
    state_file.write_text(json.dumps(known))
    return world


if __name__ == "__main__":
    trio.run(main, build_world(Path(sys.argv[1]), sys.argv[2]))
