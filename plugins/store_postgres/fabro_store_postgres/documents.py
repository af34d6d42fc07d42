"""Documents: the statements that read and write them, and what their rows mean."""

from __future__ import annotations

import re
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    LargeBinary,
    Text,
    bindparam,
    delete,
    func,
    literal_column,
    or_,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from fabro_core.store import (
    ABSENT,
    ANY,
    FENCE_COLLECTION,
    Doc,
    DocDelete,
    DocPage,
    DocQuery,
    DocRef,
    DocWrite,
    RevisionConflict,
)
from fabro_store_postgres.compiling import Statement, sql
from fabro_store_postgres.connections import Connections, Turn
from fabro_store_postgres.long_texts import folded, is_long, is_short
from fabro_store_postgres.schema import DOCUMENTS, REVISIONS

PURGED_AT_ONCE: Final = 1_000
"""Documents that one transaction removes, so that none of them lasts."""

_D = DOCUMENTS.c

_NOW: Final = bindparam("now_ms", type_=BigInteger)
_unexpired = or_(_D.expires_ms.is_(None), _D.expires_ms > _NOW)
_COLLECTION: Final = _D.collection_id == bindparam("collection_id", type_=Text)
_this = _COLLECTION & (_D.key_id == bindparam("key_id", type_=Text))
_SHOWN: Final = (_D.collection, _D.key, _D.revision, _D.body, _D.owner, _D.expires_ms, _D.updated_ms)
_LIMIT: Final = bindparam("limit", type_=BigInteger)


def _page(*conditions: ColumnElement[bool]) -> Statement:
    """Documents in the order of their keys, of which long ones stand apart."""
    found = select(*_SHOWN).where(_COLLECTION, _unexpired, *conditions).order_by(_D.key).limit(_LIMIT)
    arms = [found.where(each(_D.key)).subquery() for each in (is_short, is_long)]
    both = union_all(*(select(*arm.c) for arm in arms)).subquery("both")
    return sql(select(*both.c).order_by(both.c.key).limit(_LIMIT))


_further = _D.key > bindparam("after_key", type_=Text)
_of_owner = _D.owner_id == bindparam("owner_id", type_=Text)

_GET: Final = sql(select(*_SHOWN).where(_this, _unexpired))
_PAGES: Final = {
    (False, False): _page(),
    (True, False): _page(_further),
    (False, True): _page(_of_owner),
    (True, True): _page(_further, _of_owner),
}
"""By whether it goes on behind a key, and whether it is of one owner."""

_written = {
    "body": bindparam("body", type_=LargeBinary),
    "owner": bindparam("owner", type_=Text),
    "owner_id": bindparam("owner_id", type_=Text),
    "expires_ms": bindparam("expires_ms", type_=BigInteger),
    "updated_ms": bindparam("now_ms", type_=BigInteger),
    "revision": func.nextval(literal_column(f"'{REVISIONS.name}'")),
}
_new = insert(DOCUMENTS).values(
    **{name: bindparam(name, type_=Text) for name in ("collection", "collection_id", "key", "key_id")}, **_written
)
_place = [_D.collection_id, _D.key_id]
_overwritten = {name: _new.excluded[name] for name in _written}
_PUT: Final = sql(_new.on_conflict_do_update(index_elements=_place, set_=_overwritten).returning(_D.revision))
_PUT_ABSENT: Final = sql(
    _new.on_conflict_do_update(index_elements=_place, set_=_overwritten, where=_D.expires_ms <= _NOW).returning(
        _D.revision
    )
)
_REPLACE: Final = sql(
    update(DOCUMENTS)
    .where(_this, _unexpired, _D.revision == bindparam("if_revision", type_=BigInteger))
    .values(**_written)
    .returning(_D.revision)
)
_LOCK: Final = sql(select(_D.revision).where(_this, _unexpired).with_for_update())
_DELETE: Final = sql(delete(DOCUMENTS).where(_this))

_one: ColumnElement[int] = literal_column("1")
_each = select(_D.collection_id, _D.collection).order_by(_D.collection_id).limit(_one)
_first = _each.subquery("first")
_walk = select(*_first.c).cte("walk", recursive=True)
_next = _each.where(_D.collection_id > _walk.c.collection_id).correlate(_walk).lateral("next")
_walk = _walk.union_all(select(*_next.c).select_from(_walk.join(_next, true())))
_COLLECTIONS: Final = sql(select(_walk.c.collection))

