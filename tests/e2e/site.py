"""A server, its workers and the people who look on: every one of them a process, on one Unix socket."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from tests.cli.terminal import FABRO, Home

ROOT: Final = Path(__file__).parents[2]
WORKER: Final = (sys.executable, str(ROOT / "examples" / "worker.py"))
PATIENCE_SECONDS: Final = 60
"""What has not happened by then does not happen."""

Json = dict[str, Any]


@dataclass
class Site:
    """A server with a home, on the socket of that home, and what runs on it."""

    home: Home
    token: str
    server: subprocess.Popen[str] = field(init=False)
    workers: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def socket(self) -> str:
        return str(self.home.path / "fabro.sock")

    def start(self) -> None:
        """Start the server, which finds the runs of the one before."""
        with (self.home.path / "server.log").open("a") as log:  # a pipe that nobody reads would hold the server up
            self.server = subprocess.Popen(
                [*FABRO, "server", "start", "--foreground", "--bind", self.socket],
                env=self.home.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.PIPE,
                text=True,
            )
        assert self.server.stderr is not None
        line = self.server.stderr.readline()
        assert line.startswith("Fabro server listening on "), line + self.server.stderr.read()

    def kill(self) -> None:
        """`kill -9` of the server."""
        self.server.kill()
        self.server.communicate(timeout=PATIENCE_SECONDS)

    def client(self) -> httpx.Client:
        """A user's client."""
        transport = httpx.HTTPTransport(uds=self.socket)
        headers = {"Authorization": f"Bearer {self.token}"}
        base_url = "http://localhost/api/v1"
        return httpx.Client(transport=transport, base_url=base_url, headers=headers, timeout=PATIENCE_SECONDS)

    def get(self, path: str, **params: str | int) -> Any:
        with self.client() as client:
            return client.get(path, params=params).raise_for_status().json()

    def post(self, path: str, body: Json | None = None) -> Any:
        """What the server answers, None when that is empty."""
        with self.client() as client:
            answer = client.post(path, json=body).raise_for_status()
            return answer.json() if answer.content else None

    def runnable(self, source: str) -> str:
        """The id of a new run of a workflow, which waits for a worker."""
        workflow = {"target": {"path": "w.fabro"}, "workflows": {"w.fabro": {"source": source}}}
        run_id: str = self.post("/runs", {"version": 1, "cwd": "/projects/shop", **workflow})["id"]
        self.post(f"/runs/{run_id}/start")
        return run_id

    def worker(self, *arguments: str) -> subprocess.Popen[str]:
        """A worker process, in a session of its own as in a terminal of its own."""
        process = subprocess.Popen(
            [*WORKER, "--socket", self.socket, *arguments],
            env=self.home.environ | {"FABRO_TOKEN": self.token},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.workers.append(process)
        return process

    def status(self, run_id: str) -> Json:
        status: Json = self.get(f"/runs/{run_id}")["lifecycle"]["status"]
        return status

    def log(self, run_id: str) -> list[Json]:
        """Every event of a run, oldest first."""
        page = self.get(f"/runs/{run_id}/events", limit=1000)
        assert not page["meta"]["has_more"]
        events: list[Json] = page["data"]
        return events

    def names(self, run_id: str) -> list[str]:
        """The names of a run's events, oldest first."""
        return [event["event"] for event in self.log(run_id)]

    def visited(self, run_id: str) -> list[str]:
        """The stages of a run, in the order in which they began."""
        return [event["stage_id"] for event in self.log(run_id) if event["event"] == "stage.started"]

    def seen(self, run_id: str, name: str, *, times: int = 1) -> Json:
        """Wait for a run's nth event of one name."""
        for event in self._stream(run_id):
            times -= event["event"] == name
            if times == 0:
                return event
        raise AssertionError(f"the run ended without {name}: {self.names(run_id)}")

    def _stream(self, run_id: str) -> Iterator[Json]:
        with self.client() as client, client.stream("GET", f"/runs/{run_id}/attach?since_seq=1") as stream:
            for line in stream.iter_lines():
                if line.startswith("data:"):
                    yield json.loads(line.removeprefix("data:"))

    def answer(self, run_id: str, key: str) -> None:
        """Answer the run's only question, which has been asked."""
        (question,) = self.get(f"/runs/{run_id}/questions")["data"]
        self.post(f"/runs/{run_id}/questions/{question['id']}/answer", {"kind": "selected", "option_key": key})

    def clean_up(self) -> None:
        """End whatever still runs."""
        for worker in self.workers:
            worker.kill()
            worker.communicate(timeout=PATIENCE_SECONDS)
        self.kill()


def ended(process: subprocess.Popen[str]) -> tuple[int, list[str]]:
    """Wait for the end of a worker: its exit code and the lines it printed. It must not complain."""
    printed, complaints = process.communicate(timeout=PATIENCE_SECONDS)
    assert complaints == "", complaints
    return process.returncode, printed.splitlines()


class Gate:
    """A named pipe between a command of a workflow and the test: neither goes on without the other."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path

    def open(self) -> None:
        """Let a command that reads the pipe to its end go on; waits for it to begin."""
        self.path.write_text("")


def example(name: str) -> str:
    """The text of an example workflow."""
    return (ROOT / "examples" / f"{name}.fabro").read_text(encoding="utf-8")


def steps(**scripts: str) -> str:
    """A workflow of commands, one after the other."""
    nodes = "\n".join(f"  {name} [script={json.dumps(script)}]" for name, script in scripts.items())
    return f"""digraph Steps {{
  start [shape=Mdiamond]
  exit [shape=Msquare]
{nodes}
  start -> {" -> ".join(scripts)} -> exit
}}"""
