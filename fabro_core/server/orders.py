"""Where the orders to a serving event loop come from: signals, or the process that looks after several such loops."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from fabro_core.server.serving import Act

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
LOOK_SIGNAL: Final = signal.SIGHUP

STOP: Final = b"s"
LOOK: Final = b"l"
"""Orders on a pipe, one byte each."""


class SignalOrders:
    """Of a process that serves by itself."""

    @contextmanager
    def followed(self, *, stop: Act, look: Act) -> Iterator[None]:
        """See `Orders`."""
        loop = asyncio.get_running_loop()
        actions = {**dict.fromkeys(STOP_SIGNALS, stop), LOOK_SIGNAL: look}
        for number, action in actions.items():
            loop.add_signal_handler(number, action)
        try:
            yield
        finally:
            for number in actions:
                loop.remove_signal_handler(number)


class PipeOrders:
    """Of one of several processes: bytes on a pipe whose other end their parent holds, and nobody else.

    When that end closes, the parent has gone without stopping the server, as `kill -9` does, and this process ends as
    abruptly. A thread waits for that, so it happens even when the event loop hangs.
    """

    def __init__(self, reading: int) -> None:
        self._reading = reading

    @contextmanager
    def followed(self, *, stop: Act, look: Act) -> Iterator[None]:
        """See `Orders`."""
        loop = asyncio.get_running_loop()
        actions = {STOP: stop, LOOK: look}

        def listen() -> None:
            while order := os.read(self._reading, 1):
                with suppress(RuntimeError):  # the loop has ended already
                    loop.call_soon_threadsafe(actions[order])
            os._exit(1)

        threading.Thread(target=listen, name="fabro orders", daemon=True).start()
        yield
