"""Servers to measure, each in a process of its own: ours as an operator starts it, and the limits it is held to."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.ports import free_port

START_TIMEOUT_SECONDS = 20
FORGETFUL = "forgetful"
"""The name of the store that keeps no event."""


@dataclass(frozen=True)
class Address:
    host: str
    port: int
    token: str = ""
    pid: int = 0
    """Of the process; 0 when nobody asks what it costs."""


@contextmanager
def fabro(home: Path, database: Path | None, *, log_level: str) -> Iterator[Address]:
    """`fabro server start --foreground` with a dev token, on an SQLite file; None: on the memory store."""
    fabro = Path(sys.executable).with_name("fabro")
    command = [str(fabro), "server", "start", "--foreground", "--bind", "127.0.0.1:0"]
    with _serving(command, home, _store(database), log_level) as address:
        yield address


@contextmanager
def fabro_on_redis(home: Path, url: str, *, log_level: str) -> Iterator[Address]:
    """The same on a Redis server."""
    command = [str(Path(sys.executable).with_name("fabro")), "server", "start", "--foreground", "--bind", "127.0.0.1:0"]
    store = f'[server.store]\nkind = "redis"\n[server.store.redis]\nurl = {json.dumps(url)}\n'
    with _serving(command, home, store, log_level) as address:
        yield address


@contextmanager
def storeless(home: Path, *, log_level: str) -> Iterator[Address]:
    """The same server on a store that forgets every event (`benchmarks.storeless`)."""
    store = f'[server.store]\nkind = "{FORGETFUL}"\n[server.listen]\ntype = "tcp"\naddress = "127.0.0.1:0"\n'
    with _serving([sys.executable, "-m", "benchmarks.storeless"], home, store, log_level) as address:
        yield address


@contextmanager
def _serving(command: list[str], home: Path, store: str, log_level: str) -> Iterator[Address]:
    """A server of ours; `store` are the settings that choose where its runs are."""
    home.mkdir(parents=True, exist_ok=True)
    token = f"fabro_dev_{secrets.token_hex(32)}"
    settings = home / "settings.toml"
    settings.write_text(f'[server.auth]\nmethods = ["dev-token"]\n{store}[server.logging]\nlevel = "{log_level}"\n')
    settings.chmod(0o600)
    environ = {
        **os.environ,
        "FABRO_HOME": str(home),
        "FABRO_DEV_TOKEN": token,
        "SESSION_SECRET": secrets.token_hex(32),
    }
    record = home / "storage" / "server.json"
    with _process(command, environ):
        _wait_until(record.exists)
        running = json.loads(record.read_text())
        host, _, port = running["bind"]["tcp"].rpartition(":")
        _wait_until(lambda: _answers(host, int(port)))
        yield Address(host, int(port), token, running["pid"])


def cpu_seconds(pid: int) -> float:
    """The processor's time that a process has taken, user and system, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_megabytes(pid: int) -> float:
    """What a process holds in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    (resident,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(resident.split()[1]) / 1024


def _store(database: Path | None) -> str:
    if database is None:
        return '[server.store]\nkind = "memory"\n'
    return f"[server.store.sqlite]\npath = {json.dumps(str(database.resolve()))}\n"


@contextmanager
def reference(application: str, body: Path) -> Iterator[Address]:
    """A bare application of `benchmarks.reference` that answers the bytes of `body`, under the same ASGI server."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.reference", application, str(body), str(port)]
    with _process(command, dict(os.environ)) as pid:
        _wait_until(lambda: _answers("127.0.0.1", port))
        yield Address("127.0.0.1", port, pid=pid)


@contextmanager
def _process(command: list[str], environ: dict[str, str]) -> Iterator[int]:
    with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield process.pid
        finally:
            process.terminate()
            process.wait(START_TIMEOUT_SECONDS)


def _wait_until(condition: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + START_TIMEOUT_SECONDS
    while not condition():
        if time.monotonic() > give_up_at:
            raise TimeoutError("a server did not start")
        time.sleep(0.01)


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
