"""The core by itself: nothing that only its plugins need is installed, and it still imports, keeps runs and serves.

`make test-bare` runs this in an environment of its own, beside the conformance kit on the memory store. The name keeps
it out of other runs: an environment of development has everything.
"""

from __future__ import annotations

import json
import pkgutil
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
from fabro_core import InlinePlugin, create_app, hookimpl
from fabro_core.auth.base import AuthMethod, Bearer, Identity
from fabro_core.plugins.kinds import Group

pytestmark = pytest.mark.anyio

ROOT: Final = Path(__file__).parents[2]

ABSENT: Final = (
    "authlib",
    "redis",
    "sqlalchemy",
    "fabro_auth_devtoken",
    "fabro_auth_github",
    "fabro_store_redis",
    "fabro_store_sqlite",
)


class Doorman(AuthMethod):
    token_prefixes = ("door_",)

    async def authenticate(self, credential: Bearer, /) -> Identity:
        return Identity(issuer="https://door.example", subject="1", login="alice")


@hookimpl
def fabro_auth_method() -> AuthMethod:
    return Doorman()


DOOR: Final = InlinePlugin(
    group=Group.AUTH,
    name="door",
    target=SimpleNamespace(FABRO_PLUGIN_API=1, fabro_auth_method=fabro_auth_method),
)


@pytest.mark.parametrize("module", ABSENT)
def test_a_package_of_a_plugin_is_not_installed(module: str) -> None:
    assert find_spec(module) is None


def test_every_module_of_the_core_imports() -> None:
    names = [each.name for each in pkgutil.walk_packages(fabro_core.__path__, "fabro_core.")]
    assert "fabro_core.app" in names
    for name in names:
        import_module(name)


def test_the_memory_store_is_the_only_plugin() -> None:
    command = [str(Path(sys.executable).parent / "fabro"), "plugins", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert [(row["group"], row["name"]) for row in json.loads(done.stdout)] == [("fabro.store", "memory")]


async def test_a_server_keeps_runs_in_memory(tmp_path: Path) -> None:
    settings = {"server": {"auth": {"methods": ["door"]}, "store": {"kind": "memory"}, "web": {"enabled": False}}}
    fabro = create_app(settings, plugins=[DOOR], environ={"FABRO_HOME": str(tmp_path)})
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
    assert created.status_code == 201
    assert [run["id"] for run in listed.json()["data"]] == [created.json()["id"]]
