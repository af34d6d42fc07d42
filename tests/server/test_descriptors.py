"""A process that has used up its file descriptors (server.md S10)."""

from __future__ import annotations

import os
import resource
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest

from fabro_core.server.descriptors import DescriptorWatch
from tests.cli.terminal import wait_until

FABRO = Path(sys.executable).with_name("fabro")
SETTINGS = '[server.auth]\nmethods = ["dev-token"]\n'
FEW = 64
HEALTHY = b'{"status":"ok"}'


@contextmanager
def serving(home: Path, limits: str) -> Iterator[tuple[int, Path]]:
    """The port and the log of a server process that starts with these limits, as options of `ulimit`."""
    environ = {**os.environ, "FABRO_HOME": str(home)}
    subprocess.run([FABRO, "init"], env=environ, check=True, capture_output=True)
    (home / "settings.toml").write_text(SETTINGS)
    log = home / "log"
    command = f"{limits}; exec {shlex.quote(str(FABRO))} server start --foreground --bind 127.0.0.1:0"
    with log.open("w") as stdout:
        process = subprocess.Popen(
            ["/bin/sh", "-c", command], env=environ, stdout=stdout, stderr=subprocess.PIPE, text=True
        )
    try:
        assert process.stderr is not None
        while not (line := process.stderr.readline()).startswith("Fabro server listening on "):
            assert line, "the server has ended"
        yield int(line.rpartition(":")[2]), log
    finally:
        process.terminate()
        process.communicate(timeout=30)


def health(port: int) -> int:
    """The status of `/health`; 0 when there is none."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def connect(port: int, stack: ExitStack) -> socket.socket:
    client = stack.enter_context(socket.socket())
    client.settimeout(60)
    with suppress(ConnectionResetError):  # closed before it is known here that it was open, which `answers` tells
        client.connect(("127.0.0.1", port))
    return client


def answers(client: socket.socket) -> bool:
    """Whether the server answers on a connection."""
    answer = b""
    try:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        while not answer.endswith(HEALTHY):
            piece = client.recv(65_536)
            if not piece:
                return False
            answer += piece
    except OSError:
        return False
    return answer.startswith(b"HTTP/1.1 200 ")


def lines(log: Path, text: str) -> list[str]:
    return [line for line in log.read_text().splitlines() if text in line]


def test_the_soft_limit_is_raised_to_the_hard_one(tmp_path: Path) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert hard == resource.RLIM_INFINITY or hard >= 4 * FEW

    with serving(tmp_path / "home", f"ulimit -S -n {FEW}") as (port, _), ExitStack() as stack:
        clients = [connect(port, stack) for _ in range(2 * FEW)]

        assert [answers(client) for client in clients] == [True] * len(clients)


def test_connections_beyond_the_hard_limit_are_closed_and_told_once(tmp_path: Path) -> None:
    with serving(tmp_path / "home", f"ulimit -n {FEW}") as (port, log):
        with ExitStack() as stack:
            clients = [connect(port, stack) for _ in range(2 * FEW)]
            answered = sum([answers(client) for client in clients])
            assert 8 <= answered < FEW
            assert answers(clients[0]), "those that are open are served"
            assert len(lines(log, "no more connections are accepted")) == 1

        wait_until(lambda: health(port) == 200)
        assert len(lines(log, "no more connections are accepted")) == 1
        assert len(lines(log, "connections are accepted again")) == 1
        assert not lines(log, "Traceback")


@contextmanager
def no_descriptors() -> Iterator[None]:
    """This process can open nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_descriptors_that_others_have_used_up_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    watch = DescriptorWatch()

    watch.look()
    with no_descriptors():
        watch.look()
        watch.look()
    watch.look()
    watch.look()

    assert caplog.messages == [
        "no file and no connection can be opened: Too many open files",
        "files can be opened again",
    ]
