"""Fitting: how much of something a reply holds."""

from __future__ import annotations

from collections.abc import Callable


def largest(most: int, fits: Callable[[int], bool]) -> int:
    """Return the largest size up to *most* that *fits*, 0 if none does.

    Args:
        fits: true for smaller sizes where it is true for larger ones; 0 is not asked for.
    """
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low
