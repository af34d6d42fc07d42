"""One request and its answer, between the connection and the application."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, cast

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from fabro_core.http.failures import Failure, Refused
from fabro_core.http.reply import BODILESS
from fabro_core.server.heads import head_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from uvicorn._types import ASGI3Application, ASGIReceiveEvent, ASGISendEvent

    from fabro_core.server.connection import Connection

log: Final = logging.getLogger("fabro.server")


class Exchange(RequestResponseCycle):
    """uvicorn's, for requests of which the rest may turn out not to be one."""

    connection: Connection
    refused: Refused | None = None
    _head: bytes = b""
    """Of an answer whose body has not begun."""

    async def run_asgi(self, app: ASGI3Application) -> None:
        """Let the application answer."""
        try:
            await app(self.scope, self.receive, self.send)
        except Exception:
            log.exception("a request was given up amid its answer")
        finally:
            if not self.response_complete and not self.disconnected:
                self.connection.close()
            self.on_response = _nothing

    async def send(self, message: ASGISendEvent) -> None:
        """ASGI's `send`. Raises what is wrong with the answer."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        event = cast("dict[str, Any]", message)
        due = "http.response.body" if self.response_started else "http.response.start"
        if event["type"] != due or self.response_complete:
            raise RuntimeError(f"the application sent {event['type']!r} out of turn")
        if self.response_started:
            self._go_on(event.get("body", b""), more=event.get("more_body", False))
        else:
            self._start(event["status"], event.get("headers", ()))

    def _start(self, status: int, headers: Iterable[Sequence[bytes]]) -> None:
        """Take the head. One whose length is known goes out with the body behind it: two writes would be two packets,
        and the first one wakes the client for nothing, which costs more than all else here."""
        has_body = self.scope["method"] != "HEAD" and status not in BODILESS
        head = head_of(status, self.default_headers, headers, keep_alive=self.keep_alive, has_body=has_body)
        self.response_started = True
        self.waiting_for_100_continue = False
        self.keep_alive = head.keep_alive
        self.chunked_encoding = head.is_chunked
        self.expected_content_length = (head.length or 0) if has_body else 0
        self._head = head.content
        if head.is_chunked or not has_body:
            self._write(b"")

    def _go_on(self, body: bytes, *, more: bool) -> None:
        if self.scope["method"] == "HEAD":
            body = b""
        elif self.chunked_encoding:
            body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + (b"" if more else b"0\r\n\r\n")
        else:
            self.expected_content_length -= len(body)
            if self.expected_content_length < 0 or (self.expected_content_length and not more):
                raise RuntimeError("an answer is not as long as it says")
        self._write(body)
        if not more:
            self.response_complete = True
            self.message_event.set()
            if not self.keep_alive:
                self.connection.close()
            self.on_response()

    def _write(self, body: bytes) -> None:
        head, self._head = self._head, b""
        if head and body:
            self.transport.writelines((head, body))
        elif head or body:
            self.transport.write(head or body)

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


def _nothing() -> None:
    """The connection has been told that the answer is complete, or has been closed."""
