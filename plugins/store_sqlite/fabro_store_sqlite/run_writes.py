"""Writing runs: an append with everything that follows from it, and a deletion. One operation each for `writer`."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import BindParameter, bindparam, delete, insert, select, update

from fabro_core.store import AppendBatch, Filed, RunRow, SeqConflict, Wakeup, filed, shelf_of
from fabro_store_sqlite import blobs
from fabro_store_sqlite.changes import keep_newest_change
from fabro_store_sqlite.compiling import sql
from fabro_store_sqlite.event_keys import MAX_SEQ, event_key, event_key_of
from fabro_store_sqlite.run_counts import children_of, recount
from fabro_store_sqlite.schema import EVENT_TAGS, EVENTS, RUN_FACETS, RUNS, SEARCHED, STATES
from fabro_store_sqlite.writer import Transaction

_R = RUNS.c

_INDEXED: Final = (
    "bucket",
    "parent_id",
    "created_ms",
    "begun_ms",
    "elapsed_ms",
    "repo_key",
    "title_key",
    "workflow_key",
    "changes",
    "size",
    "workflow",
)
"""Columns that place a run in lists, less `updated_ms`. The first three are looked at by name: see `_filed`."""

_RENEWED: Final = ("seq", "updated_ms", "body")
"""Columns that every append changes."""

_this_run = _R.run == bindparam("run_")

_FIND = sql(
    select(_R.run, _R.seq, SEARCHED.c.title_text, SEARCHED.c.facets, *(_R[name] for name in _INDEXED))
    .select_from(RUNS.join(SEARCHED, SEARCHED.c.run == _R.run))
    .where(_R.id == bindparam("id"))
)
_INSERT = sql(insert(RUNS).values({name: bindparam(name) for name in ("id", *_RENEWED, *_INDEXED, "children_count")}))
# Two statements, because SQLite rewrites the entries of an index when its columns are *named*, changed or not, and
# most events change nothing that a list sorts by.
_RENEW = sql(update(RUNS).where(_this_run).values({name: bindparam(name) for name in _RENEWED}))
_MOVE = sql(update(RUNS).where(_this_run).values({name: bindparam(name) for name in (*_RENEWED, *_INDEXED)}))
_ADD_CHILD = sql(update(RUNS).where(_R.id == bindparam("id_")).values(children_count=_R.children_count + 1))
_REMOVE_CHILD = sql(update(RUNS).where(_R.id == bindparam("id_")).values(children_count=_R.children_count - 1))
_INSERT_STATE = sql(insert(STATES).values(run=bindparam("run"), state=bindparam("state")))
_RENEW_STATE = sql(update(STATES).where(STATES.c.run == bindparam("run_")).values(state=bindparam("state")))
_INSERT_EVENT = sql(insert(EVENTS).values({column.name: bindparam(column.name) for column in EVENTS.c}))
_INSERT_TAG = sql(insert(EVENT_TAGS).values({column.name: bindparam(column.name) for column in EVENT_TAGS.c}))
_INSERT_SEARCHED = sql(insert(SEARCHED).values({column.name: bindparam(column.name) for column in SEARCHED.c}))
_RENEW_SEARCHED = sql(
    update(SEARCHED)
    .where(SEARCHED.c.run == bindparam("run_"))
    .values(title_text=bindparam("title_text"), facets=bindparam("facets"))
)
_ADD_FACET = sql(insert(RUN_FACETS).values({column.name: bindparam(column.name) for column in RUN_FACETS.c}))
_REMOVE_FACET = sql(
    delete(RUN_FACETS).where(
        *(RUN_FACETS.c[name] == bindparam(name) for name in ("facet", "shelf", "created_ms", "id"))
    )
)
_run: BindParameter[int] = bindparam("run")
_DELETIONS = (
    sql(delete(EVENTS).where(EVENTS.c.event.between(event_key_of(_run, 0), event_key_of(_run, MAX_SEQ)))),
    *(sql(delete(table).where(table.c.run == _run)) for table in (EVENT_TAGS, STATES, SEARCHED, RUNS)),
)
_FACETS = msgspec.json.Decoder(tuple[str, ...])


def _facet_rows(place: Filed | None, run: int) -> dict[str, dict[str, Any]]:
    """The rows of a run in `RUN_FACETS`, by facet."""
    if place is None:
        return {}
    common = {"shelf": shelf_of(place.bucket), "created_ms": place.created_ms, "id": place.id, "run": run}
    return {facet: {"facet": facet, **common} for facet in place.facets}


def append(transaction: Transaction, batch: AppendBatch) -> int:
    """Write the batch and return its last sequence number; `SeqConflict` before anything is written."""
    stored = transaction.execute(_FIND, {"id": batch.run_id}).fetchone()
    newest = 0 if stored is None else stored[1]
    if newest != batch.expected_seq:
        raise SeqConflict(batch.expected_seq, newest)
    change = transaction.next_changes(len(batch.events))
    run = _create(transaction, batch.row) if stored is None else _renew(transaction, batch.row, stored)
    _add_events(transaction, run, change, batch)
    for blob in batch.blobs:
        blobs.put(transaction, blob)
    seq = batch.events[-1].seq
    transaction.wakeups.append(Wakeup(run_id=batch.run_id, seq=seq))
    return seq


def delete_run(transaction: Transaction, run_id: str) -> bool:
    """Remove row, state, events and tags; False when there was no such run."""
    stored = transaction.execute(_FIND, {"id": run_id}).fetchone()
    if stored is None:
        return False
    run, placed = stored[0], _filed(run_id, stored)
    keep_newest_change(transaction.connection)
    for statement in _DELETIONS:
        transaction.execute(statement, {"run": run})
    _refile(transaction, run, placed, None)
    return True


def _create(transaction: Transaction, row: RunRow) -> int:
    indexed = _indexed(row)
    # Children may be older than their parent's row: a deleted run leaves them behind.
    columns = _columns(row, indexed) | {"id": row.id, "children_count": children_of(transaction, row.id)}
    run = transaction.execute(_INSERT, columns).lastrowid
    assert run is not None
    transaction.execute(_INSERT_STATE, {"run": run, "state": row.state})
    transaction.execute(_INSERT_SEARCHED, {"run": run, "title_text": row.title_text, "facets": _facets(row)})
    _refile(transaction, run, None, filed(row))
    return run


def _renew(transaction: Transaction, row: RunRow, stored: tuple[Any, ...]) -> int:
    run: int = stored[0]
    title_text, facets, *before = stored[2:]
    after = _indexed(row)
    statement = _RENEW if tuple(before) == after else _MOVE
    transaction.execute(statement, _columns(row, after) | {"run_": run})
    transaction.execute(_RENEW_STATE, {"run_": run, "state": row.state})
    facets_now = _facets(row)
    if (title_text, facets) != (row.title_text, facets_now):
        columns = {"run_": run, "title_text": row.title_text, "facets": facets_now}
        transaction.execute(_RENEW_SEARCHED, columns)
    if (facets, *before[:3]) != (facets_now, *after[:3]):
        _refile(transaction, run, _filed(row.id, stored), filed(row))
    return run


def _refile(transaction: Transaction, run: int, before: Filed | None, after: Filed | None) -> None:
    """Put a run on the lists of where it is now, and take it off those of where it was; None: nowhere."""
    gone, come = _facet_rows(before, run), _facet_rows(after, run)
    transaction.executemany(_REMOVE_FACET, [row for facet, row in gone.items() if row != come.get(facet)])
    transaction.executemany(_ADD_FACET, [row for facet, row in come.items() if row != gone.get(facet)])
    recount(transaction, before, after)
    parents = (None if each is None else each.parent_id for each in (before, after))
    _adopt(transaction, *parents)


def _adopt(transaction: Transaction, before: str | None, after: str | None) -> None:
    if before == after:
        return
    if before is not None:
        transaction.execute(_REMOVE_CHILD, {"id_": before})
    if after is not None:
        transaction.execute(_ADD_CHILD, {"id_": after})


def _add_events(transaction: Transaction, run: int, change: int, batch: AppendBatch) -> None:
    """`change` is the number of the batch's last event."""
    first_change = change - len(batch.events) + 1
    transaction.executemany(
        _INSERT_EVENT,
        [
            {
                "event": event_key(run, event.seq),
                "kind": event.kind,
                "tags": msgspec.json.encode(event.tags).decode() if event.tags else None,
                "body": event.body,
                "change_no": number,
            }
            for number, event in enumerate(batch.events, start=first_change)
        ],
    )
    tags = [{"run": run, "tag": tag, "seq": event.seq} for event in batch.events for tag in set(event.tags)]
    if tags:
        transaction.executemany(_INSERT_TAG, tags)


def _indexed(row: RunRow) -> tuple[Any, ...]:
    """The values of `_INDEXED`."""
    return (
        int(row.bucket),
        row.parent_id,
        row.created_ms,
        row.begun_ms,
        row.elapsed_ms,
        row.repo_key,
        row.title_key,
        row.workflow_key,
        row.changes,
        row.size,
        msgspec.json.encode((row.workflow_slug, row.workflow_name)).decode(),
    )


def _columns(row: RunRow, indexed: tuple[Any, ...]) -> dict[str, Any]:
    columns = dict(zip(_INDEXED, indexed, strict=True))
    columns |= {"seq": row.seq, "updated_ms": row.updated_ms, "body": row.body}
    return columns


def _facets(row: RunRow) -> str:
    return msgspec.json.encode(row.facets).decode()


def _filed(run_id: str, stored: tuple[Any, ...]) -> Filed:
    """From what `_FIND` has found."""
    _, _, _, facets, bucket, parent_id, created_ms, *_ = stored
    return Filed(run_id, bucket, parent_id, created_ms, _FACETS.decode(facets))
