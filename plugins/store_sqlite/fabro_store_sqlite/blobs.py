"""Blobs, by the digest of their bytes."""

from __future__ import annotations

import sqlite3
from typing import Final

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert

from fabro_core.store import Blob, BlobDelete, BlobPage, BlobQuery
from fabro_store_sqlite.compiling import sql
from fabro_store_sqlite.schema import BLOB_PUTS, BLOBS
from fabro_store_sqlite.writer import Transaction

_P = BLOB_PUTS.c

_GET: Final = sql(select(BLOBS.c.body).where(BLOBS.c.digest == bindparam("digest")))
_PUT: Final = sql(insert(BLOBS).values(digest=bindparam("digest"), body=bindparam("body")).on_conflict_do_nothing())
_noted = insert(BLOB_PUTS).values(digest=bindparam("digest"), put_ms=bindparam("put_ms"))
_NOTE: Final = sql(
    _noted.on_conflict_do_update(
        index_elements=[_P.digest], set_={"put_ms": _noted.excluded.put_ms}, where=_P.put_ms < _noted.excluded.put_ms
    )
)
_FORGET: Final = sql(
    delete(BLOB_PUTS).where(_P.digest == bindparam("digest"), _P.put_ms < bindparam("if_put_before_ms"))
)
_DELETE: Final = sql(delete(BLOBS).where(BLOBS.c.digest == bindparam("digest")))

_DIGESTS: Final = sql(
    select(BLOBS.c.digest)
    .where(BLOBS.c.digest > bindparam("after_digest"))
    .order_by(BLOBS.c.digest)
    .limit(bindparam("limit"))
)


def blob(connection: sqlite3.Connection, digest: str) -> bytes | None:
    """The bytes; None when they are not stored."""
    row: tuple[bytes] | None = connection.execute(_GET, {"digest": digest}).fetchone()
    return None if row is None else row[0]


def digest_page(connection: sqlite3.Connection, query: BlobQuery) -> BlobPage:
    """Digests in their order."""
    binds = {"after_digest": query.after_digest or "", "limit": query.limit + 1}
    digests = [digest for (digest,) in connection.execute(_DIGESTS, binds)]
    return BlobPage(digests=tuple(digests[: query.limit]), has_more=len(digests) > query.limit)


def put(transaction: Transaction, new: Blob) -> bool:
    """Store the blob, and note when; False when it was there already."""
    stored = transaction.execute(_PUT, {"digest": new.digest, "body": new.body}).rowcount == 1
    transaction.execute(_NOTE, {"digest": new.digest, "put_ms": new.now_ms})
    return stored


def remove(transaction: Transaction, unwanted: BlobDelete) -> bool:
    """Remove the blob; False when there was none, or somebody has put it since."""
    binds = {"digest": unwanted.digest, "if_put_before_ms": unwanted.if_put_before_ms}
    if transaction.execute(_FORGET, binds).rowcount == 0:
        return False
    transaction.execute(_DELETE, {"digest": unwanted.digest})
    return True
