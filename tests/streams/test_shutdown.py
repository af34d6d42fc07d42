"""A stop signal while streams are open, on a real server (server.md S23)."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.api.conftest import manifest

TOKEN = "fabro_dev_" + "0" * 64
GRACE_SECONDS = 300
"""What requests under way are given here."""
WITHOUT_GRACE_SECONDS = 60
"""Nobody waited for the streams."""
SERVER = f"""
from fabro_core.cli import main
from fabro_core.server import serving

serving.GRACE_SECONDS = {GRACE_SECONDS}
main()
"""

LAST_CHUNK = b"0\r\n\r\n"


class Serving:
    """`fabro server start --foreground` on a Unix socket, with one run."""

    def __init__(self, home: Path) -> None:
        home.mkdir()
        settings = home / "settings.toml"
        settings.write_text('[server.auth]\nmethods = ["dev-token"]\n[server.web]\nenabled = false\n')
        settings.chmod(0o600)
        self.path = home / "fabro.sock"
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER, "server", "start", "--foreground"],
            env={**os.environ, "FABRO_HOME": str(home), "FABRO_DEV_TOKEN": TOKEN},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        assert self.process.stderr.readline().startswith("Fabro server listening on ")

    def create(self, padding: int = 0) -> str:
        """Create a run whose first event is longer by `padding` bytes; returns its id."""
        document = manifest()
        (workflow,) = document["workflows"].values()
        workflow["source"] += f"\n// {'x' * padding}\n"
        with self.ask("POST", "/api/v1/runs", json.dumps(document).encode()) as connection:
            answer = _to_the_end(connection)
        assert answer.startswith(b"HTTP/1.1 201"), answer[:300]
        run: dict[str, str] = json.loads(answer.partition(b"\r\n\r\n")[2])
        return run["id"]

    def attach(self, run_id: str, query: str = "") -> socket.socket:
        """A stream whose headers have been read."""
        connection = self.ask("GET", f"/api/v1/runs/{run_id}/attach{query}")
        head = connection.recv(12)
        assert head == b"HTTP/1.1 200", head
        return connection

    def ask(self, method: str, path: str, body: bytes = b"") -> socket.socket:
        """A connection on which a request has been sent."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(30)
        connection.connect(str(self.path))
        keep = "close" if body else "keep-alive"
        head = f"{method} {path} HTTP/1.1\r\nHost: fabro\r\nAuthorization: Bearer {TOKEN}\r\nConnection: {keep}\r\n"
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        return connection


def _to_the_end(connection: socket.socket) -> bytes:
    received = []
    while data := connection.recv(65_536):
        received.append(data)
    return b"".join(received)


@pytest.fixture
def serving() -> Iterator[Serving]:
    directory = Path(tempfile.mkdtemp(prefix="fabro-"))  # a short path, for the socket
    serving = Serving(directory / "home")
    yield serving
    serving.process.kill()
    serving.process.communicate(timeout=30)
    shutil.rmtree(directory)


def test_a_stop_ends_a_hundred_streams_cleanly_and_does_not_wait_for_them(serving: Serving) -> None:
    run_id = serving.create()
    with ExitStack() as stack:
        paths = [f"/api/v1/runs/{run_id}/attach", "/api/v1/attach"] * 50
        streams = [stack.enter_context(serving.ask("GET", path)) for path in paths]
        assert {stream.recv(12) for stream in streams} == {b"HTTP/1.1 200"}

        serving.process.send_signal(signal.SIGTERM)

        assert serving.process.wait(timeout=WITHOUT_GRACE_SECONDS) == 0
        assert all(_to_the_end(stream).endswith(b"\r\n\r\n" + LAST_CHUNK) for stream in streams)


def test_a_stop_does_not_wait_for_a_client_that_reads_nothing(serving: Serving) -> None:
    run_id = serving.create(padding=1_500_000)
    with serving.attach(run_id, "?since_seq=1"), serving.attach(run_id) as other:
        serving.process.send_signal(signal.SIGTERM)

        assert serving.process.wait(timeout=WITHOUT_GRACE_SECONDS) == 0
        assert _to_the_end(other).endswith(LAST_CHUNK)
