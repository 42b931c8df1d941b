"""A gate and a forge that live beside a browser: in a thread of their own, as the browser's driver needs this one.

with open_site(tmp_path) as site:
    ...  # look at site.gate and site.place; site.run(f) runs an async function over there
"""

from __future__ import annotations

import contextlib
import queue
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import httpx
import trio

from aegis_trio.demo_forge.faults import Fault
from tests.browser.browsing import Window
from tests.browser.listeners import Listener
from tests.browser.questions import Question, ask, finish, register
from tests.e2e.gates import GateProcess, open_gate
from tests.e2e.sign_ins import BACK, Assistant, Place
from tests.forge import open_forge

T = TypeVar("T")
# A dozen people behind one address look at all the pages within a minute.
_MANY_PAGES = "from aegis_trio.supervisor import signin\nsignin.PAGES_PER_MINUTE = 0"


@dataclass(frozen=True)
class Site:
    """What a browser can go to."""

    place: Place
    gate: GateProcess
    token: trio.lowlevel.TrioToken

    @property
    def url(self) -> str:
        """The gate as people reach it."""
        return self.place.public_url

    def run(self, function: Callable[..., Awaitable[T]], *arguments: object) -> T:
        """Run an async function where gate and forge are."""
        return trio.from_thread.run(function, *arguments, trio_token=self.token)

    def register(self, name: str = "Harbour Desk", **more: str) -> Assistant:
        """Return a new client."""
        return self.run(partial(register, self.url, name, **more))

    def finish(self, assistant: Assistant, question: Question, back: str) -> None:
        """Let *assistant* exchange the answer with which the browser was sent *back*."""
        self.run(finish, assistant, question, back)

    def connect(self, window: Window, client: Listener, name: str = "Harbour Desk", login: str = "alice") -> Assistant:
        """Let somebody who is not known yet go the whole way with a new client; return it."""
        assistant = self.register(name)
        question = ask(assistant, client.callback)
        window.go(question.address)
        window.press("Allow")
        self.finish(assistant, question, window.pass_gitea(client.callback, login))
        return assistant

    def use(self, assistant: Assistant, tool: str = "get_me") -> int:
        """Let *assistant* call a tool; return the status."""
        return self.run(assistant.use_tool, tool).status_code

    def order(self, fault: Fault, path: str) -> None:
        """Let something go wrong at the forge, once."""
        order = partial(self.place.forge.faults.order, fault, path=path)
        trio.from_thread.run_sync(order, trio_token=self.token)

    def forget_consents(self, login: str) -> None:
        """Let somebody take back at the forge what they agreed to there."""
        self.run(self.place.visitor(login).person.revoke_everything)

    def grants(self) -> int:
        """Return how many grants were ever given.

        The audit log keeps its order, so a record of a question that is asked now has all that came before it.
        """
        marker = self.register("Marker")
        self.run(_open, ask(marker, BACK).address)
        self.run(self.gate.wait_record, "oauth_authorize", lambda record: record["client"] == marker.client_id)
        return len(self.gate.audit_records("oauth_grant"))


async def _open(address: str) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as browser:
        assert 200 == (await browser.get(address)).status_code


@contextlib.asynccontextmanager
async def _open_place(state: Path, origin: str) -> AsyncGenerator[Place]:
    # The address stands in the settings, in the forge and in every document, so it is chosen first.
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        public_url = f"{origin}:{taken.getsockname()[1]}"
    async with open_forge() as forge:
        owner = forge.world.account_named("alice")
        assert owner is not None
        application = forge.world.sign_ins.add_application(
            owner.id, name="gate", redirect_uris=(f"{public_url}/oauth/callback",), confidential=True
        )
        yield Place(forge, application, state, public_url)


@contextlib.contextmanager
def open_site(
    state: Path, *, origin: str = "http://127.0.0.1", more: Mapping[str, str] | None = None, before: str = ""
) -> Iterator[Site]:
    """Run both until the block ends.

    Args:
        origin: where people reach the gate, without its port.
        more: what is set for the gate besides.
        before: Python that the gate's process runs first.
    """
    ready: queue.SimpleQueue[tuple[Site, Callable[[], None]] | None] = queue.SimpleQueue()

    async def serve() -> None:
        end = trio.Event()
        async with (
            _open_place(state, origin) as place,
            open_gate({**place.settings(), **(more or {})}, before=f"{_MANY_PAGES}\n{before}") as gate,
        ):
            ready.put((Site(place, gate, trio.lowlevel.current_trio_token()), end.set))
            await end.wait()

    with ThreadPoolExecutor(1, thread_name_prefix="site") as threads:
        life = threads.submit(trio.run, serve)
        life.add_done_callback(lambda _: ready.put(None))
        begun = ready.get()
        if begun is None:
            life.result()  # raises: it has not begun
            raise AssertionError("a site ended before it began")
        site, end = begun
        try:
            yield site
        finally:
            with contextlib.suppress(trio.RunFinishedError):  # it died meanwhile: told below
                site.token.run_sync_soon(end)
        life.result()
