"""A Litestar application with Fabro below `/fabro`: `fabro init`, then `uvicorn litestar_host:app`.

The plugin mounts, starts and stops the server.
"""

from __future__ import annotations

from litestar import Litestar, get

from fabro_core import FabroPlugin

fabro = FabroPlugin(
    {"server": {"auth": {"methods": ["dev-token"]}, "web": {"url": "http://127.0.0.1:8000/fabro"}}},
    path="/fabro",
)


@get("/")
async def index() -> str:
    return "Runs are below /fabro."


app = Litestar([index], plugins=[fabro])
