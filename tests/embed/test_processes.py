"""What `docs/embed.md` promises of every way of embedding, with real processes (server.md S17, S23): a stop signal ends
them although streams are open, and who is taken off a list in the settings file is refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from fabro_core.upkeep.stop_signals import STOP_SIGNALS
from tests.cli.terminal import wait_until
from tests.embed.program import AT_THE_ROOT, WAYS, bearer, write_settings
from tests.embed.serving import PREFIX

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SECONDS = 30

every_way = pytest.mark.parametrize("way", WAYS)


@dataclass(frozen=True)
class Program:
    """A host in a process of its own."""

    process: subprocess.Popen[str]
    url: str
    """Of the server in it."""
    home: Path

    def status_for(self, name: str) -> int:
        """What somebody is answered who asks who they are."""
        return httpx.get(f"{self.url}/api/v1/user", headers=bearer(name), timeout=SECONDS, trust_env=False).status_code


@contextmanager
def running(way: str, home: Path) -> Iterator[Program]:
    write_settings(home, "ann", "bob")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.embed.program", way],
        cwd=ROOT,
        env={**os.environ, "FABRO_HOME": str(home), "FABRO_CONFIG": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        yield Program(process, f"http://127.0.0.1:{port}{'' if way in AT_THE_ROOT else PREFIX}", home)
    finally:
        process.kill()
        process.communicate(timeout=SECONDS)


@every_way
@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_stop_signal_ends_open_streams_and_the_program(way: str, number: signal.Signals, tmp_path: Path) -> None:
    """uvicorn waits for open connections without a limit of its own."""
    with running(way, tmp_path) as program, ExitStack() as stack:
        streams = [
            stack.enter_context(
                httpx.stream("GET", f"{program.url}/api/v1/attach", headers=bearer(name), timeout=SECONDS)
            )
            for name in ("ann", "bob")
        ]
        assert [stream.headers["content-type"] for stream in streams] == ["text/event-stream"] * 2

        program.process.send_signal(number)

        for stream in streams:
            stream.read()  # raises when the stream is cut instead of ended
        program.process.wait(timeout=SECONDS)


@every_way
def test_who_is_taken_off_a_list_in_the_settings_file_is_refused(way: str, tmp_path: Path) -> None:
    with running(way, tmp_path) as program:
        assert [program.status_for(name) for name in ("ann", "bob")] == [200, 200]

        write_settings(program.home, "bob")

        wait_until(lambda: program.status_for("ann") != 200)
        assert [program.status_for(name) for name in ("ann", "bob")] == [403, 200]
