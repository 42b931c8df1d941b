"""Variables about witnesses of the audit log."""

from __future__ import annotations

from typing import Final

from aegis_trio.audit.notes import MalformedNote, SignatureKind, parse_verifier_key
from aegis_trio.audit.witness.settings import DEFAULT_MAX_AGE_S, Witness
from aegis_trio.config.faults import Misfit
from aegis_trio.config.parsing import parse_url, seconds, split_list
from aegis_trio.config.variable import Feature, Variable

_MAX_WITNESSES: Final = 8  # each reads the log and has a lane of its own
_EXAMPLE: Final = "https://witness.example.com:8070#witness.example.com+0a1b2c3d+BA…"


def parse_witnesses(raw_value: str) -> tuple[Witness, ...]:
    """Make witnesses of `URL#VKEY`, with commas between."""
    found = tuple(_witness(part) for part in split_list(raw_value))
    if len(found) > _MAX_WITNESSES:
        raise Misfit(f"names more than {_MAX_WITNESSES} witnesses", "Three under different hands are plenty.")
    if len({one.key.name for one in found}) < len(found):
        raise Misfit("names one witness twice", "Name each once; `audit witness init` gives each a name of its own.")
    return found


def _witness(raw_part: str) -> Witness:
    raw_url, hash_sign, raw_key = raw_part.partition("#")
    if not hash_sign:
        raise Misfit("holds a witness without its verifier key", f"Write {_EXAMPLE}, as `audit witness init` shows.")
    try:
        key = parse_verifier_key(raw_key)
    except MalformedNote as malformed:
        raise Misfit(f"holds what is no verifier key: {malformed}", f"Write {_EXAMPLE}.") from None
    if key.kind is not SignatureKind.COSIGNATURE:
        raise Misfit("holds the key of a log where a witness's is needed", "`audit witness list` shows it, there.")
    return Witness(parse_url(raw_url), key)


AUDIT_WITNESSES: Final = Variable[tuple[Witness, ...]](
    name="AUDIT_WITNESSES",
    feature=Feature.AUDIT,
    parse=parse_witnesses,
    default=(),
    default_text="",
    meaning="Witnesses on other machines that each checkpoint is brought to, as `URL#VKEY` with commas between; "
    "`aegis-trio audit witness init` shows it. Needs AUDIT_SIGNING_KEY.",
)
AUDIT_WITNESS_MAX_AGE: Final = Variable[float](
    name="AUDIT_WITNESS_MAX_AGE",
    feature=Feature.AUDIT,
    parse=seconds(60, 31_536_000),
    default=DEFAULT_MAX_AGE_S,
    default_text=f"{DEFAULT_MAX_AGE_S:.0f}",
    unit="s",
    meaning="How old the newest cosignature may become before readiness warns; the gate serves on.",
)

VARIABLES: Final[tuple[Variable[object], ...]] = (AUDIT_WITNESSES, AUDIT_WITNESS_MAX_AGE)
