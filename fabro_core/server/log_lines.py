"""Where a server process writes its log: records at once, lines of requests together."""

from __future__ import annotations

import asyncio
import io
import logging
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Final, TextIO

MAX_WAITING: Final = 64
"""Lines that wait to be made."""

WRITE_BYTES: Final = 4096
"""What a pipe takes in one piece whoever else writes to it (PIPE_BUF of Linux), so that lines of several workers never
mix."""

MakeLine = Callable[[], str]
"""Makes a line, without its line feed."""


class LogLines(logging.StreamHandler[TextIO]):
    """A handler that is also given lines which may wait until the event loop has gone round. Where many requests are
    answered in a turn, their lines are made one after the other and written at once: amid the requests each would take
    three times as long, because the processor has forgotten by then how it is done.

    Records and lines come out in the order in which they went in.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # or a letter that it has not would cost those beside it
        self._waiting: deque[MakeLine] = deque()
        """Taken out under the handler's lock, put in without: both ends are safe by themselves."""
        self._due_on: asyncio.AbstractEventLoop | None = None
        """The event loop that will write what waits."""
        self._lost = False
        """The last line could not be written."""

    def write_soon(self, make: MakeLine) -> None:
        """Write a line when the running event loop has done what it can do now."""
        self._waiting.append(make)
        loop = asyncio.get_running_loop()
        if self._due_on is not loop:
            self._due_on = loop
            loop.call_soon(self._write_due)
        elif len(self._waiting) >= MAX_WAITING:
            self._write_waiting()

    def write_now(self, make: MakeLine) -> None:
        """Write a line after what waits."""
        self._waiting.append(make)
        self._write_waiting()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record after what waits."""
        self._write_waiting()
        super().emit(record)

    def flush(self) -> None:
        """Write what waits."""
        self._write_waiting()
        super().flush()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is that of `logging`
        """Say on stderr that lines are lost, once until one is written again; a fault of ours as `logging` does."""
        fault = sys.exc_info()[1]
        if not isinstance(fault, OSError):
            super().handleError(record)
        elif not self._lost and sys.stderr is not None:
            self._lost = True
            with suppress(OSError):
                sys.stderr.write(f"the log cannot be written: {fault.strerror}\n")

    def _write_due(self) -> None:
        self._due_on = None
        self._write_waiting()

    def _write_waiting(self) -> None:
        if not self._waiting:
            return
        self.acquire()
        try:
            lines = [self._waiting.popleft()() + self.terminator for _ in range(len(self._waiting))]
            for piece in _pieces(lines):
                self.stream.write(piece)
                self.stream.flush()
            self._lost = False
        except Exception:  # noqa: BLE001  (as `emit` has it: a log that cannot be written stops no request)
            self.handleError(logging.makeLogRecord({"msg": "lines of the access log"}))
        finally:
            self.release()


def _pieces(lines: Iterable[str]) -> Iterator[str]:
    """The lines, as many together as a write may hold."""
    piece: list[str] = []
    room = WRITE_BYTES
    for line in lines:
        size = len(line) if line.isascii() else len(line.encode(errors="backslashreplace"))
        if size > room and piece:
            yield "".join(piece)
            piece, room = [], WRITE_BYTES
        piece.append(line)
        room -= size
    yield "".join(piece)
