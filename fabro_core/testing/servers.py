"""Real servers for tests: this one, with a client, and any other ASGI application."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import httpx
import uvicorn
from uvicorn._types import ASGIApplication

from fabro_core.app import FabroApp, create_app
from fabro_core.clock import Clock
from fabro_core.config.load import SettingsSource
from fabro_core.http.asgi import ASGIApp
from fabro_core.plugins.sources import InlinePlugin

STOP_SECONDS = 5


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that listens."""

    app: FabroApp
    url: str
    """Its base, such as `http://127.0.0.1:41234`."""
    client: httpx.AsyncClient
    """Sends the bearer token, if one was given."""


@asynccontextmanager
async def running(
    settings: SettingsSource,
    *,
    token: str | None = None,
    plugins: Sequence[InlinePlugin] = (),
    clock: Clock | None = None,
    environ: Mapping[str, str] | None = None,
) -> AsyncIterator[RunningServer]:
    """A Fabro server on a free port of 127.0.0.1, with a home of its own, stopped when the context is left.

    `settings`, `plugins` and `clock` are those of `create_app`. `environ` adds to what is set for the server: a fresh
    `FABRO_HOME`, a `SESSION_SECRET`, and the address it listens on as `FABRO_WEB_URL`, so that identity providers and
    browsers find their way back; nothing of this process's environment. `client` sends `token`.
    """
    with tempfile.TemporaryDirectory(prefix="fabro-test-") as home, _listener() as listener:
        variables = {
            "FABRO_HOME": str(Path(home) / "home"),
            "SESSION_SECRET": "s" * 64,
            "FABRO_WEB_URL": _url(listener),
            **(environ or {}),
        }
        app = create_app(settings, plugins=plugins, clock=clock, environ=variables)
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with (
            app.lifespan(),
            _serving(app, listener) as url,
            httpx.AsyncClient(base_url=url, headers=headers) as client,
        ):
            yield RunningServer(app, url, client)
            app.drain()


@asynccontextmanager
async def listening(app: ASGIApp) -> AsyncIterator[str]:
    """Serve any ASGI application on a free port of 127.0.0.1; gives its base URL."""
    with _listener() as listener:
        async with _serving(app, listener) as url:
            yield url


@contextmanager
def _listener() -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener


def _url(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@asynccontextmanager
async def _serving(app: ASGIApp, listener: socket.socket) -> AsyncIterator[str]:
    config = uvicorn.Config(
        cast("ASGIApplication", app),
        interface="asgi3",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield _url(listener)
    finally:
        server.should_exit = True
        await serving


class _Server(uvicorn.Server):
    """Leaves the signals of the test process alone."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
