"""Faults of a plugin, attributed: whatever it raises becomes a problem, or a log line, that names the plugin."""

from __future__ import annotations

import logging
import traceback
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType

from fabro_core.context import Problem
from fabro_core.errors import StartupError

log = logging.getLogger("fabro.plugins")


class Attribution:
    """Turns whatever a plugin raises at start-up into a problem with the traceback.

    A `StartupError` carries problems that the plugin has worded itself. `SystemExit` is included: a plugin must not
    end the process without the report.
    """

    def __init__(self, path: str, action: str, problems: list[Problem]) -> None:
        """`path` and `action` begin the problem, as in `github (…): fabro_auth_method failed`."""
        self._path = path
        self._action = action
        self._problems = problems

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        match error:
            case StartupError():
                self._problems += error.problems
            case Exception() | SystemExit():
                cause = "".join(traceback.format_exception_only(error)).strip()
                full = "".join(traceback.format_exception(error))
                self._problems.append(Problem(path=self._path, message=f"{self._action}: {cause}", trace=full))
            case _:
                return False
        return True


@asynccontextmanager
async def closing_logged(name: str, lifespan: AbstractAsyncContextManager[None]) -> AsyncIterator[None]:
    """Enter a lifespan; when leaving it fails, log that with the name and go on (server.md S23)."""
    await lifespan.__aenter__()
    try:
        yield
    finally:
        try:
            await lifespan.__aexit__(None, None, None)
        except Exception:
            log.exception("closing %s failed", name)
