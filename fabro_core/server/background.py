"""A server in the background: started, waited for, stopped (server.md S21, S24).

The child is forked from the process that made the start-up checks, so nothing is imported or checked twice. It keeps
the terminal until it listens: what prevents that is told there, with what warns, and no log file is made.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

from fabro_core.config.model import Listen, UnixListen
from fabro_core.config.values import split_address
from fabro_core.errors import FabroError
from fabro_core.server.faults import AlreadyRunning, NotRunning, NotStarted, OperationFailed
from fabro_core.server.held_log import HeldLog, told_on_terminal
from fabro_core.server.leaving import end_process
from fabro_core.server.log_file import last_lines, open_log
from fabro_core.server.record import RunDirectory, ServerRecord
from fabro_core.server.sockets import remove_stale_socket

if TYPE_CHECKING:
    from fabro_core.server.process import Process

START_SECONDS: Final = 15
"""What a start may take until `/health` answers."""

KILL_SECONDS: Final = 5
"""What a process gets to end after the last signal it is sent."""

_POLL_SECONDS: Final = 0.02
_LINES_SHOWN: Final = 20


class Started(NamedTuple):
    """A background server that answers."""

    pid: int
    address: str


Tell = Callable[[FabroError], int]
"""Says why there is no server, and gives the exit code."""


def start_in_background(process: Process, *, tell: Tell, replacing: Ending | None = None) -> Started:
    """Start it and wait until it answers. `replacing` is the end of the server that runs: the child sees to it, so that
    this process may be killed meanwhile.

    Raises `NotStarted` when the child ends, and `OperationFailed` when it does not answer in time; leaves no process.
    """
    seconds = START_SECONDS + (replacing.seconds if replacing is not None else 0)
    deadline = time.monotonic() + seconds
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    starter = os.getpid()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _serve_as_child(process, writer, tell, replacing, starter)
    os.close(writer)
    process.binder.close()
    child = _Child(pid)
    address = _announced(reader, deadline)
    os.close(reader)
    if address == "":
        raise NotStarted(*child.told())
    if address is None or not _answers(process.assembly.settings.server.listen, child, deadline):
        shown = last_lines(process.directory.log_path, _LINES_SHOWN) if address is not None else []
        if child.has_ended():
            code, reason = child.told()
            raise NotStarted(code, "\n".join([*shown, reason]).strip())
        child.end()
        raise OperationFailed("\n".join([*shown, f"Server did not answer within {seconds:g} s"]))
    return Started(pid, address)


def _serve_as_child(process: Process, writer: int, tell: Tell, replacing: Ending | None, starter: int) -> NoReturn:
    """The child's whole life. What becomes of the server that it replaces is seen to by `starter`, while that lives."""

    held = HeldLog()
    until_it_listens = ExitStack()

    def detach(address: str) -> None:
        log = open_log(process.directory.log_path)
        until_it_listens.close()
        for descriptor in (1, 2):
            os.dup2(log, descriptor)
        os.close(log)
        held.let_go()
        with suppress(BrokenPipeError):  # whoever waited has been killed; the server is wanted all the same
            os.write(writer, address.encode())
        os.close(writer)

    os.setsid()
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    until_it_listens.enter_context(told_on_terminal())
    try:
        if replacing is not None:
            replacing.see_to_it()
        process.run(log=held, log_path=process.directory.log_path, announce=detach)
    except FabroError as error:
        code = tell(error)
        if replacing is not None and os.getppid() != starter:
            replacing.bring_back()
        sys.exit(code)
    end_process()


def _announced(reader: int, deadline: float) -> str | None:
    """The address the child listens on; empty when it has ended, None when time is up."""
    ready, _, _ = select.select([reader], [], [], max(0, deadline - time.monotonic()))
    return os.read(reader, 4096).decode() if ready else None


