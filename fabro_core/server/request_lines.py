"""The access log of a process that serves: the lines that its formatters would make of records, without the records.

To make a record, hand it on, and look through all its values for what has to be escaped takes longer than many a
request. Here a line is made when it is written, and what comes again and again, as who asks, is remembered as it looks.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import lru_cache, partial
from json.encoder import encode_basestring_ascii as quoted
from time import time
from typing import Any, Final, NamedTuple

from fabro_core.config.model import LogFormat
from fabro_core.http.access import MESSAGE, Asker, asker_of, client_of, latency_ms, level_of, log, shown_path
from fabro_core.http.trace import Trace
from fabro_core.server.log_lines import LogLines
from fabro_core.server.logs import instant, shown

_remembered: Final = lru_cache(maxsize=1024)


class RequestLines:
    """Writes a line a request (server.md S26); one that tells of a failure at once."""

    def __init__(self, lines: LogLines, form: LogFormat) -> None:
        self._lines = lines
        self._line_of = _FORMS[form]

    def __call__(self, scope: Mapping[str, Any], trace: Trace, status: int, began: float) -> None:
        """`began` is what `perf_counter` said when the request came."""
        level = level_of(scope, status)
        if not log.isEnabledFor(level):
            return
        told = _Told(
            level, time(), scope["method"], shown_path(scope), status, latency_ms(began), client_of(scope), trace
        )
        write = self._lines.write_soon if level < logging.ERROR else self._lines.write_now
        write(partial(self._line_of, told))


class _Told(NamedTuple):
    """What a line tells of a request that is over."""

    level: int
    at: float
    method: str
    path: str
    status: int
    latency_ms: float
    client: str
    trace: Trace


def _text(told: _Told) -> str:
    """What `TextFormatter` would make of it."""
    level, at, method, path, status, latency, client, trace = told
    return (
        f"{instant(at)} {_LEVELS[level]} {log.name} {MESSAGE} method={_shown(method)} path={_shown(path)} "
        f"status={status} latency_ms={latency} request_id={trace.request_id} client={_shown(client)}"
        f"{_asker_as_text(asker_of(trace))}"
    )


def _json(told: _Told) -> str:
    """What `JsonFormatter` would make of it."""
    level, at, method, path, status, latency, client, trace = told
    return (
        f'{{"method": {quoted(method)}, "path": {quoted(path)}, "status": {status}, "latency_ms": {latency}, '
        f'"request_id": "{trace.request_id}", "client": {quoted(client)}, {_asker_as_json(asker_of(trace))}, '
        f'"ts": "{instant(at)}", "level": "{_LEVELS[level].lower()}", "logger": "{log.name}", "message": "{MESSAGE}"}}'
    )


_FORMS: Final = {"text": _text, "json": _json}
_LEVELS: Final = {level: logging.getLevelName(level) for level in (logging.DEBUG, logging.INFO, logging.ERROR)}

_shown: Final = _remembered(shown)


@_remembered
def _asker_as_text(asker: Asker) -> str:
    return "".join([f" {name}={shown(value)}" for name, value in asker.fields().items()])


@_remembered
def _asker_as_json(asker: Asker) -> str:
    return ", ".join([f'"{name}": {quoted(value)}' for name, value in asker.fields().items()])
