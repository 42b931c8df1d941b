"""The package obeys the rules of the house, and its layers."""

from __future__ import annotations

from pathlib import Path

import pytest
from importlinter.cli import lint_imports

import aegis_trio
from tests.architecture.rules import RULES, Room, read_rooms

PACKAGE = Path(aegis_trio.__file__).parent
ROOMS = tuple(read_rooms(PACKAGE))


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_every_room_obeys_the_rules_of_the_house(room: Room) -> None:
    """One room that may open any file, or catch any bug, undoes what all others guarantee."""
    findings = [f"{room.name} {finding}" for rule in RULES for finding in rule(room)]

    assert [] == findings


def test_the_survey_sees_the_package() -> None:
    """A survey of nothing would find nothing."""
    assert {"aegis_trio", "aegis_trio.model.clock"} <= {room.name for room in ROOMS}


def test_imports_point_downwards_only(capsys: pytest.CaptureFixture[str]) -> None:
    """The layers are what lets a room be read, tested and replaced without the rooms above it."""
    status = lint_imports(config_filename=str(PACKAGE.parent / "pyproject.toml"), no_cache=True, no_logo=True)

    assert 0 == status, capsys.readouterr().out
