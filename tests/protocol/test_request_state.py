"""A request state opens for whom it was sealed, for what it was sealed, and for ten minutes."""

from __future__ import annotations

import json
import secrets
from typing import Final

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.model.clock import SetClock
from aegis_trio.model.errors import InvalidArgument
from aegis_trio.model.json import JsonObject, JsonValue
from aegis_trio.protocol.request_state import (
    CLOCK_LEEWAY_S,
    MAX_STATE_CHARS,
    STATE_TTL_S,
    RequestState,
    StateSealer,
    _context,
    digest_params,
)
from aegis_trio.protocol.sealing import as_text, read_text
from tests.protocol.strategies import JSON_VALUES

KEY: Final = b"k" * 32
OTHER_KEY: Final = b"o" * 32
NOW_S: Final = 1_780_000_000
METHOD: Final = "tools/call"
PARAMS: Final[JsonObject] = {"name": "delete_branch", "arguments": {"owner": "o", "repo": "r", "branch": "b"}}
ANSWERS: Final = st.dictionaries(st.text(max_size=8), JSON_VALUES, max_size=4)


def sealer(now_s: int = NOW_S, *, key: bytes = KEY, older_keys: tuple[bytes, ...] = ()) -> StateSealer:
    """Return a sealer whose clock stands at *now_s*."""
    return StateSealer(key, SetClock(now_s).now_ns, older_keys)


def sealed_state(answers: JsonObject | None = None, params: JsonObject = PARAMS) -> str:
    """Return a state of alice's."""
    return sealer().seal(sealer().begin(answers or {}, 1), principal="alice", method=METHOD, params=params)


def opened(
    raw_state: str,
    *,
    at: StateSealer | None = None,
    principal: str = "alice",
    method: str = METHOD,
    params: JsonObject = PARAMS,
) -> RequestState | None:
    """Open *raw_state*, as alice unless told otherwise."""
    return (at or sealer()).unseal(raw_state, principal=principal, method=method, params=params)


@pytest.mark.requirement("MCP-MRTR-03")
@given(ANSWERS, st.integers(1, 2**31), st.text(max_size=10), st.text(max_size=10), ANSWERS)
def test_a_state_comes_back_exactly(
    answers: JsonObject, round_number: int, principal: str, method: str, params: JsonObject
) -> None:
    """Property: answers, round, id and expiry survive, whatever they and their context are."""
    state = sealer().begin(answers, round_number)
    raw_state = sealer().seal(state, principal=principal, method=method, params=params)

    assert state == sealer().unseal(raw_state, principal=principal, method=method, params=params)


@pytest.mark.requirement("MCP-MRTR-04")
@given(st.data())
def test_a_state_with_any_bit_flipped_is_none(data: st.DataObject) -> None:
    """Property: nonce, text and tag are all sealed."""
    sealed = read_text(sealed_state({"sure": {"action": "accept"}}), max_chars=MAX_STATE_CHARS)
    assert sealed is not None
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    flipped = (int.from_bytes(sealed, "big") ^ (1 << bit)).to_bytes(len(sealed), "big")

    assert opened(as_text(flipped)) is None


@pytest.mark.requirement("MCP-MRTR-05")
@given(JSON_VALUES, JSON_VALUES)
def test_a_state_opens_for_its_own_arguments_alone(sealed_for: JsonValue, used_with: JsonValue) -> None:
    """Property: a yes to deleting one branch is no yes to deleting another; 1, 1.0 and true are not the same."""
    raw_state = sealed_state(params={"arguments": sealed_for})
    same = json.dumps(sealed_for, sort_keys=True) == json.dumps(used_with, sort_keys=True)

    assert same == (opened(raw_state, params={"arguments": used_with}) is not None)


@pytest.mark.requirement("MCP-MRTR-05")
@pytest.mark.parametrize(
    "changed",
    [
        {"principal": "mallory"},
        {"principal": ""},
        {"method": "prompts/get"},
        {"params": {}},
        {"params": {**PARAMS, "name": "delete_repository"}},
        {"params": {**PARAMS, "arguments": {"owner": "o", "repo": "r", "branch": "main"}}},
        {"params": {**PARAMS, "uri": "gitea://x"}},
    ],
    ids=["principal", "nobody", "method", "nothing", "tool", "argument", "one more"],
)
def test_another_context_gets_nothing(changed: dict[str, object]) -> None:
    """MCP 2026-07-28 mrtr: the state of one user or one request must not serve another."""
    assert opened(sealed_state(), **changed) is None  # type: ignore[arg-type]  # cases of the table


