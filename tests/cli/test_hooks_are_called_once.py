"""A hook is called once in the life of a process, and one that builds only where something is served or copied."""

from __future__ import annotations

import json
import signal
import subprocess
from collections import Counter
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.cli.distributions import distribute
from tests.cli.terminal import Home, wait_until

pytestmark = pytest.mark.slow

PLUGIN = """
import os
from pathlib import Path
from typing import Annotated

import msgspec

from fabro_core import hookimpl
from fabro_core.auth.base import AuthMethod
from fabro_core.config.live_fields import LIVE_ALLOW_LIST
from fabro_core.context import Link

FABRO_PLUGIN_API = 1


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    allowed: Annotated[tuple[str, ...], LIVE_ALLOW_LIST] = ("ann",)


def noted(hook):
    with Path(os.environ["ACME_CALLS"]).open("a") as calls:
        calls.write(f"{os.getpid()} {__name__} {hook}\\n")


@hookimpl
def fabro_settings():
    noted("fabro_settings")
    return Settings


@hookimpl
def fabro_discovery_links(ctx):
    noted("fabro_discovery_links")
    return [Link(rel="x", href="/")]
"""

DOOR = """

class Door(AuthMethod):
    pass


@hookimpl
def fabro_auth_method(ctx):
    noted("fabro_auth_method")
    return Door()
"""

SHELF = """

@hookimpl
def fabro_run_store(ctx):
    from fabro_store_sqlite import SqliteRunStore

    noted("fabro_run_store")
    return SqliteRunStore(Path(ctx.storage_root) / f"{ctx.name}.db")
"""

HALL = """

@hookimpl
def fabro_app_init(ctx, app):
    noted("fabro_app_init")
"""

PLUGINS = {
    "acme_door": ("fabro.auth", "door", DOOR),
    "acme_shelf": ("fabro.store", "shelf", SHELF),
    "acme_crate": ("fabro.store", "crate", SHELF),
    "acme_hall": ("fabro.ext", "hall", HALL),
}

SETTINGS = """
[server.auth]
methods = ["dev-token", "door"]
[server.store]
kind = "shelf"
[server.extensions]
enabled = ["hall"]
"""

OF_READING = {f"acme_{name} fabro_settings": 1 for name in ("door", "shelf", "hall")}
OF_BUILDING = {
    "acme_door fabro_auth_method": 1,
    "acme_shelf fabro_run_store": 1,
    "acme_hall fabro_app_init": 1,
    **{f"acme_{name} fabro_discovery_links": 1 for name in ("door", "shelf", "hall")},
}


class Observed:
    """A home where plugins of every kind are selected, and what was called in which process."""

    def __init__(self, home: Home, directory: Path) -> None:
        self.home = home
        self._calls = directory / "calls"
        site = directory / "site"
        for module, (group, name, source) in PLUGINS.items():
            distribute(site, module, group, name, module)
            (site / f"{module}.py").write_text(PLUGIN + source)
        home.environ |= {"PYTHONPATH": str(site), "ACME_CALLS": str(self._calls)}
        home.path.mkdir()
        self.settings = home.path / "settings.toml"
        self.settings.write_text(SETTINGS)
        assert home.run("init").returncode == 0
        self.init = self.taken()

    def taken(self) -> dict[str, dict[str, int]]:
        """How often each hook was called since the last look, by process."""
        lines = self._calls.read_text().splitlines() if self._calls.exists() else []
        self._calls.unlink(missing_ok=True)
        processes = dict.fromkeys(line.split()[0] for line in lines)
        return {
            process: Counter(line.partition(" ")[2] for line in lines if line.split()[0] == process)
            for process in processes
        }

    def let_in(self, *names: str) -> None:
        """Change a setting that a running server follows."""
        self.settings.write_text(f"{SETTINGS}[server.auth.door]\nallowed = {json.dumps(names)}\n")

    def shown(self) -> list[str]:
        """Who is let in, as the running server tells."""
        token = (self.home.path / "server.env").read_text().partition("FABRO_DEV_TOKEN=")[2].split()[0]
        connection = HTTPConnection(self.home.record["bind"]["tcp"], timeout=60)
        connection.request("GET", "/api/v1/settings", headers={"Authorization": f"Bearer {token}"})
        allowed: list[str] = json.load(connection.getresponse())["server"]["auth"]["door"]["allowed"]
        connection.close()
        return allowed

    def follow(self, process: subprocess.Popen[str], *names: str) -> None:
        """Edit the file, and wait until the server does as it says."""
        self.let_in(*names)
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.shown() == list(names))


@pytest.fixture
def observed(home: Home, tmp_path: Path) -> Observed:
    return Observed(home, tmp_path)


def test_init_reads_and_builds_nothing(observed: Observed) -> None:
    assert list(observed.init.values()) == [OF_READING]
    observed.settings.unlink()
    (observed.home.path / "server.env").unlink()
    assert observed.home.run("init").returncode == 0
    assert observed.taken() == {}, "what is not selected is not imported"


def test_rotating_a_secret_reads_and_builds_nothing(observed: Observed) -> None:
    assert observed.home.run("auth", "rotate-dev-token").returncode == 0

    assert list(observed.taken().values()) == [OF_READING]


def test_a_check_builds_once(observed: Observed) -> None:
    done = observed.home.run("check")

    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr
    assert list(observed.taken().values()) == [OF_READING | OF_BUILDING]


def test_a_server_builds_once_however_often_it_reads_its_settings(observed: Observed) -> None:
    process = observed.home.start_foreground("--bind", "127.0.0.1:0")
    for names in (["bob"], ["bob", "cem"], ["dag"]):
        observed.follow(process, *names)
    process.terminate()

    assert process.wait(timeout=30) == 0
    assert observed.taken() == {str(process.pid): OF_READING | OF_BUILDING}


def test_workers_build_nothing_of_their_own(observed: Observed) -> None:
    process = observed.home.start_foreground("--bind", "127.0.0.1:0", "--workers", "2")
    observed.follow(process, "bob")
    process.terminate()

    assert process.wait(timeout=30) == 0
    assert observed.taken() == {str(process.pid): OF_READING | OF_BUILDING}


def test_a_copy_builds_the_two_stores_and_nothing_else(observed: Observed) -> None:
    done = observed.home.run("store", "copy", "shelf", "crate")

    assert done.returncode == 0, done.stderr
    (calls,) = observed.taken().values()
    of_building = {
        f"acme_{name} {hook}": 1 for name in ("shelf", "crate") for hook in ("fabro_run_store", "fabro_discovery_links")
    }
    assert calls == {**OF_READING, "acme_crate fabro_settings": 1, **of_building}
