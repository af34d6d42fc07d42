"""Events as they go down a stream (events.md E6), and the window of the newest ones that all followers share.

A frame is encoded once, however many clients get it, and what one follower has been handed in one piece the next one
at the same place gets as the same bytes. Knows nothing of stores or connections.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

CHUNK_BYTES: Final = 64 * 1024
"""About the most that is handed to a connection at once: what an ASGI server buffers before it lets a sender wait."""

WINDOW_BYTES: Final = 256 * 1024
WINDOW_FRAMES: Final = 1_024
KEPT_CHUNKS: Final = 16

_LINE_BREAKS: Final = bytes.maketrans(b"\r\n", b"  ")


class Frame(NamedTuple):
    """One event, ready to be sent."""

    position: int
    """In what is followed: the sequence number in a run's log, the place in the feed of all runs."""
    run_id: str
    encoded: bytes


class Chunk(NamedTuple):
    """Frames in one piece, and the position after which to go on."""

    frames: bytes
    position: int


def frame(seq: int, body: bytes) -> bytes:
    """The frame of an event. A line break in `body` stands between JSON tokens, so a blank does as well."""
    return b"id: %d\ndata: %b\n\n" % (seq, _on_one_line(body))


def named_frame(seq: int, kind: str, body: bytes) -> bytes:
    """The same with the name of the event on a line of its own (resources.md X2)."""
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (seq, _on_one_line(kind.encode()), _on_one_line(body))


def _on_one_line(text: bytes) -> bytes:
    return text.translate(_LINE_BREAKS) if b"\n" in text or b"\r" in text else text


class Window:
    """The newest frames, without a gap: all that there are after `start`, up to and including `end`.

    Bounded in bytes and number, but the newest frame stays, however large it is. Who is behind `start` has to read on
    from the log until it is inside.
    """

    def __init__(self, start: int) -> None:
        self.start = start
        self.end = start
        self._frames: list[Frame] = []
        self._bytes = 0
        self._chunks: dict[int, Chunk] = {}

    def extend(self, frames: Sequence[Frame], end: int) -> None:
        """Add what follows `end`; from now on there is nothing more up to the new `end`."""
        self._frames += frames
        self._bytes += sum(len(each.encoded) for each in frames)
        self.end = end
        self._chunks.clear()
        self._forget()

    def since(self, position: int) -> Chunk:
        """What follows `position`, which must not be before `start`: `CHUNK_BYTES` at most, or one larger frame."""
        chunk = self._chunks.get(position)
        if chunk is None:
            if len(self._chunks) == KEPT_CHUNKS:
                self._chunks.clear()
            chunk = self._chunks[position] = self._chunk(position, _any)
        return chunk

    def since_of(self, position: int, run_ids: frozenset[str]) -> Chunk:
        """`since`, with the frames of these runs alone."""
        return self._chunk(position, run_ids.__contains__)

    def _chunk(self, position: int, wanted: Callable[[str], bool]) -> Chunk:
        size = 0
        encoded: list[bytes] = []
        for index in range(bisect_right(self._frames, position, key=_position), len(self._frames)):
            found = self._frames[index]
            if wanted(found.run_id):
                size += len(found.encoded)
                if size > CHUNK_BYTES and encoded:
                    return Chunk(b"".join(encoded), self._frames[index - 1].position)
                encoded.append(found.encoded)
        return Chunk(b"".join(encoded), max(position, self.end))

    def _forget(self) -> None:
        surplus, last = 0, len(self._frames) - 1
        while surplus < last and (self._bytes > WINDOW_BYTES or len(self._frames) - surplus > WINDOW_FRAMES):
            self._bytes -= len(self._frames[surplus].encoded)
            surplus += 1
        if surplus:
            self.start = self._frames[surplus - 1].position
            del self._frames[:surplus]


def joined(frames: Iterable[Frame], run_ids: frozenset[str] | None) -> bytes:
    """The frames in one piece; of these runs alone, unless it is None."""
    return b"".join(each.encoded for each in frames if run_ids is None or each.run_id in run_ids)


def _position(each: Frame) -> int:
    return each.position


def _any(_: str) -> bool:
    return True
