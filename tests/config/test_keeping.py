"""The settings about what becomes of sealed files of the audit log."""

from __future__ import annotations

import pytest

from aegis_trio.audit.age import new_identity
from aegis_trio.config.load import gather

ENVIRON = {"GITEA_URL": "https://git.example", "GITEA_TOKEN": "t" * 40, "MCP_API_KEYS": "a" * 64}


def test_without_a_word_nothing_is_removed_and_nothing_encrypted() -> None:
    """Files are sealed at 64 MiB, and compressed."""
    settings = gather(ENVIRON, None).settings

    assert settings is not None
    audit = settings.audit
    assert (64 * 1024 * 1024, True, (), 0) == (
        audit.segment_bytes,
        audit.compress,
        audit.recipients,
        audit.retention_days,
    )


def test_recipients_are_the_public_keys_of_age() -> None:
    """Several, with commas between."""
    keys = [str(new_identity().to_public()) for _ in range(2)]
    settings = gather({**ENVIRON, "AUDIT_RECIPIENTS": ", ".join(keys)}, None).settings

    assert settings is not None
    assert keys == [str(recipient) for recipient in settings.audit.recipients]


@pytest.mark.parametrize(
    ("name", "raw_value"),
    [
        ("AUDIT_RECIPIENTS", "age1nonsense"),
        ("AUDIT_RECIPIENTS", "ssh-ed25519 AAAA"),
        ("AUDIT_SEGMENT_MIB", "0"),
        ("AUDIT_SEGMENT_MIB", "64M"),
        ("AUDIT_RETENTION_DAYS", "-1"),
        ("AUDIT_COMPRESS", "zstd"),
    ],
)
def test_what_does_not_fit_is_named(name: str, raw_value: str) -> None:
    """Nobody believes in an encryption that is not there."""
    assert [name] == [fault.variable for fault in gather({**ENVIRON, name: raw_value}, None).faults]


def test_an_identity_is_not_repeated_where_a_recipient_belongs() -> None:
    """Who mistakes the one for the other must not find it in the log."""
    identity = str(new_identity())
    faults = gather({**ENVIRON, "AUDIT_RECIPIENTS": identity}, None).faults

    assert 1 == len(faults)
    assert identity[20:] not in str(faults[0])