_expired = (
    select(_D.collection_id, _D.key_id)
    .where(_D.expires_ms <= _NOW)
    .limit(literal_column(str(PURGED_AT_ONCE)))
    .with_for_update(skip_locked=True)
    .cte("expired")
)
_PURGE: Final = sql(
    delete(DOCUMENTS)
    .where(_D.collection_id == _expired.c.collection_id, _D.key_id == _expired.c.key_id, _D.expires_ms <= _NOW)
    .returning(_one)
)


async def document(connections: Connections, ref: DocRef) -> Doc | None:
    """The document; None when it is absent or expired."""
    binds = {"collection_id": folded(ref.collection), "key_id": folded(ref.key), "now_ms": ref.now_ms}
    rows = await connections.rows(_GET, binds)
    return _doc(rows[0]) if rows else None


async def document_page(connections: Connections, query: DocQuery) -> DocPage:
    """Unexpired documents of the collection in the order of their keys."""
    statement = _PAGES[query.after_key is not None, query.owner is not None]
    binds = {
        "collection_id": folded(query.collection),
        "owner_id": None if query.owner is None else folded(query.owner),
        "after_key": query.after_key,
        "now_ms": query.now_ms,
        "limit": query.limit + 1,
    }
    rows = await connections.rows(statement, binds)
    return DocPage(docs=tuple(map(_doc, rows[: query.limit])), has_more=len(rows) > query.limit)


async def collections(connections: Connections) -> list[str]:
    """Those that have documents, expired ones included."""
    return [collection for (collection,) in await connections.rows(_COLLECTIONS, {})]


async def put(connections: Connections, write: DocWrite) -> Doc:
    """Write the document, or raise `RevisionConflict`."""
    binds = {
        "collection": write.collection,
        "collection_id": folded(write.collection),
        "key": write.key,
        "key_id": folded(write.key),
        "body": write.body,
        "owner": write.owner,
        "owner_id": None if write.owner is None else folded(write.owner),
        "expires_ms": write.expires_ms,
        "now_ms": write.now_ms,
        "if_revision": _number(write.if_revision),
    }
    async with connections.transaction(_turn(write.collection)) as transaction:
        rows = await transaction.rows(_put_statement(write), binds)
        if not rows:
            raise RevisionConflict("The document has another revision.")
    return Doc(
        collection=write.collection,
        key=write.key,
        revision=str(rows[0][0]),
        body=write.body,
        owner=write.owner,
        expires_ms=write.expires_ms,
        updated_ms=write.now_ms,
    )


def _put_statement(write: DocWrite) -> Statement:
    if write.if_revision is ANY:
        return _PUT
    return _PUT_ABSENT if write.if_revision is ABSENT else _REPLACE


async def remove(connections: Connections, unwanted: DocDelete) -> bool:
    """Delete the document; False when there is none, `RevisionConflict` when it has another revision."""
    binds = {"collection_id": folded(unwanted.collection), "key_id": folded(unwanted.key), "now_ms": unwanted.now_ms}
    async with connections.transaction(_turn(unwanted.collection)) as transaction:
        stored = await transaction.rows(_LOCK, binds)
        if not stored:
            return False
        if unwanted.if_revision is not ANY and str(stored[0][0]) != unwanted.if_revision:
            raise RevisionConflict("The document has another revision.")
        await transaction.rows(_DELETE, binds)
        return True


async def purge(connections: Connections, now_ms: int) -> int:
    """Remove what has expired; returns how many."""
    purged = 0
    while True:
        async with connections.transaction() as transaction:
            removed = len(await transaction.rows(_PURGE, {"now_ms": now_ms}))
        purged += removed
        if removed < PURGED_AT_ONCE:
            return purged


def _turn(collection: str) -> Turn:
    return Turn.FENCE if collection == FENCE_COLLECTION else Turn.ANY


def _number(revision: object) -> int:
    """What a revision is in the table; one that no document can have for everything else."""
    text = revision if isinstance(revision, str) else ""
    return int(text) if _REVISION.fullmatch(text) else -1


_REVISION: Final = re.compile("[1-9][0-9]{0,17}")
"""What `str` makes of a number that a revision may be, and nothing that merely means the same."""


def _doc(row: Any) -> Doc:
    collection, key, revision, body, owner, expires_ms, updated_ms = row
    return Doc(
        collection=collection,
        key=key,
        revision=str(revision),
        body=body,
        owner=owner,
        expires_ms=expires_ms,
        updated_ms=updated_ms,
    )
