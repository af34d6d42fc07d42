"""Applications that serve Fabro at a path, each in the way of its framework, beside a route `/own` of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from fastapi import FastAPI
from litestar import Litestar, asgi, get
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from fabro_core import FabroApp
from fabro_core.http.asgi import ASGIApp


def starlette_host(fabro: FabroApp, path: str) -> ASGIApp:
    async def own(_: Request) -> PlainTextResponse:
        return PlainTextResponse("the host's own")

    routes = [Route("/own", own), Mount(path, app=fabro)]
    return Starlette(routes=routes, lifespan=_entering(fabro))


def fastapi_host(fabro: FabroApp, path: str) -> ASGIApp:
    host = FastAPI(lifespan=_entering(fabro))

    @host.get("/own", response_class=_Plain)
    async def own() -> str:
        return "the host's own"

    host.mount(path, fabro)
    return host


class _Plain(PlainTextResponse):
    """FastAPI's annotation of a plain answer."""


def litestar_host(fabro: FabroApp, path: str) -> ASGIApp:
    """A mount by hand."""

    @get("/own")
    async def own() -> str:
        return "the host's own"

    mounted = asgi(path, is_mount=True, copy_scope=True)(fabro)
    host = Litestar([own, mounted], lifespan=[_entering(fabro)], openapi_config=None, logging_config=None)
    return cast("ASGIApp", host)


def _entering(fabro: FabroApp) -> Callable[[Any], Any]:
    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        async with fabro.lifespan():
            yield

    return lifespan


HOSTS: dict[str, Callable[[FabroApp, str], ASGIApp]] = {
    "starlette": starlette_host,
    "fastapi": fastapi_host,
    "litestar": litestar_host,
}
