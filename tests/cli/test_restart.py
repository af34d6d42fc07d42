"""`fabro server restart` never leaves nothing running (server.md S24)."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.distributions import distribute
from tests.cli.terminal import Home, status_of, wait_until
from tests.ports import free_port

TCP = ("--bind", "127.0.0.1:0")
SETTINGS = '[server.auth]\nmethods = ["dev-token"]\n[server.store]\nkind = "sqlite"\n'

DOOR = """
import asyncio
import os
from contextlib import asynccontextmanager
from pathlib import Path

from fabro_core import hookimpl
from fabro_core.auth.base import AuthMethod

FABRO_PLUGIN_API = 1
ROOT = Path(__file__).parent


class Door(AuthMethod):
    @asynccontextmanager
    async def lifespan(self):
        number = len(list(ROOT.glob("opened-*"))) + 1
        (ROOT / f"opened-{number}").write_text(str(os.getpid()))
        while (ROOT / f"wait-{number}").exists():
            await asyncio.sleep(0.02)
        if (ROOT / f"fail-{number}").exists():
            raise RuntimeError("the door is stuck")
        yield


@hookimpl
def fabro_auth_method(ctx):
    return Door()
"""
START, CHECK, NEW = 1, 2, 3
"""When the door is opened: by the start, by the checks of the restart, by the new server."""


class Door:
    """A plugin whose lifespan fails, or waits, where a test says so."""

    def __init__(self, site: Path) -> None:
        distribute(site, "acme-door", "fabro.auth", "door", "acme_door")
        (site / "acme_door.py").write_text(DOOR)
        self._site = site

    def fails(self, number: int) -> None:
        (self._site / f"fail-{number}").touch()

    @contextmanager
    def halted(self, number: int) -> Iterator[None]:
        """The opening of this number takes as long as the context."""
        flag = self._site / f"wait-{number}"
        flag.touch()
        yield
        flag.unlink()

    def opened_by(self, number: int) -> int:
        """The process that has come to this opening; waits for it."""
        path = self._site / f"opened-{number}"
        wait_until(lambda: path.exists() and path.read_text() != "")
        return int(path.read_text())


@pytest.fixture
def door(ready: Home, tmp_path: Path) -> Door:
    """The home's server lets in through a door."""
    door = Door(tmp_path / "site")
    ready.environ |= {"PYTHONPATH": str(tmp_path / "site")}
    write(ready, SETTINGS.replace('"dev-token"', '"dev-token", "door"'))
    return door


def write(home: Home, settings: str) -> None:
    (home.path / "settings.toml").write_text(settings)


def check_goes_on(home: Home, record: object, done: subprocess.CompletedProcess[str], code: int, reason: str) -> None:
    assert (done.returncode, home.record) == (code, record), done.stderr
    assert reason in done.stderr
    bind = home.record["bind"]
    told = bind.get("tcp") or f"unix:{bind['unix']}"
    assert done.stderr.endswith(f"The running server (pid {home.record['pid']}) on {told} goes on\n")
    assert home.run("server", "status").returncode == 0


def wait_until_workers(home: Home, number: int) -> None:
    """Wait until so many processes serve beside their parent."""
    pid = home.record["pid"]
    children = Path(f"/proc/{pid}/task/{pid}/children")
    wait_until(lambda: len(children.read_text().split()) == number)


# -- what is found out before anything is ended --------------------------------------------------------------------


def test_a_fault_of_the_settings_ends_nothing(ready: Home) -> None:
    ready.run("server", "start", *TCP)
    record = ready.record
    with (ready.path / "settings.toml").open("a") as settings:
        settings.write("[nonsense]\n")

    check_goes_on(ready, record, ready.run("server", "restart"), 78, "nonsense: unknown key")


def test_a_store_that_cannot_be_reached_ends_nothing(ready: Home) -> None:
    ready.run("server", "start", *TCP)
    record = ready.record
    write(
        ready, f'{SETTINGS.replace("sqlite", "redis")}[server.store.redis]\nurl = "redis://127.0.0.1:{free_port()}"\n'
    )

    check_goes_on(ready, record, ready.run("server", "restart"), 1, "Redis")


def test_a_plugin_that_fails_to_open_ends_nothing(ready: Home, door: Door) -> None:
    assert ready.run("server", "start", *TCP).returncode == 0
    record = ready.record
    door.fails(CHECK)

    done = ready.run("server", "restart")

    check_goes_on(ready, record, done, 78, "server.auth.door: cannot be opened: RuntimeError: the door is stuck")


def test_a_port_that_is_taken_ends_nothing(ready: Home) -> None:
    ready.run("server", "start", *TCP)
    record = ready.record
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        done = ready.run("server", "restart", "--bind", address)

    check_goes_on(ready, record, done, 1, f"address already in use: {address}")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path.write_text("mine"), "it exists and is not a socket"),
        (lambda path: path.parent.rmdir(), "No such file or directory"),
    ],
)
def test_a_path_that_cannot_be_had_ends_nothing(make: object, reason: str, ready: Home) -> None:
    ready.run("server", "start")
    record = ready.record
    path = ready.path / "other" / "fabro.sock"
    path.parent.mkdir()
    assert callable(make)
    make(path)

    done = ready.run("server", "restart", "--bind", str(path))

    check_goes_on(ready, record, done, 1, f"cannot listen on {path}: {reason}")


