"""The command `fabro` as a user runs it: in a process of its own, with a home below /tmp."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.cli import forking

FABRO = (sys.executable, "-c", "from fabro_core.cli import main; main()")


class Home:
    """A home, the command line that uses it, and whatever serves in it."""

    def __init__(self, path: Path, fabro: Sequence[str] = FABRO) -> None:
        """`fabro` begins every command line; by default it is the command of this interpreter's environment."""
        self.path = path
        self._fabro = tuple(fabro)
        self.environ = {
            name: value for name, value in os.environ.items() if not name.startswith(("FABRO_", "SESSION_", "GITHUB_"))
        } | {"FABRO_HOME": str(path)}
        self.foreground: list[subprocess.Popen[str]] = []

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        environ = self.environ | environ
        if self._fabro == FABRO:
            return forking.run(arguments, environ, timeout_seconds=60)
        return subprocess.run(
            [*self._fabro, *arguments],
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Run a command, without waiting for its end."""
        return subprocess.Popen(
            [*self._fabro, *arguments],
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def start_foreground(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a foreground server and wait until it says that it listens."""
        process = subprocess.Popen(
            [*self._fabro, "server", "start", "--foreground", *arguments],
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.foreground.append(process)
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("Fabro server listening on "), line
        return process

    @property
    def record(self) -> dict[str, Any]:
        """What `server.json` says."""
        document: dict[str, Any] = json.loads((self.path / "storage" / "server.json").read_text())
        return document

    def clean_up(self) -> None:
        """End whatever serves here."""
        for process in self.foreground:
            process.kill()
            process.communicate(timeout=30)
        try:
            os.kill(self.record["pid"], signal.SIGKILL)
        except OSError:  # nothing serves, or tests have put something else in the place of the record
            return


def status_of(bind: dict[str, str], path: str) -> int:
    """The status that the server on a TCP listener answers."""
    connection = HTTPConnection(bind["tcp"], timeout=60)
    connection.request("GET", path)
    status = connection.getresponse().status
    connection.close()
    return status


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that another process does; fails after a minute."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
