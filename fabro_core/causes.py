"""What an operator is told of a store that fails: its author's message and the kinds of what caused it, and no secret.

The words of a driver stay out: they may quote an address with a password, or a statement with what somebody wrote.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from errno import errorcode
from pathlib import PurePath
from typing import Final

from fabro_core.errors import StoreError, StoreUnavailable

UNSAID: Final = "It does not say why."
"""Of an error that was raised without a message."""

MOST_CHARS: Final = 2_000
"""Of a message."""

_FRAMES: Final = 3
"""Of those that lead to an exception that no store may raise, the innermost first."""

_CREDENTIALS: Final = re.compile(
    r"(?<=://)[^\s/?#@]+(?=@)|(?<=password=)[^\s;&]+|(?<=passwd=)[^\s;&]+|(?<=pwd=)[^\s;&]+", re.IGNORECASE
)
"""Whom a URL or a connection string names, and by which password."""


def told(fault: StoreError) -> str:
    """The message, without credentials that it may repeat, and the kinds of what it was raised from."""
    message = _CREDENTIALS.sub("…", str(fault)[:MOST_CHARS]) or UNSAID
    causes = ", ".join(dict.fromkeys(_kinds_of_causes(fault)))
    return f"{message} Cause: {causes}." if causes else message


class BrokenPromise(StoreUnavailable):
    """The store has raised what no store may; the message says where."""


@contextmanager
def errors_of_stores() -> Iterator[None]:
    """Whatever a store raises in the context that no store may becomes `BrokenPromise`."""
    try:
        yield
    except StoreError:
        raise
    except Exception as error:
        frames = reversed(traceback.extract_tb(error.__traceback__)[-_FRAMES:])
        where = ", ".join(f"{PurePath(frame.filename).name}:{frame.lineno} in {frame.name}" for frame in frames)
        raise BrokenPromise(f"It breaks its promise to raise nothing but StoreUnavailable: {where}.") from error


def _kinds_of_causes(error: BaseException) -> Iterator[str]:
    """The types of the exceptions that an error was raised from, with the system's names of their numbers."""
    seen = {id(error)}
    while (cause := error.__cause__) is not None and id(cause) not in seen:
        seen.add(id(cause))
        number = cause.errno if isinstance(cause, OSError) else None
        name = None if number is None else errorcode.get(number)
        yield type(cause).__name__ if name is None else f"{type(cause).__name__} {name}"
        error = cause
