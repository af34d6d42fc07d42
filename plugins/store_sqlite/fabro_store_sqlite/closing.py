"""Closing, on a disk that may hang: a process that is told to stop does not wait for it for ever."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

CLOSE_SECONDS: Final = 3.0
"""Enough to finish what was accepted and to copy the log back. What is given up is harmless: the next opening finds
everything that was acknowledged in the write-ahead log."""


class Closing:
    """Does one thing after the other, in threads that a process can end without. Once one of them hangs, the others are
    begun and not waited for."""

    def __init__(self, path: Path, logger: logging.Logger) -> None:
        self._path = path
        self._logger = logger
        self._hangs = False

    async def do(self, close: Callable[[], None]) -> None:
        """Return when it is done, or is given up. Raises what it raises."""
        faults: list[Exception] = []

        def work() -> None:
            try:
                close()
            except Exception as fault:  # noqa: BLE001 - it is raised where it is waited for
                faults.append(fault)

        thread = threading.Thread(target=work, name="fabro-sqlite-close", daemon=True)
        thread.start()
        await asyncio.to_thread(thread.join, 0 if self._hangs else CLOSE_SECONDS)
        if faults:
            raise faults[0]
        if thread.is_alive() and not self._hangs:
            self._hangs = True
            self._logger.error(
                "the database %s cannot be closed within %g s, and is left; what was acknowledged is in it",
                self._path,
                CLOSE_SECONDS,
            )