def _answers(listen: Listen, child: _Child, deadline: float) -> bool:
    while time.monotonic() < deadline and not child.has_ended():
        try:
            connection = _Connection(listen)
            connection.request("GET", "/health")
            healthy = connection.getresponse().status == 200
            connection.close()
        except (OSError, HTTPException):
            healthy = False
        if healthy:
            return True
        time.sleep(_POLL_SECONDS)
    return False


class _Connection(HTTPConnection):
    """A connection to our own listener, TCP or Unix."""

    def __init__(self, listen: Listen) -> None:
        super().__init__("localhost", timeout=1)
        self._listen = listen

    def connect(self) -> None:
        """Connect; to the wildcard address too, which the system takes as the local machine."""
        if isinstance(self._listen, UnixListen):
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(self.timeout)
            self.sock.connect(str(self._listen.path))
        else:
            host, port = split_address(self._listen.address)
            self.sock = socket.create_connection((host, port), timeout=self.timeout)


class _Child:
    """The process that is to serve."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._status: int | None = None

    def has_ended(self) -> bool:
        """Whether it has, by itself or by somebody else."""
        if self._status is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            self._status = status if pid else None
        return self._status is not None

    def told(self) -> tuple[int, str]:
        """Once it ends: the exit code to pass on, and what it cannot have said itself."""
        while not self.has_ended():
            time.sleep(_POLL_SECONDS)
        code = os.waitstatus_to_exitcode(self._status or 0)
        if code < 0:
            return 1, f"The process that was to serve was ended by {signal.Signals(-code).name}"
        return max(1, code), ""

    def end(self) -> None:
        """End it, by force if it must be."""
        os.kill(self._pid, signal.SIGTERM)
        deadline = time.monotonic() + KILL_SECONDS
        while not self.has_ended():
            if time.monotonic() > deadline:
                os.kill(self._pid, signal.SIGKILL)
                os.waitpid(self._pid, 0)
                return
            time.sleep(_POLL_SECONDS)


@dataclass(frozen=True, slots=True)
class Ending:
    """That of a running server, after which another one serves."""

    directory: RunDirectory
    record: ServerRecord
    timeout_seconds: float
    """How long it gets before it is killed."""
    bring_back: Callable[[], None]
    """Starts it again."""

    @property
    def seconds(self) -> float:
        """How long it may take."""
        return self.timeout_seconds + KILL_SECONDS

    def require_permission(self) -> None:
        """Raises `OperationFailed` when this process may not end the server."""
        _signal(self.record.pid, 0)

    def see_to_it(self) -> None:
        """End this server, if it is the one that runs. Raises `OperationFailed`."""
        record = self.directory.running()
        if record is not None and record.pid != self.record.pid:
            raise AlreadyRunning(f"Server already running (pid {record.pid}) on {record.bind.address}")
        if record is not None:
            _end_server(self.directory, record, self.timeout_seconds)
        elif not _is_free(self.directory, self.timeout_seconds):
            raise OperationFailed(f"the server (pid {self.record.pid}) does not end")


def stop(directory: RunDirectory, timeout_seconds: float) -> None:
    """Stop the running server, by force after the timeout. Raises `NotRunning` or `OperationFailed`."""
    record = directory.settled()
    if record is None:
        raise NotRunning
    _end_server(directory, record, timeout_seconds)


def _end_server(directory: RunDirectory, record: ServerRecord, timeout_seconds: float) -> None:
    _signal(record.pid, signal.SIGTERM)
    if _is_free(directory, timeout_seconds):
        return
    _signal(record.pid, signal.SIGKILL)
    if not _is_free(directory, KILL_SECONDS):
        raise OperationFailed(f"the server (pid {record.pid}) does not end")
    directory.record_path.unlink(missing_ok=True)
    if record.bind.unix is not None:
        remove_stale_socket(Path(record.bind.unix))


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
    except PermissionError:
        raise OperationFailed(f"the server (pid {pid}) belongs to another user") from None


def _is_free(directory: RunDirectory, seconds: float) -> bool:
    """Whether the lock becomes free in time."""
    deadline = time.monotonic() + seconds
    while directory.is_running():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True
