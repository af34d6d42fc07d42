"""A whole server in this process, on each store: everything but the sockets."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from litestar.config.app import AppConfig

from fabro_auth_devtoken import new_token
from fabro_core.app import FabroApp, create_app
from fabro_core.hooks import PLUGIN_API, hookimpl
from fabro_core.http.services import SERVICES, Services
from fabro_core.plugins.kinds import Group
from fabro_core.plugins.sources import InlinePlugin
from fabro_core.store.base import RunStore
from fabro_core.store.records import EventQuery
from fabro_core.testing.clock import ManualClock
from fabro_core.upkeep.health import StoreHealth

EXAMPLES = Path(__file__).parents[2] / "examples"
SESSION_SECRET = "s" * 64


@dataclass
class Server:
    """A started application and two clients of it."""

    app: FabroApp
    clock: ManualClock
    anonymous: httpx.AsyncClient
    client: httpx.AsyncClient
    """Sends the dev token."""
    token: str

    async def create(self, **changes: Any) -> dict[str, Any]:
        """Create a run and return it."""
        answer = await self.client.post("/api/v1/runs", content=json.dumps(manifest(**changes)))
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created

    async def finished(self, **changes: Any) -> dict[str, Any]:
        """Create a run and cancel it before it starts."""
        run = await self.create(**changes)
        answer = await self.client.post(f"/api/v1/runs/{run['id']}/cancel")
        assert answer.status_code == 200, answer.text
        cancelled: dict[str, Any] = answer.json()
        return cancelled

    @property
    def store(self) -> RunStore:
        """What the application writes to."""
        return self.app.assembly.store

    @property
    def health(self) -> StoreHealth:
        """What `/health` reports."""
        services = self.app.litestar.state[SERVICES]
        assert isinstance(services, Services)
        return services.health

    async def log_of(self, run_id: str) -> list[str]:
        """The names of a run's events, oldest first."""
        page = await self.store.read(EventQuery(run_id=run_id, limit=1_000))
        return [event.kind for event in page.events]

    async def events_of(self, run_id: str, kind: str) -> list[dict[str, Any]]:
        """A run's events of one name, oldest first."""
        page = await self.store.read(EventQuery(run_id=run_id, limit=1_000))
        return [json.loads(event.body) for event in page.events if event.kind == kind]


def manifest(name: str = "hello", **changes: Any) -> dict[str, Any]:
    """The manifest of an example workflow; a change to None leaves the member out."""
    path = f"examples/{name}.fabro"
    source = (EXAMPLES / f"{name}.fabro").read_text(encoding="utf-8")
    whole = {
        "version": 1,
        "cwd": "/projects/shop",
        "target": {"path": path},
        "workflows": {path: {"source": source}},
        **changes,
    }
    return {key: value for key, value in whole.items() if value is not None}


@pytest.fixture(params=["memory", pytest.param("sqlite", marks=pytest.mark.other_store)])
def store_kind(request: pytest.FixtureRequest) -> str:
    """Every API test can run on both stores. Those that the store makes a difference to are marked: `every_store`."""
    kind: str = request.param
    return kind


@pytest.fixture
def settings(store_kind: str) -> dict[str, Any]:
    """The settings of `server`; a test module may override this."""
    return {"server": {"auth": {"methods": ["dev-token"]}, "store": {"kind": store_kind}}}


@asynccontextmanager
async def serving(
    settings: dict[str, Any],
    home: Path,
    *plugins: InlinePlugin,
    session_secret: str | None = SESSION_SECRET,
    **variables: str,
) -> AsyncIterator[Server]:
    """A server with these settings, started; `variables` are further ones of its environment."""
    token = new_token()
    environ = {"FABRO_HOME": str(home), "FABRO_DEV_TOKEN": token}
    if session_secret is not None:
        environ["SESSION_SECRET"] = session_secret
    environ |= variables
    clock = ManualClock()
    app = create_app(settings, plugins=plugins, clock=clock, environ=environ)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.lifespan(),
        httpx.AsyncClient(transport=transport, base_url="http://localhost:3000") as anonymous,
        httpx.AsyncClient(
            transport=transport, base_url="http://localhost:3000", headers={"Authorization": f"Bearer {token}"}
        ) as client,
    ):
        yield Server(app, clock, anonymous, client, token)


@pytest.fixture
async def server(settings: dict[str, Any], tmp_path: Path, anyio_backend: str) -> AsyncIterator[Server]:
    async with serving(settings, tmp_path / "home") as server:
        yield server


def in_memory(**tables: Any) -> dict[str, Any]:
    """Settings of a server that keeps its runs in memory; `tables` are further ones below `[server]`."""
    return {"server": {"auth": {"methods": ["dev-token"]}, "store": {"kind": "memory"}, **tables}}


def extension(*handlers: Any, name: str = "acme", **hooks: Any) -> InlinePlugin:
    """A plugin that adds routes; select it with `in_memory(extensions={"enabled": [name]})`."""

    @hookimpl
    def fabro_app_init(app: AppConfig) -> None:
        app.route_handlers.extend(handlers)

    target = SimpleNamespace(FABRO_PLUGIN_API=PLUGIN_API, fabro_app_init=fabro_app_init, **hooks)
    return InlinePlugin(group=Group.EXT, name=name, target=target)
