"""A thousand followers of one run on one server process: complete for each of them, flat in memory (events.md E6)."""

from __future__ import annotations

import asyncio
import json
import re
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import httpx
import pytest

from tests.races.server_process import TOKEN, ServerProcess, on_sqlite, server_process
from tests.races.work import NOTE, append, log_of, started

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

FOLLOWERS = 1_000
STALLED = 20
"""Of the followers, those that read nothing for most of the time."""
CONNECTING_AT_ONCE = 50
OPEN_FILES = FOLLOWERS + 200
"""What server and test need each: their connections, and some for everything else."""

APPENDERS = 40
EVENTS = 80
TEXT_BYTES = 500

MOST_GROWTH_KIB = 16 * 1024
"""Between the first `EVENTS` and four times as many. A copy of what comes in between for each follower would take more
than 150 MB. What may grow is the window that all share (256 KiB), what the server has handed over for the stalled
(128 KiB each, as a piece is 64 KiB and so is the buffer that stops the next one), and the allocator's pools."""

PATIENCE_SECONDS = 60

_FRAME = re.compile(rb"id: (\d+)\ndata: ([^\n]*)\n\n")
_HEAD = b"HTTP/1.1 200"
_LAST_CHUNK = b"\r\n0\r\n\r\n"


@pytest.fixture(autouse=True)
def files() -> Iterator[None]:
    """As many open files as this test needs, in the server's process, too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < OPEN_FILES:
        pytest.fail(f"{OPEN_FILES} open files are needed, the limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, OPEN_FILES), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Follower(asyncio.Protocol):
    """A connection that gets a stream from its first event on."""

    def __init__(self, bodies: dict[int, bytes]) -> None:
        """`bodies` are the events by their numbers; who is first to see one puts it there."""
        self.seen = 0
        """Up to this number every event has come, once and in order."""
        self.faults: list[str] = []
        self.bodies = bodies
        self._rest = b""
        self._begun = False
        self._awaited = 0
        self._arrived: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        if not self._begun:
            self._begun = True
            if not data.startswith(_HEAD):
                self.faults.append(f"refused: {data[:200]!r}")
        end = 0
        for found in _FRAME.finditer(data):
            end = found.end()
            self._take(int(found[1]), found[2])
        self._rest = data[end:]
        if self._arrived is not None and self._complete():
            self._arrived.set_result(None)
            self._arrived = None

    def _take(self, seq: int, body: bytes) -> None:
        if seq != self.seen + 1:
            self.faults.append(f"{seq} after {self.seen}")
        if self.bodies.setdefault(seq, body) != body:
            self.faults.append(f"{seq} is not as others saw it")
        self.seen = seq

    def _complete(self) -> bool:
        return self.seen >= self._awaited

    @property
    def ended(self) -> bool:
        """The answer ended as it should, between two frames."""
        return self._rest == _LAST_CHUNK

    async def has(self, seq: int) -> None:
        """Wait for an event."""
        self._awaited = seq
        if not self._complete():
            self._arrived = asyncio.get_running_loop().create_future()
            await self._arrived


@asynccontextmanager
async def following(server: ServerProcess, run_id: str, count: int) -> AsyncIterator[list[Follower]]:
    """So many followers that have all events there are; their connections are closed at the end."""
    path = f"/api/v1/runs/{run_id}/attach?since_seq=1"
    request = f"GET {path} HTTP/1.1\r\nHost: fabro\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
    loop = asyncio.get_running_loop()
    bodies: dict[int, bytes] = {}
    followers: list[Follower] = []

    async def connect() -> None:
        transport, follower = await loop.create_connection(lambda: Follower(bodies), server.host, server.port)
        followers.append(follower)
        transport.write(request)
        await follower.has(1)

    try:
        for _ in range(0, count, CONNECTING_AT_ONCE):
            await asyncio.gather(*(connect() for _ in range(CONNECTING_AT_ONCE)))
        yield followers
    finally:
        for follower in followers:
            follower.transport.abort()


async def write(client: httpx.AsyncClient, run_id: str, count: int) -> None:
    """Append so many events."""

    async def one_after_another() -> None:
        for _ in range(count // APPENDERS):
            await append(client, run_id, NOTE, text="x" * TEXT_BYTES)

    await asyncio.gather(*(one_after_another() for _ in range(APPENDERS)))


async def all_have(followers: list[Follower], seq: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(*(follower.has(seq) for follower in followers))


async def test_a_thousand_followers_miss_nothing_and_memory_does_not_grow_with_events(tmp_path: Path) -> None:
    with server_process(tmp_path / "home", on_sqlite(tmp_path / "fabro.db")) as server:
        async with server.client() as client:
            run_id = await started(client)
            first = len(await log_of(client, run_id))
            async with following(server, run_id, FOLLOWERS) as followers:
                await write(client, run_id, EVENTS)
                await all_have(followers, first + EVENTS)
                before = server.resident_kib

                stalled, reading = followers[:STALLED], followers[STALLED:]
                for follower in stalled:
                    follower.transport.pause_reading()
                await write(client, run_id, 3 * EVENTS)
                await all_have(reading, first + 4 * EVENTS)
                while_stalled = server.resident_kib
                for follower in stalled:
                    follower.transport.resume_reading()
                await all_have(stalled, first + 4 * EVENTS)
                after = server.resident_kib

                last = await append(client, run_id, "run.completed")
                await all_have(followers, last)
                log = await log_of(client, run_id)
        assert server.stop() == 0

    assert [fault for follower in followers for fault in follower.faults] == []
    assert {follower.seen for follower in followers} == {last} == {len(log)}
    assert [json.loads(followers[0].bodies[seq]) for seq in range(1, last + 1)] == log
    assert max(while_stalled, after) - before < MOST_GROWTH_KIB
