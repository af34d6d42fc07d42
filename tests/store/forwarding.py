"""An address that is led elsewhere, as by a virtual IP or a proxy: a TCP forwarder inside the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass


@dataclass
class Forwarder:
    """Where it listens, and the port that new connections are led to; those that exist stay."""

    own_port: int
    port: int

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.own_port}/0"


@asynccontextmanager
async def forwarding(port: int) -> AsyncIterator[Forwarder]:
    """Forward to a local port."""
    under_way: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        under_way.add(task)
        try:
            with suppress(OSError, asyncio.CancelledError):  # streams report a task that ends cancelled
                theirs, ours = await asyncio.open_connection("127.0.0.1", forwarder.port)
                await asyncio.gather(_pump(reader, ours), _pump(theirs, writer))
        finally:
            writer.close()
            under_way.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    forwarder = Forwarder(server.sockets[0].getsockname()[1], port)
    try:
        yield forwarder
    finally:
        server.close()
        for task in list(under_way):
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
