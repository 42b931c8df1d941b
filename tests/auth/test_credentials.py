"""A request carries one credential, or it is refused by its form alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.auth.credentials import Absent, Conflicting, Presented, RawCredentials, classify_credentials
from aegis_trio.model.secret import Secret
from tests.auth.places import BODY, OTHER

KEY = BODY.encode()


@pytest.mark.parametrize(
    "raw",
    [
        RawCredentials(authorization=(b"Bearer " + KEY,)),
        RawCredentials(authorization=(b"bearer   " + KEY + b" ",)),
        RawCredentials(api_key_header=(KEY,)),
        RawCredentials(query_key=BODY),
        RawCredentials(authorization=(b"Bearer " + KEY,), api_key_header=(KEY,), query_key=BODY),
        RawCredentials(authorization=(b"Bearer ",), api_key_header=(KEY,)),
    ],
)
def test_one_key_is_found_wherever_it_stands(raw: RawCredentials) -> None:
    """Clients differ in what they can set; the same key twice is one key."""
    assert Presented(Secret(BODY)) == classify_credentials(raw)


@pytest.mark.parametrize(
    "raw",
    [
        RawCredentials(authorization=(b"Bearer " + KEY,) * 2),
        RawCredentials(api_key_header=(KEY, KEY)),
        RawCredentials(authorization=(b"Bearer " + KEY,), api_key_header=(OTHER.encode(),)),
        RawCredentials(authorization=(b"Bearer " + KEY,), query_key=OTHER),
        RawCredentials(authorization=(b"Basic dXNlcjpwYXNz",)),
        RawCredentials(authorization=(b"token " + KEY,)),
        RawCredentials(authorization=(KEY,)),
        RawCredentials(authorization=(b"Basic dXNlcjpwYXNz",), api_key_header=(KEY,)),
    ],
)
def test_credentials_that_can_be_read_in_two_ways_are_refused(raw: RawCredentials) -> None:
    """A proxy before us may have checked the other one."""
    assert isinstance(classify_credentials(raw), Conflicting)


@pytest.mark.parametrize(
    "raw",
    [
        RawCredentials(),
        RawCredentials(authorization=(b"Bearer",)),
        RawCredentials(authorization=(b"Bearer  ",), api_key_header=(b"",), query_key=""),
    ],
)
def test_nothing_is_nothing(raw: RawCredentials) -> None:
    """An empty header is how some clients say that they have no key."""
    assert Absent() == classify_credentials(raw)


def test_credentials_are_not_shown() -> None:
    """A traceback or a log line with the request in it must not hold the key."""
    raw = RawCredentials(authorization=(b"Bearer " + KEY,), api_key_header=(KEY,), query_key=BODY)

    assert BODY not in repr(raw)
    assert BODY not in repr(classify_credentials(raw))


@given(st.binary(max_size=200), st.binary(max_size=200), st.text(max_size=50) | st.none())
def test_no_bytes_raise(authorization: bytes, header: bytes, query: str | None) -> None:
    """Property: hostile bytes are answered, never an exception."""
    raw = RawCredentials(authorization=(authorization,), api_key_header=(header,), query_key=query)

    assert isinstance(classify_credentials(raw), (Presented, Absent, Conflicting))
