"""The distributions as users install them: by name, from a directory of wheels, into an empty environment."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest

from fabro_core import __version__
from tests.api.conftest import manifest
from tests.cli.terminal import Home
from tests.packaging.test_wheels import PROJECTS, ROOT

pytestmark = pytest.mark.slow

TOKEN: Final = f"fabro_dev_{'0' * 64}"


def pip(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our wheels are built and those of others fetched into one directory; from then on nothing else is asked."""
    directory = tmp_path_factory.mktemp("wheels")
    everything = [f"{ROOT}[all]", *(str(path) for name, path in PROJECTS.items() if name != "fabro-core")]
    pip("wheel", "--no-build-isolation", "--wheel-dir", directory, *everything)
    return directory


@pytest.fixture
def programs(wheels: Path, tmp_path: Path, requirement: str) -> Path:
    """Where the programs of an environment are that has nothing but what a user has asked for."""
    venv.create(tmp_path / "venv", with_pip=False)
    programs = tmp_path / "venv" / "bin"
    pip("--python", programs / "python", "install", "--no-compile", "--no-index", "--find-links", wheels, requirement)
    return programs


@pytest.fixture
def home(programs: Path) -> Iterator[Home]:
    """A home for the installed `fabro`, with a path short enough for a Unix socket."""
    directory = Path(tempfile.mkdtemp(prefix="fabro-"))
    home = Home(directory / "home", fabro=[str(programs / "fabro")])
    home.environ |= {"FABRO_DEV_TOKEN": TOKEN}
    yield home
    home.clean_up()
    shutil.rmtree(directory)


@pytest.mark.parametrize("requirement", ["fabro-core[all]"])
def test_the_five_wheels_installed_by_name_list_their_plugins_show_pages_and_keep_a_run(home: Home) -> None:
    plugins = json.loads(home.run("plugins", "--json").stdout)
    assert {(row["group"], row["name"], row["distribution"], row["version"]) for row in plugins} == declared_plugins()

    started = home.run("server", "start")
    assert started.returncode == 0, started.stderr
    transport = httpx.HTTPTransport(uds=str(home.path / "fabro.sock"))
    user = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(transport=transport, base_url="http://fabro", headers=user) as client:
        created = client.post("/api/v1/runs", content=json.dumps(manifest()))
        listed = client.get("/api/v1/runs").json()["data"]
        engine = client.get("/api/v1/system/info").json()["storage_engine"]
        page = client.get("/login").text
        stylesheets = [client.get(path) for path in re.findall(r'rel="stylesheet" href="([^"]+)"', page)]
    assert home.run("server", "stop").returncode == 0

    assert created.status_code == 201
    assert [run["id"] for run in listed] == [created.json()["id"]]
    assert engine == "sqlite"
    assert "Dev token" in page
    assert [answer.status_code for answer in stylesheets] == [200]


@pytest.mark.parametrize("requirement", ["fabro-core[github,redis]"])
def test_extras_of_plugins_bring_the_command_and_a_server(home: Home) -> None:
    plugins = json.loads(home.run("plugins", "--json").stdout)
    assert {row["name"] for row in plugins} == {"memory", "github", "redis"}

    home.path.mkdir()
    (home.path / "settings.toml").write_text(
        '[server.auth]\nmethods = ["github"]\n[server.auth.github]\nclient_id = "x"\nallowed_usernames = ["mona"]\n'
        '[server.store]\nkind = "memory"\n'
    )
    secrets = {"SESSION_SECRET": "s" * 64, "GITHUB_APP_CLIENT_SECRET": "s"}
    started = home.run("server", "start", **secrets)
    assert started.returncode == 0, started.stderr
    transport = httpx.HTTPTransport(uds=str(home.path / "fabro.sock"))
    with httpx.Client(transport=transport, base_url="http://fabro") as client:
        page = client.get("/login").text
    assert home.run("server", "stop").returncode == 0
    assert "GitHub" in page


def declared_plugins() -> set[tuple[str, str, str, str]]:
    """Group, name, distribution and version of every plugin that the five projects declare."""
    projects = [tomllib.loads((path / "pyproject.toml").read_text())["project"] for path in PROJECTS.values()]
    return {
        (group, name, project["name"], __version__)
        for project in projects
        for group, entries in project.get("entry-points", {}).items()
        if group.startswith("fabro.")
        for name in entries
    }
