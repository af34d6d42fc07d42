"""Why the server cannot run although its configuration is right (server.md S18, exit code 1)."""

from __future__ import annotations

from fabro_core.errors import FabroError


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
