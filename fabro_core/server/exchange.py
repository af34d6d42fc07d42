"""One request and its answer, between the connection and the application."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from fabro_core.http.failures import Failure, Refused

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application, ASGIReceiveEvent

    from fabro_core.server.connection import Connection

log: Final = logging.getLogger("fabro.server")


class Exchange(RequestResponseCycle):
    """uvicorn's, for requests of which the rest may turn out not to be one."""

    connection: Connection
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
