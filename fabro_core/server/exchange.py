"""One request and its answer, between the connection and the application."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from fabro_core.http.failures import Failure, Refused

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from uvicorn._types import ASGI3Application, ASGIReceiveEvent, ASGISendEvent

    from fabro_core.server.connection import Connection

log: Final = logging.getLogger("fabro.server")


class Outlet:
    """What an exchange sees of the transport: it can have its head held back until the body comes."""

    __slots__ = ("_close", "_head", "_holds", "_transport", "is_closing")

    def __init__(self, transport: asyncio.Transport, close: Callable[[], None]) -> None:
        """`close` ends the connection."""
        self._transport = transport
        self._close = close
        self._holds = False
        self._head: bytes | None = None
        self.is_closing = transport.is_closing

    def hold(self) -> None:
        """Keep what is written next, until more is written or `release` is called."""
        self._holds = True

    def release(self) -> None:
        """Write what is kept, and keep no more."""
        self._holds = False
        if self._head is not None:
            head, self._head = self._head, None
            self._transport.write(head)

    def write(self, data: bytes) -> None:
        """Write, or keep it."""
        if self._head is not None:
            head, self._head = self._head, None
            self._transport.writelines((head, data))
        elif self._holds:
            self._holds, self._head = False, data
        else:
            self._transport.write(data)

    def close(self) -> None:
        """Close the connection after what has been written."""
        self.release()
        self._close()


class Exchange(RequestResponseCycle):
    """uvicorn's, for requests of which the rest may turn out not to be one."""

    connection: Connection
    outlet: Outlet
    refused: Refused | None = None

    async def run_asgi(self, app: ASGI3Application) -> None:
        """Let the application answer."""
        try:
            await app(self.scope, self.receive, self.send)
        except Exception:
            log.exception("a request was given up amid its answer")
        finally:
            if not self.response_complete and not self.disconnected:
                self.connection.close()
            self.on_response = lambda: None

    async def send(self, message: ASGISendEvent) -> None:
        """ASGI's `send`. The head of an answer whose length is known goes out with the body behind it: two writes would
        be two packets, and the first one wakes the client for nothing, which costs more than all else here."""
        if message["type"] == "http.response.start":
            self.outlet.hold()
        await super().send(message)
        if self.response_complete or self.chunked_encoding is not False:
            self.outlet.release()

    async def receive(self) -> ASGIReceiveEvent:
        """ASGI's `receive`. Raises `Refused`."""
        if self.flow.read_paused:
            self.connection.note_progress()  # the client could not go on
        message = await super().receive()
        if self.refused is not None and not self.disconnected:
            raise self.refused
        return message

    def refuse(self, failure: Failure) -> None:
        """Have whoever reads the body answer with `failure`, and end the connection."""
        self.refused = Refused(failure)
        self.keep_alive = False
        self.message_event.set()
