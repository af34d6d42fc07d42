"""Storage that cannot be used is a line of the report, and checking it changes nothing (server.md S18, S25)."""

from __future__ import annotations

from pathlib import Path

import pytest

from fabro_store_sqlite.migrations import LAYOUT
from tests.cli.terminal import Home
from tests.disks import Disk
from tests.disks import small_disk as small_disk  # a fixture
from tests.plugins.store_sqlite.older_files import write_layout_3


@pytest.fixture
def storage(home: Home) -> Path:
    """The storage root of a home with a database; nothing serves."""
    home.run("init")
    root = home.path / "storage"
    root.mkdir(mode=0o700)
    return root


def check_refused(home: Home, *told: str, commands: tuple[tuple[str, ...], ...]) -> None:
    for command in commands:
        done = home.run(*command)
        assert (done.returncode, done.stdout) == (78, ""), done.stderr
        assert done.stderr.startswith("fabro: cannot start, 1 problem\n  "), done.stderr
        assert "Traceback" not in done.stderr
        for words in told:
            assert words in done.stderr


START = ("server", "start", "--bind", "127.0.0.1:0")
FOREGROUND = (*START, "--foreground")
CHECK = ("check",)


@pytest.mark.parametrize("name", ["server.lock", "server.json"])
def test_a_directory_in_the_place_of_a_file_of_the_server(home: Home, storage: Path, name: str) -> None:
    (storage / name).mkdir()
    told = f"server.storage.root: cannot write {storage / name}: Is a directory"
    check_refused(home, told, commands=(START, FOREGROUND, CHECK))
    assert (storage / name).is_dir(), "it is left alone"


@pytest.mark.parametrize("name", ["fabro.db", "fabro.db-wal"])
def test_a_directory_in_the_place_of_a_file_of_the_database(home: Home, storage: Path, name: str) -> None:
    home.run(*START)
    home.run("server", "stop")
    (storage / name).unlink(missing_ok=True)
    (storage / name).mkdir()
    told = f"server.store.sqlite: The database {storage / 'fabro.db'} cannot be opened"
    check_refused(home, told, commands=(START, FOREGROUND, CHECK))


def test_a_link_to_nothing_in_the_place_of_the_database(home: Home, storage: Path) -> None:
    (storage / "fabro.db").symlink_to(storage / "absent")
    told = f"server.store.sqlite: The database {storage / 'fabro.db'} is a link to a file that does not exist."
    check_refused(home, told, commands=(FOREGROUND, CHECK))
    assert not (storage / "absent").exists()


def test_a_file_in_the_place_of_the_storage_root(home: Home) -> None:
    home.run("init")
    (home.path / "storage").write_text("")
    check_refused(home, "server.storage.root: cannot create", commands=(START, FOREGROUND, CHECK))


def test_a_file_in_the_place_of_the_directory_of_logs(home: Home, storage: Path) -> None:
    (storage / "logs").write_text("")
    told = f"server.storage.root: cannot write {storage}/logs/server.log: File exists"
    check_refused(home, told, commands=(START, CHECK))
    assert not (storage / "fabro.db").exists(), "it is found before the store is opened"


@pytest.mark.parametrize("name", ["server.log", "server.log.1"])
def test_a_directory_in_the_place_of_a_log(home: Home, storage: Path, name: str) -> None:
    path = storage / "logs" / name
    path.mkdir(parents=True)
    check_refused(home, f"server.storage.root: cannot write {path}: Is a directory", commands=(START, CHECK))


def test_a_storage_root_where_nothing_can_be_made(home: Home) -> None:
    home.run("init")
    home.environ["FABRO_STORAGE_DIR"] = "/proc"
    check_refused(home, "server.storage.root: cannot write /proc/server.lock", commands=(START, FOREGROUND, CHECK))


def test_a_read_only_file_system(home: Home, small_disk: Disk) -> None:
    home.run("init")
    home.environ["FABRO_STORAGE_DIR"] = str(small_disk.path)
    with small_disk.read_only():
        check_refused(home, f"server.storage.root: cannot write {small_disk.path}", commands=(START, FOREGROUND, CHECK))


def test_check_creates_no_database_and_finds_where_none_can_be(home: Home, storage: Path) -> None:
    done = home.run("check")
    assert (done.returncode, done.stdout) == (0, "ok\n")
    assert "the next start changes its layout: create runs" in done.stderr
    assert not (storage / "fabro.db").exists()

    with (home.path / "settings.toml").open("a") as settings:
        settings.write('[server.store.sqlite]\npath = "absent/fabro.db"\n')
    check_refused(home, f"The directory {storage}/absent of the database does not exist", commands=(CHECK,))


def test_an_upgrade_is_announced_by_check_and_made_and_logged_by_a_start(home: Home, storage: Path) -> None:
    write_layout_3(storage / "fabro.db")
    (storage / "fabro.db").chmod(0o600)
    before = (storage / "fabro.db").read_bytes()
    for _ in range(2):
        done = home.run("check")
        assert (done.returncode, done.stdout) == (0, "ok\n")
        assert "the next start changes its layout: " in done.stderr
        assert LAYOUT.migrations[-1].title in done.stderr
        assert (storage / "fabro.db").read_bytes() == before

    started = home.run(*START)
    assert started.returncode == 0
    told = f"the layout of {storage / 'fabro.db'} was changed: {LAYOUT.migrations[-1].title}\n"
    assert told in started.stderr
    assert f" WARNING fabro.plugins.sqlite {told}" in home.run("server", "logs").stdout
    home.run("server", "stop")
    assert "changes its layout" not in home.run("check").stderr


def test_a_database_that_others_may_read_is_warned_of(home: Home, storage: Path) -> None:
    assert home.run(*START).returncode == 0
    home.run("server", "stop")
    assert "others may" not in home.run("check").stderr
    (storage / "fabro.db").chmod(0o644)
    assert f"others than its owner may read {storage / 'fabro.db'}; chmod 600 it" in home.run("check").stderr
    assert "others than its owner may read" in home.run(*START).stderr


def test_a_restart_that_fails_its_checks_leaves_the_layout_to_the_server_that_goes_on(ready: Home) -> None:
    assert ready.run(*START).returncode == 0
    database = ready.path / "storage" / "fabro.db"
    write_layout_3(database)
    before = database.read_bytes()
    (ready.path / "settings.toml").write_text('[server.auth]\nmethods = ["dev-token"]\n')
    (ready.path / "storage" / "logs" / "server.log.1").mkdir()

    done = ready.run("server", "restart")

    assert done.returncode == 78
    assert database.read_bytes() == before
    (ready.path / "storage" / "logs" / "server.log.1").rmdir()
    done = ready.run("server", "restart")
    assert done.returncode == 0
    told = done.stderr.count("was changed: ")
    assert told > 0
    assert ready.run("server", "logs").stdout.count("was changed: ") == told, "the log has it, too"
