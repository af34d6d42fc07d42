"""One serving process: lock, application, listener, signals, and their end in reverse order (server.md S21 to S23)."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TextIO

import uvicorn

from fabro_core.app import FabroApp
from fabro_core.asgi import ASGIApp
from fabro_core.boot import Assembly, assemble, no_demands
from fabro_core.config.directories import make_private_directory
from fabro_core.config.load import Overrides
from fabro_core.config.model import UnixListen
from fabro_core.server.forwarded import ForwardedClient
from fabro_core.server.live import Apply, LiveSettings, live_plugin_settings
from fabro_core.server.logs import configure_logging, set_level
from fabro_core.server.record import RunDirectory, ServerRecord, bind_of
from fabro_core.server.sockets import BACKLOG, Binder, Listener

GRACE_SECONDS: Final = 5
"""What requests get to finish after a stop signal."""

CUT_SECONDS: Final = 0.1
"""Between looks for connections that nobody will finish."""

_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A server that is ready to run: assembled, not opened."""

    assembly: Assembly
    app: FabroApp
    binder: Binder
    """Holds the port if one had to be reserved."""
    read_again: Callable[[], Assembly] | None = None
    """Reads the settings anew, for live changes; None when they did not come from a file."""

    @classmethod
    def prepare(cls, config: Path | None, overrides: Overrides) -> Process:
        """Do all start-up checks that need nothing but the configuration. Raises `StartupError`."""
        binder = Binder()
        assembly = assemble(config, overrides=overrides, reserve=binder.reserve)
        read_again = partial(assemble, config, overrides=overrides, demands=no_demands)
        return cls(assembly=assembly, app=FabroApp(assembly), binder=binder, read_again=read_again)

    @property
    def directory(self) -> RunDirectory:
        """Where lock, record and log are."""
        return RunDirectory(self.assembly.settings.server.storage.root)

    def run(self, *, log: TextIO, log_path: Path | None, announce: Callable[[str], None]) -> None:
        """Serve until a signal, logging to `log`. `announce` gets the address once the server listens.

        `log_path` goes into the record: the file that `log` leads to, None in the foreground. Raises `StartupError`,
        `StoreUnavailable` or `OperationFailed` when it does not come to serving.
        """
        settings = self.assembly.settings.server
        self.assembly.make_storage_root()
        with self.directory.locked(), asyncio.Runner(loop_factory=_loop_factory()) as runner:
            configure_logging(settings.logging, log)
            self.app.log_destination = "stdout" if log_path is None else "file"
            runner.run(self._serve(log_path, announce))

    async def _serve(self, log_path: Path | None, announce: Callable[[str], None]) -> None:
        server = _Server(_uvicorn_config(self.app, self.assembly))
        with ExitStack() as cleanup:
            cleanup.enter_context(_stop_signals(self.app, server))
            async with self.app.lifespan():
                listener = self._listen()
                cleanup.callback(listener.close)
                self.directory.publish(self._record(log_path))
                announce(listener.address)
                gc.collect()
                gc.freeze()  # what the start made stays; the collector need not look through it again and again
                async with self._live_settings():
                    await server.serve(sockets=[listener.socket])
                await server.abandon_requests()

    @asynccontextmanager
    async def _live_settings(self) -> AsyncIterator[None]:
        """Follow the settings file; SIGHUP asks for a look at it."""
        if self.read_again is None:
            yield
            return
        live = LiveSettings(self.assembly, self.read_again, self.live)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, live.ask)
        following = asyncio.create_task(live.follow(), name="fabro live settings")
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGHUP)
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    @property
    def live(self) -> Mapping[str, Apply]:
        """What applies each live setting, by its path."""
        return {
            "server.logging.level": self._apply_log_level,
            "server.limits.login_attempts_per_minute": self._apply_login_attempts,
            **live_plugin_settings(self.assembly),
        }

    def _apply_log_level(self, assembly: Assembly) -> None:
        self.app.log_level = assembly.settings.server.logging.level
        set_level(self.app.log_level)

    def _apply_login_attempts(self, assembly: Assembly) -> None:
        self.app.auth.attempts.limit = assembly.settings.server.limits.login_attempts_per_minute

    def _listen(self) -> Listener:
        listen = self.assembly.settings.server.listen
        home = self.assembly.settings.home
        if isinstance(listen, UnixListen) and listen.path.parent == home:
            make_private_directory(home)
        return self.binder.listen(listen)

    def _record(self, log_path: Path | None) -> ServerRecord:
        return ServerRecord(
            pid=os.getpid(),
            bind=bind_of(self.assembly.settings.server.listen),
            log_path=str(log_path) if log_path is not None else None,
            started_at=self.assembly.clock.now().replace(microsecond=0),
        )


class _Server(uvicorn.Server):
    """uvicorn without its signal handling: the application drains first, and a stop is no failure of the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        cutting = asyncio.create_task(self._cut_broken_answers(), name="fabro stream cut")
        try:
            await super().shutdown(sockets)
        finally:
            cutting.cancel()

    async def _cut_broken_answers(self) -> None:
        """Close connections whose answer was given up half-way, which uvicorn would wait for as for others: that of
        an event stream whose client reads nothing would never empty its buffer (server.md S23)."""
        while True:
            for connection in list(self.server_state.connections):
                cycle = getattr(connection, "cycle", None)
                if cycle is not None and not cycle.response_complete and connection.transport.is_closing():
                    connection.transport.abort()
            await asyncio.sleep(CUT_SECONDS)

    async def abandon_requests(self) -> None:
        """Cancel what still runs, so that nothing uses the store while it closes."""
        left = list(self.server_state.tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


def _uvicorn_config(app: FabroApp, assembly: Assembly) -> uvicorn.Config:
    proxies = assembly.trusted_proxies
    served: ASGIApp = ForwardedClient(app, proxies) if proxies else app
    return uvicorn.Config(
        served,
        interface="asgi3",
        lifespan="off",  # entered by us, before the listener exists
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # uvicorn would also take the scheme from the proxy
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


@contextmanager
def _stop_signals(app: FabroApp, server: uvicorn.Server) -> Iterator[None]:
    """The first signal drains and lets requests finish, the second does not wait for them."""

    def stop() -> None:
        server.force_exit = server.should_exit
        server.should_exit = True
        app.drain()

    loop = asyncio.get_running_loop()
    for each in _STOP_SIGNALS:
        loop.add_signal_handler(each, stop)
    try:
        yield
    finally:
        for each in _STOP_SIGNALS:
            loop.remove_signal_handler(each)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it exists; it more than doubles the throughput."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
