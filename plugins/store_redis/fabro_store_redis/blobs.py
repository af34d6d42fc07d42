"""What the scripts are told of blobs, and what the answers about them mean."""

from __future__ import annotations

from collections.abc import Sequence

from fabro_core.store import Blob, BlobPage, BlobQuery
from fabro_store_redis.link import Word


def put_arguments(*blobs: Blob) -> Sequence[Word]:
    """What `put_blobs` takes: bytes go as they are, which spares the server to unpack them."""
    return [word for blob in blobs for word in (blob.digest, blob.now_ms, blob.body)]


def bounds(query: BlobQuery) -> Sequence[Word]:
    """Which members of the set of all digests a page needs."""
    start = "-" if query.after_digest is None else f"({query.after_digest}"
    return (start, "+", "BYLEX", "LIMIT", 0, query.limit + 1)


def page_of(found: Sequence[bytes], query: BlobQuery) -> BlobPage:
    """The page, of members within its bounds."""
    digests = [digest.decode() for digest in found]
    return BlobPage(digests=tuple(digests[: query.limit]), has_more=len(digests) > query.limit)
