"""A FastAPI application with Fabro below `/fabro`: `fabro init`, then `uvicorn fastapi_host:app`.

A mount does not start what is mounted, so the application's own lifespan does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from fabro_core import create_app

fabro = create_app(
    {"server": {"auth": {"methods": ["dev-token"]}, "web": {"url": "http://127.0.0.1:8000/fabro"}}},
)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with fabro.lifespan():
        yield


app = FastAPI(lifespan=lifespan)
app.mount("/fabro", fabro)


@app.get("/")
async def index() -> str:
    return "Runs are below /fabro."
