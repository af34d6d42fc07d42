"""Connections to the server: a bounded pool, one command at a time on each, and what may be tried again.

A connection that is refused is tried again with a growing pause, whatever is asked: nothing has been sent yet. A
question whose connection breaks is asked once more. A write is not, as nobody knows whether it took effect. Nothing is
tried again after a timeout: whoever asks has waited long enough.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, Protocol

from redis.asyncio import BlockingConnectionPool, Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import NoScriptError

from fabro_store_redis.faults import DRIVER_FAULTS, has_waited, unavailable
from fabro_store_redis.scripts import Script
from fabro_store_redis.settings import RedisSettings, parse_address

PAUSES_SECONDS: Final = (0.05, 0.1, 0.2)
"""Before each further attempt to connect."""

Word = str | bytes | int
"""A part of a command."""


class Link(Protocol):
    """What is used of the driver's connections, some of whose methods have no types."""

    async def connect(self) -> object: ...
    async def disconnect(self, nowait: bool = ...) -> object: ...
    async def send_command(self, *command: Word) -> object: ...
    async def read_response(self, *, disconnect_on_error: bool = ...) -> Any: ...


class _Pool(Protocol):
    async def get_connection(self) -> Link: ...
    async def release(self, connection: Any, /) -> object: ...
    async def aclose(self) -> object: ...


class Connections:
    """The pool of one store. Lives on one event loop; `close` ends it for good."""

    def __init__(self, settings: RedisSettings) -> None:
        kind, arguments = _dial(settings)
        self._pool: _Pool = BlockingConnectionPool(
            connection_class=kind,
            max_connections=settings.max_connections,
            timeout=settings.timeout_seconds,
            **arguments,
        )
        self._kind = kind
        self._arguments = arguments

    def another(self) -> Link:
        """A connection outside the pool, not yet made; the caller disconnects it."""
        return self._kind(**self._arguments)

    async def ask(self, *command: Word) -> Any:
        """The answer to a command that changes nothing. Raises `StoreUnavailable`."""
        return await _twice(partial(self._exchange, command))

    async def tell(self, *command: Word) -> Any:
        """The answer to a command that may write. Raises `StoreUnavailable`; the write may have taken effect then."""
        return await _once(partial(self._exchange, command))

    async def read(self, script: Script, prefix: str, *arguments: Word) -> Any:
        """What a script answers that changes nothing. Raises `StoreUnavailable`."""
        return await _twice(partial(self._run, script, prefix, arguments))

    async def write(self, script: Script, prefix: str, *arguments: Word) -> Any:
        """What a script answers that writes. Raises `StoreUnavailable`; the write may have taken effect then."""
        return await _once(partial(self._run, script, prefix, arguments))

    async def close(self) -> None:
        """Close all connections, without asking the server."""
        await self._pool.aclose()

    async def _run(self, script: Script, prefix: str, arguments: tuple[Word, ...]) -> Any:
        try:
            return await self._exchange(("EVALSHA", script.sha1, 1, prefix, *arguments))
        except NoScriptError:
            # The server was restarted or its scripts were flushed. Nothing has run, so a write may be sent again.
            return await self._exchange(("EVAL", script.source, 1, prefix, *arguments))

    async def _exchange(self, command: tuple[Word, ...]) -> Any:
        connection = await self._connected()
        try:
            await connection.send_command(*command)
            return await connection.read_response()
        finally:
            # After a fault or a cancellation the driver has closed the connection, so no late answer can be taken for
            # that of the next command.
            await self._pool.release(connection)

    async def _connected(self) -> Link:
        for pause_seconds in PAUSES_SECONDS:
            try:
                return await self._pool.get_connection()
            except LostConnection as fault:
                if has_waited(fault):
                    raise
            await asyncio.sleep(pause_seconds)
        return await self._pool.get_connection()


async def _once(attempt: Callable[[], Awaitable[Any]]) -> Any:
    try:
        return await attempt()
    except DRIVER_FAULTS as fault:
        raise unavailable() from fault


async def _twice(attempt: Callable[[], Awaitable[Any]]) -> Any:
    try:
        return await attempt()
    except DRIVER_FAULTS as fault:
        if not isinstance(fault, LostConnection) or has_waited(fault):
            raise unavailable() from fault
    return await _once(attempt)


def _dial(settings: RedisSettings) -> tuple[type[AbstractConnection], dict[str, Any]]:
    address = parse_address(settings.url)
    arguments: dict[str, Any] = {
        "db": address.database,
        "username": address.username,
        "password": settings.password.reveal() if settings.password else None,
        "socket_timeout": settings.timeout_seconds,
        "socket_connect_timeout": settings.timeout_seconds,
        "retry": Retry(NoBackoff(), 0),  # the driver's own does not tell a refused connection from a hanging server
        "protocol": 2,
    }
    if address.socket is not None:
        return UnixDomainSocketConnection, arguments | {"path": address.socket}
    arguments |= {"host": address.host, "port": address.port, "socket_keepalive": True}
    if not address.tls:
        return Connection, arguments
    trust = {"ssl_ca_certs": str(settings.ca_file)} if settings.ca_file else {}
    return SSLConnection, arguments | {
        "ssl_cert_reqs": "required",
        "ssl_check_hostname": True,
        "ssl_min_version": ssl.TLSVersion.TLSv1_2,
        **trust,
    }
