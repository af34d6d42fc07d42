"""Learning in time that an ASGI server stops: servers tell their application only when all requests have ended, and
event streams do not end by themselves (server.md S23).

For applications that another program's server runs; our own server process has its signals to itself.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Final

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def noticing_stop(drain: Callable[[], None]) -> Iterator[None]:
    """Have the running event loop call `drain` at a stop signal, before the server's own handler gets it.

    Changes nothing in other threads than the main one, where signals cannot be handled, nor for a signal that has no
    handler: it ends the process anyway.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:
        for each in STOP_SIGNALS:
            stack.enter_context(_handled_first(each, lambda: loop.call_soon_threadsafe(drain)))
        yield


@contextmanager
def _handled_first(number: signal.Signals, notice: Callable[[], object]) -> Iterator[None]:
    following = signal.getsignal(number)
    if not callable(following):
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        notice()
        following(number, frame)

    signal.signal(number, handle)
    try:
        yield
    finally:
        if signal.getsignal(number) is handle:
            signal.signal(number, following)
