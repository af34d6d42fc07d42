"""The core by itself, as a program gets it that embeds a server: without plugins, and without what only the command and
a server process need. It still imports, keeps runs, shows pages and serves, and says what is missing for the rest.

`make test-bare` runs this in an environment of its own, beside the conformance kit on the memory store. The name keeps
it out of other runs: an environment of development has everything.
"""

from __future__ import annotations

import json
import pkgutil
import re
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Final

import httpx
import pytest

import fabro_core
from fabro_core import Group, InlinePlugin, create_app, hookimpl
from fabro_core.auth import AuthMethod, Bearer, CredentialsRejected, Identity, LoginField, LoginForm, LoginOption

pytestmark = pytest.mark.anyio

ROOT: Final = Path(__file__).parents[2]
FABRO: Final = Path(sys.executable).with_name("fabro")

ABSENT: Final = (
    "asyncpg",
    "authlib",
    "httptools",
    "redis",
    "sqlalchemy",
    "uvicorn",
    "uvloop",
    "fabro_auth_devtoken",
    "fabro_auth_github",
    "fabro_store_postgres",
    "fabro_store_redis",
    "fabro_store_sqlite",
)


SERVING: Final = {
    *(f"fabro_core.cli.{name}" for name in ("restart", "starting")),
    *(
        f"fabro_core.server.{name}"
        for name in ("connection", "exchange", "heads", "orders", "process", "serving", "workers")
    ),
    "fabro_core.testing.servers",
}
"""Modules that need the extra `server`."""


SERVING_NAMES: Final = {"RunningServer", "running"}
"""Public names that need it; the reference says so."""


class Doorman(AuthMethod):
    token_prefixes = ("door_",)

    def option(self) -> LoginOption:
        return LoginOption(label="The door", kind="form", fields=(LoginField(name="word", label="Secret word"),))

    async def authenticate(self, credential: Bearer, /) -> Identity:
        return Identity(issuer="https://door.example", subject="1", login="alice")

    async def sign_in(self, form: LoginForm, /) -> Identity:
        raise CredentialsRejected


@hookimpl
def fabro_auth_method() -> AuthMethod:
    return Doorman()


DOOR: Final = InlinePlugin(
    group=Group.AUTH,
    name="door",
    target=SimpleNamespace(FABRO_PLUGIN_API=1, fabro_auth_method=fabro_auth_method),
)


@pytest.mark.parametrize("module", ABSENT)
def test_a_package_of_a_plugin_or_of_a_server_process_is_not_installed(module: str) -> None:
    assert find_spec(module) is None


def test_every_module_imports_but_those_that_serve() -> None:
    names = [each.name for each in pkgutil.walk_packages(fabro_core.__path__, "fabro_core.")]
    assert {"fabro_core.app", *SERVING} <= set(names)
    for name in names:
        if name in SERVING:
            with pytest.raises(ModuleNotFoundError, match=r"uvicorn|httptools"):
                import_module(name)
        else:
            import_module(name)


def test_every_line_of_the_public_names_imports_but_those_of_what_serves() -> None:
    page = (ROOT / "docs" / "reference" / "public-names.md").read_text(encoding="utf-8")
    lines = re.findall(r"`(from [\w.]+ import \w+)`", page)
    assert len(lines) == len({*lines}) > 100
    for line in lines:
        name = line.rpartition(" ")[2]
        if name in SERVING_NAMES:
            with pytest.raises(ModuleNotFoundError, match="uvicorn"):
                exec(line, {})
        else:
            exec(line, {})


def test_the_memory_store_is_the_only_plugin() -> None:
    command = [str(FABRO), "plugins", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert [(row["group"], row["name"]) for row in json.loads(done.stdout)] == [("fabro.store", "memory")]


async def test_a_server_keeps_runs_in_memory_and_shows_pages(tmp_path: Path) -> None:
    settings = {"server": {"auth": {"methods": ["door"]}, "store": {"kind": "memory"}}}
    environ = {"FABRO_HOME": str(tmp_path), "SESSION_SECRET": "s" * 64}
    fabro = create_app(settings, plugins=[DOOR], environ=environ)
    manifest = {
        "version": 1,
        "cwd": "/projects/shop",
        "target": {"path": "hello.fabro"},
        "workflows": {"hello.fabro": {"source": (ROOT / "examples" / "hello.fabro").read_text(encoding="utf-8")}},
    }
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(fabro), base_url="http://fabro.test", headers={"Authorization": "Bearer door_1"}
    )
    async with fabro.lifespan(), client:
        created = await client.post("/api/v1/runs", content=json.dumps(manifest))
        listed = await client.get("/api/v1/runs")
        page = await client.get("/login")
    assert created.status_code == 201
    assert [run["id"] for run in listed.json()["data"]] == [created.json()["id"]]
    assert "Secret word" in page.text


def test_a_server_process_says_what_it_needs(tmp_path: Path) -> None:
    command = [str(FABRO), "server", "start", "--config", str(tmp_path / "settings.toml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "This command needs uvicorn, which is not installed; run: pip install 'fabro-core[server]'"
    ]
