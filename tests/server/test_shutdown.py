"""A stop signal while requests are under way (server.md S23)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

SERVER = """
import asyncio, sys
from types import SimpleNamespace
from litestar import get
from fabro_core.app import FabroApp
from fabro_core.boot.assembly import assemble
from fabro_core.boot.reading import SettingsReader
from fabro_core.hooks import hookimpl
from fabro_core.plugins.kinds import Group
from fabro_core.plugins.sources import InlinePlugin
from fabro_core.server.process import Process
from fabro_core.server.serving import Serving
from fabro_core.server.sockets import Binder

@get("/ext/slow/{seconds:float}", opt={"public": True})
async def slow(seconds: float) -> str:
    print("begun", flush=True)
    await asyncio.sleep(seconds)
    return "finished"

@hookimpl
def fabro_app_init(app):
    app.route_handlers.append(slow)

plugin = InlinePlugin(
    group=Group.EXT, name="slow", target=SimpleNamespace(FABRO_PLUGIN_API=1, fabro_app_init=fabro_app_init)
)
binder = Binder()
settings = {"server": {
    "auth": {"methods": ["dev-token"]}, "store": {"kind": "memory"}, "extensions": {"enabled": ["slow"]},
    "listen": {"type": "tcp", "address": "127.0.0.1:0"}, "web": {"enabled": False},
}}
assembly = assemble(SettingsReader([plugin]).read(settings), reserve=binder.reserve)
process = Process(serving=Serving(assembly, FabroApp(assembly)), binder=binder)
process.run(log=sys.stderr, log_path=None, announce=lambda address: print(address, flush=True))
"""


class Serving:
    """A server process with a slow route."""

    def __init__(self, home: Path) -> None:
        environ = {**os.environ, "FABRO_HOME": str(home), "FABRO_DEV_TOKEN": "fabro_dev_" + "0" * 64}
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER], env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.address = self.line()

    def line(self) -> str:
        """What the server says next on its stdout."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def ask_slowly(self, seconds: float, answers: list[bytes]) -> threading.Thread:
        """Begin a request in a thread; its answer, empty when the connection breaks, is appended."""

        def ask() -> None:
            connection = HTTPConnection(self.address, timeout=30)
            try:
                connection.request("GET", f"/ext/slow/{seconds}")
                answers.append(connection.getresponse().read())
            except OSError:
                answers.append(b"")
            finally:
                connection.close()

        thread = threading.Thread(target=ask)
        thread.start()
        assert self.line() == "begun"
        return thread


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    serving = Serving(tmp_path / "home")
    yield serving
    serving.process.kill()
    serving.process.communicate(timeout=30)


def test_a_request_under_way_is_finished(serving: Serving) -> None:
    answers: list[bytes] = []
    thread = serving.ask_slowly(0.5, answers)

    serving.process.send_signal(signal.SIGTERM)

    thread.join(timeout=30)
    assert answers == [b"finished"]
    assert serving.process.wait(timeout=30) == 0


def test_a_second_signal_does_not_wait(serving: Serving) -> None:
    answers: list[bytes] = []
    thread = serving.ask_slowly(600, answers)

    serving.process.send_signal(signal.SIGTERM)
    serving.process.send_signal(signal.SIGINT)

    assert serving.process.wait(timeout=30) == 0
    thread.join(timeout=30)
    assert answers != [b"finished"]


def test_a_request_that_does_not_end_is_given_up_in_time(serving: Serving) -> None:
    answers: list[bytes] = []
    thread = serving.ask_slowly(600, answers)

    serving.process.send_signal(signal.SIGTERM)

    assert serving.process.wait(timeout=30) == 0
    thread.join(timeout=30)
    assert answers != [b"finished"]
