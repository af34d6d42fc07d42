"""Served by Starlette, FastAPI and Litestar, at the root and below a prefix, over real connections (server.md S13)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from fabro_core.http.asgi import ASGIApp, Receive, Scope, Send
from tests.embed.hosts import HOSTS, starlette_host
from tests.embed.serving import PREFIX, Embedded, client_of, embedded, new_run, served, stripping_proxy

pytestmark = pytest.mark.anyio

BROWSER = {"Accept": "text/html"}

every_host = pytest.mark.parametrize("framework", HOSTS)


async def check_everything_below(base: str, prefix: str, fabro: Embedded) -> None:
    """Links, redirects, errors, documents and runs of a server that people reach at `base` + `prefix`."""
    public = urlsplit(fabro.app.assembly.server.public_url).netloc  # browsers anywhere else are sent there
    async with httpx.AsyncClient(base_url=base, headers={**fabro.headers, "Host": public}) as client:
        await _check_links(client, prefix)
        await _check_pages(client, prefix)
        await _check_errors(client, prefix)
        await _check_runs(client, prefix, fabro)


async def _check_links(client: httpx.AsyncClient, prefix: str) -> None:
    urls = (await client.get(f"{prefix}/")).json()["urls"]
    assert urls == {
        "openapi_url": f"{prefix}/api/v1/openapi.json",
        "current_user_url": f"{prefix}/api/v1/user",
        "health_url": f"{prefix}/health",
    }
    for url in urls.values():
        assert (await client.get(url)).status_code == 200
    api = (await client.get(f"{prefix}/api/v1/openapi.json")).json()
    assert api["servers"] == [{"url": prefix or "/"}]
    assert (await client.get(f"{prefix}/api/v1/user/")).status_code == 200
    assert (await client.head(f"{prefix}/health")).status_code == 200
    assert (await client.options(f"{prefix}/api/v1/runs")).headers["allow"] == "GET, HEAD, OPTIONS, POST"


async def _check_pages(client: httpx.AsyncClient, prefix: str) -> None:
    to_runs = await client.get(f"{prefix}/", headers=BROWSER)
    assert (to_runs.status_code, to_runs.headers["location"]) == (303, f"{prefix}/runs")
    to_login = await client.get(to_runs.headers["location"], params={"status": "dead"}, headers=BROWSER)
    assert to_login.headers["location"] == f"{prefix}/login?return_to={prefix}/runs%3Fstatus%3Ddead"
    login = await client.get(to_login.headers["location"], headers=BROWSER)
    assert login.status_code == 200
    assert f'action="{prefix}/auth/login/dev-token"' in login.text


async def _check_errors(client: httpx.AsyncClient, prefix: str) -> None:
    lost = await client.get(f"{prefix}/api/v1/nowhere", headers=BROWSER)
    wrong = await client.put(f"{prefix}/api/v1/runs")
    for answer, status, code in ((lost, 404, "route_not_found"), (wrong, 405, "method_not_allowed")):
        (error,) = answer.json()["errors"]
        assert (answer.status_code, error["code"]) == (status, code)
        assert answer.headers.get_list("x-request-id") == [error["request_id"]]
        assert answer.headers["x-frame-options"] == "DENY"
    page = await client.get(f"{prefix}/nowhere", headers=BROWSER)
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")


async def _check_runs(client: httpx.AsyncClient, prefix: str, fabro: Embedded) -> None:
    created = await client.post(f"{prefix}/api/v1/runs", content=new_run())
    assert created.status_code == 201, created.text
    run = created.json()
    assert (await client.get(f"{prefix}/api/v1/runs/{run['id']}")).json()["id"] == run["id"]
    assert run["links"]["web"] == f"{fabro.app.assembly.server.public_url}/runs/{run['id']}"
    anonymous = await client.get(f"{prefix}/api/v1/runs", headers={"Authorization": ""})
    assert anonymous.status_code == 401


@asynccontextmanager
async def hosted(framework: str, path: str, home: Path, url: str | None) -> AsyncIterator[tuple[str, Embedded]]:
    fabro = embedded(home, url=url)
    async with served(HOSTS[framework](fabro.app, path)) as site:
        yield site.base, fabro


@every_host
async def test_below_a_prefix_everything_carries_it(framework: str, tmp_path: Path) -> None:
    async with hosted(framework, PREFIX, tmp_path, "https://host.test/fabro") as (base, fabro):
        await check_everything_below(base, PREFIX, fabro)


@every_host
async def test_at_the_root_there_is_no_prefix(framework: str, tmp_path: Path) -> None:
    async with hosted(framework, "/", tmp_path, None) as (base, fabro):
        await check_everything_below(base, "", fabro)


@every_host
async def test_what_is_the_hosts_stays_the_hosts(framework: str, tmp_path: Path) -> None:
    async with (
        hosted(framework, PREFIX, tmp_path, "https://host.test/fabro") as (base, _),
        httpx.AsyncClient(base_url=base) as client,
    ):
        own = await client.get("/own")
        lost = await client.get("/nowhere")

    assert own.text == "the host's own"
    assert lost.status_code == 404
    for answer in (own, lost):
        assert "x-request-id" not in answer.headers
        assert "content-security-policy" not in answer.headers


@pytest.mark.parametrize("framework", ["starlette", "fastapi"])
async def test_a_path_that_only_begins_like_the_prefix_is_the_hosts(framework: str, tmp_path: Path) -> None:
    async with (
        hosted(framework, PREFIX, tmp_path, "https://host.test/fabro") as (base, _),
        httpx.AsyncClient(base_url=base) as client,
    ):
        answer = await client.get("/fabrox/health")

    assert (answer.status_code, "x-request-id" in answer.headers) == (404, False)


@every_host
async def test_percent_encoded_paths_find_the_same_routes(framework: str, tmp_path: Path) -> None:
    async with (
        hosted(framework, PREFIX, tmp_path, "https://host.test/fabro") as (base, fabro),
        httpx.AsyncClient(base_url=base, headers=fabro.headers) as client,
    ):
        user = await client.get("/%66abro/api/v1/us%65r")
        missing = await client.get("/fabro/api/v1/runs/%20%C3%A9")

    assert user.status_code == 200
    assert missing.status_code == 400


@every_host
async def test_until_the_lifespan_is_entered_the_answer_names_the_missing_line(framework: str, tmp_path: Path) -> None:
    host = HOSTS[framework](embedded(tmp_path, url="https://host.test/fabro").app, PREFIX)
    async with served(host, lifespan="off") as site, httpx.AsyncClient(base_url=site.base) as client:
        answer = await client.get("/fabro/health")

    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["code"]) == (503, "not_started")
    assert "async with fabro.lifespan():" in error["detail"]
    assert "retry-after" not in answer.headers
    assert answer.headers["x-request-id"] == error["request_id"]


# -- behind a proxy -----------------------------------------------------------------------------------------------


@asynccontextmanager
async def proxied(app: ASGIApp, prefix: str, root_path: str = "") -> AsyncIterator[str]:
    async with AsyncExitStack() as stack:
        site = await stack.enter_async_context(served(app, root_path=root_path))
        yield await stack.enter_async_context(stripping_proxy(site.base, prefix))


@pytest.mark.parametrize("root_path", ["", "/outer", "/outer/"])
async def test_behind_a_proxy_that_strips_the_prefix(root_path: str, tmp_path: Path) -> None:
    """Whether the ASGI server is told of the prefix (`uvicorn --root-path`) makes no difference."""
    fabro = embedded(tmp_path, url="https://host.test/outer")
    async with proxied(fabro.app, "/outer", root_path) as base:
        await check_everything_below(base, "/outer", fabro)


@every_host
@pytest.mark.parametrize("root_path", ["", "/outer"])
async def test_a_host_behind_a_proxy_that_strips_the_prefix(framework: str, root_path: str, tmp_path: Path) -> None:
    fabro = embedded(tmp_path, url="https://host.test/outer/fabro")
    async with proxied(HOSTS[framework](fabro.app, PREFIX), "/outer", root_path) as base:
        await check_everything_below(base, "/outer/fabro", fabro)


@every_host
async def test_a_server_that_leaves_the_root_path_out_of_the_path(framework: str, tmp_path: Path) -> None:
    """Hypercorn does, and so does an application that sets its root path itself."""
    fabro = embedded(tmp_path, url="https://host.test/outer/fabro")
    inner = HOSTS[framework](fabro.app, PREFIX)

    async def outer(scope: Scope, receive: Receive, send: Send) -> None:
        await inner({**scope, "root_path": "/outer"}, receive, send)

    async with fabro.app.lifespan(), client_of(outer, **fabro.headers) as client:
        answer = await client.get("/fabro/api/v1/user")

    assert answer.status_code == 200


async def test_nothing_a_request_says_changes_a_link(tmp_path: Path) -> None:
    fabro = embedded(tmp_path, url="https://host.test/fabro")
    lies = {
        "Host": "evil.test",
        "X-Forwarded-Host": "evil.test",
        "X-Forwarded-Prefix": "/evil",
        "X-Forwarded-Proto": "ftp",
        "Forwarded": "host=evil.test;proto=ftp",
        "X-Script-Name": "/evil",
    }
    async with served(starlette_host(fabro.app, PREFIX)) as site, httpx.AsyncClient(base_url=site.base) as client:
        answers = [
            await client.get("/fabro/", headers=lies),
            await client.get("/fabro/", headers=lies | BROWSER),
            await client.get("/fabro/login", headers=lies | BROWSER),
            await client.post("/fabro/api/v1/runs", headers=lies | fabro.headers, content=new_run()),
        ]

    assert [answer.status_code for answer in answers] == [200, 308, 308, 201]
    for answer in answers:
        assert "evil" not in answer.text + str(answer.headers)
