"""Why the server cannot run, or a command not do what it was asked (server.md S18)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fabro_core.context import Problem
from fabro_core.errors import FabroError, StartupError


class OperationFailed(FabroError):
    """A command cannot do what it was asked; the text is for the operator."""


class AddressUnavailable(OperationFailed):
    """The listener's address belongs to somebody else, or cannot be had (server.md S22)."""


class AlreadyRunning(OperationFailed):
    """Another process holds the lock of the storage root (server.md S20)."""


class NotStarted(OperationFailed):
    """The process that was to serve has ended. It has said why itself, unless the text says it."""

    def __init__(self, exit_code: int, text: str = "") -> None:
        self.exit_code = exit_code
        super().__init__(text)


class NotRunning(OperationFailed):
    """There is no server that could be stopped or asked."""

    def __init__(self) -> None:
        super().__init__("Server is not running")


@contextmanager
def storing(path: Path) -> Iterator[None]:
    """What cannot be written at `path`, below the storage root, is a line of the report. Raises `StartupError`."""
    try:
        yield
    except OSError as error:
        message = f"cannot write {path}: {error.strerror}"
        raise StartupError([Problem(path="server.storage.root", message=message)]) from None


@contextmanager
def looking_at(path: Path) -> Iterator[None]:
    """What cannot be looked at tells nothing. Raises `OperationFailed`."""
    try:
        yield
    except OSError as error:
        raise OperationFailed(f"cannot read {path}: {error.strerror}") from None
