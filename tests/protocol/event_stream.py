"""A reader of event streams as browsers have it, written from the standard alone: the other side of sse.py.

Source: HTML living standard, sections 9.2.5 (grammar) and 9.2.6 (interpretation).
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Event:
    """What a client's listener is given."""

    kind: str
    data: str
    last_event_id: str


@dataclass(slots=True)
class EventStream:
    """Takes bytes in any portions, and gathers the events that they complete."""

    events: list[Event] = field(default_factory=list)
    retry_ms: int | None = None
    last_event_id: str = ""
    comments: list[str] = field(default_factory=list)
    _unread: bytes = b""
    _begun: bool = False
    _kind: str = ""
    _data: str = ""
    _id: str = ""

    def feed(self, portion: bytes) -> None:
        """Interpret every line that *portion* completes."""
        self._unread += portion
        while (line := self._next_line()) is not None:
            if not self._begun:
                line = line.removeprefix(b"\xef\xbb\xbf")
                self._begun = True
            self._interpret(line.decode("utf-8", "replace"))

    def _next_line(self) -> bytes | None:
        for index, byte in enumerate(self._unread):
            if byte == 0x0A:
                return self._take(index, 1)
            if byte == 0x0D:
                if index + 1 == len(self._unread):
                    return None  # a line feed that belongs to it may follow
                return self._take(index, 2 if self._unread[index + 1] == 0x0A else 1)
        return None

    def _take(self, length: int, ending: int) -> bytes:
        line, self._unread = self._unread[:length], self._unread[length + ending :]
        return line

    def _interpret(self, line: str) -> None:
        if line == "":
            self._dispatch()
        elif line.startswith(":"):
            self.comments.append(line[1:])
        else:
            name, _, value = line.partition(":")
            self._process(name, value.removeprefix(" "))

    def _process(self, name: str, value: str) -> None:
        match name:
            case "event":
                self._kind = value
            case "data":
                self._data += value + "\n"
            case "id" if "\0" not in value:
                self._id = value
            case "retry" if value and all(digit in "0123456789" for digit in value):
                self.retry_ms = int(value)
            case _:
                pass

    def _dispatch(self) -> None:
        self.last_event_id = self._id
        if self._data:
            self.events.append(Event(self._kind or "message", self._data.removesuffix("\n"), self.last_event_id))
        self._kind, self._data = "", ""


def read_stream(stream: bytes) -> EventStream:
    """Read *stream* whole."""
    reader = EventStream()
    reader.feed(stream)
    return reader
