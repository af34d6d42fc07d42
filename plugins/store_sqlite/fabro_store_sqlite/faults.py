"""What a fault of the SQLite driver means to whoever asked. The driver's own words stay in the exception's cause."""

from __future__ import annotations

import sqlite3
from errno import errorcode
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from fabro_core.store import StoreError, StoreMisconfigured, StoreUnavailable

DRIVER_FAULTS = (sqlite3.Error, sqlite3.Warning, SQLAlchemyError, OSError)

_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})

READ_ONLY = "is read-only; give the server's user write permission to it and to its directory"

_OPERATOR_FAULTS = {
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; check that it is a file and that its directory is writable",
    sqlite3.SQLITE_PERM: "cannot be opened; give the server's user read and write permission",
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_NOTADB: "is not an SQLite database; move it away or set another path",
    sqlite3.SQLITE_CORRUPT: "is damaged; restore it from a backup",
}

_RUNNING_FAULTS = {
    sqlite3.SQLITE_BUSY: "is locked by another process",
    sqlite3.SQLITE_LOCKED: "is locked by another process",
    sqlite3.SQLITE_FULL: "cannot grow, as its disk is full",
}

_OF_ONE_STATEMENT = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError)

_PRIMARY_CODE = 0xFF


def is_lock(fault: BaseException) -> bool:
    """Whether waiting may help: another connection holds the lock."""
    return _code(fault) in _LOCKED


def concerns_one_statement(fault: Exception) -> bool:
    """Whether the fault lies in what was asked, not in the state of the database."""
    return isinstance(fault, _OF_ONE_STATEMENT) or not isinstance(fault, (*DRIVER_FAULTS, StoreUnavailable))


def unavailable(path: Path, fault: BaseException) -> StoreUnavailable:
    """The error for a running store; raise it `from fault`."""
    return StoreUnavailable(f"The database {path} {_cause(fault)}.")


def cannot_open(path: Path, fault: BaseException) -> StoreError:
    """The error for a store that is being opened; raise it `from fault`."""
    reason = _OPERATOR_FAULTS.get(_code(fault))
    if reason is None:
        return unavailable(path, fault)
    return StoreMisconfigured(f"The database {path} {reason}.")


def _cause(fault: BaseException) -> str:
    known = _RUNNING_FAULTS.get(_code(fault)) or _OPERATOR_FAULTS.get(_code(fault))
    if known is not None:
        return known
    if isinstance(fault, OSError) and fault.errno is not None:
        return f"cannot be used ({errorcode.get(fault.errno, fault.errno)})"
    return f"cannot answer ({getattr(fault, 'sqlite_errorname', type(fault).__name__)})"


def _code(fault: BaseException) -> int:
    # SQLite keeps a finer code in the upper bits, such as SQLITE_READONLY_DIRECTORY.
    return getattr(fault, "sqlite_errorcode", 0) & _PRIMARY_CODE
