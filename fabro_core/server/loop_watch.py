"""Notices from a thread that the event loop stands still, when nothing is answered, health included.

A short read of SQLite runs on the event loop, and a disk that hangs keeps it there; so may a plugin that computes or
waits where it should not. Nothing can take the loop out of that. The log can say where it is, for whoever is called
because health has stopped answering.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from fabro_core.server.outage import Outage

STALL_SECONDS: Final = 5.0

_LOOKS: Final = 10
"""In so many looks in a row the loop has to be where it was: a process that was suspended as a whole is not blamed."""

_CALLERS: Final = 4
"""How many of the functions are named that the loop is in."""

log = logging.getLogger("fabro.server")


class LoopWatch:
    """Watches the event loop of the thread that enters `watching`."""

    def __init__(self, *, stall_seconds: float = STALL_SECONDS) -> None:
        self._seconds = stall_seconds
        self._beats = 0
        self._outage = Outage(log, "the event loop goes on")

    def beat(self) -> None:
        """The loop goes round. To be called by it, more often than it takes to stand still."""
        self._beats += 1

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch for the length of the context."""
        ended = threading.Event()
        watch = threading.Thread(
            target=self._watch, args=(threading.get_ident(), ended), name="fabro-loop-watch", daemon=True
        )
        watch.start()
        try:
            yield
        finally:
            ended.set()
            watch.join(self._seconds)

    def _watch(self, watched: int, ended: threading.Event) -> None:
        seen, still = self._beats, 0
        while not ended.wait(self._seconds / _LOOKS):
            still = still + 1 if self._beats == seen else 0
            seen = self._beats
            if still == 0:
                self._outage.ended()
            elif still >= _LOOKS:
                self._outage.lasts("the event loop stands still, and nothing is answered: it is in %s", _place(watched))


def _place(thread: int) -> str:
    """The innermost functions that a thread is in, each called by the next."""
    frame = sys._current_frames().get(thread)
    calls = traceback.extract_stack(frame, limit=None)[-_CALLERS:] if frame is not None else []
    return ", ".join(f"{call.name} ({Path(call.filename).name}:{call.lineno})" for call in reversed(calls))
