"""Real parts around an embedded server: uvicorn on a free port, a proxy that removes a prefix, and clients."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx
import uvicorn

from fabro_auth_devtoken import new_token
from fabro_core import FabroApp, InlinePlugin, create_app
from fabro_core.http.asgi import ASGIApp
from tests.api.conftest import manifest

PREFIX = "/fabro"


@dataclass
class Embedded:
    """A server to be embedded and what its clients know."""

    app: FabroApp
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def document(url: str | None = None, store: str = "memory", **tables: Any) -> dict[str, Any]:
    """Settings with this public URL; `tables` are further ones below `[server]`."""
    web = {} if url is None else {"web": {"url": url}}
    return {"server": {"auth": {"methods": ["dev-token"]}, "store": {"kind": store}, **web, **tables}}


def environment(home: Path, token: str) -> dict[str, str]:
    return {"FABRO_HOME": str(home), "FABRO_DEV_TOKEN": token, "SESSION_SECRET": "s" * 64}


def embedded(
    home: Path, *plugins: InlinePlugin, url: str | None = None, store: str = "memory", **tables: Any
) -> Embedded:
    """A server with a token of its own, not started."""
    token = new_token()
    settings = document(url, store, **tables)
    return Embedded(create_app(settings, plugins=plugins, environ=environment(home, token)), token)


def client_of(app: ASGIApp, **headers: str) -> httpx.AsyncClient:
    """A client in this process, without a socket."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://host.test", headers=headers)


def new_run() -> bytes:
    """The body of a request that creates a run."""
    return json.dumps(manifest()).encode()


class _Server(uvicorn.Server):
    """uvicorn that says when it has started and leaves signals alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.began = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.began.set()


@dataclass
class Served:
    """An application behind a real server."""

    base: str
    server: _Server
    stopped: asyncio.Task[None]

    def stop(self) -> None:
        """What a stop signal does; requests under way are finished."""
        self.server.should_exit = True


@asynccontextmanager
async def served(app: ASGIApp, *, root_path: str = "", lifespan: Literal["on", "off"] = "on") -> AsyncIterator[Served]:
    """`app` on a free port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            app, lifespan=lifespan, root_path=root_path, ws="none", log_config=None, timeout_graceful_shutdown=10
        )
        server = _Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        host, port = listener.getsockname()
        await server.began.wait()
        try:
            yield Served(f"http://{host}:{port}", server, serving)
        finally:
            server.should_exit = True
            await serving


@asynccontextmanager
async def stripping_proxy(upstream: str, prefix: str) -> AsyncIterator[str]:
    """A reverse proxy that forwards what is below `prefix` without it; one request a connection."""
    target = urlsplit(upstream)

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request_line, head = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n", 1)
        method, path, version = request_line.split(b" ")
        assert path.startswith(prefix.encode())
        inner = path.removeprefix(prefix.encode()) or b"/"
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
        up_reader, up_writer = await asyncio.open_connection(target.hostname, target.port)
        up_writer.write(b"\r\n".join([b" ".join([method, inner, version]), b"Connection: close", *lines]))
        body = asyncio.create_task(_pump(reader, up_writer))
        await _pump(up_reader, writer)
        body.cancel()
        await asyncio.gather(body, return_exceptions=True)
        for each in (up_writer, writer):
            each.close()
            await each.wait_closed()

    async with await asyncio.start_server(relay, "127.0.0.1", 0) as proxy:
        host, port = proxy.sockets[0].getsockname()
        yield f"http://{host}:{port}"


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65536):
        writer.write(chunk)
        await writer.drain()
