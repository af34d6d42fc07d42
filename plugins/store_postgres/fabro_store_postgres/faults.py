"""What a fault of the driver means to whoever asked. The driver's own words, and the server's, stay in the cause."""

from __future__ import annotations

import asyncio
import ssl
from typing import Final

from asyncpg import exceptions as pg

from fabro_core.store import StoreError, StoreMisconfigured, StoreUnavailable
from fabro_store_postgres.causes import cause_of, chain
from fabro_store_postgres.settings import CREDENTIAL_VARIABLE

DRIVER_FAULTS: Final = (pg.PostgresError, pg.InterfaceError, pg.InternalClientError, OSError, asyncio.TimeoutError)

_LOST: Final = (
    pg.PostgresConnectionError,
    pg.InterfaceError,
    pg.InternalClientError,  # what the driver makes of the server's last words on a connection that nobody used
    pg.AdminShutdownError,
    pg.CrashShutdownError,
    pg.IdleInTransactionSessionTimeoutError,
    ConnectionError,
)


class NoPrimary(pg.InterfaceError):
    """Nobody who takes writes is where the primary should be, which may pass: a standby is being promoted."""


def is_lost(fault: BaseException) -> bool:
    """Whether the connection was lost, so that what was sent on it has not been answered; a timeout is no such loss."""
    return isinstance(fault, _LOST) and not isinstance(fault, pg.DataError | NoPrimary)


def concerns_one_write(fault: BaseException | None) -> bool:
    """Whether the fault may lie in what was asked, rather than in the state of the server."""
    if isinstance(fault, pg.DataError):  # what the driver itself cannot send
        return True
    return isinstance(fault, pg.PostgresError) and (fault.sqlstate or "")[:2] in _CLASSES_OF_ONE_WRITE


_CLASSES_OF_ONE_WRITE: Final = frozenset({"21", "22", "23", "42", "54"})
"""Cardinality, data, integrity, syntax, and limits of the program, such as the length of an index entry."""


def is_read_only(fault: BaseException) -> bool:
    """Whether the server takes no writes any more."""
    return isinstance(fault, pg.ReadOnlySQLTransactionError)


def unavailable(server: str, fault: BaseException | None) -> StoreUnavailable:
    """The error for a running store; `server` is its address. Raise it `from` the driver's fault."""
    return StoreUnavailable(f"The PostgreSQL server at {server} cannot answer: {cause_of(fault)}.")


def cannot_open(server: str, fault: BaseException | None) -> StoreError:
    """The error for a store that is being opened; raise it `from` the driver's fault."""
    faults = tuple(chain(fault))
    for kind, words in _FOR_OPERATORS:
        if any(isinstance(each, kind) for each in faults):
            return StoreMisconfigured(f"The PostgreSQL server at {server} {words}.")
    return unavailable(server, fault)


_FOR_OPERATORS: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (
        pg.InvalidAuthorizationSpecificationError,
        f"refuses the credentials; check the name in the URL and set {CREDENTIAL_VARIABLE}",
    ),
    (pg.InvalidCatalogNameError, "has no database of this name; make it, or correct the URL"),
    (
        pg.InsufficientPrivilegeError,
        "does not let its user do what is needed; grant it CREATE on the database, or make it the owner of the schema",
    ),
    (NoPrimary, "is a standby and takes no writes; name the primary in the URL"),
    (
        ssl.SSLCertVerificationError,
        "has a certificate that is not trusted; check the host in the URL, and name its authority in "
        "server.store.postgres.ca_file",
    ),
    (ssl.SSLError, "fails at TLS; check server.store.postgres.sslmode and the certificates"),
)
"""The first that a fault is, or was caused by, counts."""