def test_what_a_further_round_adds_does_not_change_the_request() -> None:
    """The same: the client comes back with answers, the state itself, a new `_meta`; and may order members anew."""
    params: JsonObject = {
        "requestState": "…",
        "inputResponses": {"sure": {}},
        "_meta": {"progressToken": 2},
        "arguments": {"repo": "r", "branch": "b", "owner": "o"},
        "name": "delete_branch",
    }

    assert opened(sealed_state(), params=params) is not None
    assert digest_params(PARAMS) == digest_params(params)


@pytest.mark.requirement("MCP-MRTR-05")
@pytest.mark.parametrize(
    ("age_s", "opens"),
    [(STATE_TTL_S - 1, True), (STATE_TTL_S, False), (-CLOCK_LEEWAY_S, True), (-CLOCK_LEEWAY_S - 1, False)],
)
def test_a_state_lives_for_its_time(age_s: int, opens: bool) -> None:  # noqa: FBT001  # a case of the table
    """Neither longer, nor longer because the clock was set back."""
    assert opens == (opened(sealed_state(), at=sealer(NOW_S + age_s)) is not None)


@pytest.mark.requirement("MCP-MRTR-04")
@given(st.text() | st.binary(max_size=80).map(as_text))
def test_any_text_that_we_did_not_seal_is_none(raw_state: str) -> None:
    """Property: nothing is raised, and nothing is found."""
    assert opened(raw_state) is None


@pytest.mark.parametrize("raw_state", ["", "A", as_text(b"x" * 27), as_text(b"x" * 28), "A" * (MAX_STATE_CHARS + 1)])
def test_a_malformed_state_is_none(raw_state: str) -> None:
    """Too short for nonce and tag, just long enough, and longer than any of ours."""
    assert opened(raw_state) is None


def test_a_state_survives_the_rotation_of_its_key_and_no_other() -> None:
    """The newest key seals, every key of the ring opens."""
    raw_state = sealed_state()

    assert opened(raw_state, at=sealer(key=OTHER_KEY, older_keys=(KEY,))) is not None
    assert opened(raw_state, at=sealer(key=OTHER_KEY)) is None
    with pytest.raises(ValueError, match="32 bytes"):
        sealer(key=b"short")


def test_a_client_cannot_read_a_state_and_no_two_are_alike() -> None:
    """What was answered may be nobody's business; equal states would tell that the same was answered twice."""
    state = sealer().begin({"comment": "payroll" * 100}, 1)
    first, second = (sealer().seal(state, principal="a", method=METHOD, params={}) for _ in range(2))

    assert first != second
    assert b"payroll" not in (read_text(first, max_chars=MAX_STATE_CHARS) or b"payroll")


def test_each_round_has_an_id_of_its_own() -> None:
    """The id is what is spent; 128 random bits, so none is guessed and none comes twice."""
    first, second = sealer().begin({}, 1), sealer().begin({}, 2)

    assert first.state_id != second.state_id
    assert 32 == len(first.state_id)
    assert NOW_S + STATE_TTL_S == first.expires_at


def test_answers_that_do_not_fit_are_the_clients_fault() -> None:
    """A state travels with every further round, so it is bounded; the error names the field and the way out."""
    assert MAX_STATE_CHARS >= len(sealed_state({"comment": "a" * 24_000}))
    with pytest.raises(InvalidArgument) as caught:
        sealed_state({"comment": "a" * 25_000})

    assert "inputResponses" == caught.value.field


@pytest.mark.parametrize(
    "plain",
    [
        b"",
        b"not JSON",
        b"[]",
        b'{"answers":{},"round":1,"id":"x","issued_at":0}',
        b'{"answers":[],"round":1,"id":"x","issued_at":0,"expires_at":9999999999}',
        b'{"answers":{},"round":"1","id":"x","issued_at":0,"expires_at":9999999999}',
    ],
)
def test_a_good_seal_on_another_form_is_none(plain: bytes) -> None:
    """What an older version of the program sealed with the same key is not half understood."""
    nonce = secrets.token_bytes(12)
    sealed = AESGCMSIV(KEY).encrypt(nonce, plain, _context("alice", METHOD, PARAMS))

    assert opened(as_text(nonce + sealed)) is None
