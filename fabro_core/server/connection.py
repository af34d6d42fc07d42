"""One connection: its requests bounded in bytes, its waiting bounded in time (server.md S10).

What the parser makes of the bytes becomes exchanges with the application. What it cannot make anything of is answered
in the application's place, by the same edge and with the same headers. An embedding program's ASGI server has bounds of
its own; nothing but this listener enforces these.
"""

from __future__ import annotations

import asyncio
import math
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from fabro_core.http.failures import HEAD_TOO_LARGE, MALFORMED, TOO_SLOW, Failure
from fabro_core.server.exchange import Exchange

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application
    from uvicorn.config import Config
    from uvicorn.server import ServerState

    from fabro_core.http.asgi import ASGIApp
    from fabro_core.server.peers import Peers

HEAD_BYTES: Final = 65_536
"""Of a request line and the headers, of what announces a chunk, of trailers."""

PIPELINED_REQUESTS: Final = 16
"""How many requests of a connection may wait for the answers to those before them."""

_NO_LINGER: Final = struct.pack("ii", 1, 0)
_FRAMING: Final = (b"content-length", b"transfer-encoding")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """What a client may take, in seconds."""

    first_byte: float = 30
    """From the connection, or the answer before, to the first byte of a request."""
    head: float = 30
    """From the first byte to the last one of a head."""
    body: float = 30
    """Between two pieces of a body that is waited for."""
    write: float = 60
    """To read enough of an answer for more of it to be written."""
    drain: float = 30
    """For the rest of a request that has been answered already."""
    farewell: float = 5
    """Between two pieces of what is thrown away before a connection is closed."""

    @property
    def shortest(self) -> float:
        """Looking so often finds every deadline that has passed in time."""
        return min(self.first_byte, self.head, self.body, self.write)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What the connections of one listener share."""

    peers: Peers
    refusing: Callable[[Failure], ASGIApp]
    """Makes the application that answers what was no request."""
    deadlines: Deadlines = Deadlines()


class Connection(HttpToolsProtocol):
    """uvicorn's protocol, with bounds.

    Bytes are counted, not looked at: the parser says how far it has come, and between two such marks there must not be
    more than `HEAD_BYTES`. Time is looked at when the next deadline can have passed, at most, so that a request costs
    no timer.
    """

    cycle: Exchange
    """That of the newest request."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        bounds: Bounds,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._bounds = bounds
        self._timer: asyncio.TimerHandle | None = None
        self._admitted = False
        # -- what has come
        self._unmarked = 0
        """Bytes since the last mark."""
        self._marked = False
        self._in_body = False
        """A head has been read, and its body has not come to its end."""
        self._resuming = False
        """The parser is being told what another one has read."""
        self._deaf = False
        """Whatever comes is thrown away."""
        # -- what is under way
        self._serving: Exchange | None = None
        """What the application has been given last."""
        # -- when
        self._progress_at = 0.0
        self._head_at: float | None = None
        """When the head that is coming began."""
        self._free_at = 0.0
        """When the client was last owed nothing."""
        self._blocked_at: float | None = None
        """Since when the client has not read enough."""
        self._closed_at: float | None = None

    # -- the transport ------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin, unless the client has too many connections or the server no room."""
        super().connection_made(transport)
        self._progress_at = self._free_at = self.loop.time()
        self._admitted = self._bounds.peers.enter(self.client)
        if self._admitted:
            self._look_in(self._bounds.deadlines.first_byte)
        else:
            self._deaf = True
            self._reset()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell those who read and write."""
        super().connection_lost(exc)
        for exchange in (self._serving, *(waiting for waiting, _ in self.pipeline)):
            if exchange is not None:
                exchange.disconnected = True
                exchange.message_event.set()
        self.pipeline.clear()
        if self._timer is not None:
            self._timer.cancel()
        if self._admitted:
            self._bounds.peers.leave(self.client)

    def data_received(self, data: bytes) -> None:
        """Parse what has come, or throw it away."""
        self._progress_at = self.loop.time()
        if self._unmarked + len(data) <= HEAD_BYTES:
            self._feed(data)
            return
        rest = memoryview(data)
        while rest and not self._deaf:
            room = HEAD_BYTES - self._unmarked
            if not room:
                self._refuse(HEAD_TOO_LARGE)
                return
            self._feed(rest[:room])
            rest = rest[room:]

    def pause_writing(self) -> None:
        """Called when too much of an answer has not been read."""
        super().pause_writing()
        self._blocked_at = self.loop.time()

    def resume_writing(self) -> None:
        """Called when enough of it has."""
        super().resume_writing()
        self._blocked_at = None

    def note_progress(self) -> None:
        """Whoever waits for the client waits from now on."""
        self._progress_at = self.loop.time()

    def close(self) -> None:
        """Close after what has been written. What the client is still sending is thrown away for a while: closing on
        it would reset the connection, and clients that send before they read would not see their answer."""
        self._closed_at = self.loop.time()
        serving = self._serving
        if serving is not None and not serving.response_complete:
            self._reset()  # the answer is broken, and whoever reads nothing would keep what is buffered
        elif self._in_body or self._deaf:
            self._deaf = True
            if self.transport.can_write_eof():
                self.transport.write_eof()
            self.flow.resume_reading()
            self._look_in(self._bounds.deadlines.farewell)
        else:
            self.transport.close()

    def _reset(self) -> None:
        """Close without writing what is left, here or in the system."""
        with suppress(OSError):  # it has been closed already
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self.transport.abort()

    def shutdown(self) -> None:
        """Close once the answer that is under way has been written."""
        if self._serving is None or self._serving.response_complete:
            self.transport.close()
        else:
            self._serving.keep_alive = False

    # -- the parser ---------------------------------------------------------------------------------------------

    def _feed(self, piece: bytes | memoryview) -> None:
        if self._deaf:
            return
        self._marked = False
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as upgrade:
            self._pass_over_upgrade(piece[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse(MALFORMED)
        else:
            self._unmarked = 0 if self._marked else self._unmarked + len(piece)

    def _pass_over_upgrade(self, rest: bytes | memoryview) -> None:
        """Go on with a request that offers to speak another protocol, which may be ignored (RFC 9110 §7.8).

        The parser takes the offer for accepted, and the request for ended before its body. Another parser is told how
        the body is framed, and gets it.
        """
        framing = [header for header in self.headers if header[0] in _FRAMING]
        self.parser = httptools.HttpRequestParser(self)
        self._resuming = True
        self.parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n" % b"".join(b"%b: %b\r\n" % header for header in framing))
        self._resuming = False
        if not framing:
            self.on_message_complete()
        self._feed(rest)

    def on_message_begin(self) -> None:
        """Called by the parser at the first byte of a request."""
        if not self._resuming:
            super().on_message_begin()
            self._head_at = self._progress_at

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser with each header; with trailers as well, which are no headers."""
        if not self._in_body:
            name = name.lower()
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Called by the parser at the end of a head. Whatever this raises makes the parser fail."""
        if self._resuming:
            return
        self._marked = True
        self._head_at = None
        if len(self.pipeline) >= PIPELINED_REQUESTS:
            self._deaf = True
            self.cycle.keep_alive = False
            raise _TakesNoMore
        version = self.parser.get_http_version()
        url = httptools.parse_url(self.url)
        raw_path = url.path or b"/"
        path = raw_path.decode("ascii")
        self.scope["http_version"] = version
        self.scope["method"] = self.parser.get_method().decode("ascii")
        self.scope["path"] = unquote(path) if "%" in path else path
        self.scope["raw_path"] = raw_path
        self.scope["query_string"] = url.query or b""
        self._in_body = True
        self._begin(self.app, keep_alive=version != "1.0" and self.parser.should_keep_alive())

    def on_chunk_header(self) -> None:
        """Called by the parser before each chunk of a body."""
        self._marked = True

    def on_body(self, body: bytes) -> None:
        """Called by the parser with each piece of a body."""
        self._marked = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Called by the parser at the end of a request."""
        if self._resuming or self.parser.should_upgrade():
            return
        self._marked = True
        self._in_body = False
        super().on_message_complete()

    # -- requests and answers -----------------------------------------------------------------------------------

    def _begin(self, app: ASGI3Application, *, keep_alive: bool) -> None:
        """Let `app` answer the request of `scope`, once those before it have been answered."""
        exchange = Exchange(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=keep_alive,
            on_response=self.on_response_complete,
        )
        exchange.connection = self
        self.cycle = exchange
        if self._serving is None or self._serving.response_complete:
            self._start(exchange, app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((exchange, app))

    def _start(self, exchange: Exchange, app: ASGI3Application) -> None:
        self._serving = exchange
        task = self.loop.create_task(exchange.run_asgi(app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def on_response_complete(self) -> None:
        """Called by an exchange when its answer has been written."""
        self.server_state.total_requests += 1
        self._free_at = self._progress_at = self.loop.time()
        if self._closed_at is None and not self.transport.is_closing():
            self.flow.resume_reading()
            if self.pipeline:
                exchange, app = self.pipeline.pop()
                self._start(cast("Exchange", exchange), app)

    def _refuse(self, failure: Failure) -> None:
        """Answer in the application's place, in turn, and take nothing more."""
        if self._deaf:
            return
        self._deaf = True
        if not self._in_body:
            super().on_message_begin()
            self.scope["method"] = self.scope["path"] = "-"
            self._begin(cast("ASGI3Application", self._bounds.refusing(failure)), keep_alive=False)
        elif self.cycle.response_complete:
            self.close()
        elif self.cycle.response_started:
            self.cycle.keep_alive = False
        else:
            self.cycle.refuse(failure)

    # -- time ---------------------------------------------------------------------------------------------------

    def _look_in(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(seconds, self._look)

    def _look(self) -> None:
        left = self._deadline() - self.loop.time()
        if left <= 0:
            self._give_up()
        self._look_in(min(left, self._bounds.deadlines.shortest) if left > 0 else self._bounds.deadlines.shortest)

    def _deadline(self) -> float:
        """When the client will have taken too long, in the time of the loop; infinity while it owes nothing."""
        deadlines = self._bounds.deadlines
        serving = self._serving
        if self._closed_at is not None:
            if self._deaf:
                return min(self._progress_at + deadlines.farewell, self._closed_at + deadlines.drain)
            return self._closed_at + deadlines.write
        if self._blocked_at is not None:
            return self._blocked_at + deadlines.write
        if serving is not None and not serving.response_complete:
            waits = self._in_body and serving is self.cycle and not serving.response_started
            return self._progress_at + deadlines.body if waits and not self.flow.read_paused else math.inf
        if self._in_body:
            return min(self._progress_at + deadlines.body, self._free_at + deadlines.drain)
        if self._head_at is not None:
            return max(self._head_at, self._free_at) + deadlines.head
        return self._free_at + deadlines.first_byte

    def _give_up(self) -> None:
        serving = self._serving
        if self._closed_at is not None or self._blocked_at is not None:
            self._reset()
        elif self._head_at is not None or (serving is not None and not serving.response_complete):
            self._refuse(TOO_SLOW)
        else:
            self.close()


class _TakesNoMore(Exception):
    """Enough requests wait on this connection."""
