"""A Starlette application with Fabro below `/fabro`: `fabro init`, then `uvicorn starlette_host:app`.

A mount does not start what is mounted, so the application's own lifespan does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from fabro_core import create_app

fabro = create_app(
    {"server": {"auth": {"methods": ["dev-token"]}, "web": {"url": "http://127.0.0.1:8000/fabro"}}},
)


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    async with fabro.lifespan():
        yield


async def index(_: Request) -> PlainTextResponse:
    return PlainTextResponse("Runs are below /fabro.")


app = Starlette(routes=[Route("/", index), Mount("/fabro", app=fabro)], lifespan=lifespan)
