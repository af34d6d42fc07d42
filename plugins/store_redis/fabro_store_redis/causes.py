"""Why a server cannot answer, in words for operators that repeat none of the driver's."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from errno import errorcode
from typing import Final

from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import TimeoutError as NoAnswer

_BY_KIND: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (OutOfMemoryError, "it has no memory left; raise maxmemory, or delete runs"),
    (BusyLoadingError, "it is still loading its data"),
    (ReadOnlyError, "it is a replica and takes no writes"),
    (NoPermissionError, "its user lacks permissions"),
    (AuthenticationError, "it refuses the credentials"),
    (AuthorizationError, "it refuses the credentials"),
    (socket.gaierror, "the host is unknown"),
    (ssl.SSLCertVerificationError, "its certificate is not trusted"),
    (ssl.SSLError, "TLS fails; check that the port speaks it"),
    (ConnectionRefusedError, "the connection is refused"),
    (FileNotFoundError, "there is no such socket"),
    (PermissionError, "the socket may not be used"),
    (NoAnswer, "there is no answer in time"),
    (asyncio.TimeoutError, "there is no answer in time"),
)
"""The first that a fault is, or was caused by, counts."""

_BY_BEGINNING: Final = (
    ("max number of clients", "it takes no more connections; raise maxclients"),
    ("MISCONF", "it refuses writes, as it cannot save them to its disk"),
    ("NOREPLICAS", "it refuses writes, as too few replicas are connected"),
    ("MASTERDOWN", "it is a replica and takes no writes"),
    ("CLUSTERDOWN", "its cluster is down"),
    ("BUSY", "a script keeps it busy"),
    ("DB index is out of range", "it has no database of this number"),
    ("invalid DB index", "it has no database of this number"),
)
"""What answers of the server start with that the driver knows no class for."""


def cause_of(fault: BaseException | None) -> str:
    """The cause of a fault of the driver, in a few words; nothing in them comes from the driver or the server."""
    faults = tuple(chain(fault))
    for kind, words in _BY_KIND:
        if any(isinstance(each, kind) for each in faults):
            return words
    told = [str(each) for each in faults if isinstance(each, RedisError)]
    for beginning, words in _BY_BEGINNING:
        if any(each.startswith(beginning) for each in told):
            return words
    if any(isinstance(each, ResponseError) for each in faults):
        return "it refuses what it is asked"
    for each in faults:
        if isinstance(each, OSError) and each.errno is not None:
            return f"the connection fails ({errorcode.get(each.errno, each.errno)})"
    if any(isinstance(each, LostConnection) for each in faults):
        return "the connection is lost"
    return "it takes no writes now"


def chain(fault: BaseException | None) -> Iterator[BaseException]:
    """The fault and what caused it: the driver reports a refused connection as a lost one."""
    while fault is not None:
        yield fault
        fault = fault.__cause__ or fault.__context__
