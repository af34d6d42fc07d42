"""The log of a background server before it has a file: none is begun for a start that fails (server.md S18).

What is logged meanwhile is held for the file. A person waits at the terminal, and is told what warns.
"""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from fabro_core.server.logs import LOGGER, PlainFormatter


class HeldLog(io.StringIO):
    """Takes what is logged until it may go to stderr, which leads to the file by then."""

    def __init__(self) -> None:
        super().__init__()
        self._held = True

    def write(self, text: str, /) -> int:
        """Hold the text, or pass it on."""
        return super().write(text) if self._held else sys.stderr.write(text)

    def flush(self) -> None:
        """Hand on what was passed on."""
        if not self._held:
            sys.stderr.flush()

    def let_go(self) -> None:
        """Pass on what was held, and from now on everything."""
        self._held = False
        sys.stderr.write(self.getvalue())
        sys.stderr.flush()
        self.truncate(0)


@contextmanager
def told_on_terminal() -> Iterator[None]:
    """Show on stderr what warns or is worse, as a person reads it."""
    told = logging.StreamHandler(sys.stderr)
    told.setLevel(logging.WARNING)
    told.setFormatter(PlainFormatter())
    ours = logging.getLogger(LOGGER)
    ours.addHandler(told)
    try:
        yield
    finally:
        ours.removeHandler(told)
