"""Servers as processes: started, found, stopped (server.md S20 to S24)."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fabro_core import __version__
from tests.cli.terminal import FABRO, Home, status_of, wait_until

TCP = ("--bind", "127.0.0.1:0")


@contextmanager
def listening_socket(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()
        yield listener


def test_a_first_start_initialises_and_serves(home: Home) -> None:
    started = home.run("server", "start")
    pid = home.record["pid"]

    assert started.returncode == 0
    assert started.stdout.splitlines()[0] == f"created {home.path}"
    assert started.stderr.splitlines() == [
        f"Server started (pid {pid}) on unix:{home.path}/fabro.sock",
        "Auth: dev-token",
        f"Log: {home.path}/storage/logs/server.log",
    ]
    assert "fabro_dev_" not in started.stdout + started.stderr
    assert home.run("server", "stop").returncode == 0


def test_a_named_settings_file_that_is_missing_initialises_nothing(home: Home) -> None:
    done = home.run("server", "start", "--config", str(home.path / "mine.toml"))

    assert done.returncode == 78
    assert "mine.toml: no such file; named by --config" in done.stderr
    assert not home.path.exists()


def test_a_missing_value_in_server_env_is_not_generated_by_a_start(ready: Home) -> None:
    (ready.path / "server.env").unlink()

    done = ready.run("server", "start")

    assert done.returncode == 78
    assert not (ready.path / "server.env").exists()


def test_a_background_server_lives_until_it_is_stopped(ready: Home) -> None:
    started = ready.run("server", "start", *TCP)
    record = ready.record
    assert started.returncode == 0
    assert started.stdout == ""
    assert started.stderr.splitlines() == [
        f"Server started (pid {record['pid']}) on {record['bind']['tcp']}",
        f"Web UI: http://localhost:{record['bind']['tcp'].partition(':')[2]}",
        "Auth: dev-token",
        f"Log: {ready.path}/storage/logs/server.log",
    ]
    assert status_of(record["bind"], "/api/v1/auth/config") == 200

    status = ready.run("server", "status")
    as_json = ready.run("server", "status", "--json")
    assert (status.returncode, status.stdout) == (0, "")
    assert status.stderr.startswith(f"Server running (pid {record['pid']}) on {record['bind']['tcp']}, started ")
    document = json.loads(as_json.stdout)
    assert document.pop("uptime_seconds") >= 0
    assert document == {
        "status": "running",
        "pid": record["pid"],
        "bind": record["bind"]["tcp"],
        "started_at": record["started_at"],
    }

    again = ready.run("server", "start", *TCP)
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr == f"Server already running (pid {record['pid']}) on {record['bind']['tcp']}\n"

    log = ready.run("server", "logs").stdout
    assert "path=/api/v1/auth/config status=200" in log
    assert (
        log.count(f"started: version {__version__}, pid {record['pid']}, on {record['bind']['tcp']}, store memory") == 1
    )
    assert "path=/health" not in log
    files = [ready.path / "storage" / name for name in ("server.json", "server.lock", "logs/server.log")]
    assert [path.stat().st_mode & 0o777 for path in files] == [0o600] * 3

    stopped = ready.run("server", "stop")
    assert (stopped.returncode, stopped.stderr) == (0, "Server stopped\n")
    assert not files[0].exists()
    assert ready.run("server", "logs").stdout.endswith(" INFO fabro.server stopped\n")


def test_what_a_killed_server_leaves_does_not_hinder_the_next(ready: Home) -> None:
    ready.run("server", "start")
    pid = ready.record["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: ready.run("server", "status").returncode == 1)
    assert (ready.path / "fabro.sock").is_socket()

    started = ready.run("server", "start")

    assert started.returncode == 0
    assert ready.record["pid"] != pid
    assert (ready.path / "storage" / "logs" / "server.log.1").exists()


def test_a_restart_with_broken_settings_leaves_the_old_server_up(ready: Home) -> None:
    ready.run("server", "start", *TCP)
    record = ready.record
    with (ready.path / "settings.toml").open("a") as settings:
        settings.write("[nonsense]\n")

    done = ready.run("server", "restart", *TCP)

    assert done.returncode == 78
    assert ready.record == record
    assert status_of(record["bind"], "/health") == 200
    assert ready.run("server", "stop").returncode == 0  # broken settings do not hide a running server


def test_a_restart_replaces_the_server(ready: Home) -> None:
    ready.run("server", "start", *TCP)
    pid = ready.record["pid"]

    assert ready.run("server", "restart", *TCP).returncode == 0

    assert ready.record["pid"] != pid
    assert status_of(ready.record["bind"], "/health") == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_foreground_server_with_exit_0(ready: Home, number: signal.Signals) -> None:
    process = ready.start_foreground()
    assert (ready.path / "fabro.sock").stat().st_mode & 0o777 == 0o600

    process.send_signal(number)

    _, stderr = process.communicate(timeout=30)
    assert (process.returncode, stderr) == (0, "")
    assert not (ready.path / "fabro.sock").exists()
    assert not (ready.path / "storage" / "server.json").exists()


def test_the_log_of_a_foreground_server_is_its_stdout(ready: Home) -> None:
    with (ready.path / "settings.toml").open("a") as settings:
        settings.write('[server.logging]\nformat = "json"\n')
    process = ready.start_foreground(*TCP)
    assert status_of(ready.record["bind"], "/nowhere?token=hunter2") == 404
    process.terminate()

    stdout, _ = process.communicate(timeout=30)

    (line,) = (entry for entry in map(json.loads, stdout.splitlines()) if entry["logger"] == "fabro.access")
    assert (line["level"], line["message"], line["method"], line["path"]) == ("info", "request", "GET", "/nowhere")
    assert line["status"] == 404
    assert line["client"] == "127.0.0.1"
    assert "hunter2" not in stdout


@pytest.mark.parametrize("arguments", [(), ("--workers", "2")], ids=["alone", "workers"])
def test_a_server_that_is_started_without_standard_streams_serves_and_keeps_them_out_of_its_files(
    home: Home, arguments: tuple[str, ...]
) -> None:
    closed = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"]
    command = [*closed, *FABRO, "server", "start", *TCP, *arguments]
    assert subprocess.run(command, env=home.environ, timeout=60, check=False).returncode == 0
    assert status_of(home.record["bind"], "/nowhere") == 404
    standard = [Path(f"/proc/{home.record['pid']}/fd/{number}").resolve() for number in range(3)]
    log = home.path / "storage" / "logs" / "server.log"
    assert standard == [Path("/dev/null"), log.resolve(), log.resolve()]
    assert home.run("server", "stop").returncode == 0
    assert home.run("check").stdout == "ok\n"


# -- addresses that are taken (server.md S22) ----------------------------------------------------------------------


def test_a_live_socket_is_left_alone(ready: Home) -> None:
    path = ready.path / "fabro.sock"
    with listening_socket(path) as listener:
        done = ready.run("server", "start")

        assert (done.returncode, done.stderr) == (1, f"address already in use: {path}\n")
        listener.settimeout(60)
        listener.accept()[0].close()  # the probe of the failed start
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.connect(str(path))


def test_a_stale_socket_is_replaced(ready: Home) -> None:
    path = ready.path / "fabro.sock"
    with listening_socket(path):
        pass
    stale = path.stat().st_ino, path.stat().st_mtime_ns

    process = ready.start_foreground()

    assert (path.stat().st_ino, path.stat().st_mtime_ns) != stale
    process.terminate()
    assert process.wait(timeout=30) == 0


def test_a_regular_file_in_the_sockets_place_is_untouched(ready: Home) -> None:
    path = ready.path / "fabro.sock"
    path.write_text("mine")

    done = ready.run("server", "start")

    assert done.returncode == 1
    assert done.stderr == f"cannot listen on {path}: it exists and is not a socket\n"
    assert path.read_text() == "mine"


def test_a_missing_directory_of_a_chosen_socket_is_not_created(ready: Home) -> None:
    path = ready.path / "missing" / "fabro.sock"

    done = ready.run("server", "start", "--bind", str(path))

    assert (done.returncode, done.stderr) == (1, f"cannot listen on {path}: No such file or directory\n")


def test_a_socket_that_is_no_longer_ours_survives_the_stop(ready: Home) -> None:
    path = ready.path / "fabro.sock"
    process = ready.start_foreground()
    path.rename(path.with_name("moved"))
    with listening_socket(path):
        process.terminate()
        assert process.wait(timeout=30) == 0

        assert path.is_socket()


def test_an_occupied_port_is_not_exchanged_for_another(ready: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        done = ready.run("server", "start", "--bind", address)

    assert (done.returncode, done.stderr) == (1, f"address already in use: {address}\n")
