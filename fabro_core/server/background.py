"""A server in the background: started, waited for, stopped (server.md S21, S24).

The child is forked from the process that made the start-up checks, so nothing is imported or checked twice. It keeps
the terminal until it listens: what prevents that is told there, and no log file is made.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

from fabro_core.config.model import Listen, UnixListen
from fabro_core.config.values import split_address
from fabro_core.server.faults import NotRunning, OperationFailed
from fabro_core.server.log_file import last_lines, open_log
from fabro_core.server.record import RunDirectory
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


def start_in_background(process: Process) -> Started:
    """Start it and wait until it answers.

    Exits with the child's code when the child has told why it does not listen; raises `OperationFailed`, and leaves
    no process, when it does not answer in time.
    """
    deadline = time.monotonic() + START_SECONDS
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _serve_as_child(process, writer)
    os.close(writer)
    process.binder.close()
    address = _announced(reader, deadline)
    os.close(reader)
    if address == "":
        sys.exit(max(1, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))
    if address is None or not _answers(process.assembly.settings.server.listen, deadline):
        _end(pid)
        shown = "\n".join(last_lines(process.directory.log_path, _LINES_SHOWN))
        raise OperationFailed(f"{shown}\nServer did not answer within {START_SECONDS} s".lstrip())
    return Started(pid, address)


def _serve_as_child(process: Process, writer: int) -> NoReturn:
    """The child's whole life; its faults go up to the command line like those of a foreground server."""

    def detach(address: str) -> None:
        log = open_log(process.directory.log_path)
        for descriptor in (1, 2):
            os.dup2(log, descriptor)
        os.close(log)
        os.write(writer, address.encode())
        os.close(writer)

    os.setsid()
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    process.run(log=sys.stderr, log_path=process.directory.log_path, announce=detach)
    sys.exit(0)


def _announced(reader: int, deadline: float) -> str | None:
    """The address the child listens on; empty when it has ended, None when time is up."""
    ready, _, _ = select.select([reader], [], [], max(0, deadline - time.monotonic()))
    return os.read(reader, 4096).decode() if ready else None


def _answers(listen: Listen, deadline: float) -> bool:
    while time.monotonic() < deadline:
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


def _end(pid: int) -> None:
    """End our child, by force if it must be."""
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + KILL_SECONDS
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return
        time.sleep(_POLL_SECONDS)


def stop(directory: RunDirectory, timeout_seconds: float) -> None:
    """Stop the running server, by force after the timeout. Raises `NotRunning` or `OperationFailed`."""
    if not directory.is_running():
        raise NotRunning
    record = directory.running()
    if record is None:
        raise OperationFailed("the server is starting or stopping; try again")
    _signal(record.pid, signal.SIGTERM)
    if _is_free(directory, timeout_seconds):
        return
    _signal(record.pid, signal.SIGKILL)
    if not _is_free(directory, KILL_SECONDS):
        raise OperationFailed(f"the server (pid {record.pid}) does not end")
    directory.record_path.unlink(missing_ok=True)
    if record.bind.unix is not None:
        remove_stale_socket(Path(record.bind.unix))


def _signal(pid: int, number: signal.Signals) -> None:
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
