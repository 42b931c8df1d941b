"""Frames of HTTP/2 as they arrive: their announced lengths, looked at before h2 collects them.

h2 4.4 waits until a frame is whole before it finds it too long, so that nine bytes make it hold 16 MiB.

Source: RFC 9113 section 4.1 (layout), 4.2 (16,384 bytes unless more was advertised, which we never do), 3.4 (preface).
"""

from __future__ import annotations

from typing import Final, final

MAX_FRAME_BYTES: Final = 16_384
_PREFACE_BYTES: Final = 24
_HEAD_BYTES: Final = 9
_LENGTH_BYTES: Final = 3


@final
class FrameGauge:
    """Follows the frames of one connection, without keeping them."""

    __slots__ = ("_begun", "_skip")

    def __init__(self) -> None:
        self._skip = _PREFACE_BYTES  # until the next frame begins
        self._begun = b""  # of a length that is not whole yet

    def is_exceeded_by(self, data: bytes) -> bool:
        """Take what was read; return whether it announces a frame that is too long."""
        data = self._begun + data
        position = self._skip
        while position + _LENGTH_BYTES <= len(data):
            length = int.from_bytes(data[position : position + _LENGTH_BYTES])
            if length > MAX_FRAME_BYTES:
                return True
            position += _HEAD_BYTES + length
        self._begun = data[position:]
        self._skip = max(0, position - len(data))
        return False
