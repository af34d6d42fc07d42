"""How many runs there are in each bucket: in all, of each parent, with each facet. Kept, never counted.

Every write that creates, moves or deletes a run adjusts the numbers in its own transaction, so they belong to the
same snapshot as the rows.
"""

from __future__ import annotations

import sqlite3

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert

from fabro_core.store import Filed, recounted, scope_of_parent
from fabro_store_sqlite.compiling import sql
from fabro_store_sqlite.schema import RUN_COUNTS
from fabro_store_sqlite.writer import Transaction

_C = RUN_COUNTS.c
_READ = sql(select(_C.bucket, _C.n).where(_C.scope == bindparam("scope")))
_upsert = insert(RUN_COUNTS).values(scope=bindparam("scope"), bucket=bindparam("bucket"), n=bindparam("n"))
_ADD = sql(_upsert.on_conflict_do_update(index_elements=[_C.scope, _C.bucket], set_={"n": _C.n + _upsert.excluded.n}))
_FORGET_ZERO = sql(
    delete(RUN_COUNTS).where(_C.scope == bindparam("scope"), _C.bucket == bindparam("bucket"), _C.n == 0)
)


def counts(connection: sqlite3.Connection, scope: str) -> list[tuple[int, int]]:
    """(bucket, number of runs) for every bucket of the scope that is not empty."""
    return connection.execute(_READ, {"scope": scope}).fetchall()


def children_of(transaction: Transaction, run_id: str) -> int:
    """How many stored runs name this one as their parent."""
    rows = transaction.execute(_READ, {"scope": scope_of_parent(run_id)}).fetchall()
    return sum(n for _, n in rows)


def recount(transaction: Transaction, before: Filed | None, after: Filed | None) -> None:
    """Count a run where it is now and no longer where it was; None: it did not, or does not, exist."""
    changed = [
        (n, {"scope": scope, "bucket": bucket, "n": n}) for (scope, bucket), n in recounted(before, after).items()
    ]
    transaction.executemany(_ADD, [binds for _, binds in changed])
    transaction.executemany(_FORGET_ZERO, [binds for n, binds in changed if n < 0])
