"""Requests that are under way for as long as a test wants: their bodies arrive when the test says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx

from tests.embed.serving import new_run


class SlowRequests:
    """Creates runs, and so uses the store, once `finish()` lets the bodies through."""

    def __init__(self, client: httpx.AsyncClient, url: str = "/api/v1/runs") -> None:
        self._client = client
        self._url = url
        self._finish = asyncio.Event()
        self._under_way = asyncio.Semaphore(0)
        self._tasks: list[asyncio.Task[httpx.Response]] = []

    async def begin(self, number: int) -> None:
        """Return when that many more requests are under way."""
        self._tasks += [asyncio.create_task(self._create()) for _ in range(number)]
        for _ in range(number):
            await self._under_way.acquire()

    async def finish(self) -> list[int]:
        """The statuses of all answers."""
        self._finish.set()
        return [answer.status_code for answer in await asyncio.gather(*self._tasks)]

    async def abandon(self) -> None:
        """Go away without an answer."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _create(self) -> httpx.Response:
        return await self._client.post(self._url, content=self._body())

    async def _body(self) -> AsyncIterator[bytes]:
        body = new_run()
        yield body[:1]
        self._under_way.release()
        await self._finish.wait()
        yield body[1:]
