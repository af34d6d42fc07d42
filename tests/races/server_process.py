"""A server as an operator starts it: a process of its own, to be asked over TCP, stopped, and killed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

FABRO: Final = (sys.executable, "-c", "from fabro_core.cli import main; main()")
LISTENING: Final = "Fabro server listening on "
TOKEN: Final = "fabro_dev_" + "0" * 64
SESSION_SECRET: Final = "s" * 64
TIMEOUT_SECONDS: Final = 60


class DidNotStart(AssertionError):
    """What a server said instead of listening."""


@dataclass(frozen=True)
class ServerProcess:
    """A server that listens, until it is killed or stopped."""

    process: subprocess.Popen[str]
    host: str
    port: int

    def client(self) -> httpx.AsyncClient:
        """A client with the dev token and as many connections as its user wants at once."""
        return httpx.AsyncClient(
            base_url=f"http://{self.host}:{self.port}",
            headers={"Authorization": f"Bearer {TOKEN}"},
            limits=httpx.Limits(max_connections=None),
            timeout=TIMEOUT_SECONDS,
            trust_env=False,
        )

    def kill(self) -> None:
        """`kill -9`. May be called again."""
        self.process.kill()

    def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        self.process.terminate()
        return self.process.wait(TIMEOUT_SECONDS)

    @property
    def resident_kib(self) -> int:
        """Memory of the process that is in RAM, in KiB."""
        found = re.search(r"^VmRSS:\s+(\d+) kB$", Path(f"/proc/{self.process.pid}/status").read_text(), re.MULTILINE)
        assert found is not None
        return int(found[1])


def on_sqlite(database: Path) -> str:
    """The settings of a store in one file."""
    return f'[server.store]\nkind = "sqlite"\n[server.store.sqlite]\npath = {json.dumps(str(database))}\n'


def on_redis(url: str, *, prefix: str = "fabro", timeout_seconds: int = 30) -> str:
    """The settings of a store in a Redis server. Tests that stop it wait until it is given up."""
    table = (
        f"[server.store.redis]\nurl = {json.dumps(url)}\nprefix = {json.dumps(prefix)}\n"
        f"timeout_seconds = {timeout_seconds}\n"
    )
    return f'[server.store]\nkind = "redis"\n{table}'


@contextmanager
def server_process(
    home: Path,
    store: str,
    *arguments: str,
    methods: Sequence[str] = ("dev-token",),
    listen: str = "127.0.0.1:0",
    session_secret: str | None = SESSION_SECRET,
    secrets: Mapping[str, str] = {},
) -> Iterator[ServerProcess]:
    """`fabro server start --foreground` with further `arguments`, on a free port unless told; killed at the end if it
    still runs.

    `store` is the part of the settings that names a store, and whatever else they say. Each of several servers on one
    store needs a `home` of its own; one that was killed leaves it to the next. Raises `DidNotStart`.
    """
    home.mkdir(mode=0o700, exist_ok=True)
    (home / "settings.toml").write_text(f"[server.auth]\nmethods = {json.dumps(list(methods))}\n{store}")
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    environ = {**kept, "FABRO_HOME": str(home), "FABRO_DEV_TOKEN": TOKEN, **secrets}
    if session_secret is not None:
        environ["SESSION_SECRET"] = session_secret
    command = [*FABRO, "server", "start", "--foreground", "--bind", listen, *arguments]
    with (
        (home / "stdout.log").open("a") as output,
        subprocess.Popen(command, env=environ, stdout=output, stderr=subprocess.PIPE, text=True) as process,
    ):
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            if not line.startswith(LISTENING):
                raise DidNotStart(line + process.stderr.read())
            host, _, port = line.removeprefix(LISTENING).strip().rpartition(":")
            yield ServerProcess(process, host, int(port))
        finally:
            process.kill()
