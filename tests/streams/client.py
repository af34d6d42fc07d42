"""A client of event streams that speaks ASGI: it can stop reading, and it can leave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from fabro_core.http.asgi import ASGIApp, Message

PATIENCE_SECONDS = 60.0
"""What has not come by then does not come."""

KEEP_ALIVE = ": keep-alive"


class Frame(NamedTuple):
    id: int
    data: str


class Reader:
    """One request and its answer."""

    def __init__(self, body: bytes = b"") -> None:
        self._body = body
        self.status = 0
        self.headers: dict[str, str] = {}
        self.blocks: list[str] = []
        """Frames and comments that have come and were not taken yet."""
        self.complete = False
        """The answer ended as it should, not because the server broke it off."""
        self.chunks: list[bytes] = []
        """The answer as it came."""
        self._rest = ""
        self._stirred = asyncio.Event()
        self._reading = asyncio.Event()
        self._reading.set()
        self._left = asyncio.Event()
        self._asked = False
        self.task: asyncio.Task[None] | None = None

    # -- what the application sees ------------------------------------------------------------------------------

    async def send(self, message: Message) -> None:
        await self._reading.wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self._receive(message.get("body", b""))
            self.complete = not message.get("more_body", False)
        self._stirred.set()

    async def receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": self._body, "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    def _receive(self, body: bytes) -> None:
        if body:
            self.chunks.append(body)
        *blocks, self._rest = (self._rest + body.decode()).split("\n\n")
        self.blocks += blocks

    # -- what the test sees -------------------------------------------------------------------------------------

    def stall(self) -> None:
        """Read nothing from now on."""
        self._reading.clear()

    def read_on(self) -> None:
        self._reading.set()

    def leave(self) -> None:
        """Close the connection."""
        self._left.set()
        self._reading.set()

    async def block(self) -> str:
        """The next frame or comment."""
        await self._until(lambda: bool(self.blocks))
        return self.blocks.pop(0)

    async def frame(self) -> Frame:
        """The next block, which must be a frame."""
        return parsed(await self.block())

    async def frames(self, count: int) -> list[Frame]:
        return [await self.frame() for _ in range(count)]

    async def rest(self) -> list[Frame]:
        """Every frame up to the end of the stream."""
        await self.ended()
        assert self.complete
        assert not self._rest, "a stream ends between two frames"
        blocks, self.blocks = self.blocks, []
        return [parsed(each) for each in blocks]

    async def begun(self) -> None:
        """The headers have come."""
        await self._until(lambda: self.status != 0)

    @property
    def has_ended(self) -> bool:
        """Whether the application has returned."""
        return self.task is not None and self.task.done()

    async def ended(self) -> None:
        """The application has returned."""
        assert self.task is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.shield(self.task)

    async def _until(self, condition: Any) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                self._stirred.clear()
                await self._stirred.wait()


def parsed(block: str) -> Frame:
    first, second = block.split("\n")
    assert first.startswith("id: ")
    assert second.startswith("data: ")
    return Frame(int(first.removeprefix("id: ")), second.removeprefix("data: "))


@asynccontextmanager
async def attached(app: ASGIApp, target: str, *, method: str = "GET", **headers: str) -> AsyncIterator[Reader]:
    """A request for `target`, begun; the client leaves at the end of the context. `_` stands for `-` in names."""
    async with _requested(app, target, method, b"", headers) as reader:
        yield reader


@asynccontextmanager
async def posted(app: ASGIApp, target: str, body: bytes, **headers: str) -> AsyncIterator[Reader]:
    """The same for an answer to JSON."""
    async with _requested(app, target, "POST", body, {**headers, "content-type": "application/json"}) as reader:
        yield reader


@asynccontextmanager
async def _requested(
    app: ASGIApp, target: str, method: str, body: bytes, headers: dict[str, str]
) -> AsyncIterator[Reader]:
    split = urlsplit(target)
    reader = Reader(body)
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(split.path),
        "raw_path": split.path.encode(),
        "query_string": split.query.encode(),
        "root_path": "",
        "headers": [(name.replace("_", "-").lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 50_000),
        "server": ("fabro.test", 80),
    }
    reader.task = asyncio.ensure_future(app(scope, reader.receive, reader.send))
    try:
        await reader.begun()
        yield reader
    finally:
        reader.leave()
        await reader.ended()
