"""Who steps up in the middle of a session stays in it: a later grant takes over what an earlier one began."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from aegis_trio.auth.credentials import RawCredentials
from aegis_trio.model.identity import (
    DEFAULT_INSTANCE,
    Caller,
    InstanceId,
    Origin,
    OwnerId,
    Principal,
    PrincipalId,
    PrincipalKind,
)
from aegis_trio.model.secret import Secret
from tests.transports.harness import Conversation, Gate, call, initialize, notification

SMALL = frozenset({"read:user"})
LARGE = frozenset({"read:user", "read:repository"})
CHANGED = {f"notifications/{name}/list_changed" for name in ("tools", "prompts", "resources")}


def ann(grant: str, scopes: frozenset[str] = LARGE) -> Principal:
    """Return Ann, by one of her grants to her assistant."""
    return Principal(
        id=PrincipalId("person:1"),
        kind=PrincipalKind.PERSON,
        instance=DEFAULT_INSTANCE,
        scopes=scopes,
        grant=grant,
        client="assistant",
    )


FIRST = ann("first", SMALL)
HEIRS = {"larger": ann("second"), "equal": ann("second", SMALL)}
STRANGERS = {
    "smaller": ann("second", frozenset({"read:repository"})),
    "another person": replace(ann("second"), id=PrincipalId("person:2")),
    "another client": replace(ann("second"), client="other"),
    "no client": replace(ann("second"), client=None),
    "another instance": replace(ann("second"), instance=InstanceId("other")),
    "a key": Principal(id=PrincipalId("key:1"), kind=PrincipalKind.API_KEY, instance=DEFAULT_INSTANCE, scopes=LARGE),
}


class PeopleDoorman:
    """Knows people by the names of these tests."""

    def __init__(self) -> None:
        self.known = {"first": FIRST, **HEIRS, **STRANGERS}

    async def authenticate(self, raw: RawCredentials, origin: Origin) -> Caller:
        await trio.lowlevel.checkpoint()
        principal = self.known[raw.authorization[0].decode().removeprefix("Bearer ")]
        return Caller(principal=principal, gitea_token=Secret("t"), origin=origin)


@pytest.fixture
def people(gate: Gate) -> Gate:
    """Give a gate that people sign in to."""
    gate.http._doorman = gate.sse._doorman = PeopleDoorman()
    return gate


@pytest.mark.parametrize("heir", HEIRS)
async def test_a_session_goes_on_with_the_new_token(autojump_clock: MockClock, people: Gate, heir: str) -> None:
    """The SDKs send the refused request again with the new token and the old session's id."""
    header = await people.session(key="first")
    stream = await people.stream(header, key="first")

    answer = await people.asked(call("near"), header, key=heir)
    assert (200, HEIRS[heir]) == (answer.status, people.door.callers[-1].principal)
    assert await stream.brings(3)
    assert CHANGED == {message["method"] for message in stream.messages}
    assert {OwnerId("grant:second")} == people.hub.owners()
    assert 1 == people.hub.statistics().sessions_open


async def test_what_the_new_grant_took_over_ends_with_it_alone(autojump_clock: MockClock, people: Gate) -> None:
    """Ending the old grant is no event for who has the new one; ending the new one ends everything."""
    header = await people.session(key="first")
    assert 202 == (await people.asked(notification("notifications/initialized"), header, key="larger")).status

    people.hub.end_sessions_of(frozenset({OwnerId("grant:first")}))
    assert 200 == (await people.asked(call("near"), header, key="larger")).status
    people.hub.end_sessions_of(frozenset({OwnerId("grant:second")}))
    assert 404 == (await people.asked(call("near"), header, key="larger")).status
    assert frozenset() == people.hub.owners()


async def test_a_smaller_token_does_not_get_back_what_a_larger_one_took_over(
    autojump_clock: MockClock, people: Gate
) -> None:
    """What runs in the session may say things that the old token does not reach."""
    header = await people.session(key="first")
    assert 200 == (await people.asked(call("near"), header, key="larger")).status
    assert 404 == (await people.asked(call("near"), header, key="first")).status


@pytest.mark.parametrize("stranger", STRANGERS)
async def test_nobody_else_takes_a_session_over(autojump_clock: MockClock, people: Gate, stranger: str) -> None:
    """For a stranger the session does not exist, byte for byte, and it goes on as it was."""
    header = await people.session(key="first")
    refused = await people.asked(call("near"), header, key=stranger)
    never = await people.asked(call("near"), ("mcp-session-id", "never"), key=stranger)

    assert (404, refused.text) == (refused.status, never.text)
    assert 200 == (await people.asked(call("near"), header, key="first")).status
    assert {FIRST.owner} == people.hub.owners()


async def test_an_event_stream_goes_on_with_the_new_token(autojump_clock: MockClock, people: Gate) -> None:
    """HTTP+SSE: the stream was opened with the old token, and answers the new one."""
    stream = await people.stream(path="/mcp/sse", key="first")
    await stream.wait_for(lambda: "event: endpoint" in stream.text)
    query = stream.text.partition("/mcp/messages?")[2].split()[0]

    async def told(document: object, key: str) -> Conversation:
        return await people.asked(document, path="/mcp/messages", query=query, key=key, app=people.sse)  # type: ignore[arg-type]  # written as JSON

    assert 202 == (await told(initialize("2024-11-05"), "first")).status
    assert 404 == (await told(call("near", 2), "another person")).status
    assert 202 == (await told(call("near", 3), "larger")).status
    assert await stream.brings(5)
    assert [1, 3] == [message["id"] for message in stream.messages if "id" in message]
    assert {OwnerId("grant:second")} == people.hub.owners()
