"""Documents: reading them, and the conditional writes as operations for `writer`.

A revision is the document's row number, which AUTOINCREMENT never gives twice; so every write is a new row.
"""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from sqlalchemy import bindparam, delete, insert, or_, select

from fabro_core.store import (
    ABSENT,
    ANY,
    Doc,
    DocDelete,
    DocPage,
    DocQuery,
    DocRef,
    DocWrite,
    Revision,
    RevisionConflict,
)
from fabro_store_sqlite.compiling import sql
from fabro_store_sqlite.schema import DOCUMENTS
from fabro_store_sqlite.writer import Transaction

LOOP_DOCS: Final = 200
"""Documents that a page may have when it is read on the event loop."""

_D = DOCUMENTS.c

_unexpired = or_(_D.expires_ms.is_(None), _D.expires_ms > bindparam("now_ms"))
_this = (_D.collection == bindparam("collection")) & (_D.key == bindparam("key"))
_first_page = (
    select(DOCUMENTS)
    .where(_D.collection == bindparam("collection"), _unexpired)
    .order_by(_D.key)
    .limit(bindparam("limit"))
)
_next_page = _first_page.where(_D.key > bindparam("after_key"))
_of_owner = _D.owner == bindparam("owner")

_GET: Final = sql(select(DOCUMENTS).where(_this, _unexpired))
_FIRST_PAGE: Final = sql(_first_page)
_NEXT_PAGE: Final = sql(_next_page)
_OWNERS_FIRST_PAGE: Final = sql(_first_page.where(_of_owner))
_OWNERS_NEXT_PAGE: Final = sql(_next_page.where(_of_owner))
_DELETE: Final = sql(delete(DOCUMENTS).where(_this))
_INSERT: Final = sql(
    insert(DOCUMENTS).values({column.name: bindparam(column.name) for column in _D if column is not _D.revision})
)
_COLLECTIONS: Final = sql(select(_D.collection).distinct())
_PURGE: Final = sql(delete(DOCUMENTS).where(_D.expires_ms <= bindparam("now_ms")))

_Run = sqlite3.Connection | Transaction


def document(connection: _Run, ref: DocRef) -> Doc | None:
    """The document; None when it is absent or expired."""
    binds = {"collection": ref.collection, "key": ref.key, "now_ms": ref.now_ms}
    rows = connection.execute(_GET, binds).fetchall()  # to its end, so that no statement stays open
    return _doc(rows[0]) if rows else None


def document_page(connection: sqlite3.Connection, query: DocQuery) -> DocPage:
    """Unexpired documents of the collection in the order of their keys."""
    if query.owner is None:
        text = _FIRST_PAGE if query.after_key is None else _NEXT_PAGE
    else:
        text = _OWNERS_FIRST_PAGE if query.after_key is None else _OWNERS_NEXT_PAGE
    binds = {
        "collection": query.collection,
        "owner": query.owner,
        "after_key": query.after_key,
        "now_ms": query.now_ms,
        "limit": query.limit + 1,
    }
    rows = connection.execute(text, binds).fetchall()
    return DocPage(docs=tuple(_doc(row) for row in rows[: query.limit]), has_more=len(rows) > query.limit)


def collections(connection: sqlite3.Connection) -> list[str]:
    """Those that have documents, expired ones included."""
    return [collection for (collection,) in connection.execute(_COLLECTIONS)]


def put(transaction: Transaction, write: DocWrite) -> Doc:
    """Replace the document; `RevisionConflict` before anything is written."""
    current = document(transaction, DocRef(collection=write.collection, key=write.key, now_ms=write.now_ms))
    _require(write.if_revision, current)
    # An expired row may still be in the way.
    transaction.execute(_DELETE, {"collection": write.collection, "key": write.key})
    columns = {
        "collection": write.collection,
        "key": write.key,
        "body": write.body,
        "owner": write.owner,
        "expires_ms": write.expires_ms,
        "updated_ms": write.now_ms,
    }
    revision = transaction.execute(_INSERT, columns).lastrowid
    return _doc((revision, *columns.values()))


def remove(transaction: Transaction, delete: DocDelete) -> bool:
    """Delete the document; False when there is none, `RevisionConflict` before anything is written."""
    current = document(transaction, DocRef(collection=delete.collection, key=delete.key, now_ms=delete.now_ms))
    if current is None:
        return False
    _require(delete.if_revision, current)
    transaction.execute(_DELETE, {"collection": delete.collection, "key": delete.key})
    return True


def purge(transaction: Transaction, now_ms: int) -> int:
    """Remove what has expired; returns how many."""
    return transaction.execute(_PURGE, {"now_ms": now_ms}).rowcount


def _require(expected: Revision, current: Doc | None) -> None:
    if expected is ANY:
        return
    found = ABSENT if current is None else current.revision
    if found != expected:
        raise RevisionConflict("The document has another revision.")


def _doc(row: tuple[Any, ...]) -> Doc:
    revision, collection, key, body, owner, expires_ms, updated_ms = row
    return Doc(
        collection=collection,
        key=key,
        revision=str(revision),
        body=body,
        owner=owner,
        expires_ms=expires_ms,
        updated_ms=updated_ms,
    )
