"""One connection of the driver: the little that is used of it, and one kind of fault when it is lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from redis.exceptions import ConnectionError as LostConnection

from fabro_store_redis.faults import DRIVER_FAULTS

Word = str | bytes | int
"""A part of a command."""

Command = tuple[Word, ...]


class Driver(Protocol):
    """What is used of the driver's connections, some of whose methods have no types."""

    async def connect(self) -> object: ...
    async def disconnect(self, nowait: bool = ...) -> object: ...
    async def send_packed_command(self, command: Any) -> object: ...
    async def read_response(self, *, disconnect_on_error: bool = ...) -> Any: ...
    async def can_read(self) -> bool: ...
    def pack_commands(self, commands: Iterable[Iterable[Any]]) -> Any: ...


class Link:
    """A connection to one server. `connect`, `send`, `answer` and `message` raise faults of the driver."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    async def connect(self) -> None:
        """Dial, and greet as the settings say."""
        with _lost_when_closed():
            await self._driver.connect()

    async def send(self, *commands: Command) -> None:
        """Send the commands in one piece."""
        packed = self._driver.pack_commands(commands)
        try:
            with _lost_when_closed():
                await self._driver.send_packed_command(packed)
        except (AttributeError, TypeError) as error:  # asyncio from Python 3.12 on, see CPython issue 136234
            raise LostConnection("The connection is closed.") from error

    async def answer(self) -> Any:
        """The answer to the oldest command that has none yet; a refusal is raised."""
        with _lost_when_closed():
            return await self._driver.read_response()

    async def message(self) -> Any:
        """The next message of a channel. The connection is kept when none comes in time."""
        with _lost_when_closed():
            return await self._driver.read_response(disconnect_on_error=False)

    async def has_ended(self) -> bool:
        """Whether the server has closed the connection, or said something that nobody asked for."""
        try:
            with _lost_when_closed():
                return await self._driver.can_read()
        except DRIVER_FAULTS:
            return True

    async def close(self) -> None:
        """Close the connection without a word."""
        await self._driver.disconnect(nowait=True)


@contextmanager
def _lost_when_closed() -> Iterator[None]:
    """uvloop has an error of its own for a connection that was reset a moment ago, which the driver lets through."""
    try:
        yield
    except RuntimeError as error:
        raise LostConnection("The connection is closed.") from error
