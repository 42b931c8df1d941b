"""Who may try to reach Gitea now, as protocols: the circuit breaker is made elsewhere and handed in."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, final


class Attempt(Protocol):
    """One exchange with Gitea; `limits.breaker.Attempt` is one."""

    def answered(self, status: int) -> None:
        """Learn that an answer came."""
        ...

    def failed(self) -> None:
        """Learn that none will."""
        ...


class Breaker(Protocol):
    """Lets exchanges pass or refuses them; `limits.breaker.CircuitBreaker` is one."""

    def attempt(self) -> AbstractContextManager[Attempt]:
        """Make one exchange while inside; raises a fault when none may be made now."""
        ...


@final
class _Ignored:
    def answered(self, status: int) -> None:
        """Learn nothing."""

    def failed(self) -> None:
        """Learn nothing."""


@final
class NoBreaker:
    """Lets every exchange pass: for commands, which ask a few times and end."""

    @contextmanager
    def attempt(self) -> Generator[Attempt]:
        """Let it pass."""
        yield _Ignored()
