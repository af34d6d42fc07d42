"""`FabroPlugin`: one line in a Litestar host, and nothing of either side in the other (server.md S13)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar, Request, Response, asgi, get, post
from litestar.config.csrf import CSRFConfig
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import BaseRouteHandler
from litestar.middleware import ASGIMiddleware
from litestar.params import FromPath

from fabro_auth_devtoken import new_token
from fabro_core import FabroPlugin
from fabro_core.errors import StartupError, StoreUnavailable
from fabro_core.http.asgi import Receive, Scope, Send
from tests.embed.hosts import starlette_host
from tests.embed.serving import PREFIX, Embedded, client_of, document, embedded, environment, served, stripping_proxy
from tests.embed.slow import SlowRequests
from tests.embed.test_hosts import check_everything_below

pytestmark = pytest.mark.anyio

TOKEN = new_token()
AUTHORIZATION = {"Authorization": f"Bearer {TOKEN}"}


@get("/own")
async def own() -> str:
    return "the host's own"


def plugin(home: Path, path: str = PREFIX, **tables: Any) -> FabroPlugin:
    return FabroPlugin(document(**tables), path, environ=environment(home, TOKEN))


def host(fabro: FabroPlugin, handlers: Sequence[Any] = (own,), **options: Any) -> Any:
    return Litestar(handlers, plugins=[fabro], openapi_config=None, logging_config=None, **options)


async def test_one_line_serves_everything_below_the_path(tmp_path: Path) -> None:
    fabro = plugin(tmp_path, url="https://host.test/fabro")
    async with served(host(fabro)) as site:
        await check_everything_below(site.base, PREFIX, Embedded(fabro.app, TOKEN))


@pytest.mark.parametrize("root_path", ["", "/outer"])
async def test_behind_a_proxy_that_strips_a_prefix(root_path: str, tmp_path: Path) -> None:
    fabro = plugin(tmp_path, url="https://host.test/outer/fabro")
    async with (
        served(host(fabro), root_path=root_path) as site,
        stripping_proxy(site.base, "/outer") as base,
    ):
        await check_everything_below(base, "/outer/fabro", Embedded(fabro.app, TOKEN))


async def test_without_a_public_url_links_begin_with_the_path(tmp_path: Path) -> None:
    fabro = plugin(tmp_path, "/tools/fabro/")
    async with served(host(fabro)) as site:
        await check_everything_below(site.base, "/tools/fabro", Embedded(fabro.app, TOKEN))

    assert fabro.app.assembly.server.public_url == "http://localhost:3000/tools/fabro"


@pytest.mark.parametrize("path", ["/fabro", "/fabro/", "/%66abro", "/fabro//"])
async def test_the_path_itself_is_the_root(path: str, tmp_path: Path) -> None:
    async with served(host(plugin(tmp_path))) as site, httpx.AsyncClient(base_url=site.base) as client:
        assert (await client.get(path)).json()["urls"]["health_url"] == "/fabro/health"


async def test_routes_of_the_host_that_begin_like_the_path_stay_the_hosts(tmp_path: Path) -> None:
    @get("/fabrox/{number:int}")
    async def alike(number: FromPath[int]) -> str:
        return f"the host's {number}"

    @get("/fabro.v1")
    async def dotted() -> str:
        return "the host's dot"

    async with (
        served(host(plugin(tmp_path), [alike, dotted])) as site,
        httpx.AsyncClient(base_url=site.base) as client,
    ):
        found = [(await client.get(path)).text for path in ("/fabrox/5", "/fabro.v1")]
        lost = await client.get("/fabrox/health")

    assert found == ["the host's 5", "the host's dot"]
    assert (lost.status_code, lost.json()) == (404, {"status_code": 404, "detail": "Not Found"})


async def test_errors_and_headers_of_the_host_stay_its_own(tmp_path: Path) -> None:
    @get("/broken")
    async def broken() -> None:
        raise LookupError

    def handle(_: Request[Any, Any, Any], error: Exception) -> Response[str]:
        return Response(f"the host saw {type(error).__name__}", status_code=418)

    application = host(plugin(tmp_path), [own, broken], exception_handlers={Exception: handle})
    async with served(application) as site, httpx.AsyncClient(base_url=site.base) as client:
        answers = {path: await client.get(path) for path in ("/own", "/broken", "/nowhere", "/fabro/nowhere")}
        wrong = await client.post("/fabro/health")

    assert answers["/own"].text == "the host's own"
    assert answers["/broken"].text == "the host saw LookupError"
    assert answers["/nowhere"].text == "the host saw NotFoundException"
    assert answers["/fabro/nowhere"].json()["errors"][0]["code"] == "route_not_found"
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert {path for path, answer in answers.items() if "x-request-id" in answer.headers} == {"/fabro/nowhere"}


async def test_middleware_guards_and_checks_of_the_host_do_not_judge_fabros_requests(tmp_path: Path) -> None:
    class RequireHostSession(ASGIMiddleware):
        async def handle(self, scope: Any, receive: Any, send: Any, next_app: Any) -> None:
            raise NotAuthorizedException

    async def guard(_: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        raise NotAuthorizedException

    @post("/change")
    async def change() -> None: ...

    application = host(
        plugin(tmp_path),
        [own, change],
        middleware=[RequireHostSession()],
        guards=[guard],
        csrf_config=CSRFConfig(secret="s" * 32),
    )
    async with served(application) as site, httpx.AsyncClient(base_url=site.base) as client:
        user = await client.get("/fabro/api/v1/user", headers=AUTHORIZATION)
        created = await client.post("/fabro/api/v1/runs", headers=AUTHORIZATION, content=b"{}")
        refused = await client.get("/own")

    assert user.status_code == 200
    assert "set-cookie" not in user.headers
    assert created.json()["errors"][0]["status"] == "400"
    assert refused.status_code == 401


async def test_the_api_document_of_the_host_is_without_fabros_routes(tmp_path: Path) -> None:
    application = Litestar([own], plugins=[plugin(tmp_path)], logging_config=None)

    assert list(application.openapi_schema.to_schema()["paths"]) == ["/own"]


async def test_the_lifespan_of_the_host_opens_and_closes_the_store(tmp_path: Path) -> None:
    fabro = plugin(tmp_path, store="sqlite")
    application = host(fabro)
    for _ in range(2):
        async with application.lifespan():
            await fabro.app.assembly.store.ping()
        with pytest.raises(StoreUnavailable):
            await fabro.app.assembly.store.ping()


async def test_requests_under_way_finish_when_the_server_of_the_host_stops(tmp_path: Path) -> None:
    fabro = plugin(tmp_path, store="sqlite")
    async with (
        served(host(fabro)) as site,
        httpx.AsyncClient(base_url=site.base, headers=AUTHORIZATION) as client,
    ):
        requests = SlowRequests(client, "/fabro/api/v1/runs")
        await requests.begin(8)

        fabro.app.drain()
        site.stop()

        assert await requests.finish() == [201] * 8
        await site.stopped


async def test_a_host_that_is_mounted_itself_still_serves_it(tmp_path: Path) -> None:
    fabro = plugin(tmp_path, url="https://host.test/outer/fabro")
    inner = host(fabro)
    outer = embedded(tmp_path / "other")
    around = starlette_host(outer.app, "/other")

    async def nested(scope: Scope, receive: Receive, send: Send) -> None:
        below = scope["path"].startswith("/outer/")
        await (inner({**scope, "root_path": "/outer"}, receive, send) if below else around(scope, receive, send))

    async with inner.lifespan(), outer.app.lifespan(), client_of(nested, **AUTHORIZATION) as client:
        assert (await client.get("/outer/fabro/api/v1/user")).status_code == 200
        assert (await client.get("/outer/own")).text == "the host's own"
        assert (await client.get("/other/health")).json() == {"status": "ok"}


async def test_a_websocket_below_the_path_is_refused_and_others_are_the_hosts(tmp_path: Path) -> None:
    seen: list[str] = []

    @asgi("/socket", copy_scope=True)
    async def socket(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    sent: list[Any] = []
    application = host(plugin(tmp_path), [socket])

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    async with application.lifespan():
        for path in ("/fabro/socket", "/socket"):
            await application({"type": "websocket", "path": path, "headers": []}, receive, send)

    assert sent == ["websocket.close"]
    assert seen == ["websocket"]


@pytest.mark.parametrize("path", ["/", "//", "", "fabro"])
def test_a_path_that_leaves_the_host_nothing_or_is_none_is_refused(path: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a path such as /fabro"):
        plugin(tmp_path, path)


def test_faults_of_the_settings_are_reported_when_the_plugin_is_made(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=r"server\.stroage: unknown key"):
        plugin(tmp_path, stroage={})


async def test_a_public_url_with_another_path_is_believed_and_mentioned(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fabro = plugin(tmp_path, url="https://fabro.test")
    with caplog.at_level(logging.WARNING, logger="fabro.server"):
        async with served(host(fabro)) as site, httpx.AsyncClient(base_url=site.base) as client:
            links = (await client.get("/fabro/")).json()["urls"]

    assert links["health_url"] == "/health"
    assert caplog.messages == [
        "the server is served below /fabro, but the public URL is https://fabro.test; links go there"
    ]
