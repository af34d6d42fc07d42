"""Learning in time that an ASGI server stops: servers tell their application only when all requests have ended, and
event streams do not end by themselves (server.md S23).

For applications that another program's server runs; our own server process has its signals to itself.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)

Notice = Callable[[], None]


class StopNotice:
    """Has `drain` called at a stop signal, on the event loop, before the server's own handler gets the signal.

    Servers take their signals before they start the application, or after it, when a program has started that itself.
    So whoever begins what does not end by itself calls `renew`: by then the server has them.
    """

    def __init__(self, drain: Notice) -> None:
        self._drain = drain
        self._loop: asyncio.AbstractEventLoop | None = None
        self._handlers: list[_Handler] = []

    @contextmanager
    def given(self) -> Iterator[None]:
        """Give notice for the length of the context; afterwards the signals are as they were.

        Changes nothing in other threads than the main one, where signals cannot be handled, nor for a signal that has
        no handler: it ends the process anyway.
        """
        self._loop = asyncio.get_running_loop()
        self.renew()
        try:
            yield
        finally:
            self._loop = None
            while self._handlers:
                self._handlers.pop().withdraw()

    def renew(self) -> None:
        """Be the first to learn of a stop signal, if another handler has been put in place since the last time."""
        if self._loop is None or threading.current_thread() is not threading.main_thread():
            return
        for number in STOP_SIGNALS:
            present = signal.getsignal(number)
            if callable(present) and not self._hears(present):
                self._handlers.append(_Handler(number, present, self._give))

    def _hears(self, handler: object) -> bool:
        """Whether this notice is among those that are given before a server's own handler is called."""
        while isinstance(handler, _Handler):
            if handler in self._handlers:
                return True
            handler = handler.following
        return False

    def _give(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._drain)


class _Handler:
    """Handles a signal before the handler that it replaces."""

    def __init__(
        self, number: signal.Signals, following: Callable[[int, FrameType | None], object], give: Notice
    ) -> None:
        self.following: Final = following
        self._number = number
        self._give = give
        signal.signal(number, self)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self._give()
        self.following(number, frame)

    def withdraw(self) -> None:
        """Put back what was replaced, unless somebody has replaced this one."""
        is_in_place = signal.getsignal(self._number) is self
        if is_in_place:
            signal.signal(self._number, self.following)
