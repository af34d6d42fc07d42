"""A server on this machine: its lock, its record, its listener, and the processes that serve (server.md S20 to S22)."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TextIO

from fabro_core import __version__
from fabro_core.app import FabroApp
from fabro_core.boot.assembly import Assembly, assemble, make_storage_root
from fabro_core.boot.reading import AS_THE_FILE_SAYS, SettingsReader
from fabro_core.config.directories import make_private_directory
from fabro_core.config.load import Overrides
from fabro_core.config.model import Listen, Settings, UnixListen
from fabro_core.context import Problem
from fabro_core.errors import StartupError
from fabro_core.server import collector
from fabro_core.server.descriptors import raise_limit
from fabro_core.server.log_file import check_log
from fabro_core.server.log_lines import LogLines
from fabro_core.server.logs import configure_logging, set_level
from fabro_core.server.orders import SignalOrders
from fabro_core.server.record import Flags, RunDirectory, ServerRecord, bind_of
from fabro_core.server.request_lines import RequestLines
from fabro_core.server.serving import Orders, Serving
from fabro_core.server.sockets import Binder
from fabro_core.server.workers import Workers, awaited_signals

SWITCH_SECONDS: Final = 0.001
"""How long a thread that computes keeps the interpreter while the event loop waits for it. Answering a request takes
the loop three turns or so; by default each could be 5 ms late while a large manifest is read."""

log = logging.getLogger("fabro.server")

Announce = Callable[[str], None]
"""Gets the address once the server listens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A server that is ready to run: assembled, not opened."""

    serving: Serving
    binder: Binder
    """Holds the port if one had to be reserved."""
    flags: Overrides = AS_THE_FILE_SAYS
    """What goes before the settings."""

    @classmethod
    def prepare(
        cls, reader: SettingsReader, config: Path | None, overrides: Overrides, *, held: Listen | None = None
    ) -> Process:
        """Do all start-up checks that need nothing but the configuration. Raises `StartupError`.

        `held` is where a server listens that will have ended before this one runs.
        """
        binder = Binder(held)
        assembly = assemble(reader.read(config, overrides), reserve=binder.reserve)
        read_again = partial(reader.read_valid, config, overrides)
        app = FabroApp(assembly, read_again=read_again, set_log_level=set_level)
        return cls(serving=Serving(assembly, app), binder=binder, flags=overrides)

    @property
    def assembly(self) -> Assembly:
        """What the server is made of."""
        return self.serving.assembly

    @property
    def workers(self) -> int:
        """How many processes serve; one serves by itself, several have a parent that looks after them."""
        return self.flags.workers

    @property
    def directory(self) -> RunDirectory:
        """Where lock, record and log are."""
        return RunDirectory(self.assembly.settings.server.storage.root)

    def run(self, *, log: TextIO, log_path: Path | None, announce: Announce) -> None:
        """Serve until a signal, logging to `log`.

        `log_path` goes into the record: the file that `log` leads to, None in the foreground. Raises `StartupError`,
        `StoreUnavailable` or `OperationFailed` when it does not come to serving.
        """
        sys.setswitchinterval(SWITCH_SECONDS)  # the process is ours; an embedding program decides for itself
        make_storage_root(self.assembly.settings)
        with self.directory.locked():
            if log_path is not None:
                check_log(log_path)
            logging_settings = self.assembly.settings.server.logging
            lines = configure_logging(logging_settings, log)
            self.serving.app.log_requests_with(RequestLines(lines, logging_settings.format))
            self.serving.app.log_destination = "stdout" if log_path is None else "file"
            raise_limit()
            listening = self._listening(log_path, announce)
            if self.workers == 1:
                self.serving.run(listening, SignalOrders())
            else:
                self._open_once()
                with awaited_signals() as signals, listening as listener:
                    collector.leave_alone_what_there_is()
                    Workers(self.workers, partial(self._work, listener, lines)).supervise(signals)

    def check(self) -> None:
        """Find out what would keep it from serving in the background, while another server runs in its place.

        The address is kept. Nothing changes the layout of what is stored: another one may have to go on with it.
        Raises `StartupError`, `StoreUnavailable` or `AddressUnavailable`.
        """
        make_storage_root(self.assembly.settings)
        self.directory.check()
        asyncio.run(_opened_and_closed(self.assembly.checked()))
        self.binder.claim(self.assembly.settings.server.listen)

    def _open_once(self) -> None:
        """Open and close everything, so that what is wrong with it is told before there are several processes to."""
        asyncio.run(_opened_and_closed(self.assembly.opened()))

    def _work(self, listener: socket.socket, lines: LogLines, orders: Orders) -> None:
        try:
            self.serving.run(nullcontext(listener), orders)
        finally:
            lines.flush()

    @contextmanager
    def _listening(self, log_path: Path | None, announce: Announce) -> Iterator[socket.socket]:
        make_default_socket_directory(self.assembly.settings)
        listener = self.binder.listen(self.assembly.settings.server.listen)
        try:
            self.directory.publish(self._record(log_path))
            announce(listener.address)
            log.info(
                "started: version %s, pid %d, on %s, store %s, %d workers",
                __version__,
                os.getpid(),
                listener.address,
                self.assembly.store_name,
                self.workers,
            )
            yield listener.socket
        finally:
            listener.close()
            log.info("stopped")

    def _record(self, log_path: Path | None) -> ServerRecord:
        return ServerRecord(
            pid=os.getpid(),
            bind=bind_of(self.assembly.settings.server.listen),
            log_path=str(log_path) if log_path is not None else None,
            started_at=self.assembly.clock.now().replace(microsecond=0),
            flags=_recorded(self.flags),
        )


def make_default_socket_directory(settings: Settings) -> None:
    """Create the home if the socket is to be there; any other directory must exist. Raises `StartupError`."""
    listen = settings.server.listen
    if isinstance(listen, UnixListen) and listen.path.parent == settings.home:
        try:
            make_private_directory(settings.home)
        except OSError as error:
            message = f"cannot be created: {error.strerror}"
            raise StartupError([Problem(path=str(error.filename), message=message)]) from None


async def _opened_and_closed(opening: AbstractAsyncContextManager[object]) -> None:
    async with opening:
        pass


def _recorded(flags: Overrides) -> Flags | None:
    recorded = Flags(bind=flags.listen is not None, web=flags.web_enabled, workers=flags.workers)
    return None if recorded == Flags() else recorded
