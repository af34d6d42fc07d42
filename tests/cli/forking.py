"""Processes that run the command `fabro` and have its modules from the start: importing them is most of what one costs.

`python -m tests.cli.forking` imports them once. For each request it forks a process that goes on as the command, with
arguments, environment, directory and descriptors of its own, as if a shell had started it. Plugins are not imported:
which of them are is the command's affair.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import selectors
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, Final, NoReturn

from fabro_core.cli import main

ROOT: Final = Path(__file__).parents[2]
MODULES: Final = (
    "fabro_core.cli.check",
    "fabro_core.cli.restart",
    "fabro_core.cli.starting",
    "fabro_core.cli.status",
    "fabro_core.server.background",
    "fabro_core.server.process",
    "httptools",
    "httpx",
    "sqlalchemy",
    "uvloop",
)
MAX_REQUEST_BYTES: Final = 128 * 1024
MAX_DESCRIPTORS: Final = 1024
"""Open in the process that forks, at most: a command has but the first three."""


def run(
    arguments: Sequence[str], environ: Mapping[str, str], *, timeout_seconds: float
) -> subprocess.CompletedProcess[str]:
    """Run `fabro` with these arguments to its end, and read what it says until nobody can say more."""
    request = json.dumps({"arguments": arguments, "environ": dict(environ), "directory": str(Path.cwd())}).encode()
    output, errors, status = os.pipe(), os.pipe(), os.pipe()
    with Path(os.devnull).open() as nothing, ThreadPoolExecutor(3) as pool:
        socket.send_fds(_forking(), [request], [nothing.fileno(), output[1], errors[1], status[1]])
        for _, writing in (output, errors, status):
            os.close(writing)
        told = [pool.submit(_read, reading) for reading, _ in (output, errors, status)]
        stdout, stderr, code = [each.result(timeout_seconds) for each in told]
    return subprocess.CompletedProcess(list(arguments), int(code), stdout, stderr)


def _read(descriptor: int) -> str:
    with open(descriptor, encoding="utf-8") as file:
        return file.read()


@cache
def _forking() -> socket.socket:
    """The socket of the process that forks, which ends with this one."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with there:
        process = subprocess.Popen([sys.executable, "-m", "tests.cli.forking"], stdin=there.fileno(), cwd=ROOT)

    def end() -> None:
        here.close()
        process.wait()

    atexit.register(end)
    return here


def serve() -> None:
    """Fork for each request on standard input, until nobody is left who could ask."""
    for name in MODULES:
        importlib.import_module(name)
    gc.freeze()
    requests = socket.socket(fileno=os.dup(0))
    ended = selectors.DefaultSelector()
    ended.register(requests, selectors.EVENT_READ)
    while True:
        for key, _ in ended.select():
            if key.data is not None:
                _tell_status(*key.data)
                ended.unregister(key.fd)
                os.close(key.fd)
                continue
            request, descriptors, _, _ = socket.recv_fds(requests, MAX_REQUEST_BYTES, 4)
            if not request:
                return
            *streams, status = descriptors
            pid = os.fork()
            if pid == 0:
                _go_on(json.loads(request), *streams)
            for each in streams:
                os.close(each)
            ended.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, status))


def _tell_status(pid: int, status: int) -> None:
    """Of a command that has ended."""
    _, ended = os.waitpid(pid, 0)
    os.write(status, b"%d" % os.waitstatus_to_exitcode(ended))
    os.close(status)


def _go_on(request: dict[str, Any], *streams: int) -> NoReturn:
    """Be the command. Nothing of what was imported is taken down at its end, which takes as long as importing it."""
    for standard, each in enumerate(streams):
        os.dup2(each, standard)
    os.closerange(3, MAX_DESCRIPTORS)
    sys.stdin, sys.stdout = os.fdopen(0), os.fdopen(1, "w")  # those from before may lead to another kind of file
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace")
    os.environ.clear()
    os.environ.update(request["environ"])
    os.chdir(request["directory"])
    sys.argv[1:] = request["arguments"]
    sys.path[:1] = ["", *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    code: object = 0
    try:
        main()
    except SystemExit as end:
        code = end.code
    if isinstance(code, str):
        print(code, file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    serve()
