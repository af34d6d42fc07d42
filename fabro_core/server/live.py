"""Settings that change while the server runs (server.md S17).

The whole file is judged as at a start; then either every live key of it takes effect, or nothing does. Everything
else waits for a restart, and the log says so once. One value is taken over although no server would start with it: an
empty list of who is let in, after which nobody is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Final

import msgspec

from fabro_core.boot.assembly import Assembly
from fabro_core.config.current import CurrentSettings
from fabro_core.config.live_fields import live_fields
from fabro_core.config.tables import join
from fabro_core.errors import StartupError
from fabro_core.secret import Secret

POLL_SECONDS: Final = 2
"""How often the file is looked at."""

log = logging.getLogger("fabro.settings")

Apply = Callable[[Assembly], None]
"""Takes one setting over from a freshly read assembly."""


class LiveSettings:
    """Follows the settings file of a running server."""

    def __init__(self, started: Assembly, read: Callable[[], Assembly], live: Mapping[str, Apply]) -> None:
        """`read` reads the settings anew, without the demands of a start; `live` maps the path of each live setting to
        what applies it."""
        self._started = started
        self._current = started
        self._read = read
        self._live = live
        self._announced: set[str] = set()
        self._signature = self._file_signature()
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Read the file soon, changed or not."""
        self._asked.set()

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
        source = self._started.settings.source
        try:
            found = source.stat() if source is not None else None
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
        for path in changed_settings(self._current.tables, candidate.tables):
            if path in self._live:
                self._live[path](candidate)
                if path in candidate.empty_allow_lists:
                    log.error("%s is empty: nobody is permitted", path)
                else:
                    log.warning("%s has changed", path)
        self._current = candidate
        waiting = set(changed_settings(self._started.tables, candidate.tables)) - self._live.keys()
        for path in sorted(waiting - self._announced):
            log.warning("%s has changed; it takes effect after a restart", path)
        self._announced |= waiting


def live_plugin_settings(started: Assembly) -> dict[str, Apply]:
    """What applies the fields that plugins have declared live, by path."""
    return {
        join(current.path, field.encode_name): partial(_take_over, current, field.name)
        for current in started.parts.settings
        if (settings := current()) is not None
        for field in live_fields(type(settings))
    }


def _take_over(current: CurrentSettings, field: str, candidate: Assembly) -> None:
    current.take_over(field, candidate.tables[current.path])


def changed_settings(before: Mapping[str, msgspec.Struct], after: Mapping[str, msgspec.Struct]) -> list[str]:
    """The paths of the settings that differ between two readings, sorted. Secrets are not compared."""
    old, new = _leaves(before), _leaves(after)
    return sorted(path for path in old.keys() | new.keys() if old.get(path) != new.get(path))


def _leaves(tables: Mapping[str, msgspec.Struct]) -> dict[str, object]:
    return {
        join(path, field.encode_name): value
        for path, table in tables.items()
        for field in msgspec.structs.fields(table)
        if not isinstance(value := getattr(table, field.name), msgspec.Struct | Secret)
    }
