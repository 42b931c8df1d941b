"""A finding: one thing that was looked at, how it is, and the way out when it is not well."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import final

from aegis_trio.model.json import JsonObject


class Health(StrEnum):
    """How something is."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the doctor says about one thing; never a secret."""

    check: str
    health: Health
    message: str
    remedy: str = ""

    def as_document(self) -> JsonObject:
        """Return it for programs."""
        return {"check": self.check, "status": self.health.value, "message": self.message, "remedy": self.remedy}


def well(check: str, message: str) -> Finding:
    """Return that *check* is well."""
    return Finding(check=check, health=Health.OK, message=message)


def warning(check: str, message: str, remedy: str) -> Finding:
    """Return that the gate serves, and something should be better."""
    return Finding(check=check, health=Health.WARNING, message=message, remedy=remedy)


def failure(check: str, message: str, remedy: str) -> Finding:
    """Return that the gate would not serve as it should."""
    return Finding(check=check, health=Health.FAILURE, message=message, remedy=remedy)
