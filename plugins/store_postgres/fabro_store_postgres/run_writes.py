"""Writing runs: what the appends and deletions of a group come to, and the one statement that writes it.

Whoever has the turn to write runs finds what is stored of all of the group, decides each on that, and sends everything
that follows from it at once: the turn, which others wait for, lasts three answers of the server, however large the
group.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Delete,
    FromClause,
    Table,
    Text,
    any_,
    bindparam,
    column,
    delete,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import Insert, insert

from fabro_core.store import AppendBatch, Blob, Filed, RunRow, SeqConflict, Wakeup, filed, recounted, shelf_of
from fabro_store_postgres.compiling import Statement, sql
from fabro_store_postgres.connections import Rows
from fabro_store_postgres.long_texts import folded
from fabro_store_postgres.schema import (
    BLOBS,
    EVENT_TAGS,
    EVENTS,
    HEADS,
    POSITIONS,
    RUN_COUNTS,
    RUN_FACETS,
    RUNS,
    STATES,
)

_R = RUNS.c
_RUN_COLUMNS: Final = tuple(column.name for column in RUNS.c)
_FACETS = msgspec.json.Decoder(tuple[str, ...])

GONE: Final = "gone_facets"
REMOVED: Final = "removed"
HINTS: Final = "hints"

FIND: Final = sql(
    select(POSITIONS.c.newest, HEADS.c.seq, *RUNS.c).select_from(
        POSITIONS.outerjoin(RUNS.join(HEADS, HEADS.c.id == _R.id), _R.id == any_(bindparam("ids", type_=ARRAY(Text))))
    )
)
"""The newest position, and what is stored of runs; at least one row."""


class Group:
    """What a group of writes comes to. `found` is what `FIND` has found for all of its runs, each of which is written
    once at most."""

    def __init__(self, found: Rows) -> None:
        self._newest: int = found[0][0]
        self._seqs: dict[str, int] = {}
        self._runs: dict[str, tuple[Any, ...]] = {}
        for _, seq, *columns in found:
            if seq is not None:
                self._seqs[columns[0]] = seq
                self._runs[columns[0]] = tuple(columns)
        self._rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in (*_WRITTEN, GONE)}
        self._counts: Counter[tuple[str, int]] = Counter()
        self._blobs: dict[str, Blob] = {}
        self._removed: list[str] = []
        self.wakeups: list[Wakeup] = []

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not self.wakeups and not self._removed

    @property
    def removes(self) -> bool:
        """Whether runs are deleted."""
        return bool(self._removed)

    def append(self, batch: AppendBatch) -> int:
        """Take in the batch and return its last sequence number. Raises `SeqConflict`, having taken in nothing."""
        row = batch.row
        newest = self._seqs.get(batch.run_id, 0)
        if newest != batch.expected_seq:
            raise SeqConflict(batch.expected_seq, newest)
        stored = self._runs.get(row.id)
        columns = _columns(row)
        if stored != columns:
            self._rows["runs"].append(columns)
            self._refile(None if stored is None else _filed(stored), filed(row))
        live = row.elapsed_ms is None
        self._rows["heads"].append((row.id, row.bucket, row.updated_ms, row.seq, row.begun_ms, live, row.body))
        self._rows["states"].append((row.id, row.state))
        for event in batch.events:
            self._newest += 1
            tags = msgspec.json.encode(event.tags).decode() if event.tags else None
            self._rows["events"].append((row.id, event.seq, event.kind, tags, event.body, self._newest))
            self._rows["event_tags"] += ((row.id, folded(tag), event.seq) for tag in set(event.tags))
        for blob in batch.blobs:
            known = self._blobs.get(blob.digest)
            if known is None or known.now_ms < blob.now_ms:
                self._blobs[blob.digest] = blob
        seq = batch.events[-1].seq
        self.wakeups.append(Wakeup(run_id=batch.run_id, seq=seq))
        return seq

    def delete(self, run_id: str) -> bool:
        """Take in the deletion of a run; False when it is not stored."""
        stored = self._runs.get(run_id)
        if stored is None:
            return False
        self._removed.append(run_id)
        self._refile(_filed(stored), None)
        return True

    def _refile(self, before: Filed | None, after: Filed | None) -> None:
        gone, come = set(_facet_rows(before)), set(_facet_rows(after))
        self._rows[GONE] += gone - come
        self._rows["run_facets"] += come - gone
        self._counts.update(recounted(before, after))

    def binds(self, channel: str, hints: Sequence[str]) -> Mapping[str, Any]:
        """The parameters of `WRITE`."""
        self._rows["run_counts"] = [
            (folded(scope), bucket, step) for (scope, bucket), step in self._counts.items() if step
        ]
        self._rows["blobs"] = [(each.digest, each.now_ms, each.body) for each in self._blobs.values()]
        binds: dict[str, Any] = {"newest": self._newest, "channel": channel, HINTS: hints, REMOVED: self._removed}
        for name, rows in self._rows.items():
            names = [each.name for each in _table(name).c]
            values = zip(*rows, strict=True) if rows else ([] for _ in names)
            binds |= {f"{name}_{each}": list(found) for each, found in zip(names, values, strict=True)}
        return binds

    @property
    def emptied(self) -> list[str]:
        """Scopes of counts in which there is less than before."""
        return sorted({folded(scope) for (scope, _), step in self._counts.items() if step < 0})


def _facet_rows(place: Filed | None) -> Iterator[tuple[Any, ...]]:
    if place is not None:
        for facet in place.facets:
            yield folded(facet), shelf_of(place.bucket), place.created_ms, place.id


def _columns(row: RunRow) -> tuple[Any, ...]:
    """The values of `RUNS`."""
    workflow = msgspec.json.encode((row.workflow_slug, row.workflow_name)).decode()
    return (
        row.id,
        int(row.bucket),
        row.created_ms,
        row.begun_ms,
        row.elapsed_ms,
        row.repo_key,
        row.title_key,
        row.workflow_key,
        row.changes,
        row.size,
        workflow,
        folded(workflow),
        row.parent_id,
        row.title_text,
        msgspec.json.encode(row.facets).decode(),
    )


def _filed(columns: tuple[Any, ...]) -> Filed:
    stored = dict(zip(_RUN_COLUMNS, columns, strict=True))
    facets = _FACETS.decode(stored["facets"])
    return Filed(stored["id"], stored["bucket"], stored["parent_id"], stored["created_ms"], facets)


# -- the statement --------------------------------------------------------------------------------------------------

_WRITTEN: Final = {
    table.name: table for table in (RUNS, HEADS, STATES, EVENTS, EVENT_TAGS, RUN_FACETS, RUN_COUNTS, BLOBS)
}


def _table(name: str) -> Table:
    return RUN_FACETS if name == GONE else _WRITTEN[name]


def _given(name: str, table: Table) -> FromClause:
    """Rows of a table that are given as one array a column."""
    arrays = [bindparam(f"{name}_{each.name}", type_=ARRAY(_plain(each))) for each in table.c]
    columns = [column(each.name, _plain(each)) for each in table.c]
    return func.unnest(*arrays).table_valued(*columns, name=f"given_{name}").render_derived()


def _plain(each: Column[Any]) -> Any:
    return Text() if isinstance(each.type, Text) else each.type


def _added(table: Table) -> Insert:
    return insert(table).from_select([each.name for each in table.c], select(*_given(table.name, table).c))


def _renewed(table: Table) -> Insert:
    """Rows that take the place of those with the same primary key."""
    keys = [each.name for each in table.primary_key.columns]
    new = _added(table)
    return new.on_conflict_do_update(
        index_elements=keys,
        set_={each.name: new.excluded[each.name] for each in table.c if each.name not in keys},
    )


def _counted() -> Insert:
    new = _added(RUN_COUNTS)
    return new.on_conflict_do_update(
        index_elements=[RUN_COUNTS.c.scope, RUN_COUNTS.c.bucket], set_={"n": RUN_COUNTS.c.n + new.excluded.n}
    )


def _put() -> Insert:
    new = _added(BLOBS)
    latest = func.greatest(BLOBS.c.put_ms, new.excluded.put_ms)
    return new.on_conflict_do_update(index_elements=[BLOBS.c.digest], set_={"put_ms": latest})


def _gone() -> Delete:
    given = _given(GONE, RUN_FACETS)
    return delete(RUN_FACETS).where(*(each == given.c[each.name] for each in RUN_FACETS.c))


def _removed(id_: Column[Any]) -> Delete:
    return delete(id_.table).where(id_ == any_(bindparam(REMOVED, type_=ARRAY(Text))))


def _write() -> Statement:
    parts = [
        _renewed(RUNS),
        _renewed(HEADS),
        _renewed(STATES),
        _added(EVENTS),
        _added(EVENT_TAGS),
        _gone(),
        _added(RUN_FACETS),
        _counted(),
        _put(),
        update(POSITIONS).values(newest=bindparam("newest", type_=BigInteger)),
        *map(_removed, (_R.id, HEADS.c.id, STATES.c.id, EVENTS.c.run_id, EVENT_TAGS.c.run_id)),
    ]
    hints = func.unnest(bindparam(HINTS, type_=ARRAY(Text))).table_valued("hint", name="given_hints").render_derived()
    told = select(func.pg_notify(bindparam("channel", type_=Text), hints.c.hint))
    return sql(told.add_cte(*(part.cte(f"part{number}") for number, part in enumerate(parts))))


WRITE: Final = _write()
"""Everything that a group comes to, with the hints about it, which others get after the commit."""

FORGET_EMPTY: Final = sql(
    delete(RUN_COUNTS).where(
        RUN_COUNTS.c.scope == any_(bindparam("scopes", type_=ARRAY(Text))), RUN_COUNTS.c.n == literal_column("0")
    )
)
