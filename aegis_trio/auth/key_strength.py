"""The strength of a key that somebody else made: an estimate, by which weak ones are refused.

Laws:
    1. It errs towards refusing: what repeats or counts adds nothing.
    2. It knows no dictionary, so a sentence looks stronger than it is: our own keys come from the random source alone.

Source: ASVS 5.0 6.5.2 (112 bits let a secret be kept as a plain hash); Miller 1955 for the correction of an entropy
that is estimated from few characters; zxcvbn for what does not count.
"""

from __future__ import annotations

import math
import string
from collections import Counter
from typing import Final

MIN_BITS: Final = 112
_REPEATED: Final = 4  # so many characters that stood before are a repetition, not chance
_CLASSES: Final = (string.digits, "abcdef", string.ascii_lowercase[6:], "ABCDEF", string.ascii_uppercase[6:])


def estimate_bits(text: str) -> float:
    """Return about how many bits of chance *text* holds.

    Args:
        text: visible ASCII.
    """
    if not text:
        return 0.0
    return _bits_of_each(text) * sum(_counts(text, place) for place in range(len(text)))


def _bits_of_each(text: str) -> float:
    """Return the bits of one character: what its kinds allow, or what the text shows, whichever is less."""
    alphabet = sum(len(kind) for kind in _CLASSES if any(character in kind for character in text))
    alphabet += 32 if any(not character.isalnum() for character in text) else 0
    counts = Counter(text)
    shown = -sum(count / len(text) * math.log2(count / len(text)) for count in counts.values())
    corrected = shown + (len(counts) - 1) / (2 * len(text) * math.log(2))
    return min(math.log2(max(alphabet, 2)), corrected)


def _counts(text: str, place: int) -> bool:
    """Return whether the character at *place* is news: neither the end of a repetition, nor the next of a count."""
    repeated = text[max(0, place - _REPEATED + 1) : place + 1]
    if len(repeated) == _REPEATED and text.find(repeated, 0, place) >= 0:
        return False
    if place < 2:
        return True
    step, before = ord(text[place]) - ord(text[place - 1]), ord(text[place - 1]) - ord(text[place - 2])
    return step != before or abs(step) > 1
