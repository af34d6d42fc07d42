"""A round-robin proxy: each new connection goes to the next server that takes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

CONNECT_SECONDS = 20


@asynccontextmanager
async def round_robin(ports: Sequence[int]) -> AsyncIterator[int]:
    """The port on which the proxy listens, in front of servers on `ports` of this machine.

    A change of `ports` leads new connections elsewhere, and leaves those that exist as they are.
    """
    under_way: set[asyncio.Task[None]] = set()
    turn = 0

    async def connected() -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        nonlocal turn
        for _ in ports:
            turn += 1
            with suppress(OSError):
                async with asyncio.timeout(CONNECT_SECONDS):
                    return await asyncio.open_connection("127.0.0.1", ports[turn % len(ports)])
        return None

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        under_way.add(task)
        try:
            with suppress(asyncio.CancelledError):  # streams report a task that ends cancelled
                server = await connected()
                if server is not None:
                    await asyncio.gather(_pump(reader, server[1]), _pump(server[0], writer))
        finally:
            await _closed(writer)
            under_way.discard(task)

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=512)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        for task in list(under_way):
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
    finally:
        await _closed(writer)


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
