"""Followers of a run's event stream (events.md E6) that are HTTP clients: one that stays, one that comes and goes."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import httpx

from tests.streams.client import KEEP_ALIVE, Frame, parsed

LAST = "run.completed"
"""The event that ends the stream."""


async def follow(client: httpx.AsyncClient, run_id: str) -> list[Frame]:
    """Everything from the first event on, until the server ends the stream."""
    async with aclosing(_frames(client, run_id, after=0)) as frames:
        return [frame async for frame in frames]


async def follow_in_pieces(clients: Sequence[httpx.AsyncClient], run_id: str, chance: random.Random) -> list[Frame]:
    """The same over many connections: each to a server by chance, given up at any frame, resumed where it broke off."""
    seen: list[Frame] = []
    while not seen or f'"event":"{LAST}"' not in seen[-1].data:
        patience = chance.randint(1, 60)
        async with aclosing(_frames(chance.choice(clients), run_id, after=seen[-1].id if seen else 0)) as frames:
            async for frame in frames:
                seen.append(frame)
                patience -= 1
                if not patience:
                    break
    return seen


async def _frames(client: httpx.AsyncClient, run_id: str, *, after: int) -> AsyncGenerator[Frame, None]:
    headers = {"Last-Event-ID": str(after)}
    async with client.stream("GET", f"/api/v1/runs/{run_id}/attach", headers=headers) as stream:
        assert stream.status_code == 200, await stream.aread()
        lines: list[str] = []
        async for line in stream.aiter_lines():
            if line:
                lines.append(line)
            else:
                block, lines = "\n".join(lines), []
                if block != KEEP_ALIVE:
                    yield parsed(block)
        assert not lines, "a stream ends between two frames"
