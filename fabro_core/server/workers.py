"""Several processes that serve one listener, and the one that looks after them (server.md S21, S23).

They are forked, so that they share what the start has made: the checked settings, the keys drawn for this start and
most of the memory. Signals go to the parent alone; a terminal or a supervisor that sends them to the whole group would
otherwise stop a worker twice, which means without waiting for its requests.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NoReturn

from fabro_core.causes import told
from fabro_core.errors import FabroError, StoreError
from fabro_core.server.orders import LOOK, LOOK_SIGNAL, STOP, STOP_SIGNALS, PipeOrders
from fabro_core.server.serving import Orders

REPLACE_SECONDS: Final = 1.0
"""Between the starts of a worker that has ended by itself and of the one that takes its place, at least."""

log = logging.getLogger("fabro.server")


@dataclass(frozen=True, slots=True)
class _Worker:
    pid: int
    orders: int
    """The end of its pipe that is written to."""
    started: float


class Workers:
    """The processes of one server. Made and used in its main thread, while no other thread runs."""

    def __init__(self, count: int, work: Callable[[Orders], None]) -> None:
        """`work` serves until it is ordered to stop; it runs in each of `count` processes."""
        self._count = count
        self._work = work
        self._living: dict[int, _Worker] = {}
        self._not_before = 0.0

    def supervise(self, signals: Signals) -> None:
        """Keep the processes running until a stop signal; return once all have ended."""
        stopping = False
        while self._living or not stopping:
            if not stopping and time.monotonic() >= self._not_before:
                self._fill_up()
            for number in signals.wait(REPLACE_SECONDS):
                if number in STOP_SIGNALS:
                    stopping = True
                    self._tell(STOP)
                elif number == LOOK_SIGNAL:
                    self._tell(LOOK)
            self._bury(expected=stopping)

    def _fill_up(self) -> None:
        try:
            while len(self._living) < self._count:
                worker = self._start()
                self._living[worker.pid] = worker
        except OSError as error:  # the machine has no process or no descriptor left, which may pass
            log.error("a worker cannot be started: %s", error)
            self._not_before = time.monotonic() + REPLACE_SECONDS

    def _start(self) -> _Worker:
        sys.stdout.flush()
        sys.stderr.flush()
        reading, writing = os.pipe()
        try:
            pid = os.fork()
        except OSError:
            os.close(writing)
            raise
        else:
            if pid == 0:
                self._become_worker(reading, writing)
            return _Worker(pid, writing, time.monotonic())
        finally:
            os.close(reading)

    def _become_worker(self, reading: int, writing: int) -> NoReturn:
        """A worker's whole life. What surrounds this in the parent, such as the lock, is not undone here."""
        code = 1
        try:
            for each in (writing, *(worker.orders for worker in self._living.values())):
                os.close(each)  # or the pipes would outlive the parent
            signal.set_wakeup_fd(-1)
            for number in (*STOP_SIGNALS, LOOK_SIGNAL):
                signal.signal(number, signal.SIG_IGN)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._work(PipeOrders(reading))
            code = 0
        except StoreError as error:
            log.error("a worker cannot serve, the store is unavailable: %s", told(error))
        except FabroError as error:
            log.error("a worker cannot serve: %s", error)
        except BaseException:
            log.exception("a worker has failed")
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _tell(self, order: bytes) -> None:
        for worker in self._living.values():
            try:
                os.write(worker.orders, order)
            except BrokenPipeError:
                continue  # it has ended, which is noticed next

    def _bury(self, *, expected: bool) -> None:
        """Take those that have ended out of the living."""
        for worker in list(self._living.values()):
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if pid == 0:
                continue
            del self._living[pid]
            os.close(worker.orders)
            if not expected:
                log.error("worker %d has ended (%s); another takes its place", pid, _told(status))
                self._not_before = worker.started + REPLACE_SECONDS


def _told(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


class Signals:
    """The signals that the parent waits for."""

    def __init__(self, arrived: int) -> None:
        self._arrived = arrived

    def wait(self, seconds: float) -> bytes:
        """The numbers of the signals that have come; empty when none comes in time."""
        ready, _, _ = select.select([self._arrived], [], [], seconds)
        return os.read(self._arrived, 64) if ready else b""


@contextmanager
def awaited_signals() -> Iterator[Signals]:
    """Let stop signals, the signal to look at the settings and the end of children be waited for."""
    arrived, told = os.pipe()
    os.set_blocking(told, False)
    before = signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    handlers = {number: signal.signal(number, _noticed) for number in (*STOP_SIGNALS, LOOK_SIGNAL, signal.SIGCHLD)}
    try:
        yield Signals(arrived)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(before)
        os.close(told)
        os.close(arrived)


def _noticed(number: int, frame: object) -> None:
    """A signal needs a handler of Python's to be written to the wake-up descriptor."""
