"""Change numbers: the order of the events of all runs, given by whoever writes while it has the database's write lock.

The newest one is that of the newest event. Only a deletion could take it away, and notes it before it does: no number
is given twice, and no append has to keep a count.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from sqlalchemy import bindparam, func, select, update

from fabro_store_sqlite.compiling import sql
from fabro_store_sqlite.schema import DELETED_CHANGES, EVENTS

_E = EVENTS.c
_newest_event = select(func.max(_E.change_no)).where(_E.change_no.is_not(None)).scalar_subquery()
_newest_deleted = select(DELETED_CHANGES.c.newest).scalar_subquery()
NEWEST_CHANGE: Final = func.max(_newest_deleted, func.coalesce(_newest_event, _newest_deleted))
"""The newest number that was ever given; 0: none."""
_NEWEST: Final = sql(select(NEWEST_CHANGE))
_KEEP: Final = sql(update(DELETED_CHANGES).values(newest=bindparam("newest_")))


def newest_change(connection: sqlite3.Connection) -> int:
    """The newest number that was ever given; 0: none."""
    (number,) = connection.execute(_NEWEST).fetchone()
    return int(number)


def keep_newest_change(connection: sqlite3.Connection) -> None:
    """Call it before events are deleted."""
    connection.execute(_KEEP, {"newest_": newest_change(connection)})
