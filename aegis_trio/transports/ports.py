"""What the transports need, as protocols: the gateway's door, who checks credentials, and where answers go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import trio

from aegis_trio.auth.credentials import RawCredentials
from aegis_trio.model.call import Failure, ToolOutcome, ToolRequest
from aegis_trio.model.errors import Fault
from aegis_trio.model.features import PromptSpec, ResourceSpec
from aegis_trio.model.identity import Caller, Origin, OwnerId
from aegis_trio.model.json import JsonObject
from aegis_trio.model.toolspec import ToolSpec
from aegis_trio.protocol.jsonrpc import Reply
from aegis_trio.toolsets.context import ToolContext


class Lists(Protocol):
    """What is served, and to whom; `gateway.directory.Directory` is it."""

    def tools_for(self, caller: Caller) -> tuple[ToolSpec[ToolContext], ...]:
        """Return the tools that *caller* may use."""
        ...

    def tool_for(self, caller: Caller, name: str) -> ToolSpec[ToolContext] | None:
        """Return the tool of that name if there is one that *caller* may use."""
        ...

    def prompts_for(self, caller: Caller) -> tuple[PromptSpec[ToolContext], ...]:
        """Return the prompts that *caller* may use."""
        ...

    def resources_for(self, caller: Caller) -> tuple[ResourceSpec[ToolContext], ...]:
        """Return the resources and families of resources that *caller* may read."""
        ...

    def is_narrow_for(self, caller: Caller) -> bool:
        """Return whether *caller* would be shown more with more scopes."""
        ...


class Door(Protocol):
    """The one door to everything that is served; `gateway.Gateway` is it."""

    @property
    def directory(self) -> Lists:
        """What is served, and to whom."""
        ...

    async def call(self, caller: Caller, request: ToolRequest) -> ToolOutcome:
        """Run one call; never raises a fault."""
        ...

    def screen(self, caller: Caller, requests: Sequence[ToolRequest]) -> Failure | None:
        """Refuse *requests* as a whole if *caller* lacks a scope for one of them; records it."""
        ...

    async def watch(
        self,
        caller: Caller,
        request: ToolRequest,
        changed: Callable[[], None],
        *,
        task_status: trio.TaskStatus[Fault | None],
    ) -> None:
        """Watch one resource until cancelled; reports whether it began, and tells of each change."""
        ...


class Holdings(Protocol):
    """What else somebody has here that ends with their access: replies that are kept, and what Gitea has shown them."""

    def owners(self) -> frozenset[OwnerId]:
        """Return everybody who has something."""
        ...

    def forget(self, owners: frozenset[OwnerId]) -> None:
        """Drop everything of *owners*."""
        ...


class Watch(Protocol):
    """A watch of one resource that has yet to begin."""

    async def __call__(self, *, task_status: trio.TaskStatus[Fault | None]) -> None:
        """Run until cancelled; reports None once it has begun, or why it cannot."""
        ...


class ReplySink(Protocol):
    """Where answers go: to one waiting request, or to a session's stream."""

    @property
    def can_speak(self) -> bool:
        """Whether messages before the answer reach the client."""
        ...

    def expect(self) -> None:
        """One more answer, or its release, will come."""
        ...

    def answer(self, reply: Reply) -> None:
        """Take one answer."""
        ...

    def release(self) -> None:
        """Learn that one expected answer will not come."""
        ...

    def notify(self, message: JsonObject) -> None:
        """Take one message that belongs before an answer."""
        ...


class Challenge(Protocol):
    """Says in headers how a client comes by what a fault names; `web.challenges.Challenges` does."""

    def __call__(self, path: str, fault: Fault, /) -> tuple[tuple[bytes, bytes], ...]:
        """Return the header lines that an answer of *path* has because of *fault*; none where nothing helps."""
        ...


def no_challenge(_path: str, _fault: Fault, /) -> tuple[tuple[bytes, bytes], ...]:
    """Say nothing: nobody can sign in here."""
    return ()


class Doorman(Protocol):
    """Checks credentials; `auth.Authenticator` is it."""

    async def authenticate(self, raw: RawCredentials, origin: Origin) -> Caller:
        """Return who is calling, or raise the fault that refuses it."""
        ...
