"""Servers of one event stream, each the whole of a process: ours, and bare ASGI applications that send the same frames.

python -m benchmarks.stream_servers KIND DIRECTORY

Says on stdout where it listens, as a line of JSON. Each line `COUNT RATE` on stdin makes it append that many events,
so many a second; a line comes back when that is done.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import uvicorn
import uvloop

from benchmarks.files import allow_many_files
from fabro_core import create_app
from fabro_core.http.asgi import ASGIApp, Receive, Scope, Send
from fabro_core.models.status import Bucket
from fabro_core.runs.follow.frames import frame
from fabro_core.testing.store.case import batch, event, row, run_id

RUN_ID = run_id(1)
TOKEN = "fabro_dev_" + "0" * 64
PACE_SECONDS = 0.02

Emit = Callable[[int, list[bytes]], Awaitable[None]]


def body_of(seq: int) -> bytes:
    """An event of about 300 bytes that says when it was made, in nanoseconds of the machine's monotonic clock."""
    text = "x" * 120
    return json.dumps(
        {
            "seq": seq,
            "id": "019cae0f-d880-7c4b-9a53-0f2f6f0a7b11",
            "ts": "2026-03-02T10:20:00Z",
            "run_id": RUN_ID,
            "event": "agent.message",
            "properties": {"made_ns": time.monotonic_ns(), "text": text},
        },
        separators=(",", ":"),
    ).encode()


async def fabro(directory: Path, stack: AsyncExitStack) -> tuple[ASGIApp, str, Emit]:
    """Our server on an SQLite file. Events go through its store, as if a request had brought them."""
    settings = {"server": {"auth": {"methods": ["dev-token"]}, "web": {"enabled": False}}}
    app = create_app(settings, environ={"FABRO_HOME": str(directory), "FABRO_DEV_TOKEN": TOKEN})
    await stack.enter_async_context(app.lifespan())
    store = app.assembly.store

    async def emit(first_seq: int, bodies: list[bytes]) -> None:
        events = [event(seq, body=body) for seq, body in enumerate(bodies, start=first_seq)]
        await store.append(batch(row(RUN_ID, events[-1].seq, bucket=Bucket.RUNNING), *events))

    await emit(1, [body_of(1)])
    return app, f"/api/v1/runs/{RUN_ID}/attach", emit


class Bare:
    """No framework, no storage, no credentials: frames in a list, and clients that wait for it to grow."""

    def __init__(self) -> None:
        self._frames: list[bytes] = []
        self._waiting: list[asyncio.Future[None]] = []

    async def emit(self, first_seq: int, bodies: list[bytes]) -> None:
        self._frames += [frame(seq, body) for seq, body in enumerate(bodies, start=first_seq)]
        self._grow()

    def _grow(self) -> None:
        self._wake_all()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        cursor = len(self._frames)
        while True:
            if cursor == len(self._frames):
                await self._grown()
            cursor = await self._send_since(cursor, send)

    async def _send_since(self, cursor: int, send: Send) -> int:
        """One `send` an event."""
        await send({"type": "http.response.body", "body": self._frames[cursor], "more_body": True})
        return cursor + 1

    def _wake_all(self) -> None:
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.set_result(None)

    async def _grown(self) -> None:
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future


class BarePaced(Bare):
    """The same with what makes ours fast: everything since the cursor in one piece, at most every 20 ms."""

    def __init__(self) -> None:
        super().__init__()
        self._joined: tuple[int, int, bytes] = (0, 0, b"")
        self._woken_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def _grow(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(max(loop.time(), self._woken_at + PACE_SECONDS), self._wake_paced)

    def _wake_paced(self) -> None:
        self._timer = None
        self._woken_at = asyncio.get_running_loop().time()
        self._wake_all()

    async def _send_since(self, cursor: int, send: Send) -> int:
        end = len(self._frames)
        if self._joined[:2] != (cursor, end):
            self._joined = (cursor, end, b"".join(self._frames[cursor:end]))
        await send({"type": "http.response.body", "body": self._joined[2], "more_body": True})
        return end


async def bare(app: Bare) -> tuple[ASGIApp, str, Emit]:
    return app, "/", app.emit


async def publish(emit: Emit, first_seq: int, count: int, rate: float) -> None:
    """Emit `count` events, `rate` a second; those that are late because the server is busy, together."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    emitted = 0
    while emitted < count:
        await asyncio.sleep(max(0.0, began + emitted / rate - loop.time()))
        due = min(count, int((loop.time() - began) * rate) + 1)
        if due > emitted:
            await emit(first_seq + emitted, [body_of(first_seq + number) for number in range(emitted, due)])
            emitted = due


async def main(kind: str, directory: Path) -> None:
    async with AsyncExitStack() as stack:
        match kind:
            case "fabro":
                app, path, emit = await fabro(directory, stack)
            case "bare":
                app, path, emit = await bare(Bare())
            case _:
                app, path, emit = await bare(BarePaced())
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=2048))
        config = uvicorn.Config(
            app, interface="asgi3", lifespan="off", ws="none", access_log=False, log_config=None, server_header=False
        )
        serving = asyncio.create_task(uvicorn.Server(config).serve(sockets=[listener]))
        print(json.dumps({"port": listener.getsockname()[1], "path": path, "token": TOKEN}), flush=True)
        seq = 1
        while line := await asyncio.to_thread(sys.stdin.readline):
            count, rate = line.split()
            await publish(emit, seq + 1, int(count), float(rate))
            seq += int(count)
            print("done", flush=True)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


if __name__ == "__main__":
    allow_many_files()
    uvloop.run(main(sys.argv[1], Path(sys.argv[2])))
