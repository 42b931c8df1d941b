"""What one call costs, in cells of its caller's minute: the one table.

Law: a call that only asks an index costs one cell, so that `CALLS_PER_MINUTE` is the number of those.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from aegis_trio.model.toolspec import CostClass

CELLS: Final[Mapping[CostClass, int]] = MappingProxyType(
    {
        CostClass.CHEAP: 1,
        CostClass.NORMAL: 2,  # starts git once: about twice the processor time of an indexed query
        CostClass.HEAVY: 5,  # walks history or a whole tree. Precedent: GitHub's secondary limits, 1 and 5 points
    }
)
