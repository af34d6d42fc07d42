"""Third-party plugins as their users get them: built, installed, tested, selected, and served by a real process."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from fabro_core import __version__
from fabro_core.plugins.kinds import KINDS, Group
from tests.api.conftest import manifest
from tests.cli.terminal import Home
from tests.platform.environment import EXAMPLES, NEW, Candidate, Environment, environment

pytestmark = pytest.mark.slow

DEV_TOKEN = f"fabro_dev_{'0' * 64}"

each_plugin = pytest.mark.parametrize("distribution", [*NEW, *EXAMPLES])


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """One for all tests, also when several processes share them."""
    own = tmp_path_factory.getbasetemp()
    return environment((own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "installed-plugins")


@pytest.fixture
def candidate(installed: Environment, distribution: str) -> Candidate:
    return installed.candidates[distribution]


@pytest.fixture
def home(installed: Environment) -> Iterator[Home]:
    """A home for the installed `fabro`, with a path short enough for a Unix socket."""
    directory = Path(tempfile.mkdtemp(prefix="fabro-"))
    home = Home(directory / "home", fabro=[str(installed.programs / "fabro")])
    home.environ |= {"FABRO_DEV_TOKEN": DEV_TOKEN}
    home.path.mkdir()
    yield home
    home.clean_up()
    shutil.rmtree(directory)


def settings_for(candidate: Candidate) -> str:
    """The settings that its README shows, and what every server needs besides."""
    shown = candidate.blocks("toml")[0]
    server = tomllib.loads(shown)["server"]
    needed = {"auth": 'methods = ["dev-token"]', "store": 'kind = "memory"', "web": "enabled = false"}
    return shown + "".join(f"[server.{table}]\n{line}\n" for table, line in needed.items() if table not in server)


def token_for(candidate: Candidate, installed: Environment, home: Home) -> str:
    """A bearer token: for an auth method, the one that comes of the command in its README."""
    if candidate.group is not Group.AUTH:
        return DEV_TOKEN
    done = installed.run(home.path, "sh", "-ec", candidate.blocks("sh")[0])
    assert done.returncode == 0, done.stderr
    files = [path.read_text() for path in home.path.iterdir() if path.suffix != ".sock"]
    tokens = re.findall(r"\b(?:class|apikey)_\w{64,}", "\n".join([done.stdout, *files]))
    assert tokens
    return str(tokens[0])


def test_plugins_pass_their_own_tests_where_they_are_installed(installed: Environment, tmp_path: Path) -> None:
    for candidate in installed.candidates.values():
        for path in candidate.project.glob("test_*.py"):  # without the source beside them: the wheel is tested
            shutil.copy(path, tmp_path)

    done = installed.run(tmp_path, "python", "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider")

    assert done.returncode == 0, done.stdout
    assert len(list(tmp_path.glob("test_*.py"))) == len(installed.candidates)


@each_plugin
def test_a_server_serves_with_a_plugin(candidate: Candidate, installed: Environment, home: Home) -> None:
    token = token_for(candidate, installed, home)
    (home.path / "settings.toml").write_text(settings_for(candidate))
    process = home.start_foreground()

    transport = httpx.HTTPTransport(uds=str(home.path / "fabro.sock"))
    user = {"Authorization": f"Bearer {token}"}
    with httpx.Client(transport=transport, base_url="http://fabro", headers=user) as client:
        health = client.get("/health")
        system = client.get("/api/v1/system/info")
        stranger = client.get("/api/v1/system/info", headers={"Authorization": f"{user['Authorization'][:-1]}x"})
        created = client.post("/api/v1/runs", content=json.dumps(manifest()))
        listed = client.get("/api/v1/runs")
        login = client.get("/api/v1/user").json()["login"]
        links = client.get("/").json()["urls"]
        linked = [client.get(url).status_code for key, url in links.items() if url.startswith("/ext/")]
    process.terminate()
    assert process.wait(timeout=30) == 0

    assert (health.status_code, health.json()) == (200, {"status": "ok"})
    assert (system.status_code, stranger.status_code) == (200, 401)
    assert [run["id"] for run in listed.json()["data"]] == [created.json()["id"]]
    serves = system.json()
    match candidate.group:
        case Group.STORE:
            assert serves["storage_engine"] == candidate.name
        case Group.AUTH:
            assert (serves["auth_methods"], login) == ([candidate.name], "alice")
        case Group.EXT:
            replies = created.json()["ask_fabro"]["available"]
            assert bool(linked) is not replies, "it replies in sessions, or has pages of its own"
            assert set(linked) <= {200}
            assert any(key.startswith(f"{candidate.name}.") for key in links) is bool(linked)


def test_the_command_line_knows_all_that_is_installed_and_nothing_else(installed: Environment, home: Home) -> None:
    rows = json.loads(home.run("plugins", "--json").stdout)
    schema = home.run("settings", "schema")

    plugins = installed.candidates.values()
    assert {(row["group"], row["name"], row["distribution"]) for row in rows} == {
        ("fabro.auth", "dev-token", "fabro-auth-devtoken"),
        ("fabro.store", "memory", "fabro-core"),
        *((plugin.group, plugin.name, plugin.distribution) for plugin in plugins),
    }
    assert {row["version"] for row in rows if row["distribution"] == "fabro-core"} == {__version__}
    assert schema.stderr == ""
    tables = json.loads(schema.stdout)["properties"]["server"]["properties"]
    for plugin in plugins:
        table = tables[KINDS.of(plugin.group).section.name]["properties"][plugin.name]
        assert plugin.distribution in table["description"]
