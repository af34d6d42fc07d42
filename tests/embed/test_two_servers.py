"""Two servers in one process share nothing (server.md S13, S29 row 39)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar
from starlette.applications import Starlette
from starlette.routing import Mount

from fabro_auth_devtoken import new_token
from fabro_core import FabroPlugin
from tests.embed.serving import Embedded, document, embedded, environment, new_run, served

pytestmark = pytest.mark.anyio

LIMITS = {"one": 1024, "other": 2**20}
STORES = {"one": "memory", "other": "sqlite"}


class Pair:
    """Two servers of one host, `/one` and `/other`."""

    def __init__(self, base: str, servers: dict[str, Embedded]) -> None:
        self._base = base
        self.servers = servers

    def client(self, name: str, token_of: str) -> httpx.AsyncClient:
        """A client of one server with the token of one."""
        return httpx.AsyncClient(base_url=f"{self._base}/{name}", headers=self.servers[token_of].headers)


@asynccontextmanager
async def in_starlette(home: Path) -> AsyncIterator[Pair]:
    servers = {
        name: embedded(home / name, url=f"https://host.test/{name}", store=STORES[name], limits=_limits(name))
        for name in STORES
    }

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for server in servers.values():
                await stack.enter_async_context(server.app.lifespan())
            yield

    host = Starlette(routes=[Mount(f"/{name}", app=each.app) for name, each in servers.items()], lifespan=lifespan)
    async with served(host) as site:
        yield Pair(site.base, servers)


@asynccontextmanager
async def in_litestar(home: Path) -> AsyncIterator[Pair]:
    tokens = {name: new_token() for name in STORES}
    plugins = {
        name: FabroPlugin(
            document(store=STORES[name], limits=_limits(name)), f"/{name}", environ=environment(home / name, token)
        )
        for name, token in tokens.items()
    }
    host: Any = Litestar(plugins=list(plugins.values()), openapi_config=None, logging_config=None)
    servers = {name: Embedded(plugin.app, tokens[name]) for name, plugin in plugins.items()}
    async with served(host) as site:
        yield Pair(site.base, servers)


def _limits(name: str) -> dict[str, int]:
    return {"max_body_bytes": LIMITS[name]}


@pytest.fixture(params=[in_starlette, in_litestar], ids=["starlette", "litestar"])
async def pair(request: pytest.FixtureRequest, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Pair]:
    async with request.param(tmp_path) as pair:
        yield pair


async def test_a_token_of_one_is_worth_nothing_at_the_other(pair: Pair) -> None:
    statuses = {}
    for name in STORES:
        for token_of in STORES:
            async with pair.client(name, token_of) as client:
                statuses[name, token_of] = (await client.get("/api/v1/user")).status_code

    assert statuses == {("one", "one"): 200, ("other", "other"): 200, ("one", "other"): 401, ("other", "one"): 401}


async def test_a_run_of_one_is_not_at_the_other(pair: Pair) -> None:
    async with pair.client("other", "other") as other, pair.client("one", "one") as one:
        run = (await other.post("/api/v1/runs", content=new_run())).json()

        assert (await other.get("/api/v1/runs")).json()["meta"]["total"] == 1
        assert (await one.get("/api/v1/runs")).json()["meta"]["total"] == 0
        assert (await one.get(f"/api/v1/runs/{run['id']}")).status_code == 404


async def test_each_has_its_own_settings_and_links(pair: Pair) -> None:
    body = b'{"archive":"' + b"x" * 4096 + b'"}'
    async with pair.client("one", "one") as one, pair.client("other", "other") as other:
        assert (await one.post("/api/v1/runs", content=body)).status_code == 413
        assert (await other.post("/api/v1/runs", content=body)).status_code == 400
        assert (await one.get("/")).json()["urls"]["health_url"] == "/one/health"
        assert (await other.get("/")).json()["urls"]["health_url"] == "/other/health"


async def test_draining_one_leaves_the_other_ready(pair: Pair) -> None:
    pair.servers["one"].app.drain()

    async with pair.client("one", "one") as one, pair.client("other", "other") as other:
        assert (await one.get("/health/ready")).status_code == 503
        assert (await other.get("/health/ready")).status_code == 200


async def test_the_end_of_one_is_not_the_end_of_the_other(tmp_path: Path) -> None:
    one, other = (embedded(tmp_path / name) for name in STORES)
    async with other.app.lifespan(), served(other.app, lifespan="off") as site:
        async with one.app.lifespan():
            pass
        async with httpx.AsyncClient(base_url=site.base, headers=other.headers) as client:
            created = await client.post("/api/v1/runs", content=new_run())

    assert created.status_code == 201
