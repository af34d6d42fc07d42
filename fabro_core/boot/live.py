"""Settings that change while the server runs (server.md S17).

The whole file is read as a start reads it; then either every live key of it takes effect, or nothing does. Everything
else waits for a restart, and the log says so once. One value is taken over although no server would start with it: an
empty list of who is let in, after which nobody is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, Final

import msgspec

from fabro_core.boot.reading import Reading
from fabro_core.config.current import CurrentSettings
from fabro_core.config.live_fields import live_fields
from fabro_core.config.tables import join
from fabro_core.errors import StartupError
from fabro_core.secret import Secret

POLL_SECONDS: Final = 2
"""How often the file is looked at."""

log = logging.getLogger("fabro.settings")

ReadAgain = Callable[[], Reading]
"""Reads the settings anew; raises `StartupError` for whatever is wrong with them."""

Apply = Callable[[Any], None]
"""Takes the new value of one setting over."""


class LiveSettings:
    """Follows the settings file of a running server."""

    def __init__(self, started: Reading, read: ReadAgain, live: Mapping[str, Apply]) -> None:
        """`started` is what the server was built from, `read` reads it anew; `live` maps the path of each live
        setting to what applies it."""
        self._source = started.source
        self._started = _leaves(started.tables)
        self._current = self._started
        self._read = read
        self._live = live
        self._announced: set[str] = set()
        self._signature = self._file_signature()
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Read the file soon, changed or not."""
        self._asked.set()

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """Follow the file for the length of the context."""
        self._asked = asyncio.Event()  # the last one belongs to the event loop that it was waited for on
        following = asyncio.create_task(self.follow(), name="fabro live settings")
        try:
            yield
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def follow(self) -> None:
        """Follow the file until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._asked.wait()
            signature = self._file_signature()
            if self._asked.is_set() or signature != self._signature:
                self._asked.clear()
                self._signature = signature
                await self._reread()

    def _file_signature(self) -> tuple[int, int, int] | None:
        """Changes whenever the file does; None when there is none."""
        try:
            found = self._source.stat() if self._source is not None else None
        except OSError:
            return None
        return (found.st_ino, found.st_mtime_ns, found.st_size) if found is not None else None

    async def _reread(self) -> None:
        try:
            candidate = await asyncio.to_thread(self._read)
        except StartupError as error:
            for problem in error.problems:
                log.warning("the settings stay as they were: %s", problem.line())
            return
        except Exception:  # or the file would not be followed any more, and nobody would know
            log.exception("the settings stay as they were: reading them failed in a way that it must not")
            return
        fresh = _leaves(candidate.tables)
        live = self._live.keys() & fresh.keys()
        closed = {_table_of(path): path for path in candidate.empty_allow_lists}
        for path in sorted(live & _changed(self._current, fresh)):
            self._live[path](fresh[path])
            if _table_of(path) in closed:
                log.error("%s is empty: nobody is permitted", closed[_table_of(path)])
            else:
                log.warning("%s has changed", path)
        self._current = fresh
        waiting = _changed(self._started, fresh) - live
        for path in sorted(waiting - self._announced):
            log.warning("%s has changed; it takes effect after a restart", path)
        self._announced |= waiting


def live_plugin_settings(settings: Iterable[CurrentSettings]) -> dict[str, Apply]:
    """What applies the fields that plugins have declared live, by path."""
    return {
        join(current.path, field.encode_name): partial(current.take_over, field.name)
        for current in settings
        if (table := current()) is not None
        for field in live_fields(type(table))
    }


def _table_of(path: str) -> str:
    """The path of the table that a setting is in."""
    return path.rpartition(".")[0]


def _changed(before: Mapping[str, object], after: Mapping[str, object]) -> set[str]:
    """The paths of the settings that differ between two readings."""
    return {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}


def _leaves(tables: Mapping[str, msgspec.Struct]) -> dict[str, object]:
    """Every setting by its path. Secrets are not among them: they are read once, at the start."""
    return {
        join(path, field.encode_name): value
        for path, table in tables.items()
        for field in msgspec.structs.fields(table)
        if not isinstance(value := getattr(table, field.name), msgspec.Struct | Secret)
    }
