"""Why a server cannot answer, in words for operators that repeat none of the driver's."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from errno import errorcode
from typing import Final

from asyncpg import exceptions as pg

_BY_KIND: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (pg.TooManyConnectionsError, "it takes no more connections; raise its max_connections, or lower ours"),
    (pg.DiskFullError, "its disk is full"),
    (pg.OutOfMemoryError, "it has no memory left"),
    (pg.ReadOnlySQLTransactionError, "it is read-only or a standby, and takes no writes"),
    (pg.TargetServerAttributeNotMatched, "it is read-only or a standby, and takes no writes"),
    (pg.CannotConnectNowError, "it is starting or stopping"),
    (pg.AdminShutdownError, "it is stopping"),
    (pg.CrashShutdownError, "it has crashed"),
    (pg.QueryCanceledError, "it has not finished in time"),
    (pg.LockNotAvailableError, "others have been writing for too long"),
    (pg.DeadlockDetectedError, "others were writing the same"),
    (pg.IdleInTransactionSessionTimeoutError, "it has waited for us too long"),
    (pg.ProgramLimitExceededError, "a text is too long for an index"),
    (pg.InsufficientPrivilegeError, "its user lacks permissions"),
    (pg.InvalidAuthorizationSpecificationError, "it refuses the credentials"),
    (pg.InvalidCatalogNameError, "it has no database of this name"),
    (pg.UndefinedTableError, "the tables are gone"),
    (socket.gaierror, "the host is unknown"),
    (ssl.SSLCertVerificationError, "its certificate is not trusted"),
    (ssl.SSLError, "TLS fails"),
    (ConnectionRefusedError, "the connection is refused"),
    (FileNotFoundError, "there is no such socket"),
    (PermissionError, "the socket may not be used"),
    (asyncio.TimeoutError, "there is no answer in time"),
    (pg.PostgresConnectionError, "the connection is lost"),
    (pg.InterfaceError, "the connection is lost"),
)
"""The first that a fault is, or was caused by, counts."""


def cause_of(fault: BaseException | None) -> str:
    """The cause of a fault of the driver, in a few words; nothing in them comes from the driver or the server."""
    faults = tuple(chain(fault))
    for kind, words in _BY_KIND:
        if any(isinstance(each, kind) for each in faults):
            return words
    for each in faults:
        if type(each) is ConnectionError:  # what the driver says while TLS is agreed on
            return "it does not speak TLS, or has ended the connection"
        if isinstance(each, pg.PostgresError):
            return f"it refuses what it is asked ({each.sqlstate})"
        if isinstance(each, OSError) and each.errno is not None:
            return f"the connection fails ({errorcode.get(each.errno, each.errno)})"
    return "the connection is lost"


def chain(fault: BaseException | None) -> Iterator[BaseException]:
    """The fault and what caused it."""
    while fault is not None:
        yield fault
        fault = fault.__cause__ or fault.__context__
