"""A secret: bytes of text that are never printed, compared in constant time, and revealed only by name.

Laws:
    1. `repr`, `str`, formatting, logging and pickling never show the value.
    2. Comparison takes the same time whatever differs.
    3. `reveal()` is the one way out, so that a search for it lists every use.
"""

from __future__ import annotations

import hmac
from typing import Final, NoReturn, final

MASK: Final = "****"


@final
class Secret:
    """A text that must not be seen, such as an API key or a token of Gitea."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the value itself; the caller must not store, log or format it."""
        return self._text

    def __len__(self) -> int:
        return len(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(
            self._text.encode("utf-8", "surrogatepass"), other._text.encode("utf-8", "surrogatepass")
        )

    __hash__ = None  # type: ignore[assignment]  # a dict of secrets would compare them in variable time

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, format_spec: str) -> str:
        return MASK

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")
