"""Files that the user of a command may not touch: each command says which, and never with a traceback (server.md S18).

The tests run as root in CI, who may do everything; the commands do not.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.terminal import FABRO, Home

WITHOUT_RIGHTS = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search") if os.geteuid() == 0 else ()

CHECK = ("check",)
START = ("server", "start", "--bind", "127.0.0.1:0")
FOREGROUND = (*START, "--foreground")
STATUS = ("server", "status")
STOP = ("server", "stop")
RESTART = ("server", "restart")
LOGS = ("server", "logs")
FOLLOW = ("server", "logs", "-f")
INIT = ("init",)


@pytest.fixture(scope="module")
def used() -> Iterator[Path]:
    """The path of a home in which a server has run."""
    with tempfile.TemporaryDirectory(prefix="fabro-") as directory:
        home = Home(Path(directory) / "home")
        home.run("init")
        assert home.run(*START).returncode == 0
        assert home.run(*STOP).returncode == 0
        yield home.path


@pytest.fixture
def home(used: Path) -> Iterator[Home]:
    """A home with a database and a log, of somebody who has no more rights than the files say."""
    with tempfile.TemporaryDirectory(prefix="fabro-") as directory:
        home = Home(Path(directory) / "home", (*WITHOUT_RIGHTS, *FABRO))
        shutil.copytree(used, home.path)
        yield home
        for place in (home.path, home.path / "storage", home.path / "storage" / "logs"):
            place.chmod(0o700)
        home.clean_up()


def check(home: Home, commands: dict[tuple[str, ...], int], *told: str) -> None:
    """Each command ends with its code, and says it in a few words."""
    for command, code in commands.items():
        done = home.run(*command)
        assert (done.returncode, done.stdout) == (code, ""), (command, done.stderr)
        assert "Traceback" not in done.stderr
        assert any(words in done.stderr for words in told), (command, done.stderr)


def test_a_home_that_may_not_be_entered(home: Home) -> None:
    home.path.chmod(0)
    told = f"{home.path / 'settings.toml'}: cannot be read: Permission denied"
    check(home, dict.fromkeys((CHECK, START, STATUS, STOP, RESTART, LOGS, INIT), 78), told)


def test_a_home_where_nothing_may_be_made(home: Home) -> None:
    home.path.chmod(0o500)
    told = f"cannot listen on {home.path / 'fabro.sock'}: Permission denied"
    check(home, {CHECK: 78, ("server", "start"): 1}, told)


@pytest.mark.parametrize("name", ["settings.toml", "server.env"])
def test_a_file_of_the_home_that_may_not_be_read(home: Home, name: str) -> None:
    (home.path / name).chmod(0)
    told = (f"{home.path / name}: cannot be read: Permission denied", f"cannot read {home.path / name}: Permission")
    check(home, dict.fromkeys((CHECK, START), 78), *told)


def test_a_storage_root_that_may_not_be_entered(home: Home) -> None:
    (home.path / "storage").chmod(0)
    told = (f"server.storage.root: cannot write {home.path}/storage/", f"cannot read {home.path}/storage/")
    check(home, {CHECK: 78, START: 78, STATUS: 1, STOP: 1, RESTART: 1, LOGS: 1, FOLLOW: 1}, *told)


@pytest.mark.parametrize("below", ["", "logs"])
def test_a_directory_where_nothing_may_be_made(home: Home, below: str) -> None:
    for file in ("server.lock", "logs/server.log"):
        (home.path / "storage" / file).unlink()
    (home.path / "storage" / below).chmod(0o500)
    check(home, {CHECK: 78, START: 78}, f"server.storage.root: cannot write {home.path}/storage/")


def test_the_lock_of_somebody_else(home: Home) -> None:
    path = home.path / "storage" / "server.lock"
    path.chmod(0)
    told = (f"server.storage.root: cannot write {path}: Permission", f"cannot read {path}: Permission denied")
    check(home, {START: 78, STATUS: 1}, *told)


def test_the_record_and_the_log_of_somebody_else(home: Home) -> None:
    home.run(*START)
    record, log = home.path / "storage" / "server.json", home.path / "storage" / "logs" / "server.log"
    record.chmod(0)
    log.chmod(0)
    check(home, {STATUS: 1, STOP: 1, RESTART: 1}, f"cannot read {record}: Permission denied")
    check(home, {LOGS: 1, FOLLOW: 1}, f"cannot read {log}: Permission denied")
    record.chmod(0o600)
    assert home.run(*STOP).returncode == 0


@pytest.mark.parametrize("mode", [0, 0o400])
def test_a_database_that_may_not_be_written(home: Home, mode: int) -> None:
    path = home.path / "storage" / "fabro.db"
    path.chmod(mode)
    told = f"server.store.sqlite: The database {path} "
    check(home, dict.fromkeys((CHECK, START), 78), told)


def test_a_directory_of_the_database_where_nothing_may_be_made(home: Home, tmp_path: Path) -> None:
    with (home.path / "settings.toml").open("a") as settings:
        settings.write(f'[server.store.sqlite]\npath = "{tmp_path / "fabro.db"}"\n')
    shutil.copy(home.path / "storage" / "fabro.db", tmp_path)
    tmp_path.chmod(0o500)
    try:
        told = f"server.store.sqlite: The database {tmp_path / 'fabro.db'} is read-only"
        check(home, dict.fromkeys((CHECK, FOREGROUND), 78), told)
    finally:
        tmp_path.chmod(0o700)


def test_a_directory_of_a_socket_where_nothing_may_be_made(home: Home, tmp_path: Path) -> None:
    for place in (tmp_path / "absent", tmp_path / "file", tmp_path / "closed"):
        if place.name != "absent":
            place.touch() if place.name == "file" else place.mkdir(mode=0o500)
        path = home.path / "settings.toml"
        text = path.read_text()
        path.write_text(f'{text}[server.listen]\ntype = "unix"\npath = "{place}/fabro.sock"\n')
        check(home, {CHECK: 78, ("server", "start"): 1}, f"cannot listen on {place}/fabro.sock: ")
        path.write_text(text)