def test_a_socket_of_somebody_else_ends_nothing_and_is_left_alone(ready: Home) -> None:
    ready.run("server", "start")
    record = ready.record
    path = ready.path / "other.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()

        done = ready.run("server", "restart", "--bind", str(path))

        check_goes_on(ready, record, done, 1, f"address already in use: {path}")


# -- what comes up after the old one has ended ---------------------------------------------------------------------


def test_when_the_new_one_does_not_come_up_the_old_one_is_brought_back(ready: Home, door: Door) -> None:
    ready.run("server", "start", *TCP, "--no-web")
    old = ready.record
    door.fails(NEW)

    done = ready.run("server", "restart", "--bind", f"127.0.0.1:{free_port()}", "--web")

    assert done.returncode == 78
    assert "the door is stuck" in done.stderr
    assert "The new server did not come up; the old one is started again\nServer started (pid " in done.stderr
    back = ready.record
    assert {key: back[key] for key in ("bind", "flags")} == {key: old[key] for key in ("bind", "flags")}
    assert status_of(back["bind"], "/health") == 200
    assert status_of(back["bind"], "/login") == 404, "without pages, as before"


def test_when_the_new_one_is_killed_the_old_one_is_brought_back(ready: Home, door: Door) -> None:
    ready.run("server", "start", *TCP)
    old = ready.record
    with door.halted(NEW):
        command = ready.begin("server", "restart", "--bind", f"127.0.0.1:{free_port()}")
        os.kill(door.opened_by(NEW), signal.SIGKILL)
        _, stderr = command.communicate(timeout=60)

    assert command.returncode == 1
    assert "The process that was to serve was ended by SIGKILL\nThe new server did not come up" in stderr
    assert ready.record["bind"] == old["bind"]
    assert status_of(old["bind"], "/health") == 200


def test_when_the_command_is_killed_the_new_one_comes_up_all_the_same(ready: Home, door: Door) -> None:
    ready.run("server", "start", *TCP)
    old = ready.record
    with door.halted(NEW):
        command = ready.begin("server", "restart")
        new = door.opened_by(NEW)
        command.kill()
        command.wait(timeout=60)
    assert command.stderr is not None
    command.stderr.close()

    wait_until(lambda: ready.run("server", "status").returncode == 0)
    assert (ready.record["pid"], ready.record["bind"]) == (new, old["bind"])
    assert status_of(old["bind"], "/health") == 200


def test_when_the_command_is_killed_and_the_new_one_fails_the_old_one_is_brought_back(ready: Home, door: Door) -> None:
    ready.run("server", "start", *TCP)
    old = ready.record
    door.fails(NEW)
    with door.halted(NEW):
        command = ready.begin("server", "restart", "--bind", f"127.0.0.1:{free_port()}")
        door.opened_by(NEW)
        command.kill()
        command.wait(timeout=60)
    assert command.stderr is not None
    with command.stderr:
        told = command.stderr.read()

    assert "The new server did not come up; the old one is started again\nServer started" in told
    assert ready.record["bind"] == old["bind"]
    assert status_of(old["bind"], "/health") == 200


# -- what a restart keeps ------------------------------------------------------------------------------------------


def test_what_is_not_said_stays_as_it_was_said_at_the_start(ready: Home) -> None:
    write(ready, SETTINGS)
    ready.run("server", "start", *TCP, "--workers", "2", "--no-web")
    old = ready.record

    for expected, said in ((2, ()), (2, ()), (0, ("--workers", "1"))):
        done = ready.run("server", "restart", *said)

        assert done.returncode == 0, done.stderr
        assert ready.record["bind"] == old["bind"]
        assert ready.record["pid"] != old["pid"]
        wait_until_workers(ready, expected)
        assert status_of(old["bind"], "/login") == 404

    assert ready.run("server", "restart", "--web").returncode == 0
    assert status_of(old["bind"], "/login") == 200


def test_where_settings_say_where_to_listen_a_restart_follows_them(ready: Home) -> None:
    first, second = free_port(), free_port()
    write(ready, f'{SETTINGS}[server.listen]\ntype = "tcp"\naddress = "127.0.0.1:{first}"\n')
    ready.run("server", "start")
    assert "flags" not in ready.record
    write(ready, f'{SETTINGS}[server.listen]\ntype = "tcp"\naddress = "127.0.0.1:{second}"\n')

    assert ready.run("server", "restart").returncode == 0

    assert ready.record["bind"] == {"tcp": f"127.0.0.1:{second}"}


def test_a_free_port_that_was_found_is_kept(ready: Home) -> None:
    write(ready, f'{SETTINGS}[server.listen]\ntype = "tcp"\naddress = "127.0.0.1:0"\n')
    ready.run("server", "start")
    bind = ready.record["bind"]

    assert ready.run("server", "restart").returncode == 0

    assert ready.record["bind"] == bind


def test_a_server_in_the_foreground_is_not_replaced_by_one_in_the_background(ready: Home) -> None:
    process = ready.start_foreground(*TCP)
    record = ready.record

    done = ready.run("server", "restart")

    assert done.returncode == 1
    assert f"(pid {process.pid}) on {record['bind']['tcp']} is in the foreground and goes on." in done.stderr
    assert "fabro server stop" in done.stderr
    assert (ready.record, status_of(record["bind"], "/health")) == (record, 200)


def test_a_restart_without_a_server_starts_one(ready: Home) -> None:
    assert ready.run("server", "restart", *TCP).returncode == 0

    assert status_of(ready.record["bind"], "/health") == 200
