"""A stop signal while an event stream is open, in servers of other programs (server.md S23)."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import httpx
import pytest

from fabro_auth_devtoken import new_token
from fabro_core.upkeep.stop_signals import STOP_SIGNALS, noticing_stop
from tests.embed.serving import environment

PRELUDE = """
import socket
import uvicorn
from litestar import Litestar
from fabro_core import FabroPlugin, create_app

document = {"server": {"auth": {"methods": ["dev-token"]}, "store": {"kind": "memory"}}}
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
"""
SERVE = "uvicorn.run(app, fd=listener.detach(), lifespan='on', log_config=None)"

APPLICATIONS = {
    "litestar": ("app = Litestar(plugins=[FabroPlugin(document)])", "/fabro"),
    "outermost": ("app = create_app(document)", ""),
}


@pytest.mark.parametrize("name", APPLICATIONS)
@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_an_open_stream_ends_and_the_server_stops(name: str, number: signal.Signals, tmp_path: Path) -> None:
    """uvicorn waits for open connections without a limit of its own."""
    token = new_token()
    application, prefix = APPLICATIONS[name]
    process = subprocess.Popen(
        [sys.executable, "-c", f"{PRELUDE}\n{application}\n{SERVE}"],
        env={**os.environ, **environment(tmp_path, token)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        url = f"http://127.0.0.1:{int(process.stdout.readline())}{prefix}/api/v1/attach"
        with httpx.stream("GET", url, headers={"Authorization": f"Bearer {token}"}, timeout=30) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            process.send_signal(number)
            stream.read()  # raises when the stream is cut instead of ended
        process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def handled() -> Iterator[list[int]]:
    """The stop signals that the server's own handler has got."""
    numbers: list[int] = []

    def handle(number: int, _: FrameType | None) -> None:
        numbers.append(number)

    before = {each: signal.signal(each, handle) for each in STOP_SIGNALS}
    yield numbers
    for each, handler in before.items():
        signal.signal(each, handler)


def test_both_the_application_and_the_server_learn_of_the_signal(handled: list[int]) -> None:
    async def serve() -> bool:
        drained = asyncio.Event()
        with noticing_stop(drained.set):
            signal.raise_signal(signal.SIGTERM)
            return await asyncio.wait_for(drained.wait(), timeout=30)

    assert asyncio.run(serve())
    assert handled == [signal.SIGTERM]


def test_afterwards_the_server_has_its_signals_to_itself(handled: list[int]) -> None:
    own = [signal.getsignal(each) for each in STOP_SIGNALS]

    async def serve() -> None:
        with noticing_stop(lambda: None), noticing_stop(lambda: None):
            assert [signal.getsignal(each) for each in STOP_SIGNALS] != own

    asyncio.run(serve())
    assert [signal.getsignal(each) for each in STOP_SIGNALS] == own


def test_a_signal_without_a_handler_is_left_as_it_is(handled: list[int]) -> None:
    async def serve() -> object:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with noticing_stop(lambda: None):
            return signal.getsignal(signal.SIGTERM)

    assert asyncio.run(serve()) is signal.SIG_IGN


def test_a_server_in_another_thread_is_left_alone(handled: list[int]) -> None:
    own = signal.getsignal(signal.SIGTERM)
    seen: list[object] = []

    async def serve() -> None:
        with noticing_stop(lambda: None):
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    thread.join(timeout=30)

    assert seen == [own]
