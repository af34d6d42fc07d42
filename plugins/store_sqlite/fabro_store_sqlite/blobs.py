"""Blobs, by the digest of their bytes."""

from __future__ import annotations

import sqlite3
from typing import Final

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.sqlite import insert

from fabro_core.store.records import Blob, BlobPage, BlobQuery
from fabro_store_sqlite.compiling import sql
from fabro_store_sqlite.schema import BLOBS
from fabro_store_sqlite.writer import Transaction

_GET: Final = sql(select(BLOBS.c.body).where(BLOBS.c.digest == bindparam("digest")))
_PUT: Final = sql(insert(BLOBS).values(digest=bindparam("digest"), body=bindparam("body")).on_conflict_do_nothing())

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
    """Store the blob; False when it was there already."""
    return transaction.execute(_PUT, {"digest": new.digest, "body": new.body}).rowcount == 1
