"""Servers with their workers, and what commands wait at."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fabro_auth_devtoken import new_token
from tests.cli.terminal import Home
from tests.e2e.site import Gate, Site


@contextmanager
def serving() -> Iterator[Site]:
    """A server on SQLite that listens."""
    directory = Path(tempfile.mkdtemp(prefix="fabro-"))  # short enough for a Unix socket
    home = Home(directory / "home")
    home.path.mkdir(mode=0o700)
    (home.path / "settings.toml").write_text('[server.auth]\nmethods = ["dev-token"]\n')
    token = new_token()
    home.environ |= {"FABRO_DEV_TOKEN": token, "SESSION_SECRET": "s" * 64}
    site = Site(home, token)
    try:
        site.start()
        yield site
    finally:
        site.clean_up()
        shutil.rmtree(directory)


@pytest.fixture
def site() -> Iterator[Site]:
    """A server that the test may kill, and whose runs are all its own."""
    with serving() as site:
        yield site


@pytest.fixture(scope="session")
def shared_site() -> Iterator[Site]:
    """A server with the runs of other tests, for tests that name their run."""
    with serving() as site:
        yield site


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    """What a command waits at."""
    return Gate(tmp_path / "gate")
