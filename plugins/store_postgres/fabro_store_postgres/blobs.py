"""Blobs, by the digest of their bytes."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, LargeBinary, Text, bindparam, delete, func, literal_column, select
from sqlalchemy.dialects.postgresql import insert

from fabro_core.store import Blob, BlobDelete, BlobPage, BlobQuery
from fabro_store_postgres.compiling import sql
from fabro_store_postgres.connections import Connections
from fabro_store_postgres.schema import BLOBS

_B = BLOBS.c
_DIGEST: Final = bindparam("digest", type_=Text)

_GET: Final = sql(select(_B.body).where(_B.digest == _DIGEST))
_put = insert(BLOBS).values(
    digest=_DIGEST, put_ms=bindparam("now_ms", type_=BigInteger), body=bindparam("body", type_=LargeBinary)
)
# The row that is in the way is named `blobs`; one that an insertion has made has no older version, whose transaction
# `xmax` would be.
_PUT: Final = sql(
    _put.on_conflict_do_update(
        index_elements=[_B.digest], set_={"put_ms": func.greatest(_B.put_ms, _put.excluded.put_ms)}
    ).returning(literal_column("xmax = 0"))
)
_DELETE: Final = sql(
    delete(BLOBS)
    .where(_B.digest == _DIGEST, _B.put_ms < bindparam("if_put_before_ms", type_=BigInteger))
    .returning(literal_column("1"))
)
_DIGESTS: Final = sql(
    select(_B.digest)
    .where(_B.digest > bindparam("after_digest", type_=Text))
    .order_by(_B.digest)
    .limit(bindparam("limit", type_=BigInteger))
)


async def blob(connections: Connections, digest: str) -> bytes | None:
    """The bytes; None when they are not stored."""
    rows = await connections.rows(_GET, {"digest": digest})
    return rows[0][0] if rows else None


async def digest_page(connections: Connections, query: BlobQuery) -> BlobPage:
    """Digests in their order."""
    binds = {"after_digest": query.after_digest or "", "limit": query.limit + 1}
    digests = [digest for (digest,) in await connections.rows(_DIGESTS, binds)]
    return BlobPage(digests=tuple(digests[: query.limit]), has_more=len(digests) > query.limit)


async def put(connections: Connections, new: Blob) -> bool:
    """Store the blob, and note when; False when it was there already."""
    async with connections.transaction() as transaction:
        ((is_new,),) = await transaction.rows(_PUT, {"digest": new.digest, "now_ms": new.now_ms, "body": new.body})
    return bool(is_new)


async def remove(connections: Connections, unwanted: BlobDelete) -> bool:
    """Remove the blob; False when there was none, or somebody has put it since."""
    binds = {"digest": unwanted.digest, "if_put_before_ms": unwanted.if_put_before_ms}
    async with connections.transaction() as transaction:
        return bool(await transaction.rows(_DELETE, binds))
