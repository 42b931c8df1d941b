"""The settings about witnesses: every fault names the way out."""

from __future__ import annotations

import pytest

from aegis_trio.audit.witness.settings import Witness
from aegis_trio.config.faults import Misfit
from aegis_trio.config.load import gather
from aegis_trio.config.variables.witnesses import parse_witnesses
from tests.audit.witness.histories import LOG, WITNESS

KEY = str(WITNESS.verifier)


def test_a_witness_is_its_address_and_its_key() -> None:
    """The form that `audit witness init` shows; a path in front of the protocol's is allowed."""
    expected = (Witness("https://w1.example:8070/prefix", WITNESS.verifier),)

    assert expected == parse_witnesses(f" https://w1.example:8070/prefix/#{KEY} ")


@pytest.mark.parametrize(
    "raw_value",
    [
        "https://w1.example",
        "https://w1.example#nonsense",
        f"https://w1.example#{LOG.verifier}",
        f"ftp://w1.example#{KEY}",
        f"https://user:word@w1.example#{KEY}",
        f"https://w1.example?x#{KEY}",
        f"https://a.example#{KEY},https://b.example#{KEY}",
        KEY,
    ],
)
def test_what_is_none_is_refused(raw_value: str) -> None:
    """A gate that silently pushes nowhere leaves its operator with a protection that is not there."""
    with pytest.raises(Misfit):
        parse_witnesses(raw_value)


def test_witnesses_need_a_log_that_is_signed() -> None:
    """The fault names the command that makes the key."""
    environ = {"GITEA_URL": "https://git.example", "GITEA_TOKEN": "t" * 40, "MCP_API_KEYS": "a" * 64}

    faults = gather({**environ, "AUDIT_WITNESSES": f"https://w1.example#{KEY}"}, None).faults
    signed = gather(
        {**environ, "AUDIT_WITNESSES": f"https://w1.example#{KEY}", "AUDIT_SIGNING_KEY": LOG.reveal()}, None
    )

    assert ["AUDIT_WITNESSES"] == [fault.variable for fault in faults]
    assert "audit init" in str(faults[0])
    assert signed.settings is not None
    assert signed.settings.audit.witnessing is not None
    assert 3600.0 == signed.settings.audit.witnessing.max_age_s
