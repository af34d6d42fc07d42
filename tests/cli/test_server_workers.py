"""`fabro server start --workers N` as an operator sees it (server.md S21, S24)."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.cli.terminal import Home

WORKERS = ("--workers", "2")


def test_a_store_of_one_process_is_refused_and_leaves_the_running_server_alone(ready: Home) -> None:
    assert ready.run("server", "start", "--bind", "127.0.0.1:0").returncode == 0
    record = ready.record

    done = ready.run("server", "restart", "--bind", "127.0.0.1:0", *WORKERS)

    assert done.returncode == 78
    assert "server.store.kind: memory cannot be shared by processes, found --workers 2" in done.stderr
    assert ready.record == record


def test_a_background_server_of_several_workers_is_stopped_and_leaves_nothing(ready: Home) -> None:
    settings = ready.path / "settings.toml"
    settings.write_text(settings.read_text().replace("memory", "sqlite"))
    started = ready.run("server", "start", *WORKERS)
    assert started.returncode == 0, started.stderr
    assert (ready.path / "fabro.sock").is_socket()
    listing = subprocess.run(["ps", "-o", "pid=", "--ppid", str(ready.record["pid"])], capture_output=True, check=True)

    assert ready.run("server", "stop").returncode == 0
    assert not (ready.path / "fabro.sock").exists()
    assert len(listing.stdout.split()) == 2
    assert not any(Path(f"/proc/{int(pid)}").exists() for pid in listing.stdout.split())
