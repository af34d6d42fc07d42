"""The log of a server process: one line a record, as text or JSON (server.md S26).

Only the process that serves calls this; an embedding program keeps its own logging. A record may carry fields in its
attribute `fabro`, a dict.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, TextIO

from fabro_core.config.model import LogFormat, Logging, LogLevel
from fabro_core.server.log_lines import LogLines
from fabro_core.unseen import escaped

LOGGER: Final = "fabro"


def configure_logging(settings: Logging, stream: TextIO) -> LogLines:
    """Send every logger of this process to `stream`: ours from the given level, those of libraries from WARNING.

    Returns where they are written.
    """
    # Nothing here shows a record's thread, process or task; collecting them costs a tenth of the access log.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = LogLines(stream)
    handler.setFormatter(_FORMATTERS[settings.format]())
    root = logging.getLogger()
    for previous in root.handlers[:]:
        root.removeHandler(previous)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    set_level(settings.level)
    return handler


def set_level(level: LogLevel) -> None:
    """Change the level of our own loggers."""
    logging.getLogger(LOGGER).setLevel(level.upper())


class TextFormatter(logging.Formatter):
    """`2026-08-01T10:00:00.000Z INFO fabro.access request method=GET …`; a traceback follows on lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text, without a line feed at the end."""
        fields = _all_shown(_fields(record))
        line = f"{instant(record.created)} {record.levelname} {record.name} {escaped(record.getMessage())}{fields}"
        return "\n".join([line, *_rows(_trace(record))])


class PlainFormatter(logging.Formatter):
    """The message alone, for a person at a terminal; a traceback follows."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text, without a line feed at the end."""
        return "\n".join([escaped(record.getMessage()), *_rows(_trace(record))])


class JsonFormatter(logging.Formatter):
    """One JSON object a line, the fields beside `ts`, `level`, `logger` and `message`."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON; a traceback is its member `exception`."""
        trace = _trace(record)
        document = {
            **_fields(record),
            "ts": instant(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **({"exception": trace} if trace is not None else {}),
        }
        return json.dumps(document, default=str)


_FORMATTERS: Final[dict[LogFormat, type[logging.Formatter]]] = {"text": TextFormatter, "json": JsonFormatter}


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields = getattr(record, "fabro", None)
    return fields if isinstance(fields, dict) else {}


def instant(epoch_seconds: float) -> str:
    """An instant as lines begin with it."""
    whole = int(epoch_seconds)
    return f"{_second(whole)}.{int((epoch_seconds - whole) * 1000):03d}Z"


@lru_cache(maxsize=2)
def _second(epoch_seconds: int) -> str:
    return datetime.fromtimestamp(epoch_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _trace(record: logging.LogRecord) -> str | None:
    return logging.Formatter().formatException(record.exc_info) if record.exc_info and record.exc_info[0] else None


def _rows(trace: str | None) -> Iterator[str]:
    return (f"  {escaped(row)}" for row in (trace.split("\n") if trace is not None else ()))


_PLAIN: Final = re.compile(r"[\w./:@+-]+", re.ASCII)
_ALL_PLAIN: Final = re.compile(r"[\w./:@+-]+(?:\n[\w./:@+-]+)*", re.ASCII)
_NEEDS_QUOTES: Final = re.compile(r'[\s"=]')


def _all_shown(fields: dict[str, Any]) -> str:
    """` name=value` for each field. In nearly every line all values are plain, which is found out for all at once."""
    values = [str(value) for value in fields.values()]
    joined = "\n".join(values)
    if joined.count("\n") >= len(values) or _ALL_PLAIN.fullmatch(joined) is None:
        values = [shown(value) for value in values]
    return "".join([f" {name}={value}" for name, value in zip(fields, values, strict=True)])


def shown(text: str) -> str:
    """A value as a line of text has it: in quotes when it could be taken for several, without unseen characters."""
    if _PLAIN.fullmatch(text):
        return text
    text = escaped(text)
    return json.dumps(text, ensure_ascii=False) if text == "" or _NEEDS_QUOTES.search(text) else text
