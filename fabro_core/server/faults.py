"""Why the server cannot run although its configuration is right (server.md S18, exit code 1)."""

from __future__ import annotations

from fabro_core.errors import FabroError


class OperationFailed(FabroError):
    """A command cannot do what it was asked; the text is for the operator."""


class AddressUnavailable(OperationFailed):
    """The listener's address belongs to somebody else, or cannot be had (server.md S22)."""


class AlreadyRunning(OperationFailed):
    """Another process holds the lock of the storage root (server.md S20)."""


class NotRunning(OperationFailed):
    """There is no server that could be stopped or asked."""

    def __init__(self) -> None:
        super().__init__("Server is not running")
