"""One event loop that serves: the application opened, a listener, and the orders it is given (server.md S21 to S23)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import Final, Protocol, cast

import uvicorn

from fabro_core.app import FabroApp
from fabro_core.boot.assembly import Assembly
from fabro_core.http.asgi import ASGIApp
from fabro_core.server import collector
from fabro_core.server.connection import Bounds, Connection, Deadlines
from fabro_core.server.descriptors import DescriptorWatch, room_for_connections
from fabro_core.server.forwarded import ForwardedClient
from fabro_core.server.loop_watch import LoopWatch
from fabro_core.server.peers import Peers
from fabro_core.server.sockets import BACKLOG

GRACE_SECONDS: Final = 5
"""What requests get to finish after an order to stop."""

TICKS_A_SECOND: Final = 10
"""How often uvicorn looks after itself."""

Act = Callable[[], None]


class Orders(Protocol):
    """Where the orders to a serving event loop come from."""

    def followed(self, *, stop: Act, look: Act) -> AbstractContextManager[None]:
        """Have the running event loop call `stop` whenever it is to stop, and `look` when it is to look at the
        settings file, for the length of the context."""


class Serving:
    """An application that is ready to serve, on an event loop of its own."""

    def __init__(self, assembly: Assembly, app: FabroApp, *, deadlines: Deadlines | None = None) -> None:
        """`deadlines` are others than those of server.md S10."""
        self.assembly = assembly
        self.app = app
        self.deadlines = deadlines or Deadlines()

    def run(self, listening: AbstractContextManager[socket.socket], orders: Orders) -> None:
        """Open the store and the auth methods, enter `listening`, and serve until there is an order to stop.

        Raises `StartupError`, `StoreUnavailable`, or what `listening` raises, when it does not come to serving.
        """
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(self._serve(listening, orders))

    async def _serve(self, listening: AbstractContextManager[socket.socket], orders: Orders) -> None:
        server = _Server(_uvicorn_config(self.app, self.assembly, self.deadlines))

        def stop() -> None:
            """The first order drains and lets requests finish, the second does not wait for them."""
            server.force_exit = server.should_exit
            server.should_exit = True
            self.app.drain()

        with ExitStack() as cleanup:
            cleanup.enter_context(orders.followed(stop=stop, look=self.app.read_settings_again))
            async with self.app.opened():
                listener = cleanup.enter_context(listening)
                collector.leave_alone_what_there_is()
                await server.serve(sockets=[listener])
                await server.abandon_requests()


class _Server(uvicorn.Server):
    """uvicorn without its signal handling: the application drains first, and a stop is no failure of the process."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._descriptors = DescriptorWatch()
        self._watch = LoopWatch()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        with self._watch.watching():
            await super().main_loop()

    async def on_tick(self, counter: int) -> bool:
        self._watch.beat()
        if counter % TICKS_A_SECOND == 0:
            self._descriptors.look()
        return await super().on_tick(counter)

    async def abandon_requests(self) -> None:
        """Cancel what still runs, so that nothing uses the store while it closes."""
        left = list(self.server_state.tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


def _uvicorn_config(app: FabroApp, assembly: Assembly, deadlines: Deadlines) -> uvicorn.Config:
    proxies = assembly.reading.trusted_proxies
    served: ASGIApp = ForwardedClient(app, proxies) if proxies else app
    per_client = assembly.settings.server.limits.connections_per_client
    bounds = Bounds(
        peers=Peers(per_client, room_for_connections(), proxies), refusing=app.refusing, deadlines=deadlines
    )
    return uvicorn.Config(
        served,
        interface="asgi3",
        http=cast("type[asyncio.Protocol]", partial(Connection, bounds=bounds)),
        lifespan="off",  # entered by us, before the listener exists
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # uvicorn would also take the scheme from the proxy
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it exists; it more than doubles the throughput."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
