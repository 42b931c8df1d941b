"""What can come of a sign-in at each of its turns, closed: whoever answers a browser handles every one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, final

from aegis_trio.auth.broker.browsers import Browser
from aegis_trio.auth.broker.rows import LoginRow
from aegis_trio.model.secret import Secret


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A sign-in that waits for the person's consent."""

    id: str
    login: LoginRow


@final
@dataclass(frozen=True, slots=True)
class GoToGitea:
    """The browser goes to Gitea's login."""

    address: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """The client gets its code."""

    login: LoginRow
    code: Secret
    browser: Browser
    """Perhaps under a new cookie."""


@final
@dataclass(frozen=True, slots=True)
class Denied:
    """The client is told that the person refused, or that Gitea did."""

    login: LoginRow


@final
@dataclass(frozen=True, slots=True)
class OtherGrant:
    """At Gitea stands an older grant with other rights; the person has to revoke it there first."""

    login: LoginRow
    person: str


@final
@dataclass(frozen=True, slots=True)
class OtherPerson:
    """Somebody else signed in at Gitea than the page had named; the consent has to be given again."""

    pending: Pending
    browser: Browser


@final
@dataclass(frozen=True, slots=True)
class OtherIssuer:
    """The answer says that it is another server's than Gitea's; the sign-in still waits for Gitea's own."""


@final
@dataclass(frozen=True, slots=True)
class Lost:
    """There is no such sign-in (any more) in this browser."""


@final
@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person is signed in to our own pages; no client gets anything."""

    browser: Browser
    """Under a new cookie."""


Answered: TypeAlias = GoToGitea | Granted | Denied | Lost
"""What comes of the person's answer to our question."""
Arrived: TypeAlias = Granted | Denied | OtherGrant | OtherPerson | OtherIssuer | SignedIn | Lost
"""What comes of the way back from Gitea."""
