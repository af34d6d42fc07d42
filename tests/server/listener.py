"""The real listener in this process, on a free port or a socket, and a client that sends bytes as they are given."""

from __future__ import annotations

import asyncio
import io
import json
import select
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from typing import Any, Final, cast

from fabro_auth_devtoken import new_token
from fabro_core.app import FabroApp, create_app
from fabro_core.plugins.sources import InlinePlugin
from fabro_core.server.serving import Act, Serving
from tests.api.conftest import SESSION_SECRET, in_memory

PATIENCE_SECONDS: Final = 60.0
"""What has not come by then does not come."""


@dataclass(frozen=True)
class Answer:
    """What the server has answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        """The one entry of the envelope."""
        (entry,) = json.loads(self.body)["errors"]
        assert isinstance(entry, dict)
        return entry


class _Kept(io.BufferedReader):
    """Stays open for the next answer, and has what came with the last one."""

    def makefile(self, mode: str) -> io.BufferedReader:
        return self

    def close(self) -> None:
        """An answer that has been read closes what it was read from."""


class Client:
    """One connection to the server."""

    def __init__(self, address: Any) -> None:
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE_SECONDS)
        self._reader = _Kept(socket.SocketIO(self.socket, "r"))
        with suppress(ConnectionResetError):  # a server that takes no more may say so before `connect` returns
            self.socket.connect(address)

    def send(self, *pieces: bytes) -> None:
        """Send each piece by itself."""
        for piece in pieces:
            self.socket.sendall(piece)

    def answer(self, method: str = "GET") -> Answer:
        """The next answer; of a request with this method, since one to HEAD has no body."""
        response = HTTPResponse(cast("socket.socket", self._reader), method=method)
        response.begin()
        return Answer(response.status, {n.lower(): v for n, v in response.getheaders()}, response.read())

    def ask(self, *pieces: bytes) -> Answer:
        """Send a request and read its answer."""
        self.send(*pieces)
        return self.answer()

    def is_closed_by_server(self) -> bool:
        """Whether the server closes without saying anything more; waits for it."""
        try:
            return self._reader.read(1) == b""
        except ConnectionResetError:
            return True

    def await_reset(self) -> None:
        """Wait, without reading, until the server has given the connection up."""
        with select.epoll() as poll:
            poll.register(self.socket, select.EPOLLHUP | select.EPOLLERR)
            assert poll.poll(PATIENCE_SECONDS)

    def close(self) -> None:
        self._reader.detach()
        self.socket.close()


@dataclass(frozen=True)
class Listening:
    """A server that listens."""

    app: FabroApp
    address: Any
    token: str

    def client(self) -> AbstractContextManager[Client]:
        """A connection for the length of the context."""
        return closing(Client(self.address))

    def ask(self, *pieces: bytes) -> Answer:
        """The answer to a request on a connection of its own."""
        with self.client() as client:
            return client.ask(*pieces)

    @property
    def credentials(self) -> bytes:
        """The header of somebody who is signed in, as a line."""
        return b"Authorization: Bearer %b\r\n" % self.token.encode()


class _ThreadOrders:
    """Orders of the test that runs the server in a thread."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._act: Act | None = None

    @contextmanager
    def followed(self, *, stop: Act, look: Act) -> Iterator[None]:
        self._loop, self._act = asyncio.get_running_loop(), stop
        yield

    def stop(self) -> None:
        if self._loop is not None and self._act is not None:
            self._loop.call_soon_threadsafe(self._act)


@contextmanager
def listening(
    home: Path,
    *plugins: InlinePlugin,
    tables: Mapping[str, Any] | None = None,
    host: str = "127.0.0.1",
    path: Path | None = None,
    **serving_options: Any,
) -> Iterator[Listening]:
    """A server in a thread, with these further tables of settings."""
    token = new_token()
    app = create_app(
        in_memory(**{"web": {"enabled": False}, **(tables or {})}),
        plugins=plugins,
        environ={"FABRO_HOME": str(home), "FABRO_DEV_TOKEN": token, "SESSION_SECRET": SESSION_SECRET},
    )
    serving = Serving(app.assembly, app, **serving_options)
    listener = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
    listener.bind(str(path) if path else (host, 0))
    listener.listen(512)
    listener.setblocking(False)
    ready = threading.Event()
    orders = _ThreadOrders()

    @contextmanager
    def announced() -> Iterator[socket.socket]:
        ready.set()
        yield listener

    thread = threading.Thread(target=serving.run, args=(announced(), orders))
    thread.start()
    try:
        assert ready.wait(PATIENCE_SECONDS)
        yield Listening(app, listener.getsockname(), token)
    finally:
        orders.stop()
        thread.join(PATIENCE_SECONDS)
        listener.close()
        assert not thread.is_alive()
