"""One event loop that serves: the application opened, a listener, and the orders it is given (server.md S21 to S23)."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from functools import partial
from typing import Final, Protocol, cast

import uvicorn

from fabro_core.app import FabroApp
from fabro_core.boot.assembly import Assembly
from fabro_core.boot.reading import Reading
from fabro_core.config.model import LogLevel
from fabro_core.http.asgi import ASGIApp
from fabro_core.server.connection import Bounds, Connection, Deadlines
from fabro_core.server.descriptors import DescriptorWatch, room_for_connections
from fabro_core.server.forwarded import ForwardedClient
from fabro_core.server.live import Apply, LiveSettings, live_plugin_settings
from fabro_core.server.logs import set_level
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
    """An application that is ready to serve, on an event loop of its own.

    Made as soon as the settings have been read: what changes in their file from then on is noticed.
    """

    def __init__(
        self,
        assembly: Assembly,
        app: FabroApp,
        *,
        read_again: Callable[[], Reading] | None = None,
        deadlines: Deadlines | None = None,
    ) -> None:
        """`read_again` reads the settings anew, for live changes; None when they did not come from a file.
        `deadlines` are others than those of server.md S10."""
        self.assembly = assembly
        self.app = app
        self.deadlines = deadlines or Deadlines()
        self.read_again = read_again
        self._live_settings = None if read_again is None else LiveSettings(assembly.reading, read_again, self.live)

    def run(self, listening: AbstractContextManager[socket.socket], orders: Orders) -> None:
        """Open the store and the auth methods, enter `listening`, and serve until there is an order to stop.

        Raises `StartupError`, `StoreUnavailable`, or what `listening` raises, when it does not come to serving.
        """
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(self._serve(listening, orders))

    async def _serve(self, listening: AbstractContextManager[socket.socket], orders: Orders) -> None:
        server = _Server(_uvicorn_config(self.app, self.assembly, self.deadlines))
        live = self._live_settings

        def stop() -> None:
            """The first order drains and lets requests finish, the second does not wait for them."""
            server.force_exit = server.should_exit
            server.should_exit = True
            self.app.drain()

        with ExitStack() as cleanup:
            cleanup.enter_context(orders.followed(stop=stop, look=_nothing if live is None else live.ask))
            async with self.app.lifespan():
                listener = cleanup.enter_context(listening)
                gc.collect()
                gc.freeze()  # what the start made stays; the collector need not look through it again and again
                async with _following(live):
                    await server.serve(sockets=[listener])
                await server.abandon_requests()

    @property
    def live(self) -> Mapping[str, Apply]:
        """What applies each live setting, by its path."""
        return {
            "server.logging.level": self._apply_log_level,
            "server.limits.login_attempts_per_minute": self._apply_login_attempts,
            **live_plugin_settings(self.assembly.parts.settings),
        }

    def _apply_log_level(self, level: LogLevel) -> None:
        self.app.log_level = level
        set_level(level)

    def _apply_login_attempts(self, limit: int) -> None:
        self.app.auth.attempts.limit = limit


def _nothing() -> None:
    """There is no settings file to look at."""


@asynccontextmanager
async def _following(live: LiveSettings | None) -> AsyncIterator[None]:
    if live is None:
        yield
        return
    following = asyncio.create_task(live.follow(), name="fabro live settings")
    try:
        yield
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


class _Server(uvicorn.Server):
    """uvicorn without its signal handling: the application drains first, and a stop is no failure of the process."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._descriptors = DescriptorWatch()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def on_tick(self, counter: int) -> bool:
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
