"""What the operator may choose about witnesses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from aegis_trio.audit.notes import VerifierKey

DEFAULT_MAX_AGE_S: Final = 3600.0
"""Six heartbeats: a quiet gate has a new checkpoint every ten minutes."""


@final
@dataclass(frozen=True, slots=True)
class Witness:
    """One witness outside."""

    url: str
    """Its submission prefix, without a slash at the end."""
    key: VerifierKey
    """Its cosignatures are by this key."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessSettings:
    """Who is asked, and how old the newest copy outside may become."""

    witnesses: tuple[Witness, ...] = ()
    """`AUDIT_WITNESSES`."""
    max_age_s: float = DEFAULT_MAX_AGE_S
    """`AUDIT_WITNESS_MAX_AGE`; beyond it readiness warns."""
