"""Metadata of keys: what is written is read, what is broken is told, and no key is in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegis_trio.config.faults import Misfit
from aegis_trio.config.key_metadata import (
    KeyMetadata,
    parse_key_metadata,
    parse_timestamp,
    read_key_metadata,
    render_key_metadata,
)
from tests.config.places import HINT, written

YEAR_9999_US = 253_402_300_799_000_000


@given(
    st.integers(0, YEAR_9999_US) | st.none(),
    st.integers(0, YEAR_9999_US) | st.none(),
    st.text(max_size=50),
    st.text(max_size=20) | st.none(),
)
def test_what_is_written_is_read(
    created_us: int | None, expires_us: int | None, description: str, replaced_by: str | None
) -> None:
    """Property: times keep their microsecond, texts their characters."""
    metadata = KeyMetadata(
        kid="0123456789ab",
        hint=HINT,
        created_ns=None if created_us is None else created_us * 1000,
        expires_ns=None if expires_us is None else expires_us * 1000,
        description=description,
        replaced_by=replaced_by,
    )

    assert metadata == parse_key_metadata(render_key_metadata(metadata))
    assert ("0123456789ab", metadata.expires_ns) == (metadata.validity().kid, metadata.validity().expires_ns)


@pytest.mark.parametrize(
    "raw_document",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b'{"kid": "0123456789ab"}',
        b'{"kid": "../etc/passwd", "hint": "x"}',
        b'{"kid": "0123456789ab", "hint": "x", "expires": "soon"}',
        b'{"kid": "0123456789ab", "hint": "x", "expires": 12}',
        b'{"kid": "0123456789ab", "hint": "x", "description": {}}',
    ],
)
def test_what_is_no_metadata_is_refused(raw_document: bytes) -> None:
    """A file that half says when a key ends says nothing."""
    with pytest.raises(Misfit):
        parse_key_metadata(raw_document)


@pytest.mark.parametrize(
    ("raw_time", "expected_ns"),
    [
        ("1970-01-02", 86_400 * 10**9),
        ("1970-01-01T00:00:01Z", 10**9),
        ("1970-01-01T01:00:01+01:00", 10**9),
        ("1970-01-01T00:00:00.000001", 1000),
    ],
)
def test_times_are_utc_unless_they_say_otherwise(raw_time: str, expected_ns: int) -> None:
    """A key must not live longer because of the zone of a machine."""
    assert expected_ns == parse_timestamp(raw_time)


def test_a_folder_is_read_file_by_file(tmp_path: Path) -> None:
    """One broken file is named, the others are still known; other files are nobody's business."""
    good = KeyMetadata(kid="0123456789ab", hint=HINT, created_ns=0, expires_ns=None)
    written(tmp_path / "a.json", render_key_metadata(good).decode())
    written(tmp_path / "b.json", "{")
    written(tmp_path / "README", "not ours")
    (tmp_path / "c.json").mkdir()

    known, misfits = read_key_metadata(tmp_path)

    assert [good] == known
    assert ["b.json is not JSON", "c.json cannot be read: is a directory"] == [misfit.rule for misfit in misfits]
    assert ([], []) == read_key_metadata(tmp_path / "nowhere")
    assert "cannot be listed" in read_key_metadata(tmp_path / "README")[1][0].rule
