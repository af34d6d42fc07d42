"""Homes for the tests of the command line."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.terminal import Home


@pytest.fixture
def home() -> Iterator[Home]:
    """A home that does not exist yet, with a path short enough for a Unix socket."""
    directory = Path(tempfile.mkdtemp(prefix="fabro-"))
    home = Home(directory / "home")
    yield home
    home.clean_up()
    shutil.rmtree(directory)


@pytest.fixture
def ready(home: Home) -> Home:
    """A home after `fabro init`, for a server on a free port with its runs in memory."""
    made = home.run("init")
    assert made.returncode == 0, made.stderr
    settings = home.path / "settings.toml"
    settings.write_text('[server.auth]\nmethods = ["dev-token"]\n[server.store]\nkind = "memory"\n')
    return home
